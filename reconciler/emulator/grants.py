"""Owns the grants: what a client gives for tokens, and the documents that it gets; all is kept as hashes only."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace

from reconciler.emulator.callers import TOKEN_SECONDS, Caller, caller_of_token, digest, issue_token
from reconciler.emulator.calls import Call, Service, context_of
from reconciler.emulator.consents import dependents_consented, note_use
from reconciler.emulator.errors import ApiError, TokenError, error_document
from reconciler.emulator.openid import id_token
from reconciler.emulator.requested import base_scopes, requested_scopes
from reconciler.emulator.sessions import dumped, loaded
from reconciler.emulator.store import Document, Store
from reconciler.emulator.wellknown import resource_server

CODE_SECONDS = 600
"""How long a code can be used; provisional [UNK]."""


@dataclass(frozen=True, slots=True)
class Request:
    """A client's call of the token endpoint."""

    service: Service
    call: Call
    client: str
    form: dict[str, str]


@dataclass(frozen=True, slots=True)
class Approval:
    """What a person has approved, and what the exchange of its code has to repeat."""

    caller: Caller
    scopes: list[str]
    redirect_uri: str
    challenge: str | None
    nonce: str | None
    state: str | None
    offline: bool


def client_credentials(request: Request) -> Document:
    """Grant a client tokens for itself."""
    caller = Caller(request.client, request.client, frozenset())
    wanted = requested_scopes(context_of(request.service, caller), request.form.get("scope", ""))
    return _nested(_documents(request.service, caller, wanted, offline=False))


def keep_code(store: Store, approval: Approval, now: float) -> str:
    """Make a code, keep its hash with what it is for, and return it."""
    code, caller = secrets.token_urlsafe(32), approval.caller
    store.rows(
        "INSERT INTO codes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(digest(code), caller.identity, caller.client, " ".join(approval.scopes), caller.authenticated),
        *(approval.redirect_uri, approval.challenge, approval.nonce, approval.offline, now + CODE_SECONDS),
        *(dumped(caller.session), approval.state),
    )
    return code


def authorization_code(request: Request) -> Document:
    """Exchange a code, once, for the tokens of a person."""
    service, form = request.service, request.form
    approval = _take_code(service.store, form.get("code", ""), request.client, service.clock())
    if approval is None or form.get("redirect_uri") != approval.redirect_uri:
        raise TokenError(401, "invalid_grant")
    if not _proves(approval.challenge, form.get("code_verifier")):
        raise TokenError(401, "invalid_grant")
    answer = _nested(_documents(service, approval.caller, approval.scopes, offline=approval.offline))
    if "openid" in approval.scopes:
        caller = replace(approval.caller, scopes=frozenset(approval.scopes))
        answer["id_token"] = id_token(service, request.call, caller, answer["access_token"], approval.nonce)
    return answer if approval.state is None else answer | {"state": approval.state}


def refresh_token(request: Request) -> Document:
    """Renew the access token of one resource server; the refresh token stays as it is [UNK]."""
    service, token = request.service, request.form.get("refresh_token", "")
    found = service.store.rows(
        "SELECT identity, scope, authenticated, session FROM refresh_tokens WHERE hash = ? AND client = ?",
        *(digest(token), request.client),
    )
    if not found:
        raise TokenError(401, "invalid_grant")
    identity, scope, authenticated, session = found[0]
    wanted = base_scopes(request.form.get("scope", "")) or scope.split()
    if not set(wanted) <= set(scope.split()):
        raise TokenError(400, "invalid_scope")
    caller = Caller(identity, request.client, frozenset(wanted), loaded(session, identity, authenticated))
    document = _document(service, caller, wanted, refresh=token)
    if "openid" in wanted and service.switches.refresh_returns_id_token:
        document["id_token"] = id_token(service, request.call, caller, document["access_token"], None)
    return document


def dependent_tokens(request: Request) -> list[Document]:
    """Exchange a token that was issued for the client's own scopes for tokens of what these depend on.

    A person's consent says for which; a client's own token is good for all that is not optional [INF].
    """
    service, form = request.service, request.form
    presented = caller_of_token(service.store, form.get("token", ""), service.clock())
    own = _own_scopes(service.store, request.client, presented)
    if presented is None or not own:
        raise TokenError(401, "invalid_grant")
    consented, required = _dependents(service.store, presented, own)
    wanted = base_scopes(form.get("scope", "")) or list(dict.fromkeys([*required, *consented]))
    refused = [scope for scope in wanted if scope not in consented]
    if refused:
        raise _consent_required(refused)
    offline = form.get("access_type") == "offline"
    if offline and service.switches.dependent_refresh_needs_consent:
        offline = all(consented[scope] for scope in wanted)
    return _documents(service, replace(presented, client=request.client), wanted, offline=offline)


def _dependents(store: Store, presented: Caller, own: list[Document]) -> tuple[dict[str, bool], list[str]]:
    """Return the dependent scopes consented to, with whether for refresh tokens, and those that are not optional."""
    consented, required = dict[str, bool](), list[str]()
    of_client = store.find("identity", presented.identity) is None
    for scope in own:
        given = dependents_consented(store, presented, scope["id"])
        for dependent in scope["dependent_scopes"]:
            known = store.find("scope", dependent["scope"])
            if known is None or dependent["optional"]:
                continue
            required.append(known["scope_string"])
            if of_client:
                given |= {known["id"]: True}
        for identifier, refresh in given.items():
            known = store.find("scope", identifier)
            if known is not None:
                consented[known["scope_string"]] = consented.get(known["scope_string"], False) or refresh
    return consented, required


def _own_scopes(store: Store, client: str, presented: Caller | None) -> list[Document]:
    strings = sorted(presented.scopes) if presented else []
    found = [store.find_by_key("scope", string) for string in strings]
    return [scope for scope in found if scope is not None and scope["client"] == client]


def _consent_required(scopes: list[str]) -> ApiError:
    detail = "Missing required consent for dependent scopes"
    document = error_document(403, detail)
    code = {"code": "DEPENDENT_CONSENT_REQUIRED", "unapproved_scopes": scopes}
    extra = {"errors": [document["errors"][0] | code], "error": "dependent_consent_required"}
    return ApiError(403, detail, extra=extra)


def _take_code(store: Store, code: str, client: str, now: float) -> Approval | None:
    found = store.rows(
        "DELETE FROM codes WHERE hash = ? AND client = ? AND expires > ? "
        "RETURNING identity, scope, authenticated, redirect_uri, challenge, nonce, offline, session, state",
        *(digest(code), client, now),
    )
    if not found:
        return None
    identity, scope, authenticated, redirect_uri, challenge, nonce, offline, session, state = found[0]
    caller = Caller(identity, client, frozenset(), loaded(session, identity, authenticated))
    return Approval(caller, scope.split(), redirect_uri, challenge, nonce, state, bool(offline))


def _proves(challenge: str | None, verifier: str | None) -> bool:
    if challenge is None or verifier is None:
        return challenge is None and verifier is None
    hashed = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(hashed, challenge.encode())


def _nested(documents: list[Document]) -> Document:
    return documents[0] | {"other_tokens": documents[1:]}


def _documents(service: Service, caller: Caller, scopes: list[str], *, offline: bool) -> list[Document]:
    """Issue one token for each resource server, that of Globus Auth first."""
    servers = sorted({resource_server(scope) for scope in scopes}, key=lambda one: (one != "auth.globus.org", one))
    documents = []
    for server in servers:
        own = [scope for scope in scopes if resource_server(scope) == server]
        bound = replace(caller, scopes=frozenset(own))
        lasting = [scope for scope in own if _allows_refresh(service.store, scope)] if offline else []
        refresh = _keep_refresh(service.store, replace(caller, scopes=frozenset(lasting))) if lasting else None
        documents.append(_document(service, bound, own, refresh=refresh))
    return documents


def _document(service: Service, caller: Caller, scopes: list[str], *, refresh: str | None) -> Document:
    """Issue an access token, and answer it with the refresh token that it hangs on."""
    now, hashed = service.clock(), None if refresh is None else digest(refresh)
    if caller.is_person:
        note_use(service.store, caller, now)
    document = {
        "access_token": issue_token(service.store, caller, now, refresh=hashed),
        "scope": " ".join(scopes),
        "expires_in": TOKEN_SECONDS,
        "token_type": "Bearer",
        "resource_server": resource_server(scopes[0]),
        "other_tokens": [],
    }
    return document if refresh is None else document | {"refresh_token": refresh}


def _allows_refresh(store: Store, scope: str) -> bool:
    known = store.find_by_key("scope", scope)
    return known is None or bool(known["allows_refresh_token"])


def _keep_refresh(store: Store, caller: Caller) -> str:
    token = "Ag" + secrets.token_urlsafe(48)
    store.rows(
        "INSERT INTO refresh_tokens VALUES (?, ?, ?, ?, ?, ?)",
        *(digest(token), caller.identity, caller.client, " ".join(sorted(caller.scopes)), caller.authenticated),
        dumped(caller.session),
    )
    return token
