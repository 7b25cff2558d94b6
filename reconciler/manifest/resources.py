"""Owns the way from the entries of the merged tree to what the rest of the program works with."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from reconciler.errors import Problem
from reconciler.kinds import KINDS
from reconciler.manifest.addresses import NoAddress, missing, read
from reconciler.manifest.index import MOST, Entry, Index, problem
from reconciler.manifest.node import Items, Map, Places, spot_at, value_place
from reconciler.manifest.references import refer
from reconciler.manifest.rules import between, check, twice
from reconciler.manifest.sinks import SINK, settled
from reconciler.manifest.words import shown, suggest
from reconciler.model import Address, Data, Former, Output, Removal, Resource


def make(index: Index, root: Path) -> dict[Address, Resource]:
    """Make all resources, and check each and all; what is wrong goes to the index."""
    made: dict[Address, Resource] = {}
    root = root.resolve()
    for address, entry in index.entries.items():
        if index.hopeless:
            return made
        index.problems += check(entry, root)
        made[address] = _resource(entry, index)
    index.problems += islice(between(made.values()), MOST)
    return made


def removals(tree: Map, index: Index) -> tuple[Removal, ...]:
    """Read the approved deletions; from then on the index knows them."""
    return tuple(_removals(tree.get("removed", Items()), index))


def outputs(tree: Map, index: Index) -> tuple[Output, ...]:
    """Read what applications need to know, by name."""
    return tuple(sorted(_outputs(tree.get("outputs", Map()), index), key=lambda each: each.name))


def _resource(entry: Entry, index: Index) -> Resource:
    kind, data = entry.kind, entry.data
    fields: dict[str, Data] = {}
    if kind.keyed and "id" not in data.spots:
        fields[kind.keyed] = entry.address.path[-1]
    for declared in kind.fields:
        name = declared.name
        if name in data:
            value = refer(entry, declared, index) if declared.want else _bare(data[name])
            index.problems += twice(entry, declared, value)
            fields[name] = value
    settings = {name: _bare(data[name]) for name in kind.settings if name in data}
    if settings.get(SINK):
        settings[SINK] = settled(settings[SINK])
    lifecycle = data.get("lifecycle", {})
    return Resource(
        address=entry.address,
        fields=fields,
        place=entry.place,
        places=Places(data, entry.place.via),
        settings=settings,
        id=data["id"].lower() if "id" in data else None,
        previously=tuple(_former(entry, index)) if "previously" in data else (),
        prevent_destroy=lifecycle.get("prevent_destroy"),
        ignore=frozenset(lifecycle.get("ignore", ())),
    )


def _bare(value: Data) -> Data:
    if isinstance(value, dict):
        return {key: _bare(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_bare(item) for item in value]
    return value


def _former(entry: Entry, index: Index) -> Iterator[Former]:
    own = entry.address
    stated: Items = entry.data["previously"]
    for number, each in enumerate(stated):
        text, identifier = (each, None) if isinstance(each, str) else (each.get("address"), each.get("id"))
        if text is None:
            continue
        path = ("previously", number)
        try:
            address = read(text, own.path[0]) if "/" in text else Address(own.kind, (*own.path[:-1], text))
        except NoAddress as error:
            index.problems.append(problem(entry, path, str(error), error.hint))
            continue
        if address.kind != own.kind:
            index.problems.append(problem(entry, path, f"a {own.kind} was no {address.kind} before"))
        elif address in index.entries:
            index.problems.append(problem(entry, path, f"{address} is still in the manifests"))
        elif address in index.removed:
            index.problems.append(problem(entry, path, f"{address} is removed, and cannot be renamed as well"))
        else:
            spot = spot_at(entry.data, path, entry.place.via) or stated.spots[number]
            yield Former(address, identifier and identifier.lower(), value_place(spot))


def _removals(stated: Items, index: Index) -> Iterator[Removal]:
    named = {identifier: (entry.address, entry.place) for entry in index.entries.values() for identifier in _ids(entry)}
    for each, spot in zip(stated, stated.spots, strict=True):
        if "address" not in each:
            continue
        if index.hopeless:
            return
        place = value_place(each.spots["address"])
        try:
            address = read(each["address"])
        except NoAddress as error:
            index.problems.append(Problem(place, str(error), error.hint))
            continue
        if address in index.entries:
            what = f"{address} is to be removed, and still in the manifests at {index.entries[address].place}"
            index.problems.append(Problem(place, what))
        elif address in index.removed:
            index.problems.append(Problem(place, f"{address} stands in `removed` already"))
        else:
            index.removed.add(address)
            identifier = each["id"].lower() if "id" in each else None
            if identifier in named:
                other, before = named[identifier]
                what = f"{other} (at {before}) and {address}, which is to be removed, have one id"
                index.problems.append(Problem(value_place(each.spots["id"]), what))
            elif identifier:
                named[identifier] = (address, place)
            yield Removal(address, each.get("keep", False), identifier, value_place(spot))


def _ids(entry: Entry) -> Iterator[str]:
    for each in (entry.data, *entry.data.get("previously", ())):
        if isinstance(each, Map) and "id" in each:
            yield each["id"].lower()


def _outputs(stated: Map, index: Index) -> Iterator[Output]:
    for name, text in stated.items():
        if index.hopeless:
            return
        place = value_place(stated.spots[name])
        path, _, attribute = text.rpartition(".")
        try:
            address = read(path)
        except NoAddress as error:
            index.problems.append(Problem(place, str(error), error.hint))
            continue
        attributes = KINDS[address.kind].attributes
        if attribute not in attributes:
            what = f"a {address.kind} has no attribute {shown(attribute)}"
            index.problems.append(Problem(place, what, suggest(attribute, attributes), str(address)))
        elif wrong := missing(address, index):
            index.problems.append(Problem(place, *wrong, str(address)))
        yield Output(name, address, attribute, place)
