"""Exit codes, and the one place where an error becomes one."""

from collections.abc import Sequence
from enum import IntEnum

from reconciler.errors import (
    CallFailed,
    Locked,
    NotAuthenticated,
    Outcome,
    ReconcilerError,
    SinkFailed,
    StaleBindings,
    StaleObject,
    StalePlan,
    Undecided,
    UnknownAddress,
    Unrecorded,
)
from reconciler.model import Event, Failed, Finished, Skipped, Verb


class Exit(IntEnum):
    """What the exit code of this program means."""

    DONE = 0
    ERROR = 1
    CHANGES = 2
    AUTHENTICATION = 10
    REFUSED = 11
    STALE = 12
    PARTLY = 13
    LOCKED = 14
    UNDECIDED = 15
    UNAVAILABLE = 16
    USAGE = 64
    BUG = 70
    INTERRUPTED = 130
    TERMINATED = 143


_OF_TYPE = {
    NotAuthenticated: Exit.AUTHENTICATION,
    UnknownAddress: Exit.USAGE,
    StaleBindings: Exit.STALE,
    StaleObject: Exit.STALE,
    StalePlan: Exit.STALE,
    Locked: Exit.LOCKED,
    Undecided: Exit.UNDECIDED,
    Unrecorded: Exit.PARTLY,
}


def of_error(error: BaseException) -> Exit:
    """Choose the exit code of an error."""
    match error:
        case CallFailed() if error.refused_authentication:
            return Exit.AUTHENTICATION
        case CallFailed() if error.unavailable:
            return Exit.UNAVAILABLE
        case SinkFailed() if error.conflict:
            return Exit.STALE
        case ReconcilerError():
            return _OF_TYPE.get(type(error), Exit.ERROR)
        case _:
            return Exit.BUG


_GRAVEST_FIRST = (Exit.UNDECIDED, Exit.AUTHENTICATION, Exit.STALE, Exit.UNAVAILABLE)


def of_events(events: Sequence[Event]) -> Exit:
    """Choose the exit code of a run: the gravest of what failed, else whether anything was done."""
    failures = [event.error for event in events if isinstance(event, Failed)]
    if not failures and not any(isinstance(event, Skipped) for event in events):
        return Exit.DONE
    codes = {of_error(error) for error in failures}
    if any(isinstance(error, CallFailed) and error.outcome is Outcome.UNKNOWN for error in failures):
        codes.add(Exit.PARTLY)
    for code in _GRAVEST_FIRST:
        if code in codes:
            return code
    quiet = (Verb.BIND, Verb.FORGET)
    done = any(isinstance(event, Finished) and event.operation.verb not in quiet for event in events)
    return Exit.PARTLY if done or Exit.PARTLY in codes else Exit.ERROR
