"""With whose credentials a command acts: a token, a client's, or the login that is kept. Reads the environment."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from reconciler.cli import terminal
from reconciler.cli.load import calls_at_once, config
from reconciler.cli.options import ReadOptions, Running, Targeting
from reconciler.errors import InvalidSettings, NotAuthenticated
from reconciler.model import Secret

if TYPE_CHECKING:
    from reconciler.auth import AuthClient, NativeAppAuthClient, OAuthTokenResponse
    from reconciler.auth.authorizers import GlobusAuthorizer
    from reconciler.login import Login

OnRefresh: TypeAlias = "Callable[[OAuthTokenResponse], None] | None"
"""What is told the tokens that a command gets on its way."""

_TOKEN_VARIABLE = "RECONCILER_ACCESS_TOKEN"  # noqa: S105 - the name of one
_CLIENT_VARIABLES = (
    ("RECONCILER_CLIENT_ID", "RECONCILER_CLIENT_SECRET"),
    ("GLOBUS_CLI_CLIENT_ID", "GLOBUS_CLI_CLIENT_SECRET"),
)


@dataclass(frozen=True, slots=True)
class Acting:
    """Credentials, and where they are from."""

    authorizer: "GlobusAuthorizer"
    source: str


def acting(options: Targeting) -> Acting:
    """Choose the credentials: what the environment names, before the login that is kept.

    Raise NotAuthenticated when there are none.
    """
    token = os.environ.get(_TOKEN_VARIABLE)
    if token:
        return Acting(_bearer(token), _TOKEN_VARIABLE)
    for name, secret_name in _CLIENT_VARIABLES:
        client_id, secret = os.environ.get(name), os.environ.get(secret_name)
        if bool(client_id) != bool(secret):
            raise NotAuthenticated(f"{name} and {secret_name} belong together; only one of them is set")
        if client_id and secret:
            return Acting(_as_client(client_id, secret, options), name)
    kept = _kept(options)
    if kept:
        return kept
    raise NotAuthenticated(
        "there are no credentials: log in with `reconciler login`, or set RECONCILER_CLIENT_ID and "
        "RECONCILER_CLIENT_SECRET, or RECONCILER_ACCESS_TOKEN; or try it with --emulator"
    )


def overriding() -> str | None:
    """Name the variable whose credentials go before a login, if one is set."""
    names = (_TOKEN_VARIABLE, *(name for name, _ in _CLIENT_VARIABLES))
    return next((name for name in names if os.environ.get(name)), None)


def client(options: Targeting, authorizer: "GlobusAuthorizer | None") -> "AuthClient":
    """Make the client that a command talks to the service with."""
    from reconciler.auth import AuthClient, GlobusSDKUsageError

    try:
        return AuthClient(base_url=_base_url(options), authorizer=authorizer, transport_params=settings(options))
    except GlobusSDKUsageError as error:
        raise InvalidSettings(str(error)) from None


def native(options: Targeting, client_id: str) -> "NativeAppAuthClient":
    """Make the client that logs people in."""
    from reconciler.auth import GlobusSDKUsageError, NativeAppAuthClient

    try:
        return NativeAppAuthClient(client_id, base_url=_base_url(options), transport_params=settings(options))
    except GlobusSDKUsageError as error:
        raise InvalidSettings(str(error)) from None


def as_person(app: "NativeAppAuthClient", login: "Login", on_refresh: OnRefresh = None) -> "GlobusAuthorizer":
    """Act as a person who is logged in."""
    from reconciler.auth import RefreshTokenAuthorizer

    return RefreshTokenAuthorizer(login.refresh_token.reveal(), app, on_refresh=on_refresh)


def target(made: "AuthClient | NativeAppAuthClient") -> str:
    """Name the service, as bindings and logins do."""
    return made.base_url.rstrip("/")


def settings(options: Targeting) -> dict[str, Any]:
    """Say how calls are sent."""
    environ = os.environ
    return {
        "pool_size": calls_at_once(options) if isinstance(options, ReadOptions) else 1,
        "proxy": environ.get("RECONCILER_PROXY"),
        "ca_bundle": environ.get("RECONCILER_CA_BUNDLE"),
    }


def _base_url(options: Targeting) -> str | None:
    return options.base_url or config().base_url


def _kept(options: Targeting) -> Acting | None:
    from reconciler.login import Keep

    with client(options, None) as made:
        found = Keep.of_user().find(target(made))
    if found is None:
        return None
    login, where = found
    return Acting(as_person(native(options, login.client_id), login, on_refresh=_masking(options)), where)


def _as_client(client_id: str, secret: str, options: Targeting) -> "GlobusAuthorizer":
    from reconciler.auth import ClientCredentialsAuthorizer, ConfidentialAppAuthClient, GlobusSDKUsageError
    from reconciler.remote import SCOPES

    try:
        app = ConfidentialAppAuthClient(
            client_id, secret, base_url=_base_url(options), transport_params=settings(options)
        )
    except GlobusSDKUsageError as error:
        raise InvalidSettings(str(error)) from None
    return ClientCredentialsAuthorizer(app, SCOPES, on_refresh=_masking(options))


def _masking(options: Targeting) -> OnRefresh:
    """Have tokens masked by the commands that change something; the output of others may be data for programs."""
    return _mask if isinstance(options, Running) else None


def _mask(response: "OAuthTokenResponse") -> None:
    for token in response.by_resource_server.values():
        for name in ("access_token", "refresh_token"):
            if token.get(name):
                terminal.mask(Secret(token[name]))


def _bearer(token: str) -> "GlobusAuthorizer":
    from reconciler.auth import AccessTokenAuthorizer, GlobusSDKUsageError

    authorizer = AccessTokenAuthorizer(token)
    try:
        authorizer.get_authorization_header()
    except GlobusSDKUsageError:
        what = "holds what no token has: a line break, a control character or a letter outside ASCII; set it again"
        raise NotAuthenticated(f"{_TOKEN_VARIABLE} {what}") from None
    return authorizer
