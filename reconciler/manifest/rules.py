"""Owns the rules that no schema can state: of the values of one resource together, and of resources among each other.

What a rule needs to know of a kind, it asks the registry or the kind's schema.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from reconciler.errors import Place, Problem
from reconciler.kinds import Field, repeated
from reconciler.manifest.index import Entry, problem
from reconciler.manifest.node import key_place
from reconciler.manifest.schema import matches, schema
from reconciler.manifest.sinks import SINK, check_sink, destination
from reconciler.manifest.words import listed, shown, suggest
from reconciler.model import Data, Resource


def check(entry: Entry, root: Path) -> Iterator[Problem]:
    """Check one resource; `root` has no links left in it."""
    yield from _required(entry)
    yield from _key(entry)
    for field, what in entry.kind.objections(entry.data):
        yield problem(entry, (field,), what)
    lifecycle = entry.data.get("lifecycle")
    if lifecycle:
        for number, name in enumerate(lifecycle.get("ignore", ())):
            if name not in entry.kind.by_name:
                what = f"a {entry.kind.name} has no field {shown(name)} to ignore"
                yield problem(entry, ("lifecycle", "ignore", number), what, suggest(name, tuple(entry.kind.by_name)))
    if SINK in entry.data:
        yield from check_sink(entry, root)


def twice(entry: Entry, declared: Field, value: Data) -> Iterator[Problem]:
    """Find what stands in a list twice that has no order."""
    for index, other in repeated(declared, value):
        what = f"this stands in `{declared.name}` already, as element {other + 1}"
        yield problem(entry, (declared.name, index), what)


def between(resources: Iterable[Resource]) -> Iterator[Problem]:
    """Check that no two resources are one object, deliver to one place, or were the same before."""
    ids: dict[str, Resource] = {}
    places: dict[str, Resource] = {}
    former: dict[object, Resource] = {}
    for each in resources:
        if each.id:
            other = ids.setdefault(each.id, each)
            if other is not each:
                yield _twice(each, other, each.at("id"), "have one id")
        sink = each.settings.get(SINK)
        if sink and (goal := destination(sink)):
            other = places.setdefault(goal, each)
            if other is not each:
                yield _twice(each, other, each.at(SINK), "have one destination")
        for before in each.previously:
            other = former.setdefault(before.address, each)
            if other is not each:
                yield _twice(each, other, before.place, f"both were {before.address} before")


def _twice(one: Resource, other: Resource, place: Place, what: str) -> Problem:
    return Problem(place, f"{other.address} (at {other.place}) and {one.address} {what}", address=str(one.address))


def _required(entry: Entry) -> Iterator[Problem]:
    kind, stated = entry.kind, entry.data.spots
    given = [name for name in kind.one_of if name in stated]
    choice = listed([f"`{name}`" for name in kind.one_of])
    if len(given) > 1:
        yield Problem(key_place(stated[given[1]]), f"exactly one of {choice} can be stated", None, str(entry.address))
    if "id" in stated:
        return
    if kind.one_of and not given:
        yield Problem(entry.place, f"a {kind.name} needs {choice}", None, str(entry.address))
    for field in kind.fields:
        if field.required and field.name not in stated and field.name != kind.keyed:
            yield Problem(entry.place, f"a {kind.name} needs `{field.name}`", None, str(entry.address))


def _key(entry: Entry) -> Iterator[Problem]:
    keyed = entry.kind.keyed
    if keyed is None or keyed in entry.data.spots or "id" in entry.data.spots:
        return
    key = entry.address.path[-1]
    stated = schema(entry.kind.name)["properties"][keyed]
    pattern, says = stated["pattern"], stated["patternErrorMessage"]
    if not matches(pattern, key):
        legal = re.sub(r"[^a-z0-9]+", "_", key).strip("_")
        hint = f"write `{legal}`, or give `{keyed}`" if matches(pattern, legal) else f"give `{keyed}`"
        what = f"the key {shown(key)} stands for `{keyed}`, which {says}"
        yield Problem(entry.place, what, hint, str(entry.address))
