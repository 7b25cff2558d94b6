"""Which of all changes a run is about: those that are targeted with what they need, without what is excluded. Pure.

What is chosen can always be carried out alone: nothing in it refers to, or stands below, what is yet to be made.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from reconciler import graph
from reconciler.diff import Comparison
from reconciler.kinds import owners, within
from reconciler.model import Action, Address, Aim, Change, Manifests, Snapshot, texts

T = TypeVar("T", bound=Hashable)
_MAKING = (Action.CREATE, Action.REPLACE)
_CHANGING = (*_MAKING, Action.ADOPT, Action.UPDATE)
_ENDING = (Action.DELETE, Action.REPLACE, Action.RETIRE)


def restrict(comparison: Comparison, manifests: Manifests, snapshot: Snapshot, aim: Aim) -> Comparison:
    """Keep the changes that a run is about."""
    if not aim.partial:
        return comparison
    world = _World.of(comparison, manifests, snapshot)
    chosen = set(world.changes)
    if aim.targets:
        chosen = _closure(filter(_at_or_below(aim.targets), world.changes), world.needs)
    chosen -= _dropped(world, aim.excluded)
    changes = tuple(change for change in comparison.changes if change.address in chosen)
    lives = {address: life for address, life in comparison.lives.items() if address in chosen}
    return replace(comparison, changes=changes, complete=False, lives=lives)


@dataclass(frozen=True, slots=True)
class _World:
    """The changes by address, who refers to whom in the manifests, and which changes let go of which object."""

    changes: Mapping[Address, list[Change]]
    below: Mapping[Address, list[Address]]
    references: Mapping[Address, set[Address]]
    referrers: Mapping[Address, set[Address]]
    letting_go: Mapping[str, set[Address]]
    inside: Mapping[str, list[str]]
    """The ids of the objects that an object owns."""

    @classmethod
    def of(cls, comparison: Comparison, manifests: Manifests, snapshot: Snapshot) -> "_World":
        changes: dict[Address, list[Change]] = defaultdict(list)
        letting_go: dict[str, set[Address]] = defaultdict(set)
        for change in comparison.changes:
            changes[change.address].append(change)
            live = snapshot.find(change.address.kind, change.id or "")
            if live and change.action in _CHANGING:
                for text in texts([dict(live.fields), [field.before for field in change.fields]]):
                    letting_go[text].add(change.address)
        references = {address: set(graph.referenced(resource)) for address, resource in manifests.resources.items()}
        referrers: dict[Address, set[Address]] = defaultdict(set)
        for address, others in references.items():
            for other in others:
                referrers[other].add(address)
        below: dict[Address, list[Address]] = defaultdict(list)
        for address in changes:
            for above in owners(address):
                below[above].append(address)
        inside: dict[str, list[str]] = defaultdict(list)
        for kind in snapshot.objects:
            for each in snapshot.each(kind):
                inside[each.parent or ""].append(each.id)
        return cls(changes, below, references, referrers, letting_go, inside)

    def needs(self, address: Address) -> Iterator[Address]:
        """Iterate over what must be carried out for the changes of an address to be, as far as it changes."""
        actions = self._actions(address)
        if actions.intersection(_CHANGING):
            yield from self._active(self.references.get(address, ()), _CHANGING)
            yield from self._active(owners(address), (*_MAKING, Action.ADOPT))
        if actions.intersection(_ENDING):
            yield from self.below.get(address, ())
        if Action.REPLACE in actions:
            yield from self._active(self.referrers.get(address, ()), _CHANGING)
        for change in self.changes.get(address, ()):
            if change.action in _ENDING and change.id:
                for identifier in _closure([change.id], lambda each: self.inside.get(each, ())):
                    yield from self.letting_go.get(identifier, ())

    def _actions(self, address: Address) -> set[Action]:
        return {change.action for change in self.changes.get(address, ())}

    def _active(self, addresses: Iterable[Address], actions: tuple[Action, ...]) -> Iterator[Address]:
        return (address for address in addresses if self._actions(address).intersection(actions))


def _dropped(world: _World, excluded: tuple[Address, ...]) -> set[Address]:
    """Collect what is excluded, what refers to it, and whatever needs something that is left out."""
    out = set(filter(_at_or_below(excluded), world.changes))
    out |= {referrer for address in out for referrer in world.referrers.get(address, ())}
    needed_by: dict[Address, set[Address]] = defaultdict(set)
    for address in world.changes:
        for other in world.needs(address):
            needed_by[other].add(address)
    return _closure(out, lambda address: needed_by[address])


def _closure(start: Iterable[T], further: Callable[[T], Iterable[T]]) -> set[T]:
    found: set[T] = set()
    left = list(start)
    while left:
        each = left.pop()
        if each not in found:
            found.add(each)
            left += further(each)
    return found


def _at_or_below(named: Iterable[Address]) -> Callable[[Address], bool]:
    return lambda address: any(address == each or within(address, each) for each in named)
