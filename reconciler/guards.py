"""What a plan may not do without a consent in words: a function a rule, each yielding refusals. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reconciler.kinds import KINDS, lineage, owned, owner, owners, within
from reconciler.match import Found, Matches
from reconciler.model import (
    Action,
    Address,
    Binding,
    Change,
    Data,
    Live,
    Manifests,
    Operation,
    Plan,
    Refusal,
    Snapshot,
    Verb,
)

_ENDING = (Action.DELETE, Action.REPLACE, Action.RETIRE)
_MANY_OF = 10
_TOO_MANY = 0.3


@dataclass(frozen=True, slots=True)
class Consents:
    """What the user has agreed to, each a set of addresses in which `all` stands for every one."""

    delete: frozenset[str] = frozenset()
    replace: frozenset[str] = frozenset()
    create: frozenset[str] = frozenset()
    lockout: frozenset[str] = frozenset()
    adopt: bool = True


@dataclass(frozen=True, slots=True)
class Case:
    """All that a guard may look at."""

    plan: Plan
    manifests: Manifests
    matches: Matches
    snapshot: Snapshot
    bindings: Mapping[Address, Binding]
    consents: Consents

    def ending(self) -> Iterator[Change]:
        """Iterate over the changes that end an object: it is deleted, replaced, or was replaced before."""
        return (change for change in self.plan.changes if change.action in _ENDING)


def check(case: Case) -> tuple[Refusal, ...]:
    """Ask every guard; a plan with a refusal is shown whole and applied not at all."""
    guards = (
        incomplete_reads,
        unapproved_deletions,
        unapproved_replacements,
        irreplaceable,
        protected,
        too_many_deletions,
        taken_along,
        lockout,
        own_client,
        uncreatable,
        adoptions,
        unexpected_creates,
    )
    return tuple(refusal for guard in guards for refusal in guard(case))


def incomplete_reads(case: Case) -> Iterator[Refusal]:
    """Refuse to make, replace or delete what was read incompletely, anything below it, and what would take it along."""
    for change in case.plan.changes:
        if change.action not in (Action.CREATE, *_ENDING):
            continue
        along = [kind.name for kind in owned(change.address.kind)] if change.action in _ENDING else []
        kinds = (*lineage(change.address.kind), *along)
        poisoned = next((kind for kind in kinds if kind in case.snapshot.poisoned), None)
        if poisoned:
            why = case.snapshot.poisoned[poisoned]
            yield Refusal(change.address, f"the list of {KINDS[poisoned].section} is incomplete ({why})")


def unapproved_deletions(case: Case) -> Iterator[Refusal]:
    """Refuse a deletion that no `removed` entry and no option approves, for it or for what owns it."""
    approved = {removal.address for removal in case.manifests.removed if not removal.keep}
    for change in case.plan.changes:
        address = change.address
        if change.action is not Action.DELETE or any(each in approved for each in (address, *owners(address))):
            continue
        if not any(_agreed(each, case.consents.delete) for each in (address, *owners(address))):
            consent = f"add it to `removed`, or give --allow-delete {address}"
            yield Refusal(address, "it has left the manifests and would be deleted", consent)


def unapproved_replacements(case: Case) -> Iterator[Refusal]:
    """Refuse to replace an object, or to make one again whose predecessor is gone with all that hung on it."""
    for change in case.plan.changes:
        kind, match = KINDS[change.address.kind], case.matches.found.get(change.address)
        if _agreed(change.address, case.consents.replace):
            continue
        consent = f"--allow-replace {change.address}"
        if change.action is Action.REPLACE and not _follows_owner(change, case):
            yield Refusal(change.address, f"{change.because}; a replacement means {kind.breaks}", consent)
        elif change.action is Action.CREATE and match and match.lost and owned(kind.name):
            yield Refusal(change.address, f"its object {match.lost} is gone; a new one means {kind.breaks}", consent)


def irreplaceable(case: Case) -> Iterator[Refusal]:
    """Refuse to replace what was neither made nor adopted here yet, and what is pinned to its id."""
    for change in case.plan.changes:
        if change.action is not Action.REPLACE:
            continue
        match, resource = case.matches.found[change.address], case.manifests.resources[change.address]
        if resource.id:
            why = f"its `id:` pins {change.id}, and a replacement has another: take `id:` out first"
            yield Refusal(change.address, why)
        elif match.how is Found.NATURAL:
            wanted = ", ".join(f"{each.name}: {each.before}" for each in change.fields if each.immutable)
            first = f" (with {wanted})" if wanted else ""
            why = f"{change.id} was neither made nor adopted here: adopt it as it is{first}, before it is replaced"
            yield Refusal(change.address, why)


def protected(case: Case) -> Iterator[Refusal]:
    """Refuse to end what `prevent_destroy` protects, now or as last applied."""
    for change in case.ending():
        if change.action is Action.RETIRE:
            continue
        bound_as, resource = change.previous or change.address, case.manifests.resources.get(change.address)
        binding = case.bindings.get(bound_as)
        if (binding and binding.prevent_destroy) or (resource and resource.prevent_destroy):
            why = "`prevent_destroy` protects it; apply `prevent_destroy: false` first"
            yield Refusal(change.address, why)


def too_many_deletions(case: Case) -> Iterator[Refusal]:
    """Refuse to delete a large part of what is bound at once."""
    deleted = sum(change.action is Action.DELETE for change in case.plan.changes)
    bound = len(case.bindings)
    if bound >= _MANY_OF and deleted > bound * _TOO_MANY and "all" not in case.consents.delete:
        yield Refusal(None, f"{deleted} of {bound} bound resources would be deleted", "--allow-delete all")


def taken_along(case: Case) -> Iterator[Refusal]:
    """Refuse a deletion that would take objects along which nobody asked to delete."""
    ending = {change.id for change in case.ending()}
    staying = (
        change
        for change in case.plan.changes
        if change.action is not Action.FORGET and not KINDS[change.address.kind].secret
    )
    moving = {change.id for change in staying if change.id and change.id not in ending}
    for change in case.ending():
        for kind in owned(change.address.kind):
            unbound = [
                live
                for live in case.snapshot.each(kind.name)
                if live.parent == change.id and live.id not in ending | moving and not _ours(live, change, case)
            ]
            if unbound:
                names = ", ".join(f"{kind.name} {_title(live)} ({live.id})" for live in unbound)
                yield Refusal(change.address, f"it owns what these manifests do not manage: {names}")


def lockout(case: Case) -> Iterator[Refusal]:
    """Refuse an end state in which the caller, or anybody at all, no longer administers a project."""
    for operation in case.plan.operations:
        wanted, groups = _administrators(operation, case), _groups(operation, case)
        if wanted is None or operation.verb not in (Verb.CREATE, Verb.UPDATE):
            continue
        if _agreed(operation.address, case.consents.lockout) or groups or not _last(operation, case.plan):
            continue
        consent = f"--allow-lockout {operation.address}"
        if not wanted:
            yield Refusal(operation.address, "nobody would administer it any more", consent)
        elif case.snapshot.caller not in wanted:
            yield Refusal(operation.address, "you would not administer it any more", consent)


def own_client(case: Case) -> Iterator[Refusal]:
    """Refuse to delete the client that this program runs as."""
    for change in case.ending():
        if change.id == case.snapshot.caller:
            yield Refusal(change.address, "this program runs with its credentials")


def uncreatable(case: Case) -> Iterator[Refusal]:
    """Refuse to make, replace or delete what other tools make."""
    for change in case.plan.changes:
        live = case.snapshot.find(change.address.kind, change.id or "")
        resource = case.manifests.resources.get(change.address)
        fields = live.fields if live else (resource.fields if resource else {})
        why = KINDS[change.address.kind].uncreatable(fields)
        if why and change.action in (Action.CREATE, *_ENDING):
            yield Refusal(change.address, why)


def adoptions(case: Case) -> Iterator[Refusal]:
    """Refuse to take over an object that is there already, when the user said so."""
    for change in case.plan.changes:
        if change.action is Action.ADOPT and not case.consents.adopt:
            yield Refusal(change.address, f"it would adopt {change.id}", "leave out --no-adopt")


def unexpected_creates(case: Case) -> Iterator[Refusal]:
    """Without bindings, refuse to make something beside unclaimed siblings: one of them may be it, renamed."""
    if case.bindings:
        return
    claimed = {*case.matches.ids().values(), *case.matches.elsewhere}
    for change in case.plan.changes:
        above = owner(change.address)
        match = case.matches.found.get(above) if above else None
        if change.action is not Action.CREATE or match is None or match.live is None:
            continue
        others = [
            live
            for live in case.snapshot.each(change.address.kind)
            if live.parent == match.live.id and live.id not in claimed
        ]
        if others and not KINDS[change.address.kind].secret and not _agreed(change.address, case.consents.create):
            names = ", ".join(f"{_title(live)} ({live.id})" for live in others)
            why = f"there are no bindings, and {above} has others that it may be under another name: {names}"
            yield Refusal(change.address, why, f"write `id:`, or give --allow-create {change.address}")


def notes(case: Case) -> tuple[str, ...]:
    """Say what is allowed but worth a thought."""
    return tuple(
        f"{operation.address}: you would administer it only through groups, whose members cannot be seen"
        for operation in case.plan.operations
        if (name := KINDS[operation.address.kind].includes_caller)
        and name in operation.bound
        and _groups(operation, case)
        and case.snapshot.caller not in operation.bound[name]
    )


def _ours(live: Live, change: Change, case: Case) -> bool:
    """Tell whether an object goes by the name of a resource of this owner: another of the two is bound."""
    kind = KINDS[live.kind]
    name, _, mark = str(live.fields.get("name")).rpartition("#")
    for address, resource in case.manifests.resources.items():
        if address.kind != live.kind or owner(address) != change.address:
            continue
        if kind.secret and mark and resource.settings.get("sink") and resource.fields["name"] == name:
            return True
        if change.action is Action.RETIRE and kind.natural(resource.fields) == kind.natural(live.fields):
            return True
    return False


def _agreed(address: Address, consents: frozenset[str]) -> bool:
    return "all" in consents or str(address) in consents


def _follows_owner(change: Change, case: Case) -> bool:
    """Tell whether an object is replaced because its owner is, or was by a run that got no further."""
    above = owner(change.address)
    match = case.matches.found.get(above) if above else None
    live = case.snapshot.find(change.address.kind, change.id or "")
    if live and match and match.binding and live.parent in match.binding.predecessors:
        return True
    return any(other.action is Action.REPLACE and within(change.address, other.address) for other in case.plan.changes)


def _administrators(operation: Operation, case: Case) -> list[Data] | None:
    """List who will be named as administrator, if the operation says or changes who administers."""
    kind = KINDS[operation.address.kind]
    if kind.includes_caller is None:
        return None
    if kind.includes_caller in operation.bound:
        return list(operation.bound[kind.includes_caller] or [])
    live = case.snapshot.find(kind.name, operation.id or "")
    if live and kind.includes_groups in operation.bound:
        return list(live.fields.get(kind.includes_caller) or [])
    return None


def _groups(operation: Operation, case: Case) -> bool:
    name = KINDS[operation.address.kind].includes_groups or ""
    if name in operation.bound:
        return bool(operation.bound[name])
    live = case.snapshot.find(operation.address.kind, operation.id or "")
    return bool(live and live.fields.get(name))


def _last(operation: Operation, plan: Plan) -> bool:
    """Tell whether this is the last write to its object."""
    writes = [
        other.key for other in plan.operations if other.address == operation.address and other.verb is not Verb.BIND
    ]
    return writes[-1] == operation.key


def _title(live: Live) -> str:
    return str(KINDS[live.kind].natural(live.fields)[-1])
