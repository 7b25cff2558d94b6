"""Owns the token endpoints of OAuth 2: who asks, which grant it is, validation and revocation."""

from collections.abc import Callable

from reconciler.emulator.callers import Caller, client_of_basic, client_of_secret, digest
from reconciler.emulator.calls import Answer, Call, Service, context_of
from reconciler.emulator.clients import DEPENDENT_TOKEN, TEMPLATE_TYPE, grant_types
from reconciler.emulator.errors import ApiError, TokenError
from reconciler.emulator.grants import (
    Request,
    authorization_code,
    client_credentials,
    dependent_tokens,
    refresh_token,
)

_GRANTS: dict[str, Callable[[Request], object]] = {
    "authorization_code": authorization_code,
    "client_credentials": client_credentials,
    "refresh_token": refresh_token,
    DEPENDENT_TOKEN: dependent_tokens,
}
_FOR_PUBLIC_CLIENTS = ("authorization_code", "refresh_token")


def token(service: Service, call: Call) -> Answer:
    """Grant tokens: one document for the first resource server, the rest under ``other_tokens``."""
    form = call.form()
    grant = form.get("grant_type", "")
    client = _public_client(service, call, form) if grant in _FOR_PUBLIC_CLIENTS else None
    client = client or client_of(service, call, form)
    if grant not in _GRANTS:
        raise TokenError(400, "unsupported_grant_type")
    context = context_of(service, Caller(client, client, frozenset()))
    if grant not in grant_types(context, service.store.find("client", client) or {}):
        raise TokenError(400, "unauthorized_client")
    return Answer(_GRANTS[grant](Request(service, call, client, form)))


def validate(service: Service, call: Call) -> Answer:
    """Say whether a token, for access or refreshing, is one of the client that asks; deprecated, but still called."""
    form = call.form()
    client, hashed = _holder(service, call, form), digest(form.get("token", ""))
    found = service.store.rows(
        "SELECT 1 FROM tokens WHERE hash = ? AND client = ? AND expires > ? "
        "UNION SELECT 1 FROM refresh_tokens WHERE hash = ? AND client = ?",
        *(hashed, client, service.clock(), hashed, client),
    )
    return Answer({"active": bool(found)})


def revoke(service: Service, call: Call) -> Answer:
    """Revoke a token of the client that asks, or of its instances; the answer does not tell whether it was one."""
    form = call.form()
    store, hashed = service.store, digest(form.get("token", ""))
    for client in _holders(service, _holder(service, call, form)):
        store.rows("DELETE FROM tokens WHERE hash = ? AND client = ?", hashed, client)
        store.rows("DELETE FROM refresh_tokens WHERE hash = ? AND client = ?", hashed, client)
        if service.switches.revoked_refresh_token_ends_access:
            store.rows("DELETE FROM tokens WHERE refresh = ? AND client = ?", hashed, client)
    return Answer({"active": False})


def _holders(service: Service, client: str) -> list[str]:
    """Return the clients whose tokens a client may revoke: itself, and the instances of a native application."""
    found = service.store.find("client", client)
    if found is None or found["client_type"] != TEMPLATE_TYPE or not service.switches.template_revokes_for_instances:
        return [client]
    instances = "SELECT id FROM objects WHERE kind = 'client' AND document ->> '$.parent_client' = ?"
    return [client, *(row[0] for row in service.store.rows(instances, client))]


def _holder(service: Service, call: Call, form: dict[str, str]) -> str:
    """Return the client that holds a token, which may name itself without a secret."""
    client = form.get("client_id") if "authorization" not in call.headers else None
    return client_of(service, call, form) if client is None or "client_secret" in form else client.lower()


def _public_client(service: Service, call: Call, form: dict[str, str]) -> str | None:
    """Return the public client that names itself and has no secret to prove it."""
    if "authorization" in call.headers or "client_secret" in form:
        return None
    client = service.store.find("client", form.get("client_id", "").lower())
    return str(client["id"]) if client is not None and client["public_client"] else None


def client_of(service: Service, call: Call, form: dict[str, str]) -> str:
    """Return the client that proves itself by Basic or in the form.

    Raises:
        ApiError: 401, or TokenError, as the switch says.
    """
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
