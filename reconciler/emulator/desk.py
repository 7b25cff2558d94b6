"""Owns what ``/_emulator/`` offers to tests: the log of requests, without secrets or bodies, and faults on demand."""

from collections import deque
from dataclasses import dataclass, field

from reconciler.emulator.calls import Answer, Call
from reconciler.emulator.errors import invalid

_REMEMBERED = 100_000


@dataclass(slots=True)
class Fault:
    """A status to answer instead, before or after the commit, for the next few requests that match."""

    method: str
    path_prefix: str
    status: int
    after_commit: bool
    times: int

    def matches(self, method: str, path: str) -> bool:
        """Say whether a request meets this fault."""
        return self.times > 0 and self.method in ("*", method) and path.startswith(self.path_prefix)


@dataclass(slots=True)
class Desk:
    """The log and the faults since the start; neither outlives the process."""

    requests: deque[dict[str, object]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    faults: list[Fault] = field(default_factory=list)

    def note(self, method: str, path: str, status: int) -> None:
        """Remember a request."""
        self.requests.append({"method": method, "path": path, "status": status})

    def take_fault(self, method: str, path: str) -> Fault | None:
        """Return the fault that a request meets, and count it."""
        for fault in self.faults:
            if fault.matches(method, path):
                fault.times -= 1
                return fault
        return None

    def list_requests(self, _call: Call) -> Answer:
        """Answer the log, oldest first."""
        return Answer(list(self.requests))

    def clear_requests(self, _call: Call) -> Answer:
        """Forget the log."""
        self.requests.clear()
        return Answer({})

    def add_fault(self, call: Call) -> Answer:
        """Take an order for a fault."""
        body = call.json()
        if not isinstance(body, dict):
            raise invalid("The body must be an object")
        status, times, after = body.get("status"), body.get("times", 1), body.get("after_commit", False)
        if type(status) is not int or not 100 < status < 600 or type(times) is not int or type(after) is not bool:
            raise invalid("status and times must be whole numbers and after_commit a boolean")
        method, prefix = str(body.get("method", "*")).upper(), str(body.get("path_prefix", "/"))
        self.faults.append(Fault(method, prefix, status, after, times))
        return Answer(
            {"method": method, "path_prefix": prefix, "status": status, "after_commit": after, "times": times}
        )

    def clear_faults(self, _call: Call) -> Answer:
        """Forget all faults."""
        self.faults.clear()
        return Answer({})
