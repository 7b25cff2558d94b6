"""The search for the object of each address: which objects are claimed, and which are found. Pure."""

from collections import defaultdict
from collections.abc import Mapping

from reconciler.errors import Problem
from reconciler.kinds import KINDS, Kind, lineage, owner
from reconciler.match.result import Found, Match
from reconciler.model import Address, Binding, Data, Live, Manifests, Resource, Snapshot, digest


class Search:
    """The state of one matching: what was found, and which objects are claimed.

    `bindings` are those under the names of now, each with the name of before. `elsewhere` says of objects of other
    environments which one has bound them.
    """

    def __init__(
        self,
        manifests: Manifests,
        snapshot: Snapshot,
        bindings: Mapping[Address, tuple[Binding, Address | None]],
        elsewhere: Mapping[str, str],
    ) -> None:
        self.manifests = manifests
        self.snapshot = snapshot
        self.bindings = bindings
        self.elsewhere = elsewhere
        self.found: dict[Address, Match] = {}
        self.problems: list[Problem] = []
        self.claimed = {resource.id for resource in manifests.resources.values() if resource.id} | set(elsewhere)
        removed = {removal.address for removal in manifests.removed if not removal.keep}
        for address, (binding, _) in bindings.items():
            if address in manifests.resources or address in removed or not manifests.complete:
                self.claimed.add(binding.id)
            self.claimed.update(binding.predecessors)
        self._leaving = {
            (address.kind, binding.id): address
            for address, (binding, _) in bindings.items()
            if address not in manifests.resources
        }

    def by_name(self, address: Address, kind: Kind, held: Mapping[Address, str | None]) -> bool:
        """Look for the object that is pinned, bound or held; say whether that decides the matter."""
        resource = self.manifests.resources[address]
        binding, previous = self.bindings.get(address, (None, None))
        if resource.id:
            self._pinned(resource, binding, previous)
            return True
        if kind.secret and resource.settings.get("sink"):
            self._held(resource, binding, previous, held)
            return True
        if binding:
            live = self.snapshot.find(address.kind, binding.id)
            how = Found.MOVED if previous else Found.BOUND
            lost = None if live or self._uncertain(kind) else binding.id
            self.found[address] = Match(how, live, binding, previous, lost)
            return True
        former = next((former for former in resource.previously if former.id), None)
        if former and former.id:
            live = self.snapshot.find(address.kind, former.id)
            if live:
                self.claimed.add(former.id)
                self.found[address] = Match(Found.MOVED, live, None, former.address)
            return bool(live)
        return False

    def _uncertain(self, kind: Kind) -> bool:
        """Tell whether what was not seen may exist all the same."""
        return any(name in self.snapshot.poisoned for name in lineage(kind.name))

    def _pinned(self, resource: Resource, binding: Binding | None, previous: Address | None) -> None:
        address, live = resource.address, self.snapshot.find(resource.address.kind, resource.id or "")
        if binding and binding.id != resource.id:
            binding = previous = None
        if live and binding is None:
            previous = self._left_by(live)
            binding = self.bindings[previous][0] if previous else None
        self.found[address] = Match(Found.PINNED if live else Found.ABSENT, live, binding, previous)
        if live is None and address.kind not in self.snapshot.poisoned:
            self._problem(resource, ("id",), f"no {address.kind} has the id {resource.id}, or it is not yours")
        elif live and self._misplaced(live, address, binding):
            what = f"{resource.id} is a {live.kind} of {live.parent}, not of {owner(address)}"
            self._problem(resource, ("id",), what)
        elif live and resource.fields and live.id in self.elsewhere:
            what = f"{resource.id} is managed in another environment already, {self.elsewhere[live.id]}"
            self._problem(resource, ("id",), what, "leave out its fields, to refer to it only")

    def _misplaced(self, live: Live, address: Address, binding: Binding | None) -> bool:
        """Tell whether a pinned object stands below something else, and is none of ours that can be moved."""
        above, parent = owner(address), self.parent(address)
        movable = KINDS[address.kind].moves and binding is not None
        if above is None or movable or (parent is None and above.kind in self.snapshot.poisoned):
            return False
        return parent is None or live.parent != parent.id

    def parent(self, address: Address) -> Live | None:
        """Give the object of the owner, where it is known."""
        above = owner(address)
        return self.found[above].live if above and above in self.found else None

    def _held(
        self,
        resource: Resource,
        binding: Binding | None,
        previous: Address | None,
        held: Mapping[Address, str | None],
    ) -> None:
        """Find the object whose secret is delivered, under the settings of now."""
        address, parent = resource.address, self.parent(resource.address)
        believed = binding.id if binding and binding.sink == digest(resource.settings["sink"]) else None
        identifier = held.get(address, believed)
        live = self.snapshot.find(address.kind, identifier) if identifier else None
        if live and parent and live.parent == parent.id:
            left = self._left_by(live) if binding is None else None
            known = binding if binding and binding.id == live.id else None
            self.found[address] = Match(Found.BOUND, live, known, previous or left)
        else:
            self.found[address] = Match(Found.ABSENT, binding=binding, previous=previous)

    def by_natural_key(self, addresses: list[Address], kind: Kind) -> None:
        """Find the rest by natural key: exactly one unclaimed candidate is taken, several are a question."""
        siblings = defaultdict(list)
        for live in self.snapshot.each(kind.name):
            if live.id not in self.claimed:
                siblings[live.parent, kind.natural(live.fields)].append(live)
        wanted: dict[tuple[str | None, tuple[Data, ...]], list[Address]] = defaultdict(list)
        for address in addresses:
            parent = self.parent(address)
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
        left = self._left_by(live)
        return Match(Found.MOVED, live, self.bindings[left][0], left) if left else Match(Found.NATURAL, live)

    def _left_by(self, live: Live) -> Address | None:
        """Name the address that an object is bound to, if it has left the manifests."""
        return self._leaving.get((live.kind, live.id))

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
