"""Binds what exists already: one object by its id, or all that can be found again. Nothing here writes to the service.

An object is bound only where it certainly is what the address means; everything else is told and left to a person.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from reconciler.diff import compare
from reconciler.errors import CannotBind, Problem
from reconciler.kinds import KINDS, normal, owner
from reconciler.model import Address, Binding, Change, Live, Manifests, Resource, digest
from reconciler.survey import Survey


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """Bindings that were found again, and what was not.

    `undecided` is for a person to decide, `absent` are resources without an object, `lost` are addresses that were
    bound before and have left the manifests.
    """

    entries: Mapping[Address, Binding]
    undecided: tuple[Problem, ...]
    absent: tuple[Address, ...]
    lost: tuple[Address, ...]


def pinned(
    manifests: Manifests,
    address: Address,
    identifier: str,
    entries: Mapping[Address, Binding],
    elsewhere: Mapping[str, str],
) -> Manifests:
    """Let the manifests say that an address is this object.

    Raise CannotBind when the address is not in them, or it or the object belongs to something else already.
    """
    resource = manifests.resources.get(address)
    if resource is None:
        raise CannotBind(str(address), "is not in the manifests; state it there first")
    if resource.id not in (None, identifier):
        raise CannotBind(str(address), f"is pinned to {resource.id} at {resource.at('id')}")
    bound = entries.get(address)
    if bound and bound.id != identifier:
        raise CannotBind(str(address), f"is bound to {bound.id}; `bindings rm {address}` forgets that")
    taken = next(_taken(address, identifier, manifests, entries, elsewhere), None)
    if taken:
        raise CannotBind(str(address), f"{identifier} {taken}")
    return replace(manifests, resources={**manifests.resources, address: replace(resource, id=identifier)})


def _taken(
    address: Address,
    identifier: str,
    manifests: Manifests,
    entries: Mapping[Address, Binding],
    elsewhere: Mapping[str, str],
) -> Iterator[str]:
    """Say to whom an object belongs that is not free."""
    for other, resource in manifests.resources.items():
        if other != address and resource.id == identifier:
            yield f"is pinned to {other} at {resource.at('id')}"
    for other, binding in entries.items():
        if other != address and binding.id == identifier:
            yield f"is bound to {other}; `bindings mv` renames that, `bindings rm` forgets it"
        if identifier in binding.predecessors:
            yield f"was replaced by what {other} is now, and is still to be deleted"
    for removal in manifests.removed:
        if removal.id == identifier:
            yield f"is to be removed, at {removal.place}"
    if identifier in elsewhere:
        yield f"is bound in another environment, by {elsewhere[identifier]}"


def adopted(seen: Survey, address: Address, identifier: str) -> Binding:
    """Bind an address to the object with this id, if that is of its kind, in its place, and has its secret delivered.

    Raise CannotBind otherwise. `seen` was observed with the address pinned to the id.
    """
    live = seen.snapshot.find(address.kind, identifier)
    if live is None:
        raise CannotBind(str(address), _absent(seen, address, identifier))
    above = owner(address)
    parent = seen.matches.found[above].live if above else None
    if above and (parent is None or parent.id != live.parent):
        names = {found: other for other, found in seen.matches.ids().items()}
        where = names.get(live.parent or "", live.parent)
        raise CannotBind(str(address), f"{identifier} is a {address.kind} of {where}, not of {above}")
    head = seen.heads.get(address)
    if address in seen.heads and (head is None or head.credential_id != identifier):
        holds = f"the secret of {head.credential_id}" if head else "no secret that was delivered from here"
        raise CannotBind(
            str(address), f"its sink, {seen.sinks[address].destination}, holds {holds}; a secret is shown only once"
        )
    return bound(seen.manifests.resources[address], live)


def _absent(seen: Survey, address: Address, identifier: str) -> str:
    other = next((kind for kind in KINDS if seen.snapshot.find(kind, identifier)), None)
    if other:
        return f"{identifier} is a {other}, not a {address.kind}"
    if why := seen.snapshot.poisoned.get(address.kind):
        return f"{identifier} could not be looked for: {why}"
    return f"no {address.kind} has the id {identifier}, or it is not yours"


def ahead(seen: Survey, address: Address) -> Change:
    """Say what the next plan makes of an address."""
    return next(
        each for each in compare(seen.manifests, seen.matches, seen.snapshot).changes if each.address == address
    )


def rebuilt(seen: Survey, before: Mapping[Address, Binding]) -> Rebuilt:
    """Bind what pins and natural keys lead to, leaving out what they cannot decide.

    `before` are the bindings of before, as far as they can be believed. Raise CannotBind after an incomplete read.
    """
    for kind, why in seen.snapshot.poisoned.items():
        raise CannotBind(KINDS[kind].section, f"could not be read completely ({why}); nothing was changed")
    doubtful = {problem.address for problem in seen.matches.problems}
    entries = {
        address: bound(seen.manifests.resources[address], match.live, before.get(address))
        for address, match in seen.matches.found.items()
        if match.live and str(address) not in doubtful
    }
    declared = seen.manifests.resources
    absent = tuple(sorted(each for each in declared if each not in entries and str(each) not in doubtful))
    lost = tuple(sorted(each for each in before if each not in declared))
    return Rebuilt(entries, seen.matches.problems, absent, lost)


def bound(resource: Resource, live: Live, before: Binding | None = None) -> Binding:
    """Bind a resource to an object as it is now; what was known of the same object before is kept."""
    kind, sink = KINDS[live.kind], resource.settings.get("sink")
    same = before if before and before.id == live.id else None
    digests = (
        {}
        if kind.secret
        else {
            name: digest(normal(kind.by_name[name], live.fields.get(name)))
            for name in resource.fields
            if name not in resource.ignore
        }
    )
    if digests and kind.moves and kind.owner_field:
        digests[kind.owner_field] = digest(live.parent)
    protected = resource.prevent_destroy
    return Binding(
        id=live.id,
        digests=same.digests if same else digests,
        prevent_destroy=bool(same and same.prevent_destroy) if protected is None else protected,
        attributes=live.attributes,
        sink=digest(sink) if sink else None,
        predecessors=same.predecessors if same else (),
    )
