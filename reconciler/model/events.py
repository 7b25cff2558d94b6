"""What the executor reports while it works."""

from dataclasses import dataclass
from typing import TypeAlias

from reconciler.model.plan import Operation


@dataclass(frozen=True, slots=True)
class Started:
    """An operation has begun."""

    operation: Operation


@dataclass(frozen=True, slots=True)
class Progress:
    """Operations that are still under way, with the seconds since each began."""

    running: tuple[tuple[Operation, float], ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """An operation is done and recorded."""

    operation: Operation
    id: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Failed:
    """An operation failed; `error` says what is known of its outcome."""

    operation: Operation
    error: Exception
    seconds: float


@dataclass(frozen=True, slots=True)
class Skipped:
    """An operation was not started: what it depends on failed, or the run was stopped."""

    operation: Operation
    because: str


@dataclass(frozen=True, slots=True)
class Unchecked:
    """Nobody has looked whether something of this kind was made twice."""

    kind: str
    because: str


Event: TypeAlias = Started | Progress | Finished | Failed | Skipped | Unchecked
