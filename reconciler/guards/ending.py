"""Guards of what ends: deletions, replacements, and what would go along with them. Pure."""

from collections.abc import Iterator

from reconciler.generations import may_be_in_use
from reconciler.guards.case import ENDING, Case, agreed
from reconciler.kinds import KINDS, lineage, owned, owner, owners, title, within
from reconciler.match import Found
from reconciler.model import Action, Change, Live, Refusal

_MANY_OF = 10
_TOO_MANY = 0.3


def incomplete_reads(case: Case) -> Iterator[Refusal]:
    """Refuse to make, replace or delete what was read incompletely, anything below it, and what would take it along."""
    for change in case.plan.changes:
        if change.action not in (Action.CREATE, Action.ROTATE, *ENDING):
            continue
        along = [kind.name for kind in owned(change.address.kind)] if change.action in ENDING else []
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
        if not any(agreed(each, case.consents.delete) for each in (address, *owners(address))):
            consent = f"add it to `removed`, or give --allow-delete {address}"
            yield Refusal(address, "it has left the manifests and would be deleted", consent)


def unapproved_replacements(case: Case) -> Iterator[Refusal]:
    """Refuse to replace an object, or to make one again whose predecessor is gone with all that hung on it."""
    for change in case.plan.changes:
        kind, match = KINDS[change.address.kind], case.matches.found.get(change.address)
        if agreed(change.address, case.consents.replace):
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
                names = ", ".join(f"{kind.name} {title(live)} ({live.id})" for live in unbound)
                yield Refusal(change.address, f"it owns what these manifests do not manage: {names}")


def own_client(case: Case) -> Iterator[Refusal]:
    """Refuse to delete the client that this program runs as."""
    for change in case.ending():
        if change.id == case.snapshot.caller:
            yield Refusal(change.address, "this program runs with its credentials")


def own_secrets(case: Case) -> Iterator[Refusal]:
    """Refuse to end a secret that this program may be running with; a retirement waits by itself."""
    for change in case.ending():
        live = case.snapshot.find(change.address.kind, change.id or "")
        ours = live is not None and KINDS[live.kind].secret and may_be_in_use(live, case.snapshot, case.aim)
        if ours and change.action is not Action.RETIRE:
            why = "this program may be running with it: RECONCILER_CREDENTIAL_ID does not name a newer one"
            yield Refusal(change.address, why)


def _follows_owner(change: Change, case: Case) -> bool:
    """Tell whether an object is replaced because its owner is, or was by a run that got no further."""
    above = owner(change.address)
    match = case.matches.found.get(above) if above else None
    live = case.snapshot.find(change.address.kind, change.id or "")
    if live and match and match.binding and live.parent in match.binding.predecessors:
        return True
    return any(other.action is Action.REPLACE and within(change.address, other.address) for other in case.plan.changes)


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
