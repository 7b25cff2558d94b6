"""Owns the names of Globus Auth's own scopes, and how a request names scopes."""

from collections.abc import Iterable
from typing import Final

from reconciler.auth.errors import GlobusSDKUsageError

TRANSFER_ALL = "urn:globus:auth:scope:transfer.api.globus.org:all"
DEFAULT_REQUESTED_SCOPES = ("openid", "profile", "email", TRANSFER_ALL)


class AuthScopeNames:
    """The scopes of Globus Auth as text."""

    resource_server: Final = "auth.globus.org"
    openid: Final = "openid"
    email: Final = "email"
    profile: Final = "profile"
    manage_projects: Final = "urn:globus:auth:scope:auth.globus.org:manage_projects"
    view_authentications: Final = "urn:globus:auth:scope:auth.globus.org:view_authentications"
    view_clients: Final = "urn:globus:auth:scope:auth.globus.org:view_clients"
    view_clients_and_scopes: Final = "urn:globus:auth:scope:auth.globus.org:view_clients_and_scopes"
    view_identities: Final = "urn:globus:auth:scope:auth.globus.org:view_identities"
    view_identity_set: Final = "urn:globus:auth:scope:auth.globus.org:view_identity_set"


AuthScopes: Final = AuthScopeNames()


def scopes_to_str(scopes: str | Iterable[object] | None) -> str:
    """Write scopes with spaces between, as OAuth2 has them; None is the SDK's default.

    Raises:
        GlobusSDKUsageError: if there is none.
    """
    wanted = DEFAULT_REQUESTED_SCOPES if scopes is None else scopes
    text = wanted if isinstance(wanted, str) else " ".join(str(scope) for scope in wanted)
    if not text.strip():
        raise GlobusSDKUsageError("no scopes were requested")
    return text
