"""`plan` and `apply`: show what would happen, and make it happen."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import typer

from reconciler.cli import terminal
from reconciler.cli.exits import Exit, of_error, of_events
from reconciler.cli.load import calls_at_once, load
from reconciler.cli.options import ApplyOptions, PlanOptions
from reconciler.errors import CannotWrite, Unrecorded
from reconciler.render.safe import safe

if TYPE_CHECKING:
    from reconciler.auth import AuthClient
    from reconciler.guards import Consents
    from reconciler.model import Event, Manifests
    from reconciler.pipeline import Planned, Site
    from reconciler.render.style import Style


def plan(options: PlanOptions) -> None:
    """Show what an apply would do. Planning cannot write."""
    from reconciler.cli.session import connect
    from reconciler.render.plan import shown

    manifests = load(options)
    with connect(options, manifests) as (client, site):
        planned = _plan(options, manifests, client, site)
    if options.detailed_exitcode and shown(planned.plan):
        raise typer.Exit(Exit.CHANGES)


def apply(options: ApplyOptions) -> None:
    """Plan, show the plan, ask, and apply it."""
    from reconciler.cli.session import connect
    from reconciler.lock import hold
    from reconciler.render.plan import shown

    manifests = load(options)
    with connect(options, manifests) as (client, site), hold(site.lock, timeout=options.lock_timeout):
        planned = _plan(options, manifests, client, site)
        if shown(planned.plan) and not (options.auto_approve or _approved(no_input=options.no_input)):
            terminal.warn("Nothing was changed.")
            raise typer.Exit(Exit.ERROR)
        events, interrupted = _apply(options, planned, client, site)
        _report(options, manifests, planned, site, events)
    code = interrupted or of_events(events)
    if code:
        raise typer.Exit(code)


def _plan(options: PlanOptions, manifests: "Manifests", client: "AuthClient", site: "Site") -> "Planned":
    """Plan and show it; a refused plan ends here."""
    from reconciler import pipeline
    from reconciler.render import plan as rendered

    if options.overlay and manifests.environment is None and site.bindings.exists():
        terminal.warn(
            f"warning: no overlay names its `environment`, so this goes on with {site.bindings}, whichever overlays "
            "that was made with; write `environment: NAME` at the top of one to keep environments apart"
        )
    planned = pipeline.plan(manifests, client, site, consents=_consents(options), parallelism=calls_at_once(options))
    terminal.say(rendered.text(planned.plan, _style(options)))
    if not planned.plan.applyable:
        raise typer.Exit(Exit.REFUSED)
    return planned


def _apply(options: ApplyOptions, planned: "Planned", client: "AuthClient", site: "Site") -> tuple[list["Event"], int]:
    """Apply a plan, showing what happens; return the events, and the exit code of an interruption."""
    from reconciler import pipeline
    from reconciler.render import run

    events, style = list["Event"](), _style(options)
    code = 0
    with _signals() as (stop, received):
        try:
            for event in pipeline.apply(planned, client, site, parallelism=calls_at_once(options), stop=stop):
                events.append(event)
                line = run.line(event, style)
                if line:
                    _tell(line, stop)
        except Unrecorded as error:
            terminal.warn(f"Error: {safe(str(error))}. What it would say is:\n{error.entries}")
            code = of_error(error)
    return events, 128 + received[0] if received else code


def _tell(line: str, stop: threading.Event) -> None:
    """Say what happens; when nobody can read it any more, stop in an orderly way."""
    try:
        terminal.say(line)
    except (BrokenPipeError, CannotWrite) as error:
        terminal.warn(f"Error: {error}; stopping: what is under way is finished first.")
        stop.set()


def _report(
    options: ApplyOptions, manifests: "Manifests", planned: "Planned", site: "Site", events: list["Event"]
) -> None:
    from reconciler import pipeline
    from reconciler.render import outputs, run
    from reconciler.render.plan import shown

    failed = bool(of_events(events))
    if failed or shown(planned.plan):
        again = " ".join(["reconciler", *sys.argv[1:]])
        terminal.say(run.summary(events, _style(options), again=again))
    known = pipeline.outputs(manifests, pipeline.state(site).entries)
    if known and not failed:
        terminal.say("\nOutputs:\n" + outputs.text(known, outputs.Format.TEXT))
    if os.environ.get("CI"):
        terminal.warn(f"Keep {site.bindings}: without it, later renames and deletions need an `id`.")


def _consents(options: PlanOptions) -> "Consents":
    from reconciler.guards import Consents

    return Consents(
        delete=frozenset(options.allow_delete or ()),
        replace=frozenset(options.allow_replace or ()),
        create=frozenset(options.allow_create or ()),
        lockout=frozenset(options.allow_lockout or ()),
        adopt=not options.no_adopt,
    )


def _approved(*, no_input: bool) -> bool:
    if no_input:
        terminal.warn("This would ask before it changes anything; give --auto-approve to apply without asking.")
        return False
    return terminal.ask("Apply this plan? Only `yes` is taken as consent: ")


def _style(options: PlanOptions) -> "Style":
    return terminal.style(no_colour=options.no_color, ascii_only=options.ascii)


@contextmanager
def _signals() -> Iterator[tuple[threading.Event, list[int]]]:
    """Let the first interruption stop the run in an orderly way, and the second at once."""
    stop, received = threading.Event(), list[int]()

    def handle(number: int, _: FrameType | None) -> None:
        if received:
            os._exit(128 + number)
        received.append(number)
        stop.set()
        terminal.warn("Stopping: what is under way is finished first. Interrupt again to stop at once.")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop, received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
