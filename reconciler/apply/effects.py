"""One operation: intent, effect, record. Every effect ends as done, not done or unknown; unknown is looked into."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from reconciler.apply.delivery import Delivering, happened
from reconciler.errors import CallFailed, Outcome, ReconcilerError, StaleObject, Undecided
from reconciler.journal import Journal
from reconciler.kinds import KINDS, normal
from reconciler.model import (
    Address,
    Binding,
    Data,
    Fields,
    Live,
    Operation,
    Ref,
    Verb,
    digest,
    references,
    substitute,
)
from reconciler.remote import Reader, Writer
from reconciler.sinks import Sink

_FRESH_FOR = 30.0
_GRACE = (0.5, 1.0, 2.0)


@dataclass(slots=True)
class Workshop:
    """What the executor works with. `entries` are the bindings; they tell the truth at every moment.

    `observed` are the objects of the snapshot by kind and id, `observed_at` when they were read (monotonic seconds).
    """

    reader: Reader
    writer: Writer
    journal: Journal
    entries: dict[Address, Binding]
    sinks: Mapping[Address, Sink]
    observed: Mapping[str, Mapping[str, Live]]
    observed_at: float
    sleep: Callable[[float], None] = time.sleep
    lock: threading.Lock = field(default_factory=threading.Lock)


class Effects:
    """Carries out single operations, from many threads; remembers the ids that this run has made."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._made: dict[Address, Live] = {}
        self._deleted: set[str] = set()
        self._twins: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def carry_out(self, operation: Operation) -> str | None:
        """Carry one operation out and record it; return the id of its object."""
        match operation.verb:
            case Verb.CREATE:
                return self._create(operation)
            case Verb.UPDATE:
                return self._update(operation)
            case Verb.DELETE:
                return self._delete(operation)
            case Verb.BIND:
                assert operation.id is not None
                self._keep(operation, self._binding(operation, operation.id, operation.attributes))
                return operation.id
            case Verb.FORGET:
                with self._workshop.lock:
                    self._workshop.entries.pop(operation.address, None)
                return operation.id

    def _create(self, operation: Operation) -> str:
        kind, parent = KINDS[operation.address.kind], self._parent(operation)
        fields = self._known(operation.fields)
        if kind.secret:
            live = self._deliver(operation, parent or "")
            self._remember(operation, live)
            return live.id
        with self._workshop.lock:
            one_by_one = self._twins[digest([kind.name, parent, fields])]
        with one_by_one:
            live = self._make(operation, parent, fields)
            self._remember(operation, live)
        return live.id

    def _remember(self, operation: Operation, live: Live) -> None:
        with self._workshop.lock:
            self._made[operation.address] = live

    def _deliver(self, operation: Operation, parent: str) -> Live:
        def bound(live: Live) -> Binding:
            binding = self._binding(operation, live.id, live.attributes)
            self._keep(operation, binding)
            return binding

        workshop = self._workshop
        with workshop.lock:
            binding = workshop.entries.get(operation.previous or operation.address)
        delivering = Delivering(workshop.reader, workshop.writer, workshop.journal, bound)
        ours = binding.id if binding else None
        return delivering.make(operation, parent, workshop.sinks[operation.address], ours=ours)

    def _make(self, operation: Operation, parent: str | None, fields: Fields) -> Live:
        """Make one object: sent once, looked up when its outcome is unknown, sent again only if it is not there."""
        workshop, address = self._workshop, operation.address
        for last in (False, True):
            known = self._siblings(operation, parent, fields)
            intent = workshop.journal.intend(operation, parent=parent, sent=self._digests(operation, fields))
            try:
                live = workshop.writer.create(address.kind, parent, fields).live
            except CallFailed as error:
                workshop.journal.outcome(intent, error.outcome, error=str(error))
                found = self._find(operation, parent, fields, known) if error.outcome is Outcome.UNKNOWN else None
                if found is None and (last or error.outcome is not Outcome.UNKNOWN):
                    raise
                if found is None:
                    continue
                live = found
            self._done(intent, operation, self._binding(operation, live.id, live.attributes))
            return live
        raise AssertionError("the last attempt returns or raises")

    def _done(self, intent: str, operation: Operation, binding: Binding) -> None:
        """Record what is bound from here on, and that the name of before is not.

        The bindings know it first: they are written at the end even when the journal no longer can be.
        """
        self._keep(operation, binding)
        with happened():
            self._workshop.journal.outcome(intent, Outcome.DONE, address=operation.address, binding=binding)
            if operation.previous:
                self._workshop.journal.outcome(intent, Outcome.DONE, address=operation.previous, binding=None)

    def _siblings(self, operation: Operation, parent: str | None, fields: Fields) -> set[str]:
        """List the ids that are there before a create: from the snapshot while it is fresh.

        Refuse to make what somebody else has made since the plan was.
        """
        kind, observed = KINDS[operation.address.kind], set(self._workshop.observed.get(operation.address.kind, {}))
        if time.monotonic() - self._workshop.observed_at < _FRESH_FOR:
            return observed
        there = self._workshop.reader.listed(kind.name)
        with self._workshop.lock:
            ours = observed | {live.id for live in self._made.values()}
        for live in there:
            if live.id not in ours and live.parent == parent and kind.natural(live.fields) == kind.natural(fields):
                what = f"{live.id} has appeared since the plan was made, and goes by the same name"
                raise StaleObject(str(operation.address), what)
        return {live.id for live in there}

    def _find(self, operation: Operation, parent: str | None, fields: Fields, known: set[str]) -> Live | None:
        """Look for the object of a create with an unknown outcome; give it time to appear."""
        kind = KINDS[operation.address.kind]
        for pause in _GRACE:
            self._workshop.sleep(pause)
            with self._workshop.lock:
                ours = {live.id for live in self._made.values()}
            found = [
                live
                for live in self._workshop.reader.listed(kind.name)
                if live.id not in known | ours
                and live.parent == parent
                and all(
                    normal(kind.by_name[name], live.fields.get(name)) == normal(kind.by_name[name], value)
                    for name, value in fields.items()
                )
            ]
            if len(found) == 1:
                return found[0]
            if found:
                ids = tuple(live.id for live in found)
                raise Undecided(str(operation.address), "several new objects could be the one that was made", ids)
        return None

    def _update(self, operation: Operation) -> str:
        workshop, address = self._workshop, operation.address
        identifier, fields = operation.id or self._id_of(address), self._known(operation.fields)
        if operation.id and self._already(operation, fields):
            self._keep(operation, self._binding(operation, identifier, operation.attributes))
            return identifier
        intent = workshop.journal.intend(operation, object=identifier)
        try:
            live = workshop.writer.update(address.kind, identifier, fields)
        except CallFailed as error:
            workshop.journal.outcome(intent, error.outcome, error=str(error))
            if error.status == 404:
                raise StaleObject(str(address), f"its object {identifier} is gone") from error
            raise
        self._done(intent, operation, self._binding(operation, identifier, live.attributes))
        return identifier

    def _delete(self, operation: Operation) -> str:
        workshop, address = self._workshop, operation.address
        assert operation.id is not None
        self._already(operation, operation.before)
        intent = workshop.journal.intend(operation)
        try:
            workshop.writer.delete(address.kind, self._parent(operation), operation.id)
        except CallFailed as error:
            workshop.journal.outcome(intent, error.outcome, error=str(error))
            raise
        with workshop.lock:
            self._deleted.add(operation.id)
            bound = workshop.entries.pop(address, None)
            if bound and bound.id != operation.id:
                left = tuple(each for each in bound.predecessors if each != operation.id)
                bound = workshop.entries[address] = replace(bound, predecessors=left)
            elif bound:
                bound = None
        with happened():
            workshop.journal.outcome(intent, Outcome.DONE, address=address, binding=bound)
        return operation.id

    def _already(self, operation: Operation, after: Fields) -> bool:
        """Look again at an object whose observation is old: refuse when it has changed, unless to what is wanted."""
        if time.monotonic() - self._workshop.observed_at < _FRESH_FOR:
            return False
        kind = KINDS[operation.address.kind]
        live = self._workshop.reader.one(kind.name, operation.id or "")
        if live is None:
            return False
        if _equal(kind.name, live, after):
            return operation.verb is Verb.UPDATE
        with self._workshop.lock:
            deleted = frozenset(self._deleted)
        if not _equal(kind.name, live, operation.before, deleted):
            raise StaleObject(str(operation.address), "it was changed since the plan was made")
        return False

    def _keep(self, operation: Operation, binding: Binding) -> None:
        with self._workshop.lock:
            if operation.previous:
                self._workshop.entries.pop(operation.previous, None)
            self._workshop.entries[operation.address] = binding

    def _binding(self, operation: Operation, identifier: str, attributes: Mapping[str, str]) -> Binding:
        kind = KINDS[operation.address.kind]
        digests = {} if kind.secret else self._digests(operation, self._known(operation.bound))
        sink = operation.settings.get("sink")
        delivered = digest(sink) if sink else None
        return Binding(identifier, digests, operation.prevent_destroy, attributes, delivered, operation.predecessors)

    @staticmethod
    def _digests(operation: Operation, fields: Fields) -> dict[str, str]:
        by_name = KINDS[operation.address.kind].by_name
        return {
            name: digest(normal(by_name[name], value) if name in by_name else value) for name, value in fields.items()
        }

    def _parent(self, operation: Operation) -> str | None:
        if isinstance(operation.parent, Ref):
            assert operation.parent.address is not None
            return self._id_of(operation.parent.address)
        return operation.parent

    def _known(self, fields: Fields) -> dict[str, Data]:
        with self._workshop.lock:
            ids = {address: live.id for address, live in self._made.items()}
        known = {name: substitute(value, ids) for name, value in fields.items()}
        left = next(references(known), None)
        if left is not None:
            raise ReconcilerError(f"the id of {left.text} is not known yet")
        return known

    def _id_of(self, address: Address) -> str:
        with self._workshop.lock:
            return self._made[address].id


def _equal(kind: str, live: Live, fields: Fields, deleted: Collection[str] = ()) -> bool:
    """Tell whether an object has these values; that the service has dropped what this run deleted does not count."""
    by_name = KINDS[kind].by_name
    return all(
        _without(normal(by_name[name], live.fields.get(name)), deleted)
        == _without(normal(by_name[name], value), deleted)
        for name, value in fields.items()
        if name in by_name
    )


def _without(value: Data, ids: Collection[str]) -> Data:
    """Leave the elements out of a list that are, or refer to, one of these."""
    if not ids or not isinstance(value, list):
        return value
    return [
        each for each in value if not any(part in ids for part in (each.values() if isinstance(each, dict) else [each]))
    ]
