"""Owns when a call is made again, how long to wait before, and what its outcome was: pure functions, and one quota.

A call is repeated when repeating cannot do harm: reads, PUT and DELETE, and a POST that was provably not processed.
"""

import threading
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from reconciler.auth.errors import Outcome

READS = frozenset({"GET", "HEAD"})
IDEMPOTENT = READS | {"PUT", "DELETE"}
TRANSIENT = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The limits of repeating, in attempts and seconds."""

    max_attempts: int = 5
    base_delay: float = 0.5
    max_delay: float = 10.0
    max_retry_after: float = 60.0


@dataclass(frozen=True, slots=True)
class Failure:
    """What an attempt ended in: a status, or none where no whole answer arrived."""

    outcome: Outcome
    status: int | None = None
    retry_after: float | None = None
    permanent: bool = False


def outcome_of_status(method: str, status: int) -> Outcome:
    """Say what an answer's status tells about the effect of the call.

    A read has no effect, so a failed one is not done. A 404 on DELETE is done: the object is gone. A redirect is not
    followed, and an error of the server, or of something between, does not say what happened before it.
    """
    if 200 <= status < 300:
        return Outcome.DONE
    if method in READS or (400 <= status < 500 and (method, status) != ("DELETE", 404)):
        return Outcome.NOT_DONE
    return Outcome.DONE if status == 404 else Outcome.UNKNOWN


def outcome_of_interruption(method: str, *, sent: bool) -> Outcome:
    """Say what the loss of the connection tells about the effect of the call."""
    return Outcome.UNKNOWN if sent and method not in READS else Outcome.NOT_DONE


def combine(earlier: Outcome, latest: Outcome) -> Outcome:
    """Join the outcomes of two attempts at one call: what may have happened in an earlier one stays possible."""
    return Outcome.UNKNOWN if earlier is Outcome.UNKNOWN and latest is Outcome.NOT_DONE else latest


def may_repeat(method: str, failure: Failure) -> bool:
    """Decide whether a call may be made again after this failure, whatever time and quota are left."""
    if failure.permanent:
        return False
    if failure.status is None:
        return method in IDEMPOTENT or failure.outcome is Outcome.NOT_DONE
    return failure.status == 429 or (failure.status in TRANSIENT and method in IDEMPOTENT)


def retry_after(header: str | None, now: float) -> float | None:
    """Read a `Retry-After` header as seconds from `now` (POSIX time); malformed or past counts as absent."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:18])
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    seconds = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - now
    return seconds if seconds > 0 else None


def delay(attempt: int, failure: Failure, policy: RetryPolicy, fraction: float) -> float:
    """Choose the seconds to wait after the given attempt (counted from 1), with `fraction` drawn from [0, 1).

    The service's own wish is kept, a little later for each caller so that they do not return together, and capped.
    Without one it is exponential backoff with full jitter.
    """
    if failure.retry_after is not None:
        return min(failure.retry_after + fraction, policy.max_retry_after)
    return fraction * min(policy.max_delay, policy.base_delay * 2.0 ** min(attempt - 1, 60))


class RetryQuota:
    """A budget of repetitions for all calls of a transport, so that a service in trouble is not stormed.

    A repetition costs 1, a successful call gives `refill` back: however long the trouble lasts, calls grow by no more
    than `refill` of the healthy ones beyond `capacity`. Safe for threads.
    """

    def __init__(self, capacity: float = 20.0, refill: float = 0.1) -> None:
        self._capacity = self._left = capacity
        self._refill = refill
        self._lock = threading.Lock()

    def withdraw(self) -> bool:
        """Take one repetition, if there is one."""
        with self._lock:
            if self._left < 1:
                return False
            self._left -= 1
            return True

    def deposit(self) -> None:
        """Give something back for a call that succeeded."""
        with self._lock:
            self._left = min(self._capacity, self._left + self._refill)
