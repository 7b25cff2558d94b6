"""Owns the resources of the merged tree by address: templates applied, and what cannot be used set apart."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from reconciler.errors import Place, Problem
from reconciler.kinds import KINDS, Kind, owned
from reconciler.manifest.merge import EXTENDS, over
from reconciler.manifest.node import Map, key_place, nearest, spot_at, value_place
from reconciler.manifest.words import shown, suggest
from reconciler.model import Address, Pointer


@dataclass(frozen=True, slots=True)
class Entry:
    """A resource as it stands in the merged tree, its template merged under it.

    `place` is its key's; with a `via`, all of it stands in a template.
    """

    kind: Kind
    address: Address
    data: Map
    place: Place


MOST = 1000
"""With so many problems, no more are looked for."""


@dataclass(slots=True)
class Index:
    """All resources in order, owners before what they own."""

    entries: dict[Address, Entry] = field(default_factory=dict)
    broken: set[tuple[str, ...]] = field(default_factory=set)
    """The paths of resources that are stated, but cannot be used: nothing below them is missing."""
    removed: set[Address] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    @property
    def hopeless(self) -> bool:
        """Whether there are so many problems that no more are looked for."""
        return len(self.problems) >= MOST


def index(tree: Map) -> Index:
    """Walk over the resources of a tree."""
    found = Index()
    templates: Mapping[str, Map] = tree.get("templates", Map())
    for section in templates.values():
        for template in section.values():
            if spot := template.spots.get(EXTENDS):
                found.problems.append(Problem(key_place(spot), "templates do not extend templates"))
    for entry in _below(tree, None, templates, found):
        found.entries[entry.address] = entry
    return found


def problem(entry: Entry, path: Pointer, what: str, hint: str | None = None, *, key: bool = False) -> Problem:
    """Make a problem of a resource at the place of a value, or of its key."""
    spot = nearest(entry.data, path, entry.place.via)
    place = entry.place if spot is None else key_place(spot) if key else value_place(spot)
    return Problem(place, what, hint, str(entry.address))


def depth(kind: Kind) -> int:
    """Count the keys in the path of a kind's addresses."""
    return 1 + depth(KINDS[kind.owner]) if kind.owner else 1


def _below(around: Map, above: Entry | None, templates: Mapping[str, Map], found: Index) -> Iterator[Entry]:
    path, via = (above.address.path, above.place.via) if above else ((), None)
    for kind in owned(above.kind.name if above else None):
        section: Map = around.get(kind.section, Map())
        for key in section.spots:
            if key not in section:
                found.broken.add((*path, key))
            spot = spot_at(around, (kind.section, key), via)
            if spot is None or (data := section.get(key)) is None:
                continue
            entry = Entry(kind, Address(kind.name, (*path, key)), data, key_place(spot))
            if EXTENDS in data:
                entry = _extended(entry, templates.get(kind.section, Map()), found)
            yield entry
            yield from _below(entry.data, entry, templates, found)


def _extended(entry: Entry, templates: Map, found: Index) -> Entry:
    name, taken = entry.data[EXTENDS], key_place(entry.data.spots[EXTENDS])
    template: Map | None = templates.get(name)
    if template is not None:
        return replace(entry, data=over(template, entry.data, taken))
    if name not in templates.spots and not found.hopeless:
        what = f"there is no template {shown(name)} of this kind, {entry.address.kind}"
        found.problems.append(problem(entry, (EXTENDS,), what, suggest(name, tuple(templates))))
    return entry
