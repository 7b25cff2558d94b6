"""Locks, of a run and of a sink's file: one holder at a time, who says its name; the kernel frees it at its death."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from reconciler import files
from reconciler.errors import CannotWrite, Locked


@contextmanager
def hold(file: Path, *, timeout: float = 0, run: str | None = None) -> Iterator[None]:
    """Hold the lock `file` as long as the body runs, after waiting `timeout` seconds at most.

    `run` is where people can look at what holds it.

    Raise Locked with who holds it and since when, or CannotWrite when the file cannot be a lock.
    """
    lock = FileLock(file, fallback_to_soft=False)
    try:
        with files.own(file.parent) as folder:
            os.close(folder.open(file.name))
        lock.acquire(timeout=max(timeout, 0))
        _say(file, f"{holder()}{f' ({run})' if run else ''}")
    except Timeout:
        raise Locked(str(file), _holder_of(file)) from None
    except OSError as error:
        raise CannotWrite(str(file), files.why(error)) from error
    try:
        yield
    finally:
        with suppress(OSError):
            _say(file, "")
        lock.release()


def holder() -> str:
    """Say who this process is, and what time it is."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return f"{person()} pid {os.getpid()} since {now}"


def person() -> str:
    """Name the user of this process and the machine, `user@host`."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = str(os.getuid())
    return f"{user}@{os.uname().nodename}"


def _say(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW)
    try:
        files.write_all(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _holder_of(file: Path) -> str:
    try:
        with files.folder(file.parent) as folder:
            said = (folder.read(file.name) or b"").decode(errors="replace")
    except OSError:
        said = ""
    return said.strip() or "another process that has not said its name yet"
