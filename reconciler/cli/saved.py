"""Saved plans on the command line: `plan --out`, `show`, and `apply` of one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from reconciler.cli import asked, terminal
from reconciler.cli.exits import Exit, of_events
from reconciler.cli.load import calls_at_once, config, load
from reconciler.cli.options import ApplyOptions, PlanOptions, SaveOptions, ShowOptions
from reconciler.errors import CannotWrite, InvalidManifests
from reconciler.files import why

if TYPE_CHECKING:
    from reconciler.auth import AuthClient
    from reconciler.model import Manifests
    from reconciler.pipeline import Planned, Site
    from reconciler.saved import Opened

_LIFETIME = timedelta(days=3)
_APPLIES_TO_SAVED = frozenset(
    {"paths", "emulator", "emulator_db", "base_url", "bindings", "parallelism", "no_color", "ascii"}
    | {"auto_approve", "no_input", "lock_timeout", "rehearse"}
)
"""The options that say how, and not what: everything else was decided when the plan was made."""


def show(options: ShowOptions) -> None:
    """Show a saved plan, with no credentials and no call."""
    from reconciler import saved
    from reconciler.render import saved as rendered

    opened = saved.open_plan(options.file)
    if options.json:
        terminal.say(saved.write(opened.saved).rstrip("\n"))
        return
    terminal.say(rendered.text(opened.saved, terminal.look(options)))
    if held := saved.outdated(opened):
        terminal.warn(f"This plan is not applied any more: it {held}.")


def lifetime(options: SaveOptions) -> timedelta:
    """Choose how long a saved plan holds: the option, the settings, or three days."""
    from reconciler.config import lifetime as read

    if options.expires_after is None:
        return config().expires_after or _LIFETIME
    try:
        return read(options.expires_after)
    except ValueError as error:
        raise typer.BadParameter(f"must be {error}", param_hint="--expires-after") from None


def keep(options: SaveOptions, planned: "Planned", manifests: "Manifests", *, lifetime: timedelta) -> None:
    """Write a plan to where the options say."""
    if not (options.out or options.json_into):
        return
    from reconciler import saved
    from reconciler.render.safe import safe

    paths, overlays = list(options.paths or []), list(options.overlay or [])
    sealed = saved.seal(planned, manifests.root, paths=paths, overlays=overlays, lifetime=lifetime)
    if options.json_into:
        try:
            options.json_into.write_text(saved.write(sealed), encoding="utf-8")
        except OSError as error:
            raise CannotWrite(str(options.json_into), why(error)) from error
    if options.out:
        saved.save(sealed, options.out)
        if planned.plan.applyable:
            terminal.say(f"Saved as {safe(str(options.out))}; it holds until {saved.stamp(sealed.expires)}.")


def refuse(options: SaveOptions) -> None:
    """Refuse to plan from a saved plan, and say what is done with one."""
    from reconciler import saved

    for path in options.paths or []:
        if saved.sought(path):
            what = f"{path} is a saved plan; see it with `reconciler show`, and apply it with `reconciler apply`"
            raise typer.BadParameter(what, param_hint="PATH")


def named(options: PlanOptions) -> Path | None:
    """Find the saved plan that is to be applied or rehearsed, if it is one."""
    from reconciler import saved

    found = [path for path in options.paths or [] if saved.sought(path)]
    if not found:
        return None
    if len(options.paths or []) > 1:
        raise typer.BadParameter(f"{found[0]} is a saved plan, and is applied alone", param_hint="PATH")
    unfit = [
        each.name
        for each in fields(options)
        if each.name not in _APPLIES_TO_SAVED and getattr(options, each.name) not in (each.default, [])
    ]
    if unfit:
        option = f"--{unfit[0].replace('_', '-')}"
        what = f"{found[0]} is a saved plan: what it does was agreed to when it was made; give {option} to `plan`"
        raise typer.BadParameter(what, param_hint=option)
    return found[0]


@dataclass(frozen=True, slots=True)
class Reopened:
    """A saved plan with all that it was made from, on its way to the service."""

    options: PlanOptions
    opened: "Opened"
    manifests: "Manifests"
    client: "AuthClient"
    site: "Site"

    def follow(self) -> "Planned | None":
        """Find what is left to do of it, and say how much that is; None when nothing is."""
        from reconciler import saved

        parallelism, in_use = calls_at_once(self.options), asked.in_use()
        planned = saved.follow(
            self.opened, self.manifests, self.client, self.site, parallelism=parallelism, in_use=in_use
        )
        if not planned.plan.operations:
            terminal.say("Nothing is left to do of this plan.")
            return None
        _tell(self.opened, planned)
        return planned


@contextmanager
def reopened(options: PlanOptions, file: Path) -> Iterator[Reopened]:
    """Open a saved plan, if all that can be told before the service is read still holds, and show it."""
    from reconciler import saved
    from reconciler.cli.session import connect, locate
    from reconciler.render import saved as rendered

    opened = saved.open_plan(file)
    paths, overlays = saved.made_from(opened)
    shown = rendered.text(opened.saved, terminal.look(options))
    if not opened.saved.plan.applyable:
        terminal.say(shown)
        raise typer.Exit(Exit.REFUSED)
    options = replace(options, paths=paths, overlay=overlays)
    manifests = _load(options, opened)
    if not options.emulator:
        with locate(options, manifests) as site:
            saved.belongs(opened, manifests, site)
    with connect(options, manifests) as (client, site):
        saved.belongs(opened, manifests, site)
        terminal.say(shown)
        yield Reopened(options, opened, manifests, client, site)


def apply(options: ApplyOptions, file: Path) -> None:
    """Apply a saved plan, if all that it was made from still holds."""
    from reconciler.cli.changes import carry_out, report
    from reconciler.cli.rehearse import required
    from reconciler.cli.session import locked

    with reopened(options, file) as found, locked(found.site, options.lock_timeout):
        planned = found.follow()
        if planned is None:
            return
        if options.rehearse:
            required(options, planned, found.manifests, found.client, found.site)
        run = carry_out(options, planned, found.client, found.site)
        report(options, found.manifests, planned, found.site, run)
    code = run.ended or of_events(run.events)
    if code:
        raise typer.Exit(code)


def _load(options: PlanOptions, opened: "Opened") -> "Manifests":
    from reconciler.render import problems

    try:
        return load(options)
    except InvalidManifests as error:
        terminal.warn(problems.text(error.problems))
        raise opened.refuse("was made from other manifests than these, which are not valid; plan again") from error


def _tell(opened: "Opened", planned: "Planned") -> None:
    """Say how much of a plan an earlier run has done already."""
    whole, left = opened.saved.plan.calls(), planned.plan.calls()
    if left < whole:
        terminal.say(f"A part of this plan was applied before: {left} of {whole} calls are left.")
