"""One operation: intent, effect, record. Every effect ends as done, not done or unknown; unknown is looked into."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from reconciler.apply.delivery import Delivering
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
        live = self._deliver(operation, parent or "") if kind.secret else self._make(operation, parent, fields)
        with self._workshop.lock:
            self._made[operation.address] = live
        self._keep(operation, self._binding(operation, live.id, live.attributes))
        return live.id

    def _deliver(self, operation: Operation, parent: str) -> Live:
        def bound(live: Live) -> Binding:
            return self._binding(operation, live.id, live.attributes)

        delivering = Delivering(self._workshop.reader, self._workshop.writer, self._workshop.journal, bound)
        return delivering.make(operation, parent, self._workshop.sinks[operation.address])

    def _make(self, operation: Operation, parent: str | None, fields: Fields) -> Live:
        """Make one object: sent once, looked up when its outcome is unknown, sent again only if it is not there."""
        workshop, address = self._workshop, operation.address
        for last in (False, True):
            known = self._siblings(address.kind)
            intent = workshop.journal.intend(operation, parent=parent)
            try:
                live = workshop.writer.create(address.kind, parent, fields).live
            except CallFailed as error:
                workshop.journal.outcome(intent, error.outcome)
                found = self._find(operation, parent, fields, known) if error.outcome is Outcome.UNKNOWN else None
                if found is None and (last or error.outcome is not Outcome.UNKNOWN):
                    raise
                if found is None:
                    continue
                live = found
            workshop.journal.outcome(
                intent, Outcome.DONE, address=address, binding=self._binding(operation, live.id, live.attributes)
            )
            return live
        raise AssertionError("the last attempt returns or raises")

    def _siblings(self, kind: str) -> set[str]:
        """List the ids that are there before a create: from the snapshot while it is fresh."""
        if time.monotonic() - self._workshop.observed_at < _FRESH_FOR:
            return set(self._workshop.observed.get(kind, {}))
        return {live.id for live in self._workshop.reader.listed(kind)}

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
            workshop.journal.outcome(intent, error.outcome)
            if error.status == 404:
                raise StaleObject(str(address), f"its object {identifier} is gone") from error
            raise
        binding = self._binding(operation, identifier, live.attributes)
        workshop.journal.outcome(intent, Outcome.DONE, address=address, binding=binding)
        if operation.previous:
            workshop.journal.outcome(intent, Outcome.DONE, address=operation.previous, binding=None)
        self._keep(operation, binding)
        return identifier

    def _delete(self, operation: Operation) -> str:
        workshop, address = self._workshop, operation.address
        assert operation.id is not None
        self._already(operation, operation.before)
        intent = workshop.journal.intend(operation)
        try:
            workshop.writer.delete(address.kind, self._parent(operation), operation.id)
        except CallFailed as error:
            workshop.journal.outcome(intent, error.outcome)
            raise
        with workshop.lock:
            bound = workshop.entries.get(address)
            gone = bound is not None and bound.id == operation.id
            if gone:
                del workshop.entries[address]
        if gone:
            workshop.journal.outcome(intent, Outcome.DONE, address=address, binding=None)
        else:
            workshop.journal.outcome(intent, Outcome.DONE)
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
        if not _equal(kind.name, live, operation.before):
            raise StaleObject(str(operation.address), "it was changed since the plan was made")
        return False

    def _keep(self, operation: Operation, binding: Binding) -> None:
        with self._workshop.lock:
            if operation.previous:
                self._workshop.entries.pop(operation.previous, None)
            self._workshop.entries[operation.address] = binding

    def _binding(self, operation: Operation, identifier: str, attributes: Mapping[str, str]) -> Binding:
        kind = KINDS[operation.address.kind]
        digests = {} if kind.secret else {name: digest(value) for name, value in self._bound(operation).items()}
        sink = operation.settings.get("sink")
        return Binding(identifier, digests, operation.prevent_destroy, attributes, digest(sink) if sink else None)

    def _bound(self, operation: Operation) -> dict[str, Data]:
        by_name = KINDS[operation.address.kind].by_name
        return {name: normal(by_name[name], value) for name, value in self._known(operation.bound).items()}

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


def _equal(kind: str, live: Live, fields: Fields) -> bool:
    by_name = KINDS[kind].by_name
    return all(
        normal(by_name[name], live.fields.get(name)) == normal(by_name[name], value)
        for name, value in fields.items()
        if name in by_name
    )
