"""From changes to a plan: its operations in an order that works, and the digests that tie it to what it was made from.

Pure. A plan says everything that its execution needs: the executor reads no manifest.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from reconciler.diff import Comparison
from reconciler.kinds import KINDS, within
from reconciler.match import Matches
from reconciler.model import Action, Address, Data, Manifests, Operation, Plan, Snapshot, digest
from reconciler.plan.deletions import deletions
from reconciler.plan.order import in_order
from reconciler.plan.steps import steps

__all__ = ["build"]


def build(manifests: Manifests, matches: Matches, comparison: Comparison, *, snapshot: Snapshot, target: str) -> Plan:
    """Order the operations that carry out all changes."""
    made = steps(manifests, matches, comparison, snapshot=snapshot)
    operations = in_order(_finish([*made.operations, *deletions(comparison, snapshot, made.operations)], made.last))
    plan = Plan(
        target=target,
        environment=manifests.environment,
        changes=comparison.changes,
        operations=operations,
        complete=manifests.complete and comparison.complete,
        manifests=manifests.digest,
        observed=_observed(comparison, matches, snapshot),
    )
    together = [plan.manifests, plan.observed, [_form(operation) for operation in operations], target]
    return replace(plan, digest=digest(together))


def _finish(operations: list[Operation], last: Mapping[str, Address]) -> list[Operation]:
    """Let what ends the caller's own rights come after everything that needs them, unless that waits for it."""
    after = {operation.key: {*operation.after} for operation in operations}
    for key, address in last.items():
        waiting = _waiting(key, after)
        after[key] |= {other.key for other in operations if within(other.address, address)} - waiting
    return [replace(operation, after=tuple(sorted(after[operation.key]))) for operation in operations]


def _waiting(key: str, after: Mapping[str, set[str]]) -> set[str]:
    """List the operations that wait for this one, directly or through others."""
    followers = defaultdict(list)
    for follower, keys in after.items():
        for each in keys:
            followers[each].append(follower)
    waiting, left = set(), [key]
    while left:
        new = [follower for follower in followers[left.pop()] if follower not in waiting]
        waiting.update(new)
        left += new
    return waiting


def _observed(comparison: Comparison, matches: Matches, snapshot: Snapshot) -> str:
    """Digest what the decisions rest on: managed fields of matched objects, and for creates the ids of the siblings."""
    seen: dict[str, Data] = {}
    for change in comparison.changes:
        match = matches.found.get(change.address)
        live = match.live if match else snapshot.find(change.address.kind, change.id or "")
        if live:
            seen[str(change.address)] = [live.id, live.parent, dict(live.fields)]
        elif change.action is Action.CREATE:
            seen[str(change.address)] = _candidates(change.address, matches, snapshot)
    return digest(seen)


def _candidates(address: Address, matches: Matches, snapshot: Snapshot) -> list[str]:
    kind = KINDS[address.kind]
    if kind.owner is None:
        return [live.id for live in snapshot.each(kind.name)]
    above = matches.found.get(Address(kind.owner, address.path[:-1]))
    parent = above.live.id if above and above.live else None
    return [live.id for live in snapshot.each(kind.name) if parent and live.parent == parent]


def _form(operation: Operation) -> Mapping[str, Data]:
    return {
        "key": operation.key,
        "verb": operation.verb,
        "id": operation.id,
        "parent": operation.parent,
        "fields": dict(operation.fields),
        "before": dict(operation.before),
        "predecessors": list(operation.predecessors),
        "settings": dict(operation.settings),
        "after": list(operation.after),
    }
