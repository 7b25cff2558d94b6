"""What can go wrong, as data. Turning an error into text and an exit code belongs to the command line alone."""

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a value stands in the manifests: a file relative to the root, line and column from 1.

    `via`: what stands there belongs to a template, and a resource takes that here.
    """

    file: str
    line: int
    column: int
    via: "Place | None" = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the manifests (or, as a warning, suspicious)."""

    place: Place | None
    what: str
    hint: str | None = None
    address: str | None = None
    warning: bool = False


class Outcome(StrEnum):
    """What is known of a call that went wrong: whether the service has carried it out."""

    DONE = "done"
    NOT_DONE = "not done"
    UNKNOWN = "unknown"


class ReconcilerError(Exception):
    """Anything that this program expects to go wrong; everything else is a bug."""


@dataclass
class InvalidManifests(ReconcilerError):
    """The manifests do not say what they should; holds every problem of every file."""

    problems: tuple[Problem, ...]

    def __str__(self) -> str:
        return f"{len(self.problems)} problem(s) in the manifests"


@dataclass
class InvalidSettings(ReconcilerError):
    """A setting, an option or an environment variable has an unusable value."""

    what: str

    def __str__(self) -> str:
        return self.what


@dataclass
class UnknownAddress(ReconcilerError):
    """An option names an address that it cannot be about; `hint` says what was probably meant."""

    option: str
    address: str
    what: str
    hint: str | None = None

    def __str__(self) -> str:
        return f"{self.option} {self.address}: {self.what}" + (f"; {self.hint}" if self.hint else "")


@dataclass
class CallFailed(ReconcilerError):
    """A call to the service failed; `outcome` says whether it may have been carried out all the same."""

    call: str
    outcome: Outcome
    what: str
    status: int | None = None
    code: str | None = None
    request_id: str | None = None
    session: dict[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        status = f" ({self.status})" if self.status else ""
        request = f" [request {self.request_id}]" if self.request_id else ""
        return f"{self.call}: {self.what}{status}{request}"

    @property
    def refused_authentication(self) -> bool:
        """Whether logging in (again, or with other parameters) is what helps."""
        return self.status == 401 or bool(self.session)

    @property
    def unavailable(self) -> bool:
        """Whether the service could not be reached, or answered that it cannot serve now."""
        return self.status is None or self.status == 429 or self.status >= 500


@dataclass
class NotAuthenticated(ReconcilerError):
    """There are no credentials, or the service does not accept them."""

    what: str

    def __str__(self) -> str:
        return self.what


@dataclass
class StaleBindings(ReconcilerError):
    """The bindings cannot be used: altered, of a newer format, another target, environment or lineage.

    `rebuild`: they are of no use to anybody, so a rebuild may put others in their place.
    """

    file: str
    what: str
    rebuild: bool = False

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


@dataclass
class StalePlan(ReconcilerError):
    """A saved plan is not applied: it was altered, has expired, or does not fit what it is applied to."""

    file: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: the plan {self.what}"


@dataclass
class CannotBind(ReconcilerError):
    """What a person wants the bindings to say contradicts them, the manifests or the service."""

    address: str
    what: str

    def __str__(self) -> str:
        return f"{self.address}: {self.what}"


@dataclass
class Locked(ReconcilerError):
    """Another run holds the lock of this root."""

    file: str
    holder: str

    def __str__(self) -> str:
        return f"{self.file} is held by {self.holder}"


@dataclass
class CannotRead(ReconcilerError):
    """A file that a person wants to see cannot be read."""

    file: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


@dataclass
class CannotWrite(ReconcilerError):
    """A file that this program must write cannot be written (no space, no permission, a link in the way)."""

    file: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


@dataclass
class Unrecorded(CannotWrite):
    """After the service was changed, that could not be written down.

    `entries` is what the bindings would have said, as JSON: by address, without any secret. `bound`: they do say it,
    and only the journal does not.
    """

    entries: str = ""
    bound: bool = False


@dataclass
class SinkFailed(ReconcilerError):
    """A sink could not be checked, read or written; `conflict` when somebody else changed what it held."""

    sink: str
    what: str
    conflict: bool = False

    def __str__(self) -> str:
        return f"{self.sink}: {self.what}"


@dataclass
class Unverified(ReconcilerError):
    """A new secret was tried before its delivery, and does not work."""

    what: str

    def __str__(self) -> str:
        return f"the new secret does not work: {self.what}"


@dataclass
class StaleObject(ReconcilerError):
    """An object is no longer what the plan was made from."""

    address: str
    what: str

    def __str__(self) -> str:
        return f"{self.address}: {self.what}; plan again"


@dataclass
class Undecided(ReconcilerError):
    """Nobody but a person can tell what came of a call; `ids` are the objects to look at."""

    address: str
    what: str
    ids: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.address}: {self.what}" + (f": {', '.join(self.ids)}" if self.ids else "")
