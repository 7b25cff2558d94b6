"""Owns what a session is: which identities have logged in, when, and whether with a second factor; only data."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Authentication:
    """One login of one identity."""

    at: float
    mfa: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """The identities in session, each with its last login; a token keeps the session as it was when it was granted."""

    id: str
    authentications: Mapping[str, Authentication] = field(default_factory=dict)

    def authenticated(self, identity: str) -> float | None:
        """Return when an identity logged in, if it is in session."""
        found = self.authentications.get(identity)
        return None if found is None else found.at

    def joined(self, identity: str, authentication: Authentication) -> "Session":
        """Return the session after one more login."""
        return Session(self.id, {**self.authentications, identity: authentication})

    def since(self, earliest: float) -> "Session":
        """Return the session without the logins before a moment."""
        kept = {identity: one for identity, one in self.authentications.items() if one.at > earliest}
        return Session(self.id, kept)

    def newest_first(self) -> list[str]:
        """Return the identities in session, the last that logged in first."""
        return sorted(self.authentications, key=lambda one: (-self.authentications[one].at, one))


def dumped(session: Session | None) -> str | None:
    """Write a session as the store keeps it."""
    if session is None:
        return None
    logins = {identity: [one.at, one.mfa] for identity, one in session.authentications.items()}
    return json.dumps({"id": session.id, "authentications": logins})


def loaded(text: str | None, identity: str, authenticated: float | None) -> Session | None:
    """Read a kept session; what older versions wrote holds only when the one identity logged in."""
    if text is not None:
        kept: dict[str, Any] = json.loads(text)
        logins = {one: Authentication(at, mfa) for one, (at, mfa) in kept["authentications"].items()}
        return Session(kept["id"], logins)
    if authenticated is not None:
        return Session("", {identity: Authentication(authenticated)})
    return None


def is_session(text: str) -> bool:
    """Say whether this is a session as the store keeps it."""
    try:
        kept = json.loads(text)
        logins = kept["authentications"].values()
        return isinstance(kept["id"], str) and all(
            isinstance(at, int | float) and isinstance(mfa, bool) for at, mfa in logins
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return False
