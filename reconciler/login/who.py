"""Who a command acts as, for how long, and what for."""

from collections.abc import Mapping
from typing import Any

from reconciler.auth import AuthClient, RenewingAuthorizer
from reconciler.model import Who
from reconciler.remote import failing, permitted


def ask(client: AuthClient, *, target: str, source: str) -> Who:
    """Ask the service.

    Raises:
        CallFailed: It does not take the credentials, or could not be reached.
        NotAuthenticated: The token lacks the scopes that this program needs.
    """
    answers: list[Any] = []
    renewing = client.authorizer if isinstance(client.authorizer, RenewingAuthorizer) else None
    if renewing:
        renewing.on_refresh = answers.append
    with permitted(), failing("ask who this is"):
        who = client.userinfo()
        identity, name = str(who["sub"]), who.get("preferred_username")
        if name is None:
            found = list(client.get_identities(ids=identity))
            name = found[0]["username"] if found else identity
        granted = [_scopes(answer.by_resource_server) for answer in answers]
    return Who(
        target=target,
        identity=identity,
        username=str(name),
        source=source,
        scopes=granted[-1] if granted else None,
        expires=renewing.expires_at if renewing else None,
    )


def _scopes(tokens: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(sorted(scope for token in tokens.values() for scope in str(token["scope"]).split()))
