"""The operations that make, adopt and change objects, each with what it must wait for. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from reconciler import graph
from reconciler.diff import Comparison, reference, wanted
from reconciler.kinds import KINDS, Kind, owner, without
from reconciler.match import Match, Matches
from reconciler.model import (
    Action,
    Address,
    Change,
    Data,
    Manifests,
    Operation,
    Ref,
    Resource,
    Snapshot,
    Verb,
    digest,
    references,
)

_MAKING = (Action.CREATE, Action.REPLACE, Action.ROTATE)


@dataclass(slots=True)
class Steps:
    """Operations, and for some of them (by key) the resource below which everything must be finished before."""

    operations: list[Operation] = field(default_factory=list)
    last: dict[str, Address] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Context:
    manifests: Manifests
    matches: Matches
    ids: Mapping[Address, str]
    made: Mapping[Address, Resource]
    waiting: set[graph.Edge]
    snapshot: Snapshot
    making: Mapping[Address, Action]
    lost: Mapping[Address, tuple[str, ...]]
    """The deletions that the rotation of a credential waits for."""


def steps(manifests: Manifests, matches: Matches, comparison: Comparison, *, snapshot: Snapshot) -> Steps:
    """Make the operations of all changes but deletions."""
    made = {
        change.address: manifests.resources[change.address] for change in comparison.changes if change.action in _MAKING
    }
    making = {change.address: change.action for change in comparison.changes if change.action in _MAKING}
    lost = {address: _first(address, comparison.changes) for address in making if making[address] is Action.ROTATE}
    context = _Context(manifests, matches, comparison.ids, made, graph.deferred(made), snapshot, making, lost)
    result = Steps()
    for change in comparison.changes:
        if change.action in _MAKING:
            _make(change, context, result)
        elif change.action is not Action.RETIRE and change.address in manifests.resources:
            _change(change, context, result)
    return result


def _make(change: Change, context: _Context, result: Steps) -> None:
    address, resource = change.address, context.manifests.resources[change.address]
    kind, above = KINDS[address.kind], owner(address)
    match, full = context.matches.found[address], wanted(resource, context.ids, making=True)
    fields, later = _split(address, full, context)
    if kind.includes_caller:
        fields, later = _with_caller(kind.includes_caller, fields, full, later, context.snapshot.caller)
    parent = context.ids.get(above, reference(above)) if above else None
    create = Operation(
        key=f"{Verb.CREATE} {address}",
        verb=Verb.CREATE,
        address=address,
        parent=parent,
        fields=fields,
        bound=_bound(resource, {name: value for name, value in full.items() if name not in later}, parent),
        settings=resource.settings,
        prevent_destroy=_protected(resource, match),
        # A credential that is made anew elsewhere leaves its former binding to the deletion that follows.
        previous=None if kind.secret and match.live is None else match.previous,
        predecessors=_predecessors(change, match, context),
        after=(
            *_creations([*_refs(fields), *([reference(above)] if above else [])], context),
            *_room(change),
            *context.lost.get(address, ()),
        ),
    )
    result.operations.append(create)
    if later:
        _complete(create, later, _bound(resource, full, parent), context, result)


def _complete(
    create: Operation, later: Mapping[str, Data], bound: Mapping[str, Data], context: _Context, result: Steps
) -> None:
    """Add what could not be said when the object was made."""
    address = create.address
    update = Operation(
        key=f"{Verb.UPDATE} {address}",
        verb=Verb.UPDATE,
        address=address,
        id=None,
        fields=later,
        before=create.fields,
        bound=bound,
        prevent_destroy=create.prevent_destroy,
        predecessors=create.predecessors,
        after=(create.key, *_creations(_refs(later), context)),
    )
    result.operations.append(update)
    if KINDS[address.kind].includes_caller in later:
        result.last[update.key] = address


def _split(address: Address, full: Mapping[str, Data], context: _Context) -> tuple[dict[str, Data], dict[str, Data]]:
    """Part the fields into what the create can say and what must wait, element by element in lists."""
    fields: dict[str, Data] = {}
    later: dict[str, Data] = {}
    for name, value in full.items():
        fields[name], hit = without(value, lambda ref: (address, ref.address) in context.waiting)
        if hit:
            later[name] = value
            if fields[name] is None:
                del fields[name]
    return fields, later


def _with_caller(
    name: str, fields: dict[str, Data], full: Mapping[str, Data], later: dict[str, Data], caller: str
) -> tuple[dict[str, Data], dict[str, Data]]:
    """Let the caller in while what is below is made; afterwards the list is exactly what the manifests say."""
    said = fields.get(name, [])
    if caller in said:
        return fields, later
    later = {**later, name: full[name]} if name in full else later
    return {**fields, name: sorted([*said, caller], key=str)}, later


def _change(change: Change, context: _Context, result: Steps) -> None:
    address, resource = change.address, context.manifests.resources[change.address]
    kind, match, above = KINDS[address.kind], context.matches.found[address], owner(address)
    if match.live is None:
        return
    full = wanted(resource, context.ids)
    bind = Operation(
        key=f"{Verb.BIND} {address}",
        verb=Verb.BIND,
        address=address,
        id=match.live.id,
        bound=_bound(resource, full, match.live.parent if above is None else context.ids.get(above, reference(above))),
        settings=resource.settings,
        attributes=match.live.attributes,
        prevent_destroy=_protected(resource, match),
        previous=match.previous,
        predecessors=_predecessors(change, match, context),
    )
    if not change.fields:
        unsaid = change.action is Action.ADOPT or change.previous or address in context.matches.unrecorded
        if unsaid or _outdated(bind, match):
            result.operations.append(bind)
        return
    fields = {each.name: each.after for each in change.fields}
    update = replace(
        bind,
        key=f"{Verb.UPDATE} {address}",
        verb=Verb.UPDATE,
        fields=fields | _sent_along(kind, fields, full, match),
        before={each.name: match.live.fields.get(each.name, each.before) for each in change.fields},
        after=_creations(_refs(fields), context),
    )
    result.operations.append(update)
    if kind.includes_caller in fields and context.snapshot.caller not in fields[kind.includes_caller]:
        result.last[update.key] = address


def _bound(resource: Resource, full: Mapping[str, Data], parent: Data) -> dict[str, Data]:
    """Say what is managed from here on: every field that is not ignored, and the owner where that can change."""
    kind = KINDS[resource.address.kind]
    managed = {name: value for name, value in full.items() if name not in resource.ignore}
    return managed | ({kind.owner_field: parent} if kind.owner_field and kind.moves and managed else {})


def _predecessors(change: Change, match: Match, context: _Context) -> tuple[str, ...]:
    """List the objects that this one replaces, until a deletion of its own has ended each of them."""
    earlier = match.binding.predecessors if match.binding else ()
    there = tuple(each for each in earlier if context.snapshot.find(change.address.kind, each))
    ends = change.action is Action.REPLACE and not change.delete_first and not _goes_along(change, match, context)
    return (*there, change.id) if ends and change.id else there


def _goes_along(change: Change, match: Match, context: _Context) -> bool:
    """Tell whether what is replaced goes with its owner, which is replaced now or was before."""
    above = owner(change.address)
    if above is None or match.live is None or not KINDS[change.address.kind].goes_with_owner:
        return False
    bound = context.matches.found[above].binding
    return context.making.get(above) is Action.REPLACE or bool(bound and match.live.parent in bound.predecessors)


def _protected(resource: Resource, match: Match) -> bool:
    """Tell whether `prevent_destroy` holds: it is remembered, and ends only when the manifests say `false`."""
    remembered = match.binding is not None and match.binding.prevent_destroy
    return remembered if resource.prevent_destroy is None else resource.prevent_destroy


def _sent_along(kind: Kind, fields: Mapping[str, Data], full: Mapping[str, Data], match: Match) -> dict[str, Data]:
    assert match.live is not None
    rest = {name: full.get(name, match.live.fields.get(name)) for name in kind.sent_along if name not in fields}
    return {name: value for name, value in rest.items() if value}


def _outdated(bind: Operation, match: Match) -> bool:
    """Tell whether what the bindings say of an unchanged object is not what they would say now."""
    binding, live = match.binding, match.live
    if binding is None or live is None:
        return True
    digests = {} if KINDS[bind.address.kind].secret else {name: digest(value) for name, value in bind.bound.items()}
    known = (binding.id, dict(binding.digests), binding.prevent_destroy, dict(binding.attributes), binding.predecessors)
    return known != (live.id, digests, bind.prevent_destroy, dict(live.attributes), bind.predecessors)


def _room(change: Change) -> tuple[str, ...]:
    """Name the deletion that the making of a replacement waits for, where only one of the two can exist."""
    return (f"{Verb.DELETE} {change.address}",) if change.delete_first else ()


def _first(address: Address, changes: Iterable[Change]) -> tuple[str, ...]:
    """Name the deletions of lost generations that go before a new one is made."""
    lost = [change for change in changes if change.address == address and change.delete_first]
    return tuple(f"{Verb.DELETE} {address} {change.id}" for change in lost if change.action is Action.RETIRE)


def _refs(fields: Mapping[str, Data]) -> list[Ref]:
    return list(references(fields))


def _creations(refs: Iterable[Ref], context: _Context) -> tuple[str, ...]:
    return tuple(sorted({f"{Verb.CREATE} {ref.address}" for ref in refs if ref.address in context.made}))
