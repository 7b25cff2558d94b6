"""Owns what tests see and order: the log of requests, without secrets or bodies, the load, and faults on demand.

Nothing of it outlives the process, and all of it may be used from any thread.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from reconciler.emulator import lists
from reconciler.emulator.faults import OF_LISTS, Effect, Fault
from reconciler.emulator.lists import Late
from reconciler.emulator.store import Document

_REMEMBERED = 100_000


@dataclass(slots=True)
class Desk:
    """The log, the load and the faults since the start."""

    _requests: deque[Document] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _faults: list[Fault] = field(default_factory=list)
    _late: list[Late] = field(default_factory=list)
    _load: dict[str, int] = field(default_factory=lambda: {"in_flight": 0, "most_in_flight": 0, "requests": 0})
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, method: str, path: str, status: int | None, fault: Fault | None = None) -> None:
        """Remember a request; without status nothing was answered."""
        met = {} if fault is None else {"fault": str(fault.effect)}
        self._requests.append({"method": method, "path": path, "status": status, **met})

    def requests(self) -> list[Document]:
        """Return the log, oldest first."""
        return list(self._requests)

    def forget_requests(self) -> None:
        """Forget the log."""
        self._requests.clear()

    @contextmanager
    def in_flight(self) -> Iterator[None]:
        """Count a request as long as the body lasts."""
        with self._lock:
            self._load["requests"] += 1
            self._load["in_flight"] += 1
            self._load["most_in_flight"] = max(self._load["most_in_flight"], self._load["in_flight"])
        try:
            yield
        finally:
            with self._lock:
                self._load["in_flight"] -= 1

    def load(self) -> dict[str, int]:
        """Return how many requests there were, are in flight, and were in flight at most."""
        with self._lock:
            return dict(self._load)

    def forget_load(self) -> None:
        """Count from now on."""
        with self._lock:
            self._load |= {"most_in_flight": self._load["in_flight"], "requests": 0}

    def order(self, *faults: Fault) -> None:
        """Take orders for faults; of several that match a request the first meets it."""
        with self._lock:
            self._faults += faults

    def faults(self) -> list[Fault]:
        """Return the faults that are left, each with how many requests it will still meet."""
        with self._lock:
            return list(self._faults)

    def withdraw_faults(self) -> None:
        """Withdraw all faults; what was late is late no more."""
        with self._lock:
            self._faults.clear()
            self._late.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault that a request meets, and count it."""
        if not self._faults:
            return None
        with self._lock:
            met = (one for one in self._faults if one.effect not in OF_LISTS and one.matches(method, path))
            return self._counted(next(met, None))

    def falsify(self, method: str, path: str, document: Document, now: float) -> Document:
        """Return what lists show in place of the truth, and remember what is to be late in them."""
        if not self._faults and not self._late:
            return document
        with self._lock:
            if method == "POST":
                self._delay(method, path, document, now)
                return document
            found = lists.items(document) if method == "GET" else None
            if found is None:
                return document
            name, listed = found
            hidden = {late.id for late in self._late if any(late.id == one["id"] for one in listed) and late.hides(now)}
            shown = [one for one in listed if one["id"] not in hidden]
            for fault in [one for one in self._faults if one.effect in OF_LISTS and one.matches(method, path)]:
                changed = shown if fault.effect is Effect.LATE_IN_LISTS else lists.damaged(fault, shown)
                if changed is not shown:
                    self._counted(fault)
                shown = changed
            return {name: shown}

    def _delay(self, method: str, path: str, document: Document, now: float) -> None:
        """Let what was made come late."""
        late = (one for one in self._faults if one.effect is Effect.LATE_IN_LISTS and one.matches(method, path))
        fault, ids = next(late, None), lists.made(document)
        if fault is not None and ids:
            self._counted(fault)
            until = now + fault.seconds if fault.seconds else None
            self._late += [Late(identifier, until, fault.lists) for identifier in ids]

    def _counted(self, fault: Fault | None) -> Fault | None:
        if fault is not None and fault.times is not None:
            at = next(n for n, one in enumerate(self._faults) if one is fault)
            left = fault.times - 1
            self._faults[at : at + 1] = [replace(fault, times=left)] if left else []
        return fault
