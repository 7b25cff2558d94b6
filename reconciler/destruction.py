"""The end of everything that is bound, said as manifests that want nothing, and remove it all by name. Pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from reconciler.diff import only_referenced
from reconciler.kinds import owners
from reconciler.model import Address, Binding, Manifests, Removal

_WHY = "`destroy` was asked for"


def nothing(manifests: Manifests, bound: Mapping[Address, Binding]) -> Manifests:
    """Turn manifests into those that remove what is bound; of single files only what is in them.

    What the manifests keep (`removed` with `keep: true`) is kept here too, with all below it. What was only ever
    referred to is not removed, and so forgotten.
    """
    kept = {removal.address for removal in manifests.removed if removal.keep}
    stated = {removal.address for removal in manifests.removed}
    ending = [
        address
        for address, binding in sorted(bound.items())
        if not only_referenced(address, binding)
        and (manifests.complete or address in manifests.resources)
        and address not in stated
        and not any(above in kept for above in owners(address))
    ]
    places = {address: resource.place for address, resource in manifests.resources.items()}
    removals = (Removal(address, keep=False, id=None, place=places.get(address), why=_WHY) for address in ending)
    return replace(manifests, resources={}, outputs=(), removed=(*manifests.removed, *removals))


def unbound(manifests: Manifests, bound: Collection[Address]) -> Iterator[str]:
    """Say what is wanted and not bound: it may exist all the same, and is nobody's to delete here."""
    for address in manifests.resources:
        if address not in bound:
            yield f"{address} is not bound: if it exists, it is left alone"
