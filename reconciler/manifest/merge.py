"""Owns how trees become one: files that share resources, overlays over them, templates under a resource.

Only what `spread` collects into is changed in place; a template stays what it is for the next resource.
"""

from collections.abc import Iterator

from reconciler.errors import Place, Problem
from reconciler.kinds import KINDS, Kind, owned
from reconciler.manifest.node import Items, Map, key_place
from reconciler.manifest.words import shown
from reconciler.model import Pointer

SECTIONS = {kind.section: kind for kind in KINDS.values()}
EXTENDS = "extends"
_REMOVED = "removed"
_OUTPUTS = "outputs"
TEMPLATES = "templates"


def spread(into: Map, other: Map) -> Iterator[Problem]:
    """Add what another file says; a field that both set is a problem."""
    for key in list(other.spots):
        if key not in other or key not in into:
            _take(into, other, key)
        elif key == _REMOVED:
            into[key] = _joined(into[key], other[key])
        elif key == _OUTPUTS:
            yield from _together(into[key], other[key], "the output")
        elif key == TEMPLATES:
            yield from _templates(into[key], other[key])
        elif key in SECTIONS:
            yield from _section(into[key], other[key], SECTIONS[key])


def overlay(base: Map, top: Map) -> Map:
    """Merge an overlay over the rest; `null` at the key of a resource leaves it out."""
    merged = over(base, top)
    if _REMOVED in base and _REMOVED in top:
        merged[_REMOVED] = _joined(base[_REMOVED], top[_REMOVED])
    for path, templated in list(nulls(merged)):
        if not templated:
            around = _at(merged, path[:-1])
            del around[str(path[-1])], around.spots[str(path[-1])]
    return merged


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


def nulls(tree: Map) -> Iterator[tuple[Pointer, bool]]:
    """Find where `null` stands in place of a resource, a template or an output, and whether below an `extends`.

    There it leaves out what the template has, and stays until the template is taken.
    """
    yield from _nulls(tree, owned(None), (), templated=False)
    for section, templates in tree.get(TEMPLATES, {}).items():
        yield from _nulls({section: templates}, (SECTIONS[section],), (TEMPLATES,), templated=False)
    yield from (((_OUTPUTS, key), False) for key, value in tree.get(_OUTPUTS, {}).items() if value is None)


def _nulls(
    around: dict[str, Map], kinds: tuple[Kind, ...], path: Pointer, *, templated: bool
) -> Iterator[tuple[Pointer, bool]]:
    for kind in kinds:
        for key, value in around.get(kind.section, {}).items():
            at = (*path, kind.section, key)
            if value is None:
                yield at, templated
            else:
                yield from _nulls(value, owned(kind.name), at, templated=templated or EXTENDS in value)


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
            continue
        if key in into and key in other and into[key] is not other[key]:
            stated, left = (into, other) if other[key] is None else (other, into)
            what = f"the {kind.name} {shown(key)} is left out here, and stated at {key_place(stated.spots[key])}"
            yield Problem(key_place(left.spots[key]), what, "only an overlay leaves out what another file states")
        if into.get(key) is None:
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
