"""A stable order of operations in which everything comes after what it waits for. Pure."""

import heapq
from collections import defaultdict
from collections.abc import Sequence

from reconciler.model import Operation


def in_order(operations: Sequence[Operation]) -> tuple[Operation, ...]:
    """Sort topologically; among those that could come next, the one that was listed first does."""
    position = {operation.key: index for index, operation in enumerate(operations)}
    missing = [len(operation.after) for operation in operations]
    waiting: dict[int, list[int]] = defaultdict(list)
    for index, operation in enumerate(operations):
        for key in operation.after:
            waiting[position[key]].append(index)
    ready = [index for index, count in enumerate(missing) if not count]
    ordered = []
    while ready:
        index = heapq.heappop(ready)
        ordered.append(operations[index])
        for follower in waiting[index]:
            missing[follower] -= 1
            if not missing[follower]:
                heapq.heappush(ready, follower)
    assert len(ordered) == len(operations), "every cycle was opened before"
    return tuple(ordered)
