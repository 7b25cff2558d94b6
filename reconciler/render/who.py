"""Who a command acts as, for people and for programs; and how to log in when that is what is missing."""

import shlex
from collections.abc import Mapping
from datetime import UTC, datetime

from reconciler.errors import CallFailed
from reconciler.model import Data, Who
from reconciler.render.safe import safe

_DEMANDS = {
    "session_required_policies": "--policy",
    "session_required_identities": "--identity",
    "session_required_single_domain": "--domain",
}


def text(who: Who) -> str:
    """Say who it is, on a few lines."""
    kind = "a client identity" if who.is_client else "a person"
    scopes = "not told for a token from elsewhere" if who.scopes is None else ", ".join(who.scopes)
    until = "not told for a token from elsewhere" if who.expires is None else f"{_time(who.expires)}, then renewed"
    return "\n".join(
        (
            f"{safe(who.username)} ({safe(who.identity)}), {kind}",
            f"  service: {safe(who.target)}",
            f"  credentials: {safe(who.source)}",
            f"  scopes: {safe(scopes)}",
            f"  access token valid until: {until}",
        )
    )


def document(who: Who) -> dict[str, Data]:
    """Say the same as data."""
    return {
        "username": who.username,
        "id": who.identity,
        "kind": "client" if who.is_client else "person",
        "base_url": who.target,
        "credentials": who.source,
        "scopes": None if who.scopes is None else list(who.scopes),
        "expires": None if who.expires is None else _time(who.expires),
    }


def how_to_log_in(error: Exception) -> str | None:
    """Name the command that logs in as a refusal demands it; None where a login is not what helps."""
    if not isinstance(error, CallFailed) or not error.refused_authentication:
        return None
    return f"To log in as this asks for: {safe(shlex.join(_command(error.session)))}"


def _command(session: Mapping[str, Data]) -> list[str]:
    words = ["reconciler", "login"]
    for name, option in _DEMANDS.items():
        for value in session.get(name) or ():
            words += [option, str(value)]
    return [*words, "--mfa"] if session.get("session_required_mfa") is True else words


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
