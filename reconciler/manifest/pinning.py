"""Owns the choice of the file that each id goes into, and makes the new texts. Reads files, writes none."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from reconciler.errors import InvalidManifests, Problem
from reconciler.kinds import KINDS
from reconciler.manifest.index import Entry
from reconciler.manifest.pin import NoRoom, states, with_ids
from reconciler.manifest.select import Selection
from reconciler.model import Address, Data, Resource


def edits(
    selection: Selection, entries: Iterable[Entry], ids: Mapping[Address, str], *, apart: bool
) -> dict[Path, tuple[str, str]]:
    """Put each id where the key of its resource stands; give the texts of before and after, by file.

    `apart`: other environments read the same files, so that an id may only stand in an overlay.
    """
    files = {selection.name(path): path for path in (*selection.files, *selection.overlays)}
    texts: dict[Path, str] = {}
    wanted: dict[Path, dict[tuple[str, ...], str]] = defaultdict(dict)
    problems = []
    for entry in entries:
        path = pointer(entry.address)
        file = _laid(path, selection, texts) if apart else files[entry.place.file]
        if entry.place.via:
            what = "all of it stands in a template, which others share"
            problems.append(_problem(entry, what, "state its key in the resource that extends it"))
        elif file is None:
            what = "its key stands in files that other environments share"
            problems.append(_problem(entry, what, "state its key in the overlay of this environment"))
        else:
            wanted[file][path] = ids[entry.address]
    made: dict[Path, tuple[str, str]] = {}
    for file, named in wanted.items():
        text = texts.setdefault(file, _text(file))
        try:
            made[file] = (text, with_ids(text, named))
        except NoRoom as error:
            problems.append(Problem(None, f"{selection.name(file)}: {error}", "write the `id` by hand"))
    if problems:
        raise InvalidManifests(tuple(problems))
    return made


def pointer(address: Address) -> tuple[str, ...]:
    """Say where in the manifests a resource stands: section and key, of each owner first."""
    kind, path = KINDS[address.kind], address.path
    above = pointer(Address(kind.owner, path[:-1])) if kind.owner else ()
    return (*above, kind.section, path[-1])


def unkeyed(resource: Resource) -> dict[str, Data]:
    """Leave out the field that only the key states: what has an id is not found by its name."""
    keyed = KINDS[resource.address.kind].keyed
    return {name: value for name, value in resource.fields.items() if name != keyed or (name,) in resource.places}


def _laid(path: tuple[str, ...], selection: Selection, texts: dict[Path, str]) -> Path | None:
    """Find the overlay that has the last word on a resource."""
    for file in reversed(selection.overlays):
        if states(texts.setdefault(file, _text(file)), path):
            return file
    return None


def _text(file: Path) -> str:
    return file.read_bytes().decode()


def _problem(entry: Entry, what: str, hint: str) -> Problem:
    return Problem(entry.place, f"{entry.address} cannot be pinned: {what}", hint, str(entry.address))
