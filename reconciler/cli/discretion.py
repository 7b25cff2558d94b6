"""What keeps values in: log lines and tracebacks that hold none, and no core file.

What the program is asked to log are lines of its own, on standard error. What other libraries would log is not
listened to: they know no secrets.
"""

import os
import traceback
from collections.abc import Iterator

from reconciler.errors import InvalidSettings
from reconciler.render.safe import safe

_VARIABLE = "RECONCILER_LOG"
_LEVELS = ("debug", "info", "warning", "error")


def prepare() -> None:
    """Leave no core file behind, and log as RECONCILER_LOG says; raise InvalidSettings when it says nothing known."""
    _leave_no_core()
    level = os.environ.get(_VARIABLE, "").lower()
    if level:
        if level not in _LEVELS:
            raise InvalidSettings(f"{_VARIABLE} must be one of {', '.join(_LEVELS)}")
        _log(level.upper())


def trace(error: BaseException) -> str:
    """Write a traceback as Python does, but without what the exceptions say: they may quote anything."""
    told = [
        f"Traceback (most recent call last):\n{''.join(traceback.format_tb(each.__traceback__))}"
        f"{type(each).__module__}.{type(each).__qualname__}\n"
        for each in reversed(list(_chain(error)))
    ]
    return "\n".join(safe(line) for line in "\n".join(told).splitlines())


def _chain(error: BaseException) -> Iterator[BaseException]:
    """List an exception, and those during whose handling it was raised."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)


def _leave_no_core() -> None:
    """See that a crash, of this program or one that it runs, writes no memory with secrets in it to a disk."""
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))


def _log(level: str) -> None:
    import logging

    class Line(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return safe(super().format(record))

    handler = logging.StreamHandler()
    handler.setFormatter(Line("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    ours = logging.getLogger("reconciler")
    ours.addHandler(handler)
    ours.setLevel(level)
    ours.propagate = False
