"""What would happen: changes for readers, operations for the executor, refusals, and the plan that holds them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from reconciler.errors import Place
from reconciler.model.data import Address, Data, Fields, Ref


class Action(StrEnum):
    """What happens to one address."""

    NO_OP = "no-op"
    CREATE = "create"
    ADOPT = "adopt"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    FORGET = "forget"
    ROTATE = "rotate"
    RETIRE = "retire"


class Reason(StrEnum):
    """Why a field differs: the manifests changed since the last apply, the service did, or both."""

    PENDING = "pending"
    DRIFT = "drift"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field whose live value is not the wanted one. `after` holds a `Ref` where it is known after apply."""

    name: str
    before: Data
    after: Data
    reason: Reason = Reason.PENDING
    immutable: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one address, and why."""

    address: Address
    action: Action
    id: str | None = None
    fields: tuple[FieldChange, ...] = ()
    unchanged: int = 0
    previous: Address | None = None
    place: Place | None = None
    because: str | None = None
    delete_first: bool = False
    """Of a replacement: the old object must go before the new one can be made (a scope that keeps its suffix)."""
    consequences: tuple[str, ...] = ()
    """What it breaks outside of what is managed here, in the domain's words. For readers only."""


class Verb(StrEnum):
    """What an operation does. `bind` and `forget` only change the bindings, the others are one call each."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    BIND = "bind"
    FORGET = "forget"


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of a plan, unique by `key`; it starts when all operations named in `after` are done.

    `fields` is what is sent: the whole of a create, the changed fields of an update. A `Ref` in them or in `parent` is
    an id that is known when the operation runs. `before` holds the observed values that an update or a deletion
    replaces; `bound` the wanted values of all managed fields, of which the bindings keep digests. `attributes` are
    those of an object that is already there; `predecessors` are ids of objects that it replaces, until they are gone.
    """

    key: str
    verb: Verb
    address: Address
    id: str | None = None
    parent: str | Ref | None = None
    fields: Fields = field(default_factory=dict)
    before: Fields = field(default_factory=dict)
    bound: Fields = field(default_factory=dict)
    settings: Fields = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    prevent_destroy: bool = False
    previous: Address | None = None
    predecessors: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """What the decisions about one address rest on: its object, with the fields that count, or that there was none.

    `beside` are then the ids of the siblings that were there.
    """

    address: Address
    id: str | None
    parent: str | None = None
    fields: Fields = field(default_factory=dict)
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a plan may not be applied, and the consent that would allow it (None: nothing does); `guard` says so."""

    address: Address | None
    reason: str
    consent: str | None = None
    guard: str = ""


@dataclass(frozen=True, slots=True)
class Upcoming:
    """What a later plan will do by itself, when its time has come: rotate a credential, or retire a generation."""

    address: Address
    action: Action
    id: str | None
    when: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """What would happen: the changes for readers, the operations for the executor, and the digests that tie both."""

    target: str
    environment: str | None
    changes: tuple[Change, ...]
    operations: tuple[Operation, ...]
    refusals: tuple[Refusal, ...] = ()
    notes: tuple[str, ...] = ()
    upcoming: tuple[Upcoming, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict, compare=False)
    """What ids are called: names that were looked up, and addresses. For readers only."""
    complete: bool = True
    manifests: str = ""
    seen: tuple[Seen, ...] = ()
    guards: tuple[str, ...] = ()
    """The guards that were asked."""
    consents: Fields = field(default_factory=dict)
    """What the user has agreed to, by what it is about."""
    observed: str = ""
    digest: str = ""

    @property
    def applyable(self) -> bool:
        """Whether no guard refuses it."""
        return not self.refusals

    @property
    def empty(self) -> bool:
        """Whether nothing would happen."""
        return not self.operations

    def calls(self) -> int:
        """Count the calls to the service that applying takes."""
        return sum(operation.verb in (Verb.CREATE, Verb.UPDATE, Verb.DELETE) for operation in self.operations)
