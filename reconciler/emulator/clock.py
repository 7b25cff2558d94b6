"""Owns the emulator's own time, by which tokens expire, sessions age and lists lag; it ends with the process."""

import datetime as dt
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

_LATEST = dt.datetime(9999, 1, 1, tzinfo=dt.UTC).timestamp()


@dataclass(slots=True)
class Clock:
    """A clock that can be moved, and goes on from where it was moved to."""

    source: Callable[[], float] = time.time
    offset: float = 0.0

    def __call__(self) -> float:
        """Return the seconds since 1970."""
        return self.source() + self.offset

    def advance(self, seconds: float) -> None:
        """Move the clock, back if ``seconds`` is negative.

        Raises:
            ValueError: There is no such time: it has to be between the years 1970 and 9999.
        """
        self._move(self.offset + seconds)

    def set(self, now: float | str) -> None:
        """Set the clock to seconds since 1970, or to a time as RFC 3339 writes it.

        Raises:
            ValueError: There is no such time: it has to be between the years 1970 and 9999.
        """
        if isinstance(now, str):
            moment = dt.datetime.fromisoformat(now)
            now = (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
        self._move(now - self.source())

    def _move(self, offset: float) -> None:
        now = self.source() + offset
        if not (math.isfinite(now) and 0 <= now < _LATEST):
            raise ValueError("the clock goes from 1970 to 9999")
        self.offset = offset
