"""What came of a plan that was tried on a copy of the service."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.model.events import Failed, Finished, Skipped
from reconciler.model.plan import Operation


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the copy, and the status of its answer. Never what was sent or answered."""

    method: str
    path: str
    status: int


@dataclass(frozen=True, slots=True)
class Tried:
    """One operation as it ended on the copy, and the requests that it took, in order."""

    ended: Finished | Failed
    requests: tuple[Request, ...]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What the operations of a plan came to, and what a plan after them would do (`left`).

    `unread` says for each kind that the caller could not list any more why, `names` what the ids of new objects stand
    for. When an operation failed, no plan was made after it. `looks` are the requests of a run's last look around.
    """

    tried: tuple[Tried, ...]
    looks: tuple[Request, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    left: tuple[Operation, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> tuple[Failed, ...]:
        """What failed, in order."""
        return tuple(each.ended for each in self.tried if isinstance(each.ended, Failed))

    @property
    def carried_out(self) -> bool:
        """Whether every operation was done."""
        return not self.failed and not self.skipped

    @property
    def well(self) -> bool:
        """Whether the plan does on the copy what it says: all of it was done, and nothing is left to do."""
        return self.carried_out and not self.left and not self.unread
