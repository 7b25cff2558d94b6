"""What differs between the wanted and the live, field by field, and why. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from reconciler.errors import Place
from reconciler.generations import Life, decide
from reconciler.kinds import KINDS, Kind, lineage, normal, owner, owners
from reconciler.match import Found, Leftover, Match, Matches
from reconciler.model import (
    EVERYTHING,
    Action,
    Address,
    Aim,
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
    Undelivered,
    digest,
    substitute,
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All changes, and the ids that stay as they are: those of objects that are neither made nor replaced.

    `complete`: no change was left out. `lives` says what becomes of each credential's generations, now and later.
    """

    changes: tuple[Change, ...]
    ids: Mapping[Address, str]
    complete: bool = True
    lives: Mapping[Address, Life] = field(default_factory=dict)


def compare(
    manifests: Manifests,
    matches: Matches,
    snapshot: Snapshot,
    *,
    undelivered: Iterable[Undelivered] = (),
    aim: Aim = EVERYTHING,
) -> Comparison:
    """Compare each resource with its object, owners first; list what is left over after them.

    `undelivered` are generations of credentials that an interrupted run may have made without delivering them.
    """
    replaced = replacements(manifests, matches, aim.replace)
    ids = {address: identifier for address, identifier in matches.ids().items() if address not in replaced}
    lost = [*_lost_generations(undelivered, matches, snapshot)]
    lives = _lives(manifests, matches, snapshot, aim, lost=lost)
    changes = []
    for address, resource in manifests.resources.items():
        found, life = matches.found[address], lives.get(address, Life())
        changes.append(_change(resource, found, ids, replaced.get(address), life.rotate))
        changes += _superseded(address, found.binding, snapshot, resource.place)
        changes += _retired(resource, life, replaced)
    changes += lost
    removed = {removal.address: removal for removal in manifests.removed}
    for address, leftover in matches.leftovers.items():
        removal = _removal(address, removed)
        gone = leftover.live is None and not any(kind in snapshot.poisoned for kind in lineage(address.kind))
        leaving = _leaving(address, leftover, removal, gone=gone, alone=owner(address) in manifests.resources)
        changes.append(leaving)
        if leaving.action is Action.DELETE:
            changes += _superseded(address, leftover.binding, snapshot, leaving.place)
            changes += _other_generations(leaving, leftover, matches, snapshot)
    return Comparison(tuple(changes), ids, lives=lives)


def _lives(
    manifests: Manifests, matches: Matches, snapshot: Snapshot, aim: Aim, *, lost: Iterable[Change]
) -> dict[Address, Life]:
    """Decide on the generations of credentials, but for those that end anyway."""
    ending = {change.id for change in lost if change.id}
    for match in matches.found.values():
        ending.update(match.binding.predecessors if match.binding else ())
    return decide(manifests, matches, snapshot, aim, ending=ending)


def _retired(resource: Resource, life: Life, replaced: Mapping[Address, str]) -> Iterator[Change]:
    """End the generations whose time is over, unless they go with their client."""
    if owner(resource.address) not in replaced:
        for live, because in life.retired:
            yield Change(resource.address, Action.RETIRE, id=live.id, place=resource.place, because=because)


def wanted(resource: Resource, ids: Mapping[Address, str], *, making: bool = False) -> dict[str, Data]:
    """Bring the managed fields into the form of comparison, with every id that is known.

    What is to be ignored counts only for the making of an object.
    """
    kind = KINDS[resource.address.kind]
    return {
        name: normal(kind.by_name[name], substitute(value, ids))
        for name, value in resource.fields.items()
        if making or name not in resource.ignore
    }


def replacements(manifests: Manifests, matches: Matches, forced: Collection[Address] = ()) -> dict[Address, str]:
    """Find what must be made anew, and why: an immutable field differs, the owner is replaced, or it is asked for."""
    replaced: dict[Address, str] = {}
    for address, resource in manifests.resources.items():
        match, above = matches.found[address], owner(address)
        if match.live is None or _listed_only(resource):
            continue
        if above in replaced:
            replaced[address] = f"{above} is replaced"
            continue
        names = [name for name, _, _ in _differences(resource, match, matches.ids()) if _immutable(address, name)]
        if names:
            replaced[address] = f"{' and '.join(names)} cannot be changed"
        elif address in forced:
            replaced[address] = "--replace asks for it"
    return replaced


def _listed_only(resource: Resource) -> bool:
    """Tell whether a resource is only looked for, and never made, changed or deleted."""
    return KINDS[resource.address.kind].secret and not resource.settings.get("sink")


def _immutable(address: Address, name: str) -> bool:
    kind = KINDS[address.kind]
    return not kind.moves if name == kind.owner_field else kind.by_name[name].immutable


def _change(
    resource: Resource, match: Match, ids: Mapping[Address, str], replaced: str | None, rotate: str | None
) -> Change:
    kind, address, live = KINDS[resource.address.kind], resource.address, match.live
    if live is None:
        return _absent(resource, match, ids)
    fields = tuple(
        FieldChange(
            name, before, after, _reason(name, match.binding, before, after), immutable=_immutable(address, name)
        )
        for name, before, after in _differences(resource, match, ids)
    )
    if replaced:
        action = Action.REPLACE
    elif rotate:
        action = Action.ROTATE
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
        because=replaced or rotate,
        delete_first=bool(replaced) and _occupied(kind, fields),
    )


def _absent(resource: Resource, match: Match, ids: Mapping[Address, str]) -> Change:
    address = resource.address
    if _listed_only(resource):
        why = "listed without a sink: it is only looked for, and was not found"
        return Change(address, Action.NO_OP, place=resource.place, because=why)
    fields = tuple(FieldChange(name, None, value) for name, value in wanted(resource, ids, making=True).items())
    because = f"its object {match.lost} is gone" if match.lost else None
    return Change(address, Action.CREATE, fields=fields, previous=match.previous, place=resource.place, because=because)


def _superseded(address: Address, binding: Binding | None, snapshot: Snapshot, place: Place | None) -> Iterator[Change]:
    """End what was replaced by a run that did not get so far as to delete it."""
    for identifier in binding.predecessors if binding else ():
        if snapshot.find(address.kind, identifier):
            because = "its successor took its place, and the run ended before it was deleted"
            yield Change(address, Action.RETIRE, id=identifier, place=place, because=because)


def _lost_generations(undelivered: Iterable[Undelivered], matches: Matches, snapshot: Snapshot) -> Iterator[Change]:
    """Revoke the generations whose secret an interrupted run has lost on the way to the sink.

    Where the sink is known to hold another one they go before a new one is made, so that never more than three live.
    """
    taken = set(matches.ids().values()) | {leftover.id for leftover in matches.leftovers.values()}
    for each in undelivered:
        for live in snapshot.each(each.address.kind):
            ours = live.parent == each.owner and str(live.fields["name"]).endswith(f"#{each.mark}")
            if ours and live.id not in taken:
                because = "an interrupted run made it, and its secret was lost"
                match = matches.found.get(each.address)
                first = match is not None and match.live is not None
                yield Change(each.address, Action.RETIRE, id=live.id, because=because, delete_first=first)


def _other_generations(leaving: Change, leftover: Leftover, matches: Matches, snapshot: Snapshot) -> Iterator[Change]:
    """End all generations of a credential with the one that is bound."""
    live = leftover.live
    if live is None or not KINDS[live.kind].secret or "#" not in str(live.fields["name"]):
        return
    taken = {*matches.ids().values(), *(other.id for other in matches.leftovers.values()), *matches.elsewhere}
    name = str(live.fields["name"]).rpartition("#")[0]
    for other in snapshot.each(live.kind):
        generation = str(other.fields["name"]).rpartition("#")[0] == name
        if generation and other.parent == live.parent and other.id not in taken:
            yield replace(leaving, action=Action.RETIRE, id=other.id, because="it is an earlier generation")


def _removal(address: Address, removed: Mapping[Address, Removal]) -> Removal | None:
    """Find what was said of a removal: of the resource itself, or of an owner that is kept with all below."""
    kept = (removed[above] for above in owners(address) if above in removed and removed[above].keep)
    return removed.get(address) or next(kept, None)


def _leaving(address: Address, leftover: Leftover, removal: Removal | None, *, gone: bool, alone: bool) -> Change:
    """Say how an object leaves; `alone`: what owns it stays."""
    place = removal.place if removal else None
    if gone:
        return Change(address, Action.FORGET, id=leftover.id, place=place, because="its object is gone")
    if removal and removal.keep:
        return Change(address, Action.FORGET, id=leftover.id, place=place, because="the manifests keep its object")
    if not removal and leftover.binding and only_referenced(address, leftover.binding):
        return Change(address, Action.FORGET, id=leftover.id, because="nothing of it was managed here")
    if not removal and alone and leftover.binding and _only_listed(address, leftover.binding):
        return Change(address, Action.FORGET, id=leftover.id, because="it had no sink, and was only looked for")
    because = removal.why if removal else "it has left the manifests"
    return Change(address, Action.DELETE, id=leftover.id, place=place, because=because)


def only_referenced(address: Address, binding: Binding) -> bool:
    """Tell whether no field of an object was ever managed: it was only referred to."""
    kind = KINDS[address.kind]
    return not kind.secret and not binding.digests.keys() - {kind.owner_field}


def _only_listed(address: Address, binding: Binding) -> bool:
    """Tell whether a credential was inventory: its secret was never delivered from here."""
    return KINDS[address.kind].secret and binding.sink is None


def _differences(resource: Resource, match: Match, ids: Mapping[Address, str]) -> Iterator[tuple[str, Data, Data]]:
    """Yield name, live and wanted value of each field that differs; the owner, when it is another, comes first."""
    kind, live = KINDS[resource.address.kind], match.live
    assert live is not None
    above = owner(resource.address)
    if above is not None and kind.owner_field and ids.get(above) != live.parent:
        yield kind.owner_field, live.parent, ids.get(above, reference(above))
    if kind.secret:
        before, after = str(live.fields["name"]).rpartition("#")[0], resource.fields["name"]
        if before and before != after:
            yield "name", before, after
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


def _reason(name: str, binding: Binding | None, before: Data, after: Data) -> Reason:
    last = binding.digests.get(name) if binding else None
    if last is None or digest(before) == last:
        return Reason.PENDING
    return Reason.DRIFT if digest(after) == last else Reason.BOTH
