"""Owns the OAuth 2 endpoints that a program needs: client credentials, introspection, revocation, and userinfo."""

from dataclasses import replace

from reconciler.emulator.access import is_visible
from reconciler.emulator.callers import (
    TOKEN_SECONDS,
    Caller,
    client_of_basic,
    client_of_secret,
    digest,
    issue_token,
    require_scope,
)
from reconciler.emulator.calls import Answer, Call, Service, caller_of, context_of
from reconciler.emulator.clients import grant_types
from reconciler.emulator.errors import ApiError, TokenError
from reconciler.emulator.identities import identity_by_id
from reconciler.emulator.store import Document
from reconciler.emulator.wellknown import PERSON_SCOPES, resource_server


def token(service: Service, call: Call) -> Answer:
    """Grant tokens: one document for the first resource server, the rest under ``other_tokens``."""
    form = call.form()
    client = _client(service, call, form)
    if form.get("grant_type") != "client_credentials":
        raise TokenError(400, "unsupported_grant_type")
    caller = Caller(client, client, frozenset())
    context = context_of(service, caller)
    if "client_credentials" not in grant_types(context, service.store.find("client", client) or {}):
        raise TokenError(400, "unauthorized_client")
    wanted = base_scopes(form.get("scope", ""))
    for scope in wanted:
        known = None if scope in PERSON_SCOPES else service.store.find_by_key("scope", scope)
        if scope not in PERSON_SCOPES and (known is None or not is_visible(context, known)):
            raise TokenError(400, "invalid_scope")
    if not wanted:
        raise TokenError(400, "invalid_scope")
    servers = sorted({resource_server(scope) for scope in wanted}, key=lambda server: server != "auth.globus.org")
    granted = [_grant(service, caller, server, wanted) for server in servers]
    return Answer(granted[0] | {"other_tokens": granted[1:]})


def base_scopes(requested: str) -> list[str]:
    """Return the scopes of a request without the dependencies that brackets hold (``a[b *c] d``)."""
    scopes, depth, current = [], 0, ""
    for character in requested + " ":
        if character == " " and depth == 0:
            scopes.append(current.removeprefix("*"))
            current = ""
        elif character in "[]":
            depth = max(0, depth + (1 if character == "[" else -1))
        elif depth == 0:
            current += character
    return list(dict.fromkeys(scope for scope in scopes if scope))


def introspect(service: Service, call: Call) -> Answer:
    """Tell a client about a token."""
    form = call.form()
    _client(service, call, form)
    found = service.store.rows(
        "SELECT identity, client, scope, issued, expires FROM tokens WHERE hash = ? AND expires > ?",
        *(digest(form.get("token", "")), service.clock()),
    )
    if not found:
        return Answer({"active": False})
    identity, client, scope, issued, expires = found[0]
    known = identity_by_id(service.store, identity) or {}
    return Answer(
        {
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
            "iss": "https://auth.globus.org",
            "token_type": "Bearer",
        }
    )


def revoke(service: Service, call: Call) -> Answer:
    """Revoke a token of the client that asks; the answer does not tell whether it was one."""
    form = call.form()
    client = form.get("client_id") if "authorization" not in call.headers else None
    if client is None or "client_secret" in form:
        client = _client(service, call, form)
    hashed = digest(form.get("token", ""))
    service.store.rows("DELETE FROM tokens WHERE hash = ? AND client = ?", hashed, client)
    return Answer({"active": False})


def userinfo(service: Service, call: Call) -> Answer:
    """Tell the caller about itself, as far as the scopes of its token go."""
    caller = caller_of(service, call)
    require_scope(caller, "openid")
    identity = identity_by_id(service.store, caller.identity)
    if identity is None or caller.basic:
        raise ApiError(401, "Call must be authenticated")
    answer: Document = {"sub": caller.identity}
    if caller.authenticated is not None:
        answer["last_authentication"] = int(caller.authenticated)
    if "email" in caller.scopes:
        answer["email"] = identity["email"]
    if "profile" in caller.scopes:
        provider = service.store.find("identity_provider", identity["identity_provider"]) or {}
        answer |= {
            "name": identity["name"],
            "organization": identity["organization"],
            "preferred_username": identity["username"],
            "identity_provider": identity["identity_provider"],
            "identity_provider_display_name": provider.get("name"),
        }
    return Answer(answer)


def _client(service: Service, call: Call, form: dict[str, str]) -> str:
    scheme, _, value = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        client = client_of_basic(service.store, value.strip())
    else:
        client = client_of_secret(service.store, form.get("client_id", ""), form.get("client_secret", ""))
    if client is None and service.switches.failed_client_document == "errors":
        raise ApiError(401, "Basic auth failed")
    if client is None:
        raise TokenError(401, "invalid_client")
    return client


def _grant(service: Service, caller: Caller, server: str, wanted: list[str]) -> Document:
    scopes = [scope for scope in wanted if resource_server(scope) == server]
    issued = issue_token(service.store, replace(caller, scopes=frozenset(scopes)), service.clock())
    return {
        "access_token": issued,
        "scope": " ".join(scopes),
        "expires_in": TOKEN_SECONDS,
        "token_type": "Bearer",
        "resource_server": server,
        "other_tokens": [],
    }
