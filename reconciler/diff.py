"""What differs between the wanted and the live, field by field, and why. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reconciler.kinds import KINDS, Field, Kind, lineage, normal, owner, owners
from reconciler.match import Found, Leftover, Match, Matches
from reconciler.model import (
    Action,
    Address,
    Binding,
    Change,
    Data,
    FieldChange,
    Manifests,
    Reason,
    Ref,
    Removal,
    Resource,
    Snapshot,
    digest,
    substitute,
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All changes, and the ids that stay as they are: those of objects that are neither made nor replaced."""

    changes: tuple[Change, ...]
    ids: Mapping[Address, str]


def compare(
    manifests: Manifests, matches: Matches, snapshot: Snapshot, *, marks: frozenset[str] = frozenset()
) -> Comparison:
    """Compare each resource with its object, owners first; list what is left over after them.

    `marks` are those of generations of credentials that an interrupted run has made without delivering them.
    """
    replaced = _replaced(manifests, matches)
    ids = {address: identifier for address, identifier in matches.ids().items() if address not in replaced}
    changes = []
    for address, resource in manifests.resources.items():
        because = replaced.get(address)
        changes.append(_change(resource, matches.found[address], ids, because))
        changes += _lost_generations(resource, matches, snapshot, marks)
    removed = {removal.address: removal for removal in manifests.removed}
    for address, leftover in matches.leftovers.items():
        seen = not any(kind in snapshot.poisoned for kind in lineage(address.kind))
        changes.append(_leaving(address, leftover, _removal(address, removed), seen=seen))
    return Comparison(tuple(changes), ids)


def wanted(resource: Resource, ids: Mapping[Address, str]) -> dict[str, Data]:
    """Bring the managed fields into the form of comparison, with every id that is known."""
    kind = KINDS[resource.address.kind]
    return {
        name: normal(kind.by_name[name], substitute(value, ids))
        for name, value in resource.fields.items()
        if name not in resource.ignore
    }


def _replaced(manifests: Manifests, matches: Matches) -> dict[Address, str]:
    """Find what must be made anew: an immutable field differs, or the owner is replaced."""
    replaced: dict[Address, str] = {}
    for address, resource in manifests.resources.items():
        match, above = matches.found[address], owner(address)
        if match.live is None:
            continue
        if above in replaced:
            replaced[address] = f"{above} is replaced"
            continue
        names = [name for name, _, _ in _differences(resource, match, matches.ids()) if _immutable(address, name)]
        if names:
            replaced[address] = f"{' and '.join(names)} cannot be changed"
    return replaced


def _immutable(address: Address, name: str) -> bool:
    kind = KINDS[address.kind]
    return not kind.moves if name == kind.owner_field else kind.by_name[name].immutable


def _change(resource: Resource, match: Match, ids: Mapping[Address, str], replaced: str | None) -> Change:
    kind, address, live = KINDS[resource.address.kind], resource.address, match.live
    if live is None:
        return _absent(resource, match, ids)
    fields = tuple(
        FieldChange(name, before, after, _reason(kind.by_name.get(name), match.binding, before, after),
                    immutable=_immutable(address, name))
        for name, before, after in _differences(resource, match, ids)
    )  # fmt: skip
    if replaced:
        action = Action.REPLACE
    elif match.how is Found.NATURAL or (match.how is Found.PINNED and match.binding is None):
        action = Action.ADOPT
    else:
        action = Action.UPDATE if fields else Action.NO_OP
    return Change(
        address,
        action,
        id=live.id,
        fields=fields,
        unchanged=len(resource.fields) - sum(field.name in resource.fields for field in fields),
        previous=match.previous,
        place=resource.place,
        because=replaced,
        delete_first=bool(replaced) and _occupied(kind, fields),
    )


def _absent(resource: Resource, match: Match, ids: Mapping[Address, str]) -> Change:
    kind, address = KINDS[resource.address.kind], resource.address
    if kind.secret and not resource.settings.get("sink"):
        why = "listed without a sink: it is only looked for, and was not found"
        return Change(address, Action.NO_OP, place=resource.place, because=why)
    fields = tuple(FieldChange(name, None, value) for name, value in wanted(resource, ids).items())
    because = f"its object {match.lost} is gone" if match.lost else None
    return Change(address, Action.CREATE, fields=fields, place=resource.place, because=because)


def _lost_generations(
    resource: Resource, matches: Matches, snapshot: Snapshot, marks: frozenset[str]
) -> Iterator[Change]:
    """Revoke the generations whose secret an interrupted run has lost on the way to the sink."""
    kind, above = KINDS[resource.address.kind], owner(resource.address)
    parent = matches.found[above].live if above and above in matches.found else None
    if not (kind.secret and marks and parent):
        return
    current = matches.found[resource.address].live
    names = {f"{resource.fields['name']}#{mark}" for mark in marks}
    for live in snapshot.each(kind.name):
        if live.parent == parent.id and live.fields["name"] in names and live != current:
            because = "an interrupted run made it, and its secret was lost"
            yield Change(resource.address, Action.RETIRE, id=live.id, place=resource.place, because=because)


def _removal(address: Address, removed: Mapping[Address, Removal]) -> Removal | None:
    """Find what was said of a removal: of the resource itself, or of an owner that is kept with all below."""
    kept = (removed[above] for above in owners(address) if above in removed and removed[above].keep)
    return removed.get(address) or next(kept, None)


def _leaving(address: Address, leftover: Leftover, removal: Removal | None, *, seen: bool) -> Change:
    place = removal.place if removal else None
    if leftover.live is None and seen:
        return Change(address, Action.FORGET, id=leftover.id, place=place, because="its object is gone")
    if removal and removal.keep:
        return Change(address, Action.FORGET, id=leftover.id, place=place, because="the manifests keep its object")
    if not removal and leftover.binding and not (leftover.binding.digests or KINDS[address.kind].secret):
        return Change(address, Action.FORGET, id=leftover.id, because="nothing of it was managed here")
    because = "approved by `removed`" if removal else "it has left the manifests"
    return Change(address, Action.DELETE, id=leftover.id, place=place, because=because)


def _differences(resource: Resource, match: Match, ids: Mapping[Address, str]) -> Iterator[tuple[str, Data, Data]]:
    """Yield name, live and wanted value of each field that differs; the owner, when it is another, comes first."""
    kind, live = KINDS[resource.address.kind], match.live
    assert live is not None
    above = owner(resource.address)
    if above is not None and kind.owner_field and ids.get(above) != live.parent:
        yield kind.owner_field, live.parent, ids.get(above, reference(above))
    if kind.secret:
        return
    for name, after in wanted(resource, ids).items():
        before = normal(kind.by_name[name], live.fields.get(name))
        if before != after:
            yield name, before, after


def reference(address: Address) -> Ref:
    """Refer to a resource that owns others, whose id may not be known yet."""
    denotes = KINDS[address.kind].denotes
    assert denotes is not None, f"{address} owns others, so it can be named"
    return Ref(denotes, str(address), address)


def _occupied(kind: Kind, fields: tuple[FieldChange, ...]) -> bool:
    """Tell whether the replacement needs the natural key that only one object can have."""
    moved = {field.name for field in fields}
    return kind.keeps_natural_key and kind.owner_field not in moved and kind.keyed not in moved


def _reason(declared: Field | None, binding: Binding | None, before: Data, after: Data) -> Reason:
    last = binding.digests.get(declared.name) if binding and declared else None
    if last is None or digest(before) == last:
        return Reason.PENDING
    return Reason.DRIFT if digest(after) == last else Reason.BOTH
