"""`import` and `bindings rebuild`: bind what exists already at the service. Neither writes to the service."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli import terminal
from reconciler.cli.bindings import RebuildOptions, agree
from reconciler.cli.flags import LockTimeout, an_address
from reconciler.cli.load import calls_at_once, load
from reconciler.cli.options import ReadOptions
from reconciler.errors import StaleBindings

if TYPE_CHECKING:
    from reconciler.model import Data
    from reconciler.state import Site, State
    from reconciler.survey import Survey


def _an_id(text: str) -> str:
    from reconciler.model import UUID

    if not UUID.fullmatch(text.lower()):
        raise typer.BadParameter("an id is a UUID, such as 20ab4658-e735-46d9-ade2-94038fa52a94")
    return text.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions(ReadOptions):
    """What `import` takes besides."""

    address: Annotated[str, typer.Argument(metavar="ADDRESS", callback=an_address, help="Its name in the manifests.")]
    identifier: Annotated[str, typer.Argument(metavar="ID", callback=_an_id, help="The id of the object.")]
    lock_timeout: LockTimeout = 0


def adopt(options: ImportOptions) -> None:
    """Bind an object that exists to its address in the manifests. Changes nothing at the service."""
    from reconciler import adoption, state
    from reconciler.cli.session import connect, locked
    from reconciler.kinds import parse
    from reconciler.render import adoption as rendered
    from reconciler.survey import survey

    address, manifests = parse(options.address), load(options)
    with connect(options, manifests) as (client, site), locked(site, options.lock_timeout):
        known, elsewhere = state.state(site), state.others(site)
        before = known.entries.get(address)
        if before and before.id == options.identifier:
            # What was last applied is known better than an import could tell.
            terminal.say(f"{address} is {before.id} already.")
            return
        meant = adoption.pinned(manifests, address, options.identifier, known.entries, elsewhere)
        seen = survey(meant, client, known, elsewhere, parallelism=calls_at_once(options))
        binding = adoption.adopted(seen, address, options.identifier)
        entries = {**known.entries, address: binding}
        run = _run(seen, "import")
        state.rewrite(site, known.stored, entries, unsettled=known.left.open, run=run)
    terminal.say(f"{address} is {options.identifier} from now on.")
    terminal.say(rendered.ahead(adoption.ahead(seen, address), seen.names))


def rebuild(options: RebuildOptions) -> None:
    """Make the bindings anew, from the manifests and the live service."""
    from reconciler import adoption, bindings, state
    from reconciler.cli.session import connect, locked
    from reconciler.render import adoption as rendered
    from reconciler.survey import survey

    manifests = load(options)
    with connect(options, manifests) as (client, site), locked(site, options.lock_timeout):
        known = _believed(site)
        fresh = state.fresh(site, known.left)
        seen = survey(manifests, client, fresh, state.others(site), parallelism=calls_at_once(options))
        found = adoption.rebuilt(seen, known.entries)
        terminal.say(rendered.rebuilt(found.entries, found.undecided, found.absent, found.lost))
        agree(options, "Make these the bindings?")
        aside = bindings.set_aside(site.bindings)
        run = _run(seen, "bindings rebuild")
        state.rewrite(site, fresh.stored, found.entries, unsettled=known.left.open, run=run)
    if aside:
        terminal.warn(f"What was there before stands in {aside}.")
    terminal.say(f"Bound: {len(found.entries)}.")


def _believed(site: "Site") -> "State":
    """Read what is known, as far as it is of any use."""
    from reconciler import state

    try:
        return state.state(site)
    except StaleBindings as error:
        if not error.rebuild:
            raise
        terminal.warn(f"warning: {error.file}: it cannot be used as it is, so the service is asked")
        return state.fresh(site, state.left(site))


def _run(seen: "Survey", command: str) -> "dict[str, Data]":
    caller = seen.snapshot.caller
    name = seen.names.get(caller)
    return {"command": command, "caller": caller, **({"caller_name": name} if name else {})}
