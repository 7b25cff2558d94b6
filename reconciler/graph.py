"""References: the edges between resources, and the ones that must wait because they close a cycle. Pure."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from reconciler.errors import Problem
from reconciler.kinds import KINDS, owner, owners
from reconciler.kinds import repeated as elements_repeated
from reconciler.model import Address, Data, Pointer, Ref, Resource, references, substitute

Edge = tuple[Address, Address]
N = TypeVar("N", bound=Hashable)
_RANK = {name: rank for rank, name in enumerate(KINDS)}


def names(resources: Iterable[Resource]) -> tuple[Ref, ...]:
    """List what only the service can resolve, each once, in a stable order."""
    found = {ref for resource in resources for ref in references(resource.fields) if ref.address is None}
    return tuple(sorted(found, key=lambda ref: (ref.want, ref.text)))


def resolve(
    resources: Mapping[Address, Resource], known: Mapping[Ref, str]
) -> tuple[dict[Address, Resource], list[Problem]]:
    """Replace each name by the id that the look-up found; a name without one is a problem at its line.

    The resources come back with owners before what they own.
    """
    problems: list[Problem] = []
    resolved = {}
    for address, resource in sorted(resources.items(), key=lambda item: (_RANK[item[0].kind], item[0].path)):
        problems += [
            Problem(resource.at(*pointer), f"no {ref.want} {ref.text!r} is known to the service", address=str(address))
            for pointer, ref in _unresolved(resource, known)
        ]
        resolved[address] = replace(resource, fields=_known(resource.fields, known)) if known else resource
    return resolved, problems


def repeated(resources: Mapping[Address, Resource], ids: Mapping[Address, str]) -> Iterator[Problem]:
    """Find what stands in a list without order twice under different names, now that their ids are known."""
    for address, resource in resources.items():
        for declared in KINDS[address.kind].fields:
            value = substitute(resource.fields.get(declared.name), ids)
            for index, other in elements_repeated(declared, value):
                what = f"this is what element {other + 1} of `{declared.name}` is, under another name"
                yield Problem(resource.at(declared.name, index), what, "leave one of them out", str(address))


def referenced(resource: Resource) -> Iterator[Address]:
    """Iterate over the addresses that a resource refers to."""
    for ref in references(resource.fields):
        if ref.address is not None:
            yield ref.address


def deferred(resources: Mapping[Address, Resource]) -> set[Edge]:
    """Choose the references that must wait so that all these resources can be made one after the other."""

    def needs(address: Address) -> Iterator[Address]:
        above = owner(address)
        if above is not None and above in resources:
            yield above
        yield from sorted(target for target in set(referenced(resources[address])) if target in resources)

    return open_cycles(sorted(resources), needs, lambda address: (address, *owners(address)))


def open_cycles(
    nodes: Iterable[N], needs: Callable[[N], Iterable[N]], with_it: Callable[[N], Iterable[N]]
) -> set[tuple[N, N]]:
    """Choose the needs to give up so that none leads back to where it came from.

    `with_it` names what a node can never do without, itself first; those needs come first in `needs` and are kept.
    A depth-first search gives up each need that leads to something which is still being descended from, or which
    cannot do without such a thing. Linear in the number of needs.
    """
    given_up: set[tuple[N, N]] = set()
    visited: set[N] = set()
    for root in nodes:
        if root in visited:
            continue
        descending = {root}
        stack = [(root, iter(needs(root)))]
        while stack:
            node, rest = stack[-1]
            target = next(rest, None)
            if target is None:
                stack.pop()
                descending.discard(node)
                visited.add(node)
            elif any(other in descending for other in with_it(target)):
                given_up.add((node, target))
            elif target not in visited:
                descending.add(target)
                stack.append((target, iter(needs(target))))
    return given_up


def _unresolved(resource: Resource, known: Mapping[Ref, str]) -> Iterator[tuple[Pointer, Ref]]:
    for name, value in resource.fields.items():
        for pointer, ref in _positions(value, (name,)):
            if ref.address is None and ref not in known:
                yield pointer, ref


def _positions(value: Data, at: Pointer) -> Iterator[tuple[Pointer, Ref]]:
    if isinstance(value, Ref):
        yield at, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _positions(item, (*at, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _positions(item, (*at, index))


def _known(value: Data, known: Mapping[Ref, str]) -> Data:
    if isinstance(value, Ref):
        return known.get(value, value)
    if isinstance(value, Mapping):
        return {key: _known(item, known) for key, item in value.items()}
    if isinstance(value, list):
        return [_known(item, known) for item in value]
    return value
