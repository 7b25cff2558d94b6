"""`bindings`: look at which object each address is, and put it right by hand. None of this writes to the service."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli import terminal
from reconciler.cli.exits import Exit
from reconciler.cli.flags import AsJson, AutoApprove, LockTimeout, NoInput, an_address
from reconciler.cli.load import load
from reconciler.cli.options import ReadOptions, ServiceOptions, taking
from reconciler.errors import CannotBind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.journal import Intent
    from reconciler.model import Address, Binding
    from reconciler.state import Site, State

bindings = typer.Typer(help="Look at the bindings, and put them right by hand.")


def _named(metavar: str, told: str) -> object:
    return typer.Argument(metavar=metavar, callback=an_address, help=told)


@dataclass(frozen=True, slots=True)
class ListOptions(ServiceOptions):
    """What `bindings list` takes besides."""

    json: AsJson = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowOptions(ListOptions):
    """What `bindings show` takes besides."""

    address: Annotated[str, _named("ADDRESS", "Which one.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveOptions(ServiceOptions):
    """What `bindings rm` takes besides."""

    address: Annotated[str, _named("ADDRESS", "What to forget, with all below it.")]
    auto_approve: AutoApprove = False
    no_input: NoInput = False
    lock_timeout: LockTimeout = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveOptions(ServiceOptions):
    """What `bindings mv` takes besides."""

    old: Annotated[str, _named("OLD", "The address as it is bound.")]
    new: Annotated[str, _named("NEW", "What it is called from now on.")]
    lock_timeout: LockTimeout = 0


@dataclass(frozen=True, slots=True)
class RebuildOptions(ReadOptions):
    """What `bindings rebuild` takes besides."""

    auto_approve: AutoApprove = False
    no_input: NoInput = False
    lock_timeout: LockTimeout = 0


def show_all(options: ListOptions) -> None:
    """List which object each address is."""
    from reconciler.render import bindings as rendered

    site, known = _known(options)
    if options.json:
        terminal.say(rendered.listed_json(known.entries, environment=site.environment, target=site.target))
    elif known.entries:
        terminal.say(rendered.listed(known.entries))
    else:
        terminal.warn("There are no bindings.")


def show(options: ShowOptions) -> None:
    """Show all that the bindings say of one address."""
    from reconciler.kinds import parse
    from reconciler.render import bindings as rendered

    address = parse(options.address)
    binding = _known(options)[1].entries.get(address)
    if binding is None:
        raise CannotBind(options.address, "is not bound; `bindings list` shows what is")
    terminal.say(rendered.one_json(address, binding) if options.json else rendered.one(address, binding))


def move(options: MoveOptions) -> None:
    """Rename an address and all below it. `previously` in the manifests does the same in a reviewed way."""
    from reconciler import edits, state
    from reconciler.cli.session import locate, locked
    from reconciler.kinds import parse
    from reconciler.render import bindings as rendered

    old, new = parse(options.old), parse(options.new)
    with locate(options, load(options)) as site, locked(site, options.lock_timeout):
        known = state.state(site)
        named = edits.renames(known.entries, old, new)
        left = edits.intents_moved(known.left.open, old, new)
        _rewrite(site, known, edits.moved(known.entries, named), left, "bindings mv")
    terminal.say(rendered.moves(named, known.entries))
    terminal.warn("`previously` in the manifests does the same in a way that others can review.")


def remove(options: RemoveOptions) -> None:
    """Forget an address and all below it; the objects stay as they are."""
    from reconciler import edits, state
    from reconciler.cli.session import locate, locked
    from reconciler.kinds import parse
    from reconciler.render import bindings as rendered

    manifests = load(options)
    with locate(options, manifests) as site, locked(site, options.lock_timeout):
        known = state.state(site)
        gone = edits.at_or_below(parse(options.address), known.entries)
        terminal.say(rendered.forgotten(gone, known.entries, manifests.resources))
        agree(options, "Forget this?")
        entries = {address: binding for address, binding in known.entries.items() if address not in gone}
        _rewrite(site, known, entries, edits.intents_kept(known.left.open, gone), "bindings rm")
    terminal.say(f"Forgotten: {len(gone)}.")


def rebuild(options: RebuildOptions) -> None:
    """Make the bindings anew, from the manifests and the live service, when they are lost or damaged."""
    from reconciler.cli.adopt import rebuild as making  # which imports this module

    making(options)


def agree(options: RemoveOptions | RebuildOptions, question: str) -> None:
    """Ask before the bindings are changed; end here when the answer is no."""
    if options.auto_approve:
        return
    if options.no_input:
        terminal.warn("This would ask before it changes anything; give --auto-approve to go on without asking.")
    elif terminal.ask(f"{question} Only `yes` is taken as consent: "):
        return
    terminal.warn("Nothing was changed.")
    raise typer.Exit(Exit.ERROR)


def _known(options: ServiceOptions) -> "tuple[Site, State]":
    from reconciler import state
    from reconciler.cli.session import locate

    with locate(options, load(options)) as site:
        return site, state.state(site)


def _rewrite(
    site: "Site", known: "State", entries: "Mapping[Address, Binding]", left: "tuple[Intent, ...]", command: str
) -> None:
    from reconciler import state

    state.rewrite(site, known.stored, entries, unsettled=left, run={"command": command})


bindings.command("list")(taking(ListOptions, show_all))
bindings.command("show")(taking(ShowOptions, show))
bindings.command("mv")(taking(MoveOptions, move))
bindings.command("rm")(taking(RemoveOptions, remove))
bindings.command("rebuild")(taking(RebuildOptions, rebuild))
