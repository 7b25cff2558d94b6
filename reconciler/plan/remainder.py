"""What is left of a saved plan, now that the service was observed again. Pure.

An operation whose object is as it would leave it is done (a create only by the bindings); one whose object is as the
plan saw it is left; anything else makes the plan stale.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from reconciler.kinds import KINDS, differing, owner
from reconciler.model import (
    Address,
    Binding,
    Data,
    Fields,
    Live,
    Operation,
    Plan,
    Seen,
    Snapshot,
    Undelivered,
    Verb,
    digest,
    references,
    substitute,
)
from reconciler.plan.bound import bound

_ENDING = (Verb.DELETE, Verb.FORGET)


@dataclass(frozen=True, slots=True)
class Remainder:
    """What is left to do, the objects that the plan has made, and why it does not hold any more (by address)."""

    operations: tuple[Operation, ...]
    made: Mapping[Address, Live] = field(default_factory=dict)
    stale: tuple[tuple[Address, str], ...] = ()


def remainder(
    plan: Plan, snapshot: Snapshot, bindings: Mapping[Address, Binding], undelivered: Iterable[Undelivered] = ()
) -> Remainder:
    """Compare what the plan saw with what there is now. `undelivered` are credentials that a killed run has lost."""
    made = _made(plan, snapshot, bindings)
    lost = [*_lost(plan, snapshot, bindings, undelivered)]
    now = _Now(plan, snapshot, bindings, made, frozenset(each.id or "" for each in lost), _deleted(plan, snapshot))
    stale = [(each.address, why) for each in plan.seen if (why := _objection(each, now))]
    stale += [(address, why) for address in made if (why := _overwritten(address, now))]
    left = [each for operation in plan.operations if (each := _left(_succeeding(operation, snapshot), now))]
    keys = {operation.key for operation in left}
    kept = (replace(each, after=tuple(key for key in each.after if key in keys)) for each in left)
    ending = (replace(each, after=_successor(each, keys)) for each in lost)
    return Remainder((*kept, *ending), made, tuple(stale))


@dataclass(frozen=True, slots=True)
class _Now:
    plan: Plan
    snapshot: Snapshot
    bindings: Mapping[Address, Binding]
    made: Mapping[Address, Live]
    lost: frozenset[str]
    deleted: frozenset[str]

    def known(self, fields: Fields) -> dict[str, Data]:
        """Fill in the ids of what the plan has made."""
        ids = {address: live.id for address, live in self.made.items()}
        return {name: substitute(value, ids) for name, value in fields.items()}

    def of(self, address: Address, verb: Verb) -> Operation | None:
        """Find what the plan does to an address."""
        return next((each for each in self.plan.operations if each.address == address and each.verb is verb), None)

    def differing(self, live: Live, fields: Fields) -> set[str]:
        """Name the fields that are not as given."""
        return differing(KINDS[live.kind], live, fields, self.deleted)


def _succeeding(operation: Operation, snapshot: Snapshot) -> Operation:
    """Leave out the predecessors that are gone already."""
    there = tuple(each for each in operation.predecessors if snapshot.find(operation.address.kind, each))
    return replace(operation, predecessors=there)


def _deleted(plan: Plan, snapshot: Snapshot) -> frozenset[str]:
    """List what the plan ends and is gone."""
    ends = ((each.address.kind, each.id) for each in plan.operations if each.verb in _ENDING and each.id)
    return frozenset(identifier for kind, identifier in ends if not snapshot.find(kind, identifier))


def _made(plan: Plan, snapshot: Snapshot, bindings: Mapping[Address, Binding]) -> dict[Address, Live]:
    """Find what creates of this plan have made: what is bound now, and was not there when the plan was made."""
    before = {identifier for each in plan.seen for identifier in (each.id, *each.beside) if identifier}
    made: dict[Address, Live] = {}
    for operation in plan.operations:
        binding = bindings.get(operation.address)
        if operation.verb is not Verb.CREATE or binding is None or binding.id in before:
            continue
        live = snapshot.find(operation.address.kind, binding.id)
        sink = operation.settings.get("sink")
        if live and binding.sink == (digest(sink) if sink else None):
            made[operation.address] = live
    return made


def _objection(seen: Seen, now: _Now) -> str | None:
    """Say why the plan cannot be applied to what is there now at one address."""
    if seen.id is None:
        return _appeared(seen, now)
    live = now.snapshot.find(seen.address.kind, seen.id)
    ends = any(each.id == seen.id and each.verb in _ENDING for each in now.plan.operations)
    if live is None:
        taken = seen.parent in now.deleted or seen.address in now.made
        return None if ends or taken else f"its object {seen.id} is gone"
    update = now.of(seen.address, Verb.UPDATE)
    after = now.known(update.fields) if update and update.id == seen.id else {}
    wanted = {**seen.fields, **_parent(seen)}
    if after and not now.differing(live, after):
        wanted = {**wanted, **after}
    changed = sorted(now.differing(live, wanted))
    return f"{', '.join(changed)} of {seen.id} was changed since the plan was made" if changed else None


def _appeared(seen: Seen, now: _Now) -> str | None:
    """Find what goes by the name of something to be made, and was not there."""
    create, kind = now.of(seen.address, Verb.CREATE), KINDS[seen.address.kind]
    if create is None or seen.address in now.made:
        return None
    above = owner(seen.address)
    parent = now.made[above].id if above and above in now.made else seen.parent
    ours = {live.id for live in now.made.values()} | now.lost | {*seen.beside}
    for live in now.snapshot.each(kind.name):
        name = str(live.fields.get("name")).rpartition("#")[0] if kind.secret else None
        key = (name,) if kind.secret else kind.natural(live.fields)
        if live.id not in ours and live.parent == parent and key == kind.natural(create.fields):
            return f"{live.id} has appeared since the plan was made, and goes by the same name"
    return None


def _overwritten(address: Address, now: _Now) -> str | None:
    """Say whether somebody has changed what this plan has made."""
    live, create, update = now.made[address], now.of(address, Verb.CREATE), now.of(address, Verb.UPDATE)
    if create is None or KINDS[address.kind].secret:
        return None
    first = now.known(create.fields)
    last = {**first, **(now.known(update.fields) if update and update.id is None else {})}
    changed = min((sorted(now.differing(live, each)) for each in (first, last)), key=len)
    return f"{', '.join(changed)} of {live.id} was changed since this plan made it" if changed else None


def _left(operation: Operation, now: _Now) -> Operation | None:
    """Say what is still to be done: the operation, or only what the bindings do not say yet."""
    match operation.verb:
        case Verb.CREATE:
            live, update = now.made.get(operation.address), now.of(operation.address, Verb.UPDATE)
            if live is None:
                return operation
            return None if update and update.id is None and _done(update, now) else _told(operation, live, now)
        case Verb.UPDATE:
            live = _done(operation, now)
            return _told(operation, live, now) if live else operation
        case Verb.DELETE:
            identifier = operation.id or ""
            if now.snapshot.find(operation.address.kind, identifier):
                return operation
            return replace(operation, verb=Verb.FORGET) if _bound(operation, now) else None
        case Verb.FORGET:
            return operation if _bound(operation, now) else None
        case Verb.BIND:
            live = _object(operation, now)
            return _told(operation, live, now) if live else operation


def _done(update: Operation, now: _Now) -> Live | None:
    """Give the object of an update that is as the update leaves it."""
    live = _object(update, now)
    return live if live and not now.differing(live, now.known(update.fields)) else None


def _told(operation: Operation, live: Live, now: _Now) -> Operation | None:
    """Bind an object that is as it should be, unless the bindings say exactly that already."""
    fields = now.known(operation.bound)
    binding = None if [*references(fields)] else bound(operation, live.id, live.attributes, fields)
    if binding == now.bindings.get(operation.address) and operation.previous not in now.bindings:
        return None
    return replace(operation, verb=Verb.BIND, id=live.id, attributes=live.attributes)


def _object(operation: Operation, now: _Now) -> Live | None:
    if operation.id is None:
        return now.made.get(operation.address)
    return now.snapshot.find(operation.address.kind, operation.id)


def _bound(operation: Operation, now: _Now) -> bool:
    """Tell whether the bindings still speak of what an operation ends."""
    binding = now.bindings.get(operation.address)
    return binding is not None and operation.id in (binding.id, *binding.predecessors)


def _lost(
    plan: Plan, snapshot: Snapshot, bindings: Mapping[Address, Binding], undelivered: Iterable[Undelivered]
) -> Iterator[Operation]:
    """Revoke the generations whose secret a killed run of this plan has lost on the way to the sink."""
    taken = {binding.id for binding in bindings.values()} | {each.id for each in plan.operations}
    for each in undelivered:
        for live in snapshot.each(each.address.kind):
            ours = live.parent == each.owner and str(live.fields["name"]).endswith(f"#{each.mark}")
            if ours and live.id not in taken:
                key = f"{Verb.DELETE} {each.address} {live.id}"
                yield Operation(key, Verb.DELETE, each.address, live.id, live.parent, before=live.fields)


def _successor(lost: Operation, keys: Container[str]) -> tuple[str, ...]:
    """Name the delivery that the end of a lost generation waits for: its sink may hold that secret all the same."""
    create = f"{Verb.CREATE} {lost.address}"
    return (create,) if create in keys else ()


def _parent(seen: Seen) -> dict[str, Data]:
    name = KINDS[seen.address.kind].owner_field
    return {name: seen.parent} if name else {}
