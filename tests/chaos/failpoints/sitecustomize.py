"""Kills the process at one of its steps on the disk, counted over all of its threads; loaded before anything else.

`KILL_AT=fsync:3` kills before the third fsync, `KILL_AT=rename:1:done` after the first rename. `COUNT_INTO` names a
file that gets the numbers of all steps when the process ends by itself.
"""

import atexit
import functools
import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

_counts: Counter[str] = Counter()
_lock = threading.Lock()
_step, _, _rest = os.environ.get("KILL_AT", "").partition(":")
_number, _, _when = _rest.partition(":")


def _watched(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def watched(*arguments: Any, **options: Any) -> Any:
        with _lock:
            _counts[name] += 1
            dies = name == _step and str(_counts[name]) == _number
        if dies and not _when:
            os.kill(os.getpid(), signal.SIGKILL)
        result = call(*arguments, **options)
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return watched


for _name in ("fsync", "rename", "unlink"):
    setattr(os, _name, _watched(_name, getattr(os, _name)))


def _count(file: str) -> None:
    Path(file).write_text(json.dumps(_counts))


if "COUNT_INTO" in os.environ:
    atexit.register(_count, os.environ["COUNT_INTO"])
