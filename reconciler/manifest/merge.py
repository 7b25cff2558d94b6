"""Owns how trees become one: files that share resources, overlays over them, templates under a resource.

Only what `spread` collects into is changed in place; a template stays what it is for the next resource.
"""

from collections.abc import Iterator

from reconciler.errors import Place, Problem
from reconciler.kinds import KINDS, Kind, owned
from reconciler.manifest.node import Items, Map, key_place, spot_at
from reconciler.manifest.words import shown
from reconciler.model import Pointer

SECTIONS = {kind.section: kind for kind in KINDS.values()}
EXTENDS = "extends"
_REMOVED = "removed"
_OUTPUTS = "outputs"
_TEMPLATES = "templates"


def spread(into: Map, other: Map) -> Iterator[Problem]:
    """Add what another file says; a field that both set is a problem."""
    for key in list(other.spots):
        if key not in other or key not in into:
            _take(into, other, key)
        elif key == _REMOVED:
            into[key] = _joined(into[key], other[key])
        elif key == _OUTPUTS:
            yield from _together(into[key], other[key], "the output")
        elif key == _TEMPLATES:
            yield from _templates(into[key], other[key])
        elif key in SECTIONS:
            yield from _section(into[key], other[key], SECTIONS[key])


def overlay(base: Map, top: Map) -> Map:
    """Merge an overlay over the rest; `null` at the key of a resource leaves it out."""
    merged = over(base, top)
    if _REMOVED in base and _REMOVED in top:
        merged[_REMOVED] = _joined(base[_REMOVED], top[_REMOVED])
    for path in list(nulls(merged)):
        around = _at(merged, path[:-1])
        del around[str(path[-1])], around.spots[str(path[-1])]
    return merged


def missed(base: Map, top: Map) -> Iterator[Problem]:
    """Warn of what an overlay leaves out although nobody put it in."""
    for path in nulls(top):
        spot = spot_at(top, path)
        if spot and spot_at(base, path) is None and not _templated(base, path):
            yield Problem(key_place(spot), f"there is no {shown(str(path[-1]))} here to leave out", warning=True)


def over(base: Map, top: Map, via: Place | None = None) -> Map:
    """Merge a map over another: map by map, anything else replaced. `via` is where a resource takes a template."""
    merged = Map(base)
    merged.spots = {key: (*spot[:5], via) for key, spot in base.spots.items()} if via else dict(base.spots)
    for key, spot in top.spots.items():
        below, value = base.get(key), top.get(key)
        if isinstance(below, Map) and isinstance(value, Map):
            merged[key] = over(below, value, via)
            if via:
                merged.spots[key] = spot
            continue
        merged.spots[key] = spot
        if key in top:
            merged[key] = value
        else:
            merged.pop(key, None)
    return merged


def nulls(tree: Map) -> Iterator[Pointer]:
    """Find where `null` stands in place of a resource, a template or an output.

    Below a resource with a template it stays: there it leaves out what the template has.
    """
    yield from _nulls(tree, owned(None), ())
    for section, templates in tree.get(_TEMPLATES, {}).items():
        yield from _nulls({section: templates}, (SECTIONS[section],), (_TEMPLATES,))
    yield from ((_OUTPUTS, key) for key, value in tree.get(_OUTPUTS, {}).items() if value is None)


def _nulls(around: dict[str, Map], kinds: tuple[Kind, ...], path: Pointer) -> Iterator[Pointer]:
    for kind in kinds:
        for key, value in around.get(kind.section, {}).items():
            if value is None:
                yield (*path, kind.section, key)
            elif EXTENDS not in value:
                yield from _nulls(value, owned(kind.name), (*path, kind.section, key))


def _templated(base: Map, path: Pointer) -> bool:
    around = base
    for step in path:
        found = around.get(str(step))
        if not isinstance(found, Map):
            return False
        if EXTENDS in found:
            return True
        around = found
    return False


def _take(into: Map, other: Map, key: str) -> None:
    into.spots.setdefault(key, other.spots[key])
    if key in other:
        into[key] = other[key]
        into.spots[key] = other.spots[key]


def _together(into: Map, other: Map, what: str) -> Iterator[Problem]:
    for key, spot in other.spots.items():
        if key in into.spots:
            before = key_place(into.spots[key])
            yield Problem(key_place(spot), f"{what} {shown(key)} is already set at {before}")
        else:
            _take(into, other, key)


def _templates(into: Map, other: Map) -> Iterator[Problem]:
    for section in list(other.spots):
        if section in into and section in other:
            yield from _section(into[section], other[section], SECTIONS[section])
        else:
            _take(into, other, section)


def _section(into: Map, other: Map, kind: Kind) -> Iterator[Problem]:
    for key in list(other.spots):
        if isinstance(into.get(key), Map) and isinstance(other.get(key), Map):
            yield from _resource(into[key], other[key], kind, key)
        else:
            _take(into, other, key)


def _resource(into: Map, other: Map, kind: Kind, key: str) -> Iterator[Problem]:
    sections = {each.section: each for each in owned(kind.name)}
    fields = Map()
    for name, spot in other.spots.items():
        if name in sections and name in into and name in other:
            yield from _section(into[name], other[name], sections[name])
            continue
        fields.spots[name] = spot
        if name in other:
            fields[name] = other[name]
    yield from _together(into, fields, f"in the {kind.name} {shown(key)},")


def _joined(first: Items, second: Items) -> Items:
    both = Items()
    both += [*first, *second]
    both.spots = [*first.spots, *second.spots]
    return both


def _at(tree: Map, path: Pointer) -> Map:
    for step in path:
        tree = tree[str(step)]
    return tree
