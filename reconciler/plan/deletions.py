"""The operations that delete and forget, ordered by what refers to what on the service. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from reconciler import graph
from reconciler.diff import Comparison
from reconciler.kinds import KINDS, within
from reconciler.model import Action, Address, Change, Live, Operation, Snapshot, Verb, texts

_ENDING = (Action.DELETE, Action.REPLACE, Action.RETIRE)


@dataclass(frozen=True, slots=True)
class _Ending:
    """An object that goes: its change and what was observed of it."""

    change: Change
    live: Live
    taken_by: str | None


def deletions(comparison: Comparison, snapshot: Snapshot, others: Iterable[Operation]) -> list[Operation]:
    """Make the operations that delete (owned objects and referrers first) and those that only forget."""
    endings = _endings(comparison, snapshot)
    operations = [_forget(change) for change in comparison.changes if change.action is Action.FORGET]
    before, loosened = _before(endings), defaultdict[str, set[str]](set)
    moved = {change.previous: change.address for change in comparison.changes if change.previous}
    for identifier, ending in endings.items():
        loosened[_root(identifier, endings)] |= _loosened(ending, others, moved.get(ending.change.address))
    for identifier, ending in endings.items():
        change = ending.change
        if ending.taken_by is None:
            after = {_key(endings[other]) for other in before[identifier] if _awaited(endings[other].change, change)}
            operations.append(_delete(ending, after | loosened[identifier]))
        elif change.action is Action.DELETE:
            operations.append(_forget(change, after=(_key(endings[ending.taken_by]),)))
    return operations


def _awaited(other: Change, change: Change) -> bool:
    """Tell whether a deletion waits for another: one that makes room must not wait for what the new object allows."""
    return other.delete_first or not change.delete_first


def _root(identifier: str, endings: Mapping[str, _Ending]) -> str:
    """Name the object whose deletion ends this one."""
    return endings[identifier].taken_by or identifier


def _endings(comparison: Comparison, snapshot: Snapshot) -> dict[str, _Ending]:
    going = {}
    for change in comparison.changes:
        live = snapshot.find(change.address.kind, change.id or "")
        if change.action in _ENDING and live:
            going[live.id] = (change, live)
    return {identifier: _Ending(change, live, _taken_by(live, going)) for identifier, (change, live) in going.items()}


def _taken_by(live: Live, going: Mapping[str, tuple[Change, Live]]) -> str | None:
    """Name the object whose deletion takes this one along, if there is one."""
    if live.parent is None or live.parent not in going or not KINDS[live.kind].goes_with_owner:
        return None
    return _taken_by(going[live.parent][1], going) or live.parent


def _before(endings: Mapping[str, _Ending]) -> dict[str, list[str]]:
    """For each object that is deleted by a call, list those to delete before: what it owns, then what refers to it.

    What it takes along counts as it itself.
    """
    owned: dict[str, list[str]] = defaultdict(list)
    referrers: dict[str, list[str]] = defaultdict(list)
    for identifier, ending in endings.items():
        root, parent = _root(identifier, endings), ending.live.parent
        if parent and parent in endings:
            owned[_root(parent, endings)].append(root)
        for target in texts(dict(ending.live.fields)):
            if target in endings:
                referrers[_root(target, endings)].append(root)

    def needs(root: str) -> list[str]:
        return [other for other in dict.fromkeys([*owned[root], *referrers[root]]) if other != root]

    def inside(root: str) -> Iterator[str]:
        yield root
        for child in owned[root]:
            if child != root:
                yield from inside(child)

    roots = [identifier for identifier, ending in endings.items() if ending.taken_by is None]
    given_up = graph.open_cycles(roots, needs, inside)
    return {root: [other for other in needs(root) if (root, other) not in given_up] for root in roots}


def _loosened(ending: _Ending, others: Iterable[Operation], moved: Address | None) -> set[str]:
    """List the operations to wait for: updates that drop a reference, and the whole successor of what is replaced.

    `moved` is where what goes is made anew.
    """
    change, identifier = ending.change, ending.live.id
    if change.delete_first:
        return set()
    after = set()
    for operation in others:
        if operation.verb is Verb.UPDATE and identifier in texts(dict(operation.before)):
            after.add(operation.key)
        successor = operation.address == change.address or within(operation.address, change.address)
        if (change.action in (Action.REPLACE, Action.RETIRE) and successor) or operation.address == moved:
            after.add(operation.key)
    return after


def _key(ending: _Ending) -> str:
    suffix = f" {ending.live.id}" if ending.change.action is Action.RETIRE else ""
    return f"{Verb.DELETE} {ending.change.address}{suffix}"


def _delete(ending: _Ending, after: set[str]) -> Operation:
    return Operation(
        key=_key(ending),
        verb=Verb.DELETE,
        address=ending.change.address,
        id=ending.live.id,
        parent=ending.live.parent,
        before=ending.live.fields,
        after=tuple(sorted(after)),
    )


def _forget(change: Change, after: tuple[str, ...] = ()) -> Operation:
    key = f"{Verb.FORGET} {change.address}"
    return Operation(key=key, verb=Verb.FORGET, address=change.address, id=change.id, after=after)
