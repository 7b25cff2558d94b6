"""What may pass is tried again for a minute; only what is safe to repeat is done through here."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LONGEST = 60.0
"""The seconds after which nothing is tried again."""

_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 28.0)


class MayPass(Exception):
    """A failure that may be none a little later, unless it is `final`.

    `sent` when what was asked for may have been done all the same.
    """

    def __init__(self, what: str, *, sent: bool = True, wish: float | None = None, final: bool = False) -> None:
        super().__init__(what)
        self.sent = sent
        self.wish = wish
        self.final = final


def patiently(do: Callable[[], T], sleep: Callable[[float], None]) -> T:
    """Do it, again and again while it fails with MayPass; raise the last of these after a minute.

    The pauses grow, or are what the other side wishes, and end together with the minute.
    """
    began, slept = time.monotonic(), 0.0
    for pause in _PAUSES:
        try:
            return do()
        except MayPass as error:
            wanted = max(pause, error.wish or 0.0)
            if error.final or max(slept, time.monotonic() - began) + wanted > LONGEST:
                raise
        sleep(wanted)
        slept += wanted
    return do()
