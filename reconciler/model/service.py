"""What was observed of the service, what this program is bound to there, and secrets that it shows once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NoReturn

from reconciler.model.data import Address, Fields

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Live:
    """One object of the service. `fields` are in manifest form (ids for names), `attributes` are read-only."""

    kind: str
    id: str
    parent: str | None
    fields: Fields
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was observed. A kind in `poisoned` was read incompletely: what is not shown may exist all the same."""

    objects: Mapping[str, Mapping[str, Live]]
    caller: str
    poisoned: Mapping[str, str] = field(default_factory=dict)
    now: datetime = EPOCH
    """The time by the clock of the service, which is also the one that says when its objects were made."""

    def find(self, kind: str, identifier: str) -> Live | None:
        """Look up an observed object by kind and id."""
        return self.objects.get(kind, {}).get(identifier)

    def each(self, kind: str) -> Iterator[Live]:
        """Iterate over the objects of a kind, ordered by id."""
        objects = self.objects.get(kind, {})
        return (objects[identifier] for identifier in sorted(objects))


@dataclass(frozen=True, slots=True)
class Binding:
    """Which object an address is, and digests of its managed fields as last applied. Never a secret."""

    id: str
    digests: Mapping[str, str] = field(default_factory=dict)
    prevent_destroy: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict)
    sink: str | None = None
    """Of a credential: the digest of the settings of the sink that its secret was delivered to."""
    predecessors: tuple[str, ...] = ()
    """Ids of objects that this one has replaced, and whose deletion is still to come."""


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A generation of a credential that an interrupted run may have made: its live name ends in `#mark`."""

    address: Address
    owner: str
    mark: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A create that an interrupted run has sent, or was about to. `sent` are digests of the fields, in normal form."""

    address: Address
    owner: str | None
    sent: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Who:
    """As whom this program acts at a service; `expires` in seconds since 1970. None: not told for its token."""

    target: str
    identity: str
    username: str
    source: str
    scopes: tuple[str, ...] | None = None
    expires: int | None = None

    @property
    def is_client(self) -> bool:
        """Whether this is the identity of a client rather than a person."""
        return self.username.endswith("@clients.auth.globus.org")


class Secret:
    """A value that is shown once. Nothing but `reveal` gives it away: no text, format, JSON, pickle or equality.

    Each is equal to itself alone: a comparison by value would tell who guesses right.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """Give the value to the sink that delivers it, to the call that tries it, and to what masks it in a log."""
        return self.__value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "Secret(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is never serialised")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a Secret is never serialised")
