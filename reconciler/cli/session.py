"""Which service a command talks to, as whom, and where its state stands. Reads the environment."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.bindings import path_of
from reconciler.cli.load import calls_at_once, config
from reconciler.cli.options import ReadOptions, ServiceOptions
from reconciler.errors import InvalidSettings, NotAuthenticated
from reconciler.model import Manifests
from reconciler.pipeline import Site

if TYPE_CHECKING:
    from reconciler.auth import AuthClient
    from reconciler.auth.authorizers import GlobusAuthorizer
    from reconciler.emulator import Emulator

STATE = ".reconciler"
_PERSON = "rosalind@globusid.org"
_TOKEN_VARIABLE = "RECONCILER_ACCESS_TOKEN"  # noqa: S105 - the name of one
_CLIENT_VARIABLES = (
    ("RECONCILER_CLIENT_ID", "RECONCILER_CLIENT_SECRET"),
    ("GLOBUS_CLI_CLIENT_ID", "GLOBUS_CLI_CLIENT_SECRET"),
)


_RUN_VARIABLES = ("CI_JOB_URL", "BUILD_URL")


def run_url() -> str | None:
    """Name the run of the pipeline that this is, for whoever has to wait for it."""
    environ = os.environ
    parts = [environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
    github = "{}/{}/actions/runs/{}".format(*parts) if all(parts) else None
    return github or next((environ[name] for name in _RUN_VARIABLES if environ.get(name)), None)


@contextmanager
def connect(options: ServiceOptions, manifests: Manifests) -> Iterator[tuple["AuthClient", Site]]:
    """Open the way to the service for one command."""
    if options.emulator:
        with _emulator(options, manifests) as session:
            yield session
        return
    with _client(options, _authorizer(options)) as client:
        yield client, _site(client.base_url.rstrip("/"), options, manifests)


@contextmanager
def locate(options: ServiceOptions, manifests: Manifests) -> Iterator[Site]:
    """Say where the state stands, for commands that need no credentials and make no call."""
    if options.emulator:
        with _emulator(options, manifests) as (_, site):
            yield site
        return
    with _client(options, None) as client:
        yield _site(client.base_url.rstrip("/"), options, manifests)


@contextmanager
def _serving(db: Path) -> Iterator["Emulator"]:
    from reconciler.emulator import CannotServe, Emulator

    try:
        with Emulator(db) as emulator:
            yield emulator
    except CannotServe as error:
        raise InvalidSettings(str(error)) from None


@contextmanager
def _emulator(options: ServiceOptions, manifests: Manifests) -> Iterator[tuple["AuthClient", Site]]:
    from reconciler.auth import AccessTokenAuthorizer, AuthClient

    db = options.emulator_db or manifests.root / STATE / "emulator.db"
    with _serving(db) as emulator:
        authorizer = AccessTokenAuthorizer(emulator.person_token(_PERSON))
        settings = {"pool_size": _calls_at_once(options)}
        with AuthClient(base_url=emulator.base_url, authorizer=authorizer, transport_params=settings) as client:
            # The emulator's journal is not the service's: what one of them left is nothing to the other.
            state = (db.parent if db.parent.name == STATE else db.parent / STATE) / db.stem
            bindings = options.bindings or path_of(db.parent, manifests.environment)
            yield client, Site(f"emulator:{emulator.world_id}", state, manifests.environment, bindings)


def _site(target: str, options: ServiceOptions, manifests: Manifests) -> Site:
    bindings = options.bindings or path_of(manifests.root, manifests.environment)
    return Site(target, manifests.root / STATE, manifests.environment, bindings)


def _client(options: ServiceOptions, authorizer: "GlobusAuthorizer | None") -> "AuthClient":
    from reconciler.auth import AuthClient, GlobusSDKUsageError

    try:
        return AuthClient(base_url=_base_url(options), authorizer=authorizer, transport_params=_transport(options))
    except GlobusSDKUsageError as error:
        raise InvalidSettings(str(error)) from None


def _base_url(options: ServiceOptions) -> str | None:
    return options.base_url or config().base_url


def _calls_at_once(options: ServiceOptions) -> int:
    return calls_at_once(options) if isinstance(options, ReadOptions) else 1


def _transport(options: ServiceOptions) -> dict[str, object]:
    environ = os.environ
    return {
        "pool_size": _calls_at_once(options),
        "proxy": environ.get("RECONCILER_PROXY"),
        "ca_bundle": environ.get("RECONCILER_CA_BUNDLE"),
    }


def _authorizer(options: ServiceOptions) -> "GlobusAuthorizer":
    from reconciler.auth import ClientCredentialsAuthorizer, ConfidentialAppAuthClient, GlobusSDKUsageError
    from reconciler.remote import SCOPES

    token = os.environ.get(_TOKEN_VARIABLE)
    if token:
        return _bearer(token)
    for name, secret_name in _CLIENT_VARIABLES:
        client_id, secret = os.environ.get(name), os.environ.get(secret_name)
        if bool(client_id) != bool(secret):
            raise NotAuthenticated(f"{name} and {secret_name} belong together; only one of them is set")
        if client_id and secret:
            try:
                app = ConfidentialAppAuthClient(
                    client_id, secret, base_url=_base_url(options), transport_params=_transport(options)
                )
            except GlobusSDKUsageError as error:
                raise InvalidSettings(str(error)) from None
            return ClientCredentialsAuthorizer(app, SCOPES)
    raise NotAuthenticated(
        "there are no credentials: set RECONCILER_CLIENT_ID and RECONCILER_CLIENT_SECRET, or RECONCILER_ACCESS_TOKEN; "
        "or try it with --emulator"
    )


def _bearer(token: str) -> "GlobusAuthorizer":
    from reconciler.auth import AccessTokenAuthorizer, GlobusSDKUsageError

    authorizer = AccessTokenAuthorizer(token)
    try:
        authorizer.get_authorization_header()
    except GlobusSDKUsageError:
        what = "holds what no token has: a line break, a control character or a letter outside ASCII; set it again"
        raise NotAuthenticated(f"{_TOKEN_VARIABLE} {what}") from None
    return authorizer
