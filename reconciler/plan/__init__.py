"""From changes to a plan: its operations in an order that works, and the digests that tie it to what it was made from.

Pure. A plan says everything that its execution needs: the executor reads no manifest.
"""

from collections.abc import Mapping
from dataclasses import replace

from reconciler.diff import Comparison
from reconciler.kinds import KINDS
from reconciler.match import Matches
from reconciler.model import Action, Address, Data, Manifests, Operation, Plan, Snapshot, digest
from reconciler.plan.deletions import deletions
from reconciler.plan.order import in_order
from reconciler.plan.steps import Steps, steps

__all__ = ["build"]


def build(manifests: Manifests, matches: Matches, comparison: Comparison, *, snapshot: Snapshot, target: str) -> Plan:
    """Order the operations that carry out all changes."""
    made = steps(manifests, matches, comparison, caller=snapshot.caller)
    operations = in_order(_finish([*made.operations, *deletions(comparison, snapshot, made.operations)], made))
    plan = Plan(
        target=target,
        environment=manifests.environment,
        changes=comparison.changes,
        operations=operations,
        complete=manifests.complete,
        manifests=manifests.digest,
        observed=_observed(comparison, matches, snapshot),
    )
    together = [plan.manifests, plan.observed, [_form(operation) for operation in operations], target]
    return replace(plan, digest=digest(together))


def _finish(operations: list[Operation], made: Steps) -> list[Operation]:
    """Let what ends the caller's own rights come after everything that needs them."""
    finished = []
    for operation in operations:
        inside = made.last.get(operation.key)
        after = {*operation.after}
        if inside is not None:
            after |= {other.key for other in operations if other.address in inside and other.key != operation.key}
        finished.append(replace(operation, after=tuple(sorted(after))))
    return finished


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
        "settings": dict(operation.settings),
        "after": list(operation.after),
    }
