"""Owns the rules that no schema can state: of the values of one resource together, and of resources among each other.

What a rule needs to know of a kind, it asks the registry or the kind's schema.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from reconciler.errors import Place, Problem
from reconciler.kinds import KINDS, Field, owner, repeated
from reconciler.kinds.sinks import FILE, Goal, goals
from reconciler.manifest.index import Entry, problem
from reconciler.manifest.schema import matches, schema
from reconciler.manifest.sinks import SINK, check_sink
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


def between(resources: Collection[Resource]) -> Iterator[Problem]:
    """Check that no two resources are one object, go by one name, deliver to one place, or were the same before."""
    claimed: dict[object, Resource] = {}
    for each in resources:
        for claim, place, what in _claims(each):
            other = claimed.setdefault(claim, each)
            if other is not each:
                yield _twice(each, other, place, what)
    yield from _nested(resources)


def _claims(resource: Resource) -> Iterator[tuple[object, Place, str]]:
    """List what only one resource can have, with its place, and what is said of two that have it."""
    kind, fields = KINDS[resource.address.kind], resource.fields
    if resource.id:
        yield ("id", resource.id), resource.at("id"), "have one id"
    if kind.keyed and kind.keyed in fields:
        # What keys stand for is unique as keys are: it tells the objects of one owner apart.
        siblings = (kind.name, owner(resource.address))
        yield (siblings, kind.natural(fields)), resource.at(kind.keyed), f"have one `{kind.keyed}`"
    for goal in _goals(resource):
        yield ("destination", goal), resource.at(SINK), "have one destination"
    for former in resource.previously:
        if former.id:
            yield ("id", former.id), former.place, "have one id"
        yield ("former", former.address), former.place, f"both were {former.address} before"


def _nested(resources: Iterable[Resource]) -> Iterator[Problem]:
    """Find files that would have to be folders of others."""
    files = {goal: each for each in resources for goal in _goals(each) if goal[0] == FILE}
    for goal, each in files.items():
        for length in range(1, len(goal)):
            if goal[:length] in files:
                yield _twice(each, files[goal[:length]], each.at(SINK), "go to a file, and to one below that")


def _goals(resource: Resource) -> tuple[Goal, ...]:
    sink = resource.settings.get(SINK)
    return goals(sink) if sink else ()


def _twice(one: Resource, other: Resource, place: Place, what: str) -> Problem:
    return Problem(place, f"{other.address} (at {other.place}) and {one.address} {what}", address=str(one.address))


def _required(entry: Entry) -> Iterator[Problem]:
    kind, stated = entry.kind, entry.data.spots
    given = [name for name in kind.one_of if name in stated]
    choice = listed([f"`{name}`" for name in kind.one_of])
    if len(given) > 1:
        yield problem(entry, (given[1],), f"exactly one of {choice} can be stated", key=True)
    if "id" in stated:
        return
    if kind.one_of and not given:
        yield problem(entry, (), f"a {kind.name} needs {choice}")
    for field in kind.fields:
        if field.required and field.name not in stated and field.name != kind.keyed:
            yield problem(entry, (), f"a {kind.name} needs `{field.name}`")


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
        yield problem(entry, (), what, hint)
