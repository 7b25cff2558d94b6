"""Bindings under the names that the manifests use now. Pure."""

from collections.abc import Mapping

from reconciler.kinds import within
from reconciler.model import Address, Binding, Manifests


def renamed(manifests: Manifests, bindings: Mapping[Address, Binding]) -> dict[Address, tuple[Binding, Address | None]]:
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
