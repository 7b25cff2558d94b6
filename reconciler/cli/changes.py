"""`plan`, `apply`, `destroy` and `rotate`: show what would happen, and make it happen."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING

import typer

from reconciler.cli import asked, terminal
from reconciler.cli.exits import Exit, of_error, of_events
from reconciler.cli.load import calls_at_once, load
from reconciler.cli.options import ApplyOptions, DestroyOptions, PlanOptions, RotateOptions, Running, SaveOptions
from reconciler.errors import CannotWrite, Unrecorded
from reconciler.render.safe import safe

if TYPE_CHECKING:
    from reconciler.auth import AuthClient
    from reconciler.model import Event, Manifests
    from reconciler.pipeline import Planned, Site


def plan(options: SaveOptions) -> None:
    """Show what an apply would do. Planning cannot write."""
    from reconciler.cli import saved
    from reconciler.cli.session import connect
    from reconciler.render.plan import shown

    saved.refuse(options)
    lifetime = saved.lifetime(options)
    manifests = load(options)
    with connect(options, manifests) as (client, site):
        planned = make(options, manifests, client, site)
        saved.keep(options, planned, manifests, lifetime=lifetime)
    if not planned.plan.applyable:
        raise typer.Exit(Exit.REFUSED)
    if options.detailed_exitcode and shown(planned.plan):
        raise typer.Exit(Exit.CHANGES)


def apply(options: ApplyOptions) -> None:
    """Plan, show the plan, ask, and apply it; or apply a saved plan."""
    from reconciler.cli import saved

    if file := saved.named(options):
        saved.apply(options, file)
    else:
        _carry_out(options, "Apply this plan?")


def destroy(options: DestroyOptions) -> None:
    """Delete everything that is bound here, or what --target names: plan, show the plan, ask, and apply it."""
    _carry_out(options, "Delete all of this? There is no way back.")


def rotate(options: RotateOptions) -> None:
    """Replace the secrets of credentials now: plan, show the plan, ask, and apply it. The old ones stay a while."""
    _carry_out(options, "Rotate these secrets?")


def _carry_out(options: Running, question: str) -> None:
    from reconciler.cli.rehearse import required
    from reconciler.cli.session import connect, locked
    from reconciler.render.plan import shown

    manifests = load(asked.manifests(options))
    with connect(options, manifests) as (client, site), locked(site, options.lock_timeout):
        planned = make(options, manifests, client, site)
        if not planned.plan.applyable:
            raise typer.Exit(Exit.REFUSED)
        if isinstance(options, ApplyOptions) and options.rehearse:
            required(options, planned, manifests, client, site)
        if shown(planned.plan) and not (options.auto_approve or _approved(question, no_input=options.no_input)):
            terminal.warn("Nothing was changed.")
            raise typer.Exit(Exit.ERROR)
        run = carry_out(options, planned, client, site)
        report(options, manifests, planned, site, run)
    code = run.ended or of_events(run.events)
    if code:
        raise typer.Exit(code)


@dataclass(slots=True)
class Run:
    """What a run did, what of it could not be written down, and the exit code of what ended it (0: it ended itself)."""

    events: list["Event"] = field(default_factory=list)
    unrecorded: Unrecorded | None = None
    ended: int = 0


def make(options: PlanOptions | Running, manifests: "Manifests", client: "AuthClient", site: "Site") -> "Planned":
    """Plan and show it."""
    from reconciler import pipeline
    from reconciler.render import plan as rendered

    if options.overlay and manifests.environment is None and site.bindings.exists():
        terminal.warn(
            f"warning: no overlay names its `environment`, so this goes on with {site.bindings}, whichever overlays "
            "that was made with; write `environment: NAME` at the top of one to keep environments apart"
        )
    consents, aim, parallelism = asked.consents(options), asked.aim(options), calls_at_once(options)
    planned = pipeline.plan(manifests, client, site, consents=consents, aim=aim, parallelism=parallelism)
    if aim.destroy and not rendered.shown(planned.plan):
        terminal.say(f"Nothing to destroy: {'none of that' if aim.partial else 'nothing'} is bound here.")
    else:
        terminal.say(rendered.text(planned.plan, terminal.look(options)))
    return planned


def carry_out(options: Running, planned: "Planned", client: "AuthClient", site: "Site") -> Run:
    """Apply a plan, showing what happens."""
    from reconciler import pipeline
    from reconciler.cli.login import renewing
    from reconciler.render import run as rendered

    run, look = Run(), terminal.look(options)
    with _signals() as (stop, received):
        renew = renewing(client, no_input=options.no_input)
        steering = pipeline.Steering(calls_at_once(options), stop, renew, mask=terminal.mask)
        try:
            for event in pipeline.apply(planned, client, site, steering):
                run.events.append(event)
                line = rendered.line(event, look)
                if line:
                    _tell(line, stop)
        except Unrecorded as error:
            lost = f". What it would say is:\n{error.entries}" if error.entries else ""
            terminal.warn(f"Error: {safe(str(error))}{lost}")
            run.unrecorded, run.ended = error, of_error(error)
    if received:
        run.ended = 128 + received[0]
    return run


def _tell(line: str, stop: threading.Event) -> None:
    """Say what happens; when nobody can read it any more, stop in an orderly way."""
    try:
        terminal.say(line)
    except (BrokenPipeError, CannotWrite) as error:
        terminal.warn(f"Error: {error}; stopping: what is under way is finished first.")
        stop.set()


def report(options: Running, manifests: "Manifests", planned: "Planned", site: "Site", run: Run) -> None:
    """Say what came of a run, and what is to be done now."""
    from reconciler import pipeline
    from reconciler.render import outputs
    from reconciler.render import run as rendered
    from reconciler.render.plan import shown

    done = run.unrecorded is None and not of_events(run.events)
    if not done or shown(planned.plan):
        again = ["reconciler", *sys.argv[1:]]
        terminal.say(rendered.summary(run.events, terminal.look(options), again=again, unrecorded=run.unrecorded))
    if done and (known := pipeline.outputs(manifests, pipeline.state(site).entries)):
        terminal.say("\nOutputs:\n" + outputs.text(known, outputs.Format.TEXT))
    if os.environ.get("CI"):
        _keep(planned, site, run)


def _keep(planned: "Planned", site: "Site", run: Run) -> None:
    """Name the files that a pipeline must keep, since they would go with its workspace."""
    from reconciler.model import Finished, Verb

    if run.unrecorded is None or run.unrecorded.bound:
        terminal.warn(f"Keep {safe(str(site.bindings))}: without it, later renames and deletions need an `id`.")
    else:
        terminal.warn(f"Keep {safe(str(site.journal))}: it alone says what was done.")
    for event in run.events:
        if isinstance(event, Finished) and event.operation.verb is Verb.CREATE:
            address = event.operation.address
            sink = planned.sinks.get(address)
            if sink and sink.kept:
                names = " and ".join(safe(str(file)) for file in sink.kept)
                terminal.warn(f"Keep {names}: the secret of {address} stands nowhere else.")


def _approved(question: str, *, no_input: bool) -> bool:
    if no_input:
        terminal.warn("This would ask before it changes anything; give --auto-approve to apply without asking.")
        return False
    return terminal.ask(f"{question} Only `yes` is taken as consent: ")


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
