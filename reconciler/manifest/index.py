"""Owns the resources of the merged tree by address: templates applied, and what cannot be used set apart."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from reconciler.errors import Place, Problem
from reconciler.kinds import KINDS, Kind, owned
from reconciler.manifest.merge import EXTENDS, over
from reconciler.manifest.node import Map, key_place, nearest, value_place
from reconciler.manifest.words import shown, suggest
from reconciler.model import Address, Pointer


@dataclass(frozen=True, slots=True)
class Entry:
    """A resource as it stands in the merged tree, its template merged under it. `place` is its key's."""

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
    for entry in _below(tree, None, (), templates, found):
        found.entries[entry.address] = entry
    return found


def problem(entry: Entry, path: Pointer, what: str, hint: str | None = None, *, key: bool = False) -> Problem:
    """Make a problem of a resource at the place of a value, or of its key; one from a template names both places."""
    spot = nearest(entry.data, path)
    if spot is None:
        return Problem(entry.place, what, hint, str(entry.address))
    if spot[5]:
        what = f"{what} (in the template that is taken at {spot[5]})"
    return Problem(key_place(spot) if key else value_place(spot), what, hint, str(entry.address))


def depth(kind: Kind) -> int:
    """Count the keys in the path of a kind's addresses."""
    return 1 + depth(KINDS[kind.owner]) if kind.owner else 1


def _below(
    around: Map, owner: Kind | None, path: tuple[str, ...], templates: Mapping[str, Map], found: Index
) -> Iterator[Entry]:
    for kind in owned(owner.name if owner else None):
        section: Map = around.get(kind.section, Map())
        for key, spot in section.spots.items():
            if key not in section:
                found.broken.add((*path, key))
            if (data := section.get(key)) is None:
                continue
            address = Address(kind.name, (*path, key))
            if EXTENDS in data:
                data = _extended(data, address, templates.get(kind.section, Map()), found)
            yield Entry(kind, address, data, key_place(spot))
            yield from _below(data, kind, address.path, templates, found)


def _extended(data: Map, address: Address, templates: Map, found: Index) -> Map:
    name, spot = data[EXTENDS], data.spots[EXTENDS]
    template: Map | None = templates.get(name)
    if template is not None:
        return over(template, data, key_place(spot))
    if name not in templates.spots and not found.hopeless:
        what = f"there is no template {shown(name)} of this kind, {address.kind}"
        hint = suggest(name, tuple(templates))
        found.problems.append(Problem(value_place(spot), what, hint, str(address)))
    return data
