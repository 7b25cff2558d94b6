"""Guards of what begins: objects that are made or adopted. Pure."""

from collections.abc import Iterator

from reconciler.guards.case import ENDING, Case, agreed
from reconciler.kinds import KINDS, owner, owners, title
from reconciler.model import Action, Refusal


def uncreatable(case: Case) -> Iterator[Refusal]:
    """Refuse to make, replace or delete what other tools make."""
    for change in case.plan.changes:
        live = case.snapshot.find(change.address.kind, change.id or "")
        resource = case.manifests.resources.get(change.address)
        fields = live.fields if live else (resource.fields if resource else {})
        why = KINDS[change.address.kind].uncreatable(fields)
        if why and change.action in (Action.CREATE, *ENDING):
            yield Refusal(change.address, why)


def misfits(case: Case) -> Iterator[Refusal]:
    """Refuse to make what its owner, as it is or will be, cannot have."""
    replaced = {change.address for change in case.plan.changes if change.action is Action.REPLACE}
    for change in case.plan.changes:
        resource, above = case.manifests.resources.get(change.address), owner(change.address)
        if resource is None or above is None or change.action not in (Action.CREATE, Action.REPLACE):
            continue
        live = case.matches.found[above].live if above in case.matches.found else None
        stays = live is not None and not any(each in replaced for each in owners(change.address))
        why = KINDS[change.address.kind].misfit(resource.fields, live.fields if live and stays else {})
        if why:
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
        if others and not KINDS[change.address.kind].secret and not agreed(change.address, case.consents.create):
            names = ", ".join(f"{title(live)} ({live.id})" for live in others)
            why = f"there are no bindings, and {above} has others that it may be under another name: {names}"
            yield Refusal(change.address, why, f"write `id:`, or give --allow-create {change.address}")
