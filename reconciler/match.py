"""Which live object each address is: by pinned id, binding, earlier name or natural key. Pure."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.errors import Problem
from reconciler.kinds import KINDS, Kind, owner, within
from reconciler.model import Address, Binding, Data, Live, Manifests, Resource, Snapshot


class Found(StrEnum):
    """How an object was recognised."""

    PINNED = "pinned id"
    BOUND = "binding"
    MOVED = "earlier name"
    NATURAL = "natural key"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Match:
    """The object of one address. Without `live` it does not exist; `lost` tells that one was bound and is gone."""

    how: Found
    live: Live | None = None
    binding: Binding | None = None
    previous: Address | None = None
    lost: str | None = None


@dataclass(frozen=True, slots=True)
class Leftover:
    """A bound address that has left the manifests, or a removal that names an object by id."""

    id: str
    live: Live | None
    binding: Binding | None


@dataclass(frozen=True, slots=True)
class Matches:
    """The object of every address, what was left over, and what could not be decided."""

    found: Mapping[Address, Match]
    leftovers: Mapping[Address, Leftover] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def ids(self) -> dict[Address, str]:
        """Map each address that has an object to the object's id."""
        return {address: match.live.id for address, match in self.found.items() if match.live}


def match(
    manifests: Manifests,
    snapshot: Snapshot,
    bindings: Mapping[Address, Binding],
    held: Mapping[Address, str | None],
) -> Matches:
    """Find the object of each resource.

    `held` says, for each resource with a secret whose sink could be read, which object's secret it holds; one that is
    not there falls back to its binding.
    """
    search = _Search(manifests, snapshot, _moved(manifests, bindings))
    for kind in KINDS.values():
        addresses = [address for address in manifests.resources if address.kind == kind.name]
        undecided = [address for address in addresses if not search.by_name(address, kind, held)]
        search.by_natural_key(undecided, kind)
    search.refuse_twins()
    return Matches(search.found, _leftovers(search, manifests, snapshot, bindings), tuple(search.problems))


class _Search:
    """The state of one matching: what was found, and which objects are claimed."""

    def __init__(
        self,
        manifests: Manifests,
        snapshot: Snapshot,
        bindings: Mapping[Address, tuple[Binding, Address | None]],
    ) -> None:
        self.manifests = manifests
        self.snapshot = snapshot
        self.bindings = bindings
        self.found: dict[Address, Match] = {}
        self.problems: list[Problem] = []
        self.claimed = {resource.id for resource in manifests.resources.values() if resource.id}
        self.claimed |= {
            binding.id
            for address, (binding, _) in bindings.items()
            if address in manifests.resources or not manifests.complete
        }

    def by_name(self, address: Address, kind: Kind, held: Mapping[Address, str | None]) -> bool:
        """Look for the object that is pinned, bound or held; say whether that decides the matter."""
        resource = self.manifests.resources[address]
        binding, previous = self.bindings.get(address, (None, None))
        if resource.id:
            self._pinned(resource, binding)
            return True
        if kind.secret and resource.settings.get("sink"):
            self._held(address, binding, held)
            return True
        if binding:
            live = self.snapshot.find(address.kind, binding.id)
            how = Found.MOVED if previous else Found.BOUND
            self.found[address] = Match(how, live, binding, previous, None if live else binding.id)
            return True
        former = next((former for former in resource.previously if former.id), None)
        if former and former.id:
            live = self.snapshot.find(address.kind, former.id)
            if live:
                self.claimed.add(former.id)
                self.found[address] = Match(Found.MOVED, live, None, former.address)
            return bool(live)
        return False

    def _pinned(self, resource: Resource, binding: Binding | None) -> None:
        live = self.snapshot.find(resource.address.kind, resource.id or "")
        if binding and binding.id != resource.id:
            binding = None
        self.found[resource.address] = Match(Found.PINNED if live else Found.ABSENT, live, binding)
        if live is None and resource.address.kind not in self.snapshot.poisoned:
            self._problem(resource, ("id",), f"no {resource.address.kind} has the id {resource.id}, or it is not yours")
        elif live and self._misplaced(live, resource.address, binding):
            what = f"{resource.id} is a {live.kind} of {live.parent}, not of {owner(resource.address)}"
            self._problem(resource, ("id",), what)

    def _misplaced(self, live: Live, address: Address, binding: Binding | None) -> bool:
        """Tell whether a pinned object stands below something else, and is none of ours that can be moved."""
        above, parent = owner(address), self._parent(address)
        movable = KINDS[address.kind].moves and binding is not None
        if above is None or movable or (parent is None and above.kind in self.snapshot.poisoned):
            return False
        return parent is None or live.parent != parent.id

    def _parent(self, address: Address) -> Live | None:
        above = owner(address)
        return self.found[above].live if above and above in self.found else None

    def _held(self, address: Address, binding: Binding | None, held: Mapping[Address, str | None]) -> None:
        identifier = held.get(address, binding.id if binding else None)
        live = self.snapshot.find(address.kind, identifier) if identifier else None
        parent = self._parent(address)
        if live and parent and live.parent == parent.id:
            self.found[address] = Match(Found.BOUND, live, binding if binding and binding.id == live.id else None)
        else:
            self.found[address] = Match(Found.ABSENT)

    def by_natural_key(self, addresses: list[Address], kind: Kind) -> None:
        """Find the rest by natural key: exactly one unclaimed candidate is taken, several are a question."""
        siblings = defaultdict(list)
        for live in self.snapshot.each(kind.name):
            if live.id not in self.claimed:
                siblings[live.parent, kind.natural(live.fields)].append(live)
        wanted: dict[tuple[str | None, tuple[Data, ...]], list[Address]] = defaultdict(list)
        for address in addresses:
            parent = self._parent(address)
            if owner(address) and parent is None:
                self.found[address] = Match(Found.ABSENT)
                continue
            key = (parent.id if parent else None, kind.natural(self.manifests.resources[address].fields))
            wanted[key].append(address)
        for key, rivals in wanted.items():
            self._choose(rivals, siblings.get(key, []))

    def _choose(self, rivals: list[Address], candidates: list[Live]) -> None:
        for address in rivals:
            if len(candidates) == 1 and len(rivals) == 1:
                self.found[address] = self._taken(candidates[0])
                continue
            self.found[address] = Match(Found.ABSENT)
            if candidates:
                ids = ", ".join(live.id for live in candidates)
                others = f", and {len(rivals)} resources here" if len(rivals) > 1 else ""
                self._problem(
                    self.manifests.resources[address],
                    (),
                    f"{len(candidates)} unclaimed object(s) of the service fit{others}: {ids}",
                    "write `id:` with the one that is meant",
                )

    def _taken(self, live: Live) -> Match:
        """Take an unclaimed object: adopted, or given up by a binding whose address has left the manifests."""
        self.claimed.add(live.id)
        for address, (binding, _) in self.bindings.items():
            if binding.id == live.id and address.kind == live.kind:
                return Match(Found.MOVED, live, binding, address)
        return Match(Found.NATURAL, live)

    def refuse_twins(self) -> None:
        """Report each object that two addresses lead to."""
        owners: dict[str, Address] = {}
        for address, found in self.found.items():
            if found.live is None:
                continue
            first = owners.setdefault(found.live.id, address)
            if first != address:
                what = f"{address} and {first} are the same object, {found.live.id}"
                self._problem(self.manifests.resources[address], ("id",), what)

    def _problem(self, resource: Resource, at: tuple[str, ...], what: str, hint: str | None = None) -> None:
        self.problems.append(Problem(resource.at(*at), what, hint, str(resource.address)))


def _moved(manifests: Manifests, bindings: Mapping[Address, Binding]) -> dict[Address, tuple[Binding, Address | None]]:
    """Read the bindings under the names that the manifests use now; what is below a renamed resource moves along."""
    current: dict[Address, tuple[Binding, Address | None]] = {
        address: (binding, None) for address, binding in bindings.items()
    }
    renames = [
        (former.address, resource.address)
        for resource in manifests.resources.values()
        for former in resource.previously
        if former.address not in manifests.resources
    ]
    for former, new in renames:
        old = former if former in current else _before_renames(former, renames)
        for address in [address for address in current if address == old or within(address, old)]:
            target = _below(address, old, new)
            if target in manifests.resources and target not in bindings:
                binding, previous = current.pop(address)
                current[target] = (binding, previous or address)
    return current


def _before_renames(address: Address, renames: list[tuple[Address, Address]]) -> Address:
    """Read an address that is written with the present names of what owns it under the names of before."""
    for old, new in reversed(renames):
        if within(address, new):
            address = _below(address, new, old)
    return address


def _below(address: Address, old: Address, new: Address) -> Address:
    """Rename an owner, or the resource itself, in an address."""
    return Address(address.kind, (*new.path, *address.path[len(old.path) :]))


def _leftovers(
    search: _Search, manifests: Manifests, snapshot: Snapshot, bindings: Mapping[Address, Binding]
) -> dict[Address, Leftover]:
    taken = {found.live.id: address for address, found in search.found.items() if found.live}
    leftovers: dict[Address, Leftover] = {}
    for address, binding in sorted(bindings.items()):
        approved = any(removal.address == address for removal in manifests.removed)
        if address in manifests.resources or not (manifests.complete or approved):
            continue
        if binding.id not in taken:
            leftovers[address] = Leftover(binding.id, snapshot.find(address.kind, binding.id), binding)
    for removal in manifests.removed:
        if removal.id and removal.address not in leftovers and removal.id not in taken:
            live = snapshot.find(removal.address.kind, removal.id)
            leftovers[removal.address] = Leftover(removal.id, live, None)
    return leftovers
