"""From changes to a plan: its operations in an order that works, and the digests that tie it to what it was made from.

Pure. A plan says everything that its execution needs: the executor reads no manifest.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from reconciler.diff import Comparison
from reconciler.kinds import within
from reconciler.match import Matches
from reconciler.model import Address, Manifests, Operation, Plan, Snapshot
from reconciler.plan.deletions import deletions
from reconciler.plan.digests import digested
from reconciler.plan.observations import observations
from reconciler.plan.order import in_order
from reconciler.plan.steps import steps

__all__ = ["build", "digested"]


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
        seen=observations(manifests, matches, comparison, snapshot=snapshot),
    )
    return digested(plan)


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
