"""Owns who calls: secrets and tokens, kept only as hashes, and the identity, scopes and session behind a request."""

import base64
import datetime as dt
import hashlib
import hmac
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.emulator.errors import ApiError, forbidden
from reconciler.emulator.sessions import Session, dumped, loaded
from reconciler.emulator.store import Store
from reconciler.emulator.switches import Switches

TOKEN_SECONDS = 172800
"""``expires_in`` of every access token [DOC]."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The identity behind a request, what its token is for, and the session it was granted in (people only)."""

    identity: str
    client: str
    scopes: frozenset[str]
    session: Session | None = None
    basic: bool = False

    @property
    def authenticated(self) -> float | None:
        """Return when the identity logged in, if it is in session."""
        return None if self.session is None else self.session.authenticated(self.identity)

    @property
    def is_person(self) -> bool:
        """Say whether this is a person rather than a client identity."""
        return self.identity != self.client


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule needs to know: the store, the switches, the time, and the caller."""

    store: Store
    switches: Switches
    now: float
    caller: Caller


def timestamp(now: float) -> str:
    """Write a time as the service does: RFC 3339 with microseconds and +00:00."""
    return dt.datetime.fromtimestamp(now, dt.UTC).isoformat(timespec="microseconds")


def digest(secret: str) -> str:
    """Hash a secret or token; both are random and long, so that a salt would add nothing."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def new_secret() -> str:
    """Make a client secret that looks like the service's."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def keep_secret(store: Store, client: str, credential: str) -> str:
    """Make a secret, keep its hash, and return it for the only time."""
    secret = new_secret()
    store.rows("INSERT INTO secrets VALUES (?, ?, ?)", credential, client, digest(secret))
    return secret


def issue_token(store: Store, caller: Caller, now: float, *, refresh: str | None = None) -> str:
    """Issue an access token, keep its hash, and return it; ``refresh`` is the hash of the refresh token behind it."""
    token = "Ag" + secrets.token_urlsafe(48)
    scope = " ".join(sorted(caller.scopes))
    store.rows(
        "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(digest(token), caller.identity, caller.client, scope, now, now + TOKEN_SECONDS, caller.authenticated),
        *(dumped(caller.session), refresh),
    )
    return token


def forget_expired(store: Store, now: float) -> None:
    """Drop the sessions, tokens and codes that have expired."""
    store.rows("DELETE FROM sessions WHERE expires <= ?", now)
    store.rows("DELETE FROM codes WHERE expires <= ?", now)
    store.rows("DELETE FROM tokens WHERE expires <= ?", now)


def authenticate(store: Store, headers: Mapping[str, str], now: float) -> Caller:
    """Find the caller of a request of the developer API.

    Raises:
        ApiError: 401, when there is no valid token or secret.
    """
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        client = client_of_basic(store, value.strip())
        if client is None:
            raise ApiError(401, "Basic auth failed")
        return Caller(client, client, frozenset(), basic=True)
    caller = caller_of_token(store, value.strip(), now) if scheme.lower() == "bearer" else None
    if caller is None:
        raise ApiError(401, "Call must be authenticated")
    return caller


def caller_of_token(store: Store, token: str, now: float) -> Caller | None:
    """Return the caller that a valid token stands for."""
    found = store.rows(
        "SELECT identity, client, scope, authenticated, session FROM tokens WHERE hash = ? AND expires > ?",
        *(digest(token), now),
    )
    if not found:
        return None
    identity, client, scope, authenticated, session = found[0]
    return Caller(identity, client, frozenset(scope.split()), loaded(session, identity, authenticated))


def client_of_basic(store: Store, value: str) -> str | None:
    """Return the client whose id and secret a Basic header states."""
    try:
        client, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        return None
    return client_of_secret(store, client, secret)


def client_of_secret(store: Store, client: str, secret: str) -> str | None:
    """Return the client if one of its secrets is this one."""
    try:
        client = str(uuid.UUID(client))
    except ValueError:
        return None
    hashes = store.rows("SELECT hash FROM secrets WHERE client = ?", client)
    given = digest(secret)
    return client if any(hmac.compare_digest(row[0], given) for row in hashes) else None


def require_scope(caller: Caller, scope: str) -> None:
    """Refuse a token that is not for this scope; Basic has no scopes and is for the client itself."""
    if not caller.basic and scope not in caller.scopes:
        raise forbidden(f"The token does not have the scope {scope}")


def require_session(context: Context) -> None:
    """Refuse a person's write unless the login is recent (globus-auth.md 2.1, [OBS])."""
    caller, switches = context.caller, context.switches
    # A client identity cannot log in; by a dependent token it comes through another client than itself.
    is_person = caller.is_person and context.store.find("client", caller.identity) is None
    if not switches.session_gate or not is_person:
        return
    if caller.authenticated is not None and context.now - caller.authenticated <= switches.session_seconds:
        return
    minutes = switches.session_seconds // 60
    detail = (
        "To access this project you must have an identity with admin privileges in session "
        f"within the last {minutes} minutes."
    )
    policies: str | list[str] = switches.session_policy
    if switches.session_policies_as == "list":
        policies = [switches.session_policy]
    required = {"session_message": detail, "session_required_policies": policies}
    raise ApiError(403, detail, extra={"authorization_parameters": required})
