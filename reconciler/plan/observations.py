"""What the decisions of a plan rest on, address by address. Pure."""

from reconciler.diff import Comparison
from reconciler.kinds import KINDS, normal, owner
from reconciler.match import Matches
from reconciler.model import Action, Address, Change, Data, Live, Manifests, Seen, Snapshot


def observations(
    manifests: Manifests, matches: Matches, comparison: Comparison, *, snapshot: Snapshot
) -> tuple[Seen, ...]:
    """List what was seen of each object that is managed, ends or is forgotten, and what is beside each new one."""
    seen = []
    for change in comparison.changes:
        match = matches.found.get(change.address)
        matched = match.live if match and change.action is not Action.RETIRE else None
        live = matched or snapshot.find(change.address.kind, change.id or "")
        if live:
            seen.append(Seen(change.address, live.id, live.parent, _counting(change, manifests, live)))
        elif change.action is Action.CREATE:
            seen.append(_nothing(change.address, matches, snapshot))
    return tuple(seen)


def _counting(change: Change, manifests: Manifests, live: Live) -> dict[str, Data]:
    """Choose what counts: all of what ends, what is managed or sent along, nothing of what is forgotten."""
    resource, kind = manifests.resources.get(change.address), KINDS[live.kind]
    if change.action is Action.FORGET:
        return {}
    counting = {*live.fields}
    if resource and change.action not in (Action.RETIRE, Action.REPLACE):
        managed = resource.fields.keys() - resource.ignore
        counting = managed | set(kind.sent_along) if managed else managed
    return {
        name: normal(kind.by_name[name], value) if name in kind.by_name else value
        for name, value in live.fields.items()
        if name in counting
    }


def _nothing(address: Address, matches: Matches, snapshot: Snapshot) -> Seen:
    above = owner(address)
    match = matches.found.get(above) if above else None
    parent = match.live.id if match and match.live else None
    beside = (live.id for live in snapshot.each(address.kind) if live.parent == parent)
    return Seen(address, None, parent, beside=tuple(beside) if parent or above is None else ())
