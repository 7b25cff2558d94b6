"""Which service a command talks to, where its state stands, and which run of a pipeline it is."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.bindings import path_of
from reconciler.cli import terminal
from reconciler.cli.credentials import acting, client, settings
from reconciler.cli.options import ServiceOptions
from reconciler.errors import InvalidSettings, Locked
from reconciler.model import Manifests
from reconciler.pipeline import Site
from reconciler.render.safe import safe

if TYPE_CHECKING:
    from reconciler.auth import AuthClient
    from reconciler.emulator import Emulator

STATE = ".reconciler"
_PERSON = "rosalind@globusid.org"
_RUN_VARIABLES = ("CI_JOB_URL", "BUILD_URL")


def run_url() -> str | None:
    """Name the run of the pipeline that this is, for whoever has to wait for it."""
    environ = os.environ
    parts = [environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
    github = "{}/{}/actions/runs/{}".format(*parts) if all(parts) else None
    return github or next((environ[name] for name in _RUN_VARIABLES if environ.get(name)), None)


@contextmanager
def locked(site: Site, timeout: float) -> Iterator[None]:
    """Hold the lock of a root, in the name of this run; say so before waiting for another."""
    from reconciler.lock import hold

    with ExitStack() as stack:
        try:
            stack.enter_context(hold(site.lock, timeout=0, run=run_url()))
        except Locked as held:
            if not timeout:
                raise
            terminal.warn(f"Waiting for {timeout:g} s at most: {safe(str(held))}")
            stack.enter_context(hold(site.lock, timeout=timeout, run=run_url()))
        yield


@contextmanager
def connect(options: ServiceOptions, manifests: Manifests) -> Iterator[tuple["AuthClient", Site]]:
    """Open the way to the service for one command."""
    if options.emulator:
        with _emulator(options, manifests) as session:
            yield session
        return
    with client(options, acting(options).authorizer) as made:
        yield made, _site(made.base_url.rstrip("/"), options, manifests)


@contextmanager
def locate(options: ServiceOptions, manifests: Manifests) -> Iterator[Site]:
    """Say where the state stands, for commands that need no credentials and make no call."""
    if options.emulator:
        with _emulator(options, manifests) as (_, site):
            yield site
        return
    with client(options, None) as made:
        yield _site(made.base_url.rstrip("/"), options, manifests)


@contextmanager
def _serving(db: Path) -> Iterator["Emulator"]:
    from reconciler.emulator import CannotServe, Emulator

    try:
        with Emulator(db) as emulator:
            yield emulator
    except CannotServe as error:
        raise InvalidSettings(str(error)) from None


@contextmanager
def emulated(db: Path, settings: dict[str, Any]) -> Iterator[tuple["AuthClient", str]]:
    """Run the emulator on a file as long as this lasts, and talk to it as a person whose login is fresh."""
    from reconciler.auth import AccessTokenAuthorizer, AuthClient

    with _serving(db) as emulator:
        authorizer = AccessTokenAuthorizer(emulator.person_token(_PERSON))
        with AuthClient(base_url=emulator.base_url, authorizer=authorizer, transport_params=settings) as made:
            yield made, f"emulator:{emulator.world_id}"


@contextmanager
def _emulator(options: ServiceOptions, manifests: Manifests) -> Iterator[tuple["AuthClient", Site]]:
    db = options.emulator_db or manifests.root / STATE / "emulator.db"
    with emulated(db, settings(options)) as (made, world):
        # The emulator's journal is not the service's: what one of them left is nothing to the other.
        state = (db.parent if db.parent.name == STATE else db.parent / STATE) / db.stem
        bindings = options.bindings or path_of(db.parent, manifests.environment)
        yield made, Site(world, state, manifests.environment, bindings)


def _site(target: str, options: ServiceOptions, manifests: Manifests) -> Site:
    bindings = options.bindings or path_of(manifests.root, manifests.environment)
    return Site(target, manifests.root / STATE, manifests.environment, bindings)
