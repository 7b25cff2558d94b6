"""Carries a plan out: walks its operations as soon as what they wait for is done, and reports events.

It knows no mode and reads no manifest. Each effect is journalled before and after; what fails takes only its dependents
with it; everything else goes on.
"""

import heapq
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from reconciler.apply import twins
from reconciler.apply.delivery import Mask, unmasked
from reconciler.apply.effects import Effects, Workshop
from reconciler.apply.freshness import Observed
from reconciler.errors import CallFailed, ReconcilerError
from reconciler.model import Event, Failed, Finished, Operation, Plan, Progress, Skipped, Started, Verb

__all__ = ["Observed", "Renew", "Steering", "Workshop", "run"]

Renew = Callable[[CallFailed], bool]
"""Gets other credentials after a call that was refused for want of a login, and says whether there are any."""

_HEARTBEAT = 0.2
_PROGRESS_EVERY = 10.0


def _no_renewal(_refused: CallFailed) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Steering:
    """How a run is steered from outside: how many calls at once, when to stop, who logs in again, and how to wait.

    `mask` is told each new secret before anything else is done with it.
    """

    parallelism: int
    stop: threading.Event = field(default_factory=threading.Event)
    renew: Renew = _no_renewal
    sleep: Callable[[float], None] = time.sleep
    mask: Mask = unmasked


def run(plan: Plan, workshop: Workshop, steering: Steering) -> Iterator[Event]:
    """Carry out all operations; yield an event for everything that begins, ends, fails or is left out.

    When the run is to stop, what is under way is finished and nothing else begun. So it is after an answer that only a
    new login can help; when that was made, what was refused is begun again.
    """
    walk, stop, parallelism = _Walk(plan.operations), steering.stop, steering.parallelism
    effects = Effects(workshop)
    refused: list[Failed] = []
    with ThreadPoolExecutor(parallelism) as pool:
        running: dict[Future[str | None], tuple[Operation, float]] = {}
        reported = time.monotonic()
        while True:
            while walk.ready and len(running) < parallelism and not refused and not stop.is_set():
                operation = walk.begin()
                yield Started(operation)
                running[pool.submit(effects.carry_out, operation)] = (operation, time.monotonic())
            if not running:
                if not refused or stop.is_set() or not _renewed(refused, walk, steering.renew):
                    break
                continue
            ended, _ = wait(running, timeout=_HEARTBEAT, return_when=FIRST_COMPLETED)
            for future in ended:
                yield from _end(walk, future, *running.pop(future), refused)
            if running and time.monotonic() - reported > _PROGRESS_EVERY:
                reported = time.monotonic()
                yield Progress(tuple((operation, reported - began) for operation, began in running.values()))
    for failed in refused:
        yield from _fail(walk, failed)
    for operation in walk.rest():
        yield Skipped(operation, "the run was stopped")
    yield from twins.look(plan, walk.created, effects.made, workshop, stopped=stop.is_set())


def _end(
    walk: "_Walk", future: Future[str | None], operation: Operation, began: float, refused: list[Failed]
) -> Iterator[Event]:
    """Report how an operation ended, or keep it back when a login may help; a bug is raised as it is."""
    error, seconds = future.exception(), time.monotonic() - began
    if error is None:
        walk.finish(operation)
        yield Finished(operation, future.result(), seconds)
        return
    if not isinstance(error, ReconcilerError):
        raise error
    failed = Failed(operation, error, seconds)
    if isinstance(error, CallFailed) and error.refused_authentication:
        refused.append(failed)
    else:
        yield from _fail(walk, failed)


def _fail(walk: "_Walk", failed: Failed) -> Iterator[Event]:
    yield failed
    for skipped in walk.fail(failed.operation):
        yield Skipped(skipped, f"{failed.operation.key} failed")


def _renewed(refused: list[Failed], walk: "_Walk", renew: Renew) -> bool:
    """Get other credentials, and make ready again what was refused without them."""
    error = refused[0].error
    assert isinstance(error, CallFailed)
    if not renew(error):
        return False
    for failed in refused:
        walk.again(failed.operation)
    refused.clear()
    return True


class _Walk:
    """Which operations are ready, and which can no longer be."""

    def __init__(self, operations: tuple[Operation, ...]) -> None:
        self._operations = operations
        self._position = {operation.key: index for index, operation in enumerate(operations)}
        self._missing = [len(operation.after) for operation in operations]
        self._followers: dict[str, list[int]] = defaultdict(list)
        self._open = set(range(len(operations)))
        for index, operation in enumerate(operations):
            for key in operation.after:
                self._followers[key].append(index)
        self.created: list[Operation] = []
        self.ready = [index for index, count in enumerate(self._missing) if not count]

    def begin(self) -> Operation:
        """Take the first operation that is ready, in the order of the plan."""
        index = heapq.heappop(self.ready)
        self._open.discard(index)
        return self._operations[index]

    def again(self, operation: Operation) -> None:
        """Make ready once more what was begun and changed nothing."""
        index = self._position[operation.key]
        self._open.add(index)
        heapq.heappush(self.ready, index)

    def finish(self, operation: Operation) -> None:
        """Make ready what waited for this operation alone."""
        if operation.verb is Verb.CREATE:
            self.created.append(operation)
        for index in self._followers[operation.key]:
            self._missing[index] -= 1
            if not self._missing[index] and index in self._open:
                heapq.heappush(self.ready, index)

    def fail(self, operation: Operation) -> list[Operation]:
        """Leave out everything that depends on this operation."""
        lost = []
        queue = list(self._followers[operation.key])
        while queue:
            index = queue.pop()
            if index in self._open:
                self._open.discard(index)
                lost.append(index)
                queue += self._followers[self._operations[index].key]
        return [self._operations[index] for index in sorted(lost)]

    def rest(self) -> list[Operation]:
        """List what was never begun."""
        return [self._operations[index] for index in sorted(self._open)]
