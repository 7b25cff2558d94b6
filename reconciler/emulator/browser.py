"""Owns the sessions of browsers: a cookie, kept as a hash, that stands for who has logged in there."""

import secrets
import uuid

from reconciler.emulator.accounts import are_linked, link
from reconciler.emulator.callers import digest
from reconciler.emulator.calls import Call, Service
from reconciler.emulator.sessions import Authentication, Session, dumped, loaded

SESSION_SECONDS = 86_400
"""How long a browser remembers a login; provisional [UNK]."""
_ATTRIBUTES = "Path=/v2; HttpOnly; SameSite=Lax"


def new_session() -> Session:
    """Make a session in which nobody is."""
    return Session(str(uuid.uuid4()))


def remembered(service: Service, call: Call) -> Session | None:
    """Return the session of the browser that calls, without the logins that are too old, if any are left."""
    now, cookie = service.clock(), _cookie(service, call)
    if cookie is None:
        return None
    found = service.store.rows("SELECT session FROM sessions WHERE hash = ? AND expires > ?", digest(cookie), now)
    session = loaded(found[0][0], "", None) if found else None
    if session is None:
        return None
    recent = session.since(now - SESSION_SECONDS).authentications
    known = {one: login for one, login in recent.items() if service.store.find("identity", one) is not None}
    return Session(session.id, known) if known else None


def remember(service: Service, call: Call, session: Session) -> dict[str, str]:
    """Keep a session under a new cookie, in place of that of the browser, and return the header that sets it."""
    forget(service, call)
    cookie, expires = secrets.token_urlsafe(32), service.clock() + SESSION_SECONDS
    service.store.rows("INSERT INTO sessions VALUES (?, ?, ?)", digest(cookie), dumped(session), expires)
    return {"Set-Cookie": f"{_name(service)}={cookie}; Max-Age={SESSION_SECONDS}; {_ATTRIBUTES}"}


def forget(service: Service, call: Call) -> dict[str, str]:
    """End the session of the browser, and return the header that takes the cookie back."""
    cookie = _cookie(service, call)
    if cookie is not None:
        service.store.rows("DELETE FROM sessions WHERE hash = ?", digest(cookie))
    return {"Set-Cookie": f"{_name(service)}=; Max-Age=0; {_ATTRIBUTES}"}


def log_in(service: Service, session: Session | None, identity: str, *, mfa: bool, linked: bool) -> Session:
    """Let an identity log in: it joins the session if it is linked to who is there, or is now; else all others go."""
    login = Authentication(service.clock(), mfa)
    present = [] if session is None else session.newest_first()
    if session is None or not present:
        return new_session().joined(identity, login)
    if identity not in present and not are_linked(service.store, identity, present):
        if not linked:
            return new_session().joined(identity, login)
        link(service.store, identity, present[0])
    return session.joined(identity, login)


def _cookie(service: Service, call: Call) -> str | None:
    """Read our cookie among those of anything else on this host, which may look like nothing that a standard knows."""
    pairs = (part.strip().partition("=") for part in call.headers.get("cookie", "").split(";"))
    return next((value for name, _, value in pairs if name == _name(service)), None)


def _name(service: Service) -> str:
    """Return the name of the world's cookie: browsers do not tell the ports of a host apart."""
    return f"globus_auth_session_{str(service.store.setting('world'))[:8]}"
