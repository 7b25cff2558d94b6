"""Owns the grants: what a client gives for tokens, and the documents that it gets; all is kept as hashes only."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace

from reconciler.emulator.access import is_visible
from reconciler.emulator.callers import TOKEN_SECONDS, Caller, Context, caller_of_token, digest, issue_token
from reconciler.emulator.calls import Call, Service, context_of
from reconciler.emulator.errors import ApiError, TokenError, error_document
from reconciler.emulator.openid import id_token
from reconciler.emulator.store import Document, Store
from reconciler.emulator.wellknown import PERSON_SCOPES, resource_server

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
class Consent:
    """What a person has agreed to, and what the exchange of its code has to repeat."""

    caller: Caller
    scopes: list[str]
    redirect_uri: str
    challenge: str | None
    nonce: str | None
    offline: bool


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


def requested_scopes(context: Context, text: str) -> list[str]:
    """Return the scopes of a request.

    Raises:
        TokenError: ``invalid_scope``, when there are none, or one is not known or not visible to the client.
    """
    wanted = base_scopes(text)
    for scope in wanted:
        known = None if scope in PERSON_SCOPES else context.store.find_by_key("scope", scope)
        if scope not in PERSON_SCOPES and (known is None or not is_visible(context, known)):
            raise TokenError(400, "invalid_scope")
    if not wanted:
        raise TokenError(400, "invalid_scope")
    return wanted


def client_credentials(request: Request) -> Document:
    """Grant a client tokens for itself."""
    caller = Caller(request.client, request.client, frozenset())
    wanted = requested_scopes(context_of(request.service, caller), request.form.get("scope", ""))
    return _nested(_documents(request.service, caller, wanted, offline=False))


def keep_code(store: Store, consent: Consent, now: float) -> str:
    """Make a code, keep its hash with what it is for, and return it."""
    code, caller = secrets.token_urlsafe(32), consent.caller
    store.rows(
        "INSERT INTO codes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(digest(code), caller.identity, caller.client, " ".join(consent.scopes), caller.authenticated),
        *(consent.redirect_uri, consent.challenge, consent.nonce, consent.offline, now + CODE_SECONDS),
    )
    return code


def authorization_code(request: Request) -> Document:
    """Exchange a code, once, for the tokens of a person."""
    service, form = request.service, request.form
    consent = _take_code(service.store, form.get("code", ""), request.client, service.clock())
    if consent is None or form.get("redirect_uri") != consent.redirect_uri:
        raise TokenError(401, "invalid_grant")
    if not _proves(consent.challenge, form.get("code_verifier")):
        raise TokenError(401, "invalid_grant")
    answer = _nested(_documents(service, consent.caller, consent.scopes, offline=consent.offline))
    if "openid" in consent.scopes:
        caller = replace(consent.caller, scopes=frozenset(consent.scopes))
        answer["id_token"] = id_token(service, request.call, caller, consent.nonce)
    return answer


def refresh_token(request: Request) -> Document:
    """Renew the access token of one resource server; the refresh token stays as it is [UNK]."""
    service, token = request.service, request.form.get("refresh_token", "")
    found = service.store.rows(
        "SELECT identity, scope, authenticated FROM refresh_tokens WHERE hash = ? AND client = ?",
        *(digest(token), request.client),
    )
    if not found:
        raise TokenError(401, "invalid_grant")
    identity, scope, authenticated = found[0]
    wanted = base_scopes(request.form.get("scope", "")) or scope.split()
    if not set(wanted) <= set(scope.split()):
        raise TokenError(400, "invalid_scope")
    caller = Caller(identity, request.client, frozenset(), authenticated)
    return _nested(_documents(service, caller, wanted, offline=False)) | {"refresh_token": token}


def dependent_tokens(request: Request) -> list[Document]:
    """Exchange a token that was issued for the client's own scopes for tokens of what these depend on."""
    service, form = request.service, request.form
    presented = caller_of_token(service.store, form.get("token", ""), service.clock())
    own = _own_scopes(service.store, request.client, presented)
    if presented is None or not own:
        raise TokenError(401, "invalid_grant")
    dependents = [one for scope in own for one in scope["dependent_scopes"] if not one["optional"]]
    known = [service.store.find("scope", one["scope"]) for one in dependents]
    approved = list(dict.fromkeys(scope["scope_string"] for scope in known if scope is not None))
    wanted = base_scopes(form.get("scope", "")) or approved
    refused = [scope for scope in wanted if scope not in approved]
    if refused:
        raise _consent_required(refused)
    caller = replace(presented, client=request.client)
    return _documents(service, caller, wanted, offline=form.get("access_type") == "offline")


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


def _take_code(store: Store, code: str, client: str, now: float) -> Consent | None:
    found = store.rows(
        "DELETE FROM codes WHERE hash = ? AND client = ? AND expires > ? "
        "RETURNING identity, scope, authenticated, redirect_uri, challenge, nonce, offline",
        *(digest(code), client, now),
    )
    if not found:
        return None
    identity, scope, authenticated, redirect_uri, challenge, nonce, offline = found[0]
    caller = Caller(identity, client, frozenset(), authenticated)
    return Consent(caller, scope.split(), redirect_uri, challenge, nonce, bool(offline))


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
        document = {
            "access_token": issue_token(service.store, bound, service.clock()),
            "scope": " ".join(own),
            "expires_in": TOKEN_SECONDS,
            "token_type": "Bearer",
            "resource_server": server,
            "other_tokens": [],
        }
        documents.append(document | ({"refresh_token": _keep_refresh(service.store, bound)} if offline else {}))
    return documents


def _keep_refresh(store: Store, caller: Caller) -> str:
    token = "Ag" + secrets.token_urlsafe(48)
    store.rows(
        "INSERT INTO refresh_tokens VALUES (?, ?, ?, ?, ?)",
        *(digest(token), caller.identity, caller.client, " ".join(sorted(caller.scopes)), caller.authenticated),
    )
    return token
