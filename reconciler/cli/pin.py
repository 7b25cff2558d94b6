"""`pin`: write the ids that the bindings know into the manifests, and change nothing else in them."""

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler import files
from reconciler.cli import asked, terminal
from reconciler.cli.load import exclude, load
from reconciler.cli.options import ServiceOptions
from reconciler.errors import CannotBind, CannotWrite
from reconciler.model import Address
from reconciler.render.safe import safe

if TYPE_CHECKING:
    from reconciler.model import Binding, Manifests, Resource


@dataclass(frozen=True, slots=True)
class PinOptions(ServiceOptions):
    """What `pin` takes besides."""

    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="ADDRESS|PATH", help="Addresses (none: all); then files and folders of manifests."),
    ] = None
    check: Annotated[bool, typer.Option("--check", help="Show what would be written, and write nothing.")] = False


def pin(options: PinOptions) -> None:
    """Write the `id` of every bound resource into the manifests, at its place."""
    from reconciler import manifest, state
    from reconciler.cli.session import locate

    addresses, paths = asked.apart(options.paths or [])
    named = replace(options, paths=paths)
    manifests = load(named)
    with locate(named, manifests) as site:
        ids = dict(_ids(manifests, state.state(site).entries, addresses))
    edited = manifest.pinned(paths, ids, overlays=list(options.overlay or []), exclude=exclude()) if ids else {}
    if options.check:
        for file, (before, after) in sorted(edited.items()):
            terminal.say("\n".join(_diff(Path(os.path.relpath(file)), before, after)))
        return
    _write({file: after.encode() for file, (_, after) in edited.items()})
    for address in sorted(ids):
        terminal.say(f"{address}: id: {ids[address]}")
    terminal.say(f"Pinned: {len(ids)}, in {len(edited)} file{'' if len(edited) == 1 else 's'}.")


def _ids(
    manifests: "Manifests", entries: "Mapping[Address, Binding]", addresses: list[Address]
) -> Iterator[tuple[Address, str]]:
    """Choose what is pinned: what is bound and has no id yet. What was named and cannot be is an error."""
    for address in addresses or sorted(manifests.resources):
        resource = manifests.resources.get(address)
        why = _not_pinned(resource, entries.get(address))
        if why is None:
            yield address, entries[address].id
        elif address in addresses and not (resource and resource.id):
            raise CannotBind(str(address), why)


def _not_pinned(resource: "Resource | None", binding: "Binding | None") -> str | None:
    if resource is None:
        return "is not in the manifests"
    if resource.id:
        return "is pinned already"
    if resource.settings.get("sink"):
        return "has another id after each rotation, so it cannot be pinned"
    return "is not bound; apply or import it first" if binding is None else None


def _diff(file: Path, before: str, after: str) -> Iterator[str]:
    for line in difflib.unified_diff(before.splitlines(), after.splitlines(), str(file), str(file), lineterm=""):
        yield safe(line)


def _write(contents: Mapping[Path, bytes]) -> None:
    """Put all files in place, or none when one of them cannot be written."""
    try:
        files.replace_all(contents)
    except files.NotReplaced as error:
        raise CannotWrite(str(error.file), f"{files.why(error.cause)}; no manifest was changed") from error
