"""Owns introspection: what a client is told about a token, with what ``include`` asks for."""

from reconciler.emulator.accounts import identity_set
from reconciler.emulator.callers import Caller, digest
from reconciler.emulator.calls import Answer, Call, Service
from reconciler.emulator.demands import listed, policy_by_id, satisfies
from reconciler.emulator.identities import identity_by_id
from reconciler.emulator.oauth import client_of
from reconciler.emulator.openid import described, issuer
from reconciler.emulator.sessions import Session, loaded
from reconciler.emulator.store import Document, Store
from reconciler.emulator.wellknown import resource_server


def introspect(service: Service, call: Call) -> Answer:
    """Tell a client about a token."""
    form = call.form()
    asking = client_of(service, call, form)
    found = service.store.rows(
        "SELECT identity, client, scope, authenticated, session, issued, expires FROM tokens "
        "WHERE hash = ? AND expires > ?",
        *(digest(form.get("token", "")), service.clock()),
    )
    if not found:
        return Answer({"active": False})
    identity, client, scope, authenticated, session, issued, expires = found[0]
    if service.switches.introspection_needs_audience and asking not in {client, *_owners(service.store, scope)}:
        return Answer({"active": False})
    caller = Caller(identity, client, frozenset(), loaded(session, identity, authenticated))
    known = identity_by_id(service.store, identity) or {}
    told = {
        "active": True,
        "scope": scope,
        "client_id": client,
        "sub": identity,
        "username": known.get("username"),
        "name": known.get("name"),
        "email": known.get("email"),
        "exp": int(expires),
        "iat": int(issued),
        "nbf": int(issued),
        "aud": sorted({resource_server(one) for one in scope.split()} | {client}),
        "iss": issuer(service, call),
        "token_type": "Bearer",
    }
    return Answer(told | _included(service, call, caller) | _evaluated(service, call, caller))


def _owners(store: Store, scope: str) -> list[str]:
    """Return the clients whose scopes a token is for."""
    known = [store.find_by_key("scope", one) for one in scope.split()]
    return [str(one["client"]) for one in known if one is not None]


def _included(service: Service, call: Call, caller: Caller) -> Document:
    """Return what ``include`` names, separated by commas or repeated, in the form or the query."""
    store, stated = service.store, [*call.fields().get("include", ()), *call.query.get("include", ())]
    wanted = [name for value in stated for name in listed(value)]
    members = identity_set(store, caller.identity)
    known: Document = {
        "identity_set": [one["id"] for one in members],
        "identities_set": [one["id"] for one in members],
        "identity_set_detail": [described(store, one) for one in members],
        "session_info": _session_info(service, caller.session),
    }
    return {name: value for name, value in known.items() if name in wanted}


def _session_info(service: Service, session: Session | None) -> Document:
    """Describe the session that a token was granted in; a client's own token has none [OBS]."""
    if session is None:
        return {"session_id": None, "authentications": {}}
    logins: Document = {}
    for identity in session.newest_first():
        login, known = session.authentications[identity], identity_by_id(service.store, identity) or {}
        logins[identity] = {
            "idp": known.get("identity_provider"),
            "auth_time": int(login.at),
            "acr": None,
            "amr": ["mfa"] if login.mfa else None,
            "custom_claims": {},
        }
    return {"session_id": session.id, "authentications": logins}


def _evaluated(service: Service, call: Call, caller: Caller) -> Document:
    """Say of the policies that ``authentication_policies`` names whether the session satisfies them [OBS]."""
    named = listed(call.form().get("authentication_policies", ""))
    if not named:
        return {}
    session = caller.session or Session("")
    policies = {name: policy_by_id(service, name) for name in named}
    fits = {name: one is not None and satisfies(service, one, session) for name, one in policies.items()}
    return {"policy_evaluations": {name: {"evaluation": fit} for name, fit in fits.items()}}
