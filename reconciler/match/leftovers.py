"""What is bound, or named by a removal, and belongs to no resource of the manifests any more. Pure."""

from collections.abc import Iterator, Mapping

from reconciler.errors import Problem
from reconciler.kinds import owner
from reconciler.match.result import Leftover, Match
from reconciler.model import Address, Binding, Live, Manifests, Removal, Snapshot


def leftovers(
    manifests: Manifests, snapshot: Snapshot, bindings: Mapping[Address, Binding], found: Mapping[Address, Match]
) -> dict[Address, Leftover]:
    """List what is left over: bound addresses, then what removals name by id alone."""
    taken = {match.live.id for match in found.values() if match.live}
    left: dict[Address, Leftover] = {}
    for address, binding in sorted(bindings.items()):
        approved = any(removal.address == address for removal in manifests.removed)
        if address in manifests.resources or not (manifests.complete or approved):
            continue
        if binding.id not in taken:
            left[address] = Leftover(binding.id, snapshot.find(address.kind, binding.id), binding)
    for removal in manifests.removed:
        if removal.id and removal.address not in left and removal.id not in taken:
            live = snapshot.find(removal.address.kind, removal.id)
            if live or removal.address.kind in snapshot.poisoned:
                left[removal.address] = Leftover(removal.id, live, None)
    return left


def misnamed(
    manifests: Manifests, snapshot: Snapshot, bindings: Mapping[Address, Binding], found: Mapping[Address, Match]
) -> Iterator[Problem]:
    """Find the removals whose id is not that of what their address names."""
    known = {address: binding.id for address, binding in bindings.items()}
    known |= {address: match.live.id for address, match in found.items() if match.live}
    names = {identifier: address for address, identifier in known.items()}
    for removal in manifests.removed:
        if removal.id:
            what = _misnamed(removal, snapshot, bindings, known, names)
            if what:
                yield Problem(removal.place, what, address=str(removal.address))


def _misnamed(
    removal: Removal,
    snapshot: Snapshot,
    bindings: Mapping[Address, Binding],
    known: Mapping[Address, str],
    names: Mapping[str, Address],
) -> str | None:
    bound = bindings.get(removal.address)
    if bound and bound.id != removal.id:
        return f"{removal.address} is {bound.id}, not {removal.id}"
    live = _live(snapshot, removal.id or "")
    if live is None:
        return None
    if live.kind != removal.address.kind:
        return f"{removal.id} is a {live.kind}, not a {removal.address.kind}"
    above = owner(removal.address)
    if above is None:
        return None
    expected, actual = known.get(above), names.get(live.parent or "")
    if (expected is not None and expected != live.parent) or (actual is not None and actual != above):
        return f"{removal.id} is a {live.kind} of {actual or live.parent}, not of {above}"
    return None


def _live(snapshot: Snapshot, identifier: str) -> Live | None:
    found = (snapshot.find(kind, identifier) for kind in snapshot.objects)
    return next((live for live in found if live), None)
