"""`log`: what was done here, by whom, and what came of it. Reads the journal alone."""

from dataclasses import dataclass
from typing import Annotated

import typer

from reconciler.cli import terminal
from reconciler.cli.flags import AsJson, an_address
from reconciler.cli.load import load
from reconciler.cli.options import ServiceOptions


def _address(text: str | None) -> str | None:
    return None if text is None else an_address(text)


@dataclass(frozen=True, slots=True)
class LogOptions(ServiceOptions):
    """What `log` takes besides."""

    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="Only the newest N runs.  [default: all]")
    ] = None
    address: Annotated[
        str | None,
        typer.Option("--address", metavar="ADDRESS", callback=_address, help="Only this resource, and all below it."),
    ] = None
    json: AsJson = False


def log(options: LogOptions) -> None:
    """Show what was done, by whom, and what came of it; the newest last."""
    from reconciler import journal
    from reconciler.cli.session import locate
    from reconciler.kinds import parse
    from reconciler.record import runs
    from reconciler.render import record as rendered

    about = parse(options.address) if options.address else None
    with locate(options, load(options)) as site:
        shown = 0
        for run in runs(site.folder, site.environment, limit=options.limit, address=about):
            terminal.say(rendered.json_line(run) if options.json else rendered.text(run) + "\n")
            shown += 1
        others = [file.name for file in journal.beside(site.journal)]
    if not shown:
        terminal.warn("Nothing is recorded" + (f" of {options.address}." if options.address else "."))
    if others:
        terminal.warn(f"Other environments have journals of their own: {', '.join(others)}; name their --overlay.")
