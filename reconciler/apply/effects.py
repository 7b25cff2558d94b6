"""One operation: intent, effect, record. Every effect ends as done, not done or unknown; unknown is looked into."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from reconciler.apply.delivery import Delivering, Mask, happened, unmasked
from reconciler.apply.freshness import Observed
from reconciler.apply.verification import Verify
from reconciler.errors import CallFailed, Outcome, ReconcilerError, StaleObject, Undecided
from reconciler.journal import Journal
from reconciler.kinds import KINDS, differing, normal
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
from reconciler.plan.bound import bound, digests
from reconciler.remote import Reader, Writer
from reconciler.sinks import Sink

GRACE = (0.5, 1.0, 2.0)
"""How long to wait, in seconds, for what others do or lists show late."""


@dataclass(slots=True)
class Workshop:
    """What the executor works with. `entries` are the bindings; they tell the truth at every moment.

    `observed` is what is known of the objects there, `made` what an earlier run of the same plan has made.
    """

    reader: Reader
    writer: Writer
    journal: Journal
    entries: dict[Address, Binding]
    sinks: Mapping[Address, Sink]
    observed: Observed
    verify: Verify
    made: Mapping[Address, Live] = field(default_factory=dict)
    sleep: Callable[[float], None] = time.sleep
    mask: Mask = unmasked
    lock: threading.Lock = field(default_factory=threading.Lock)


class Effects:
    """Carries out single operations, from many threads; remembers the ids that this run has made."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._made: dict[Address, Live] = {**workshop.made}
        self._twins: dict[str, threading.Lock] = defaultdict(threading.Lock)

    @property
    def made(self) -> dict[Address, Live]:
        """What this run has made, and an earlier one of the same plan."""
        with self._workshop.lock:
            return dict(self._made)

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
                self._forget(operation)
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
        self._workshop.observed.wrote(live)

    def _deliver(self, operation: Operation, parent: str) -> Live:
        def bound(live: Live) -> Binding:
            binding = self._binding(operation, live.id, live.attributes)
            self._keep(operation, binding)
            return binding

        workshop = self._workshop
        with workshop.lock:
            ours = {
                address: each.id for address, each in workshop.entries.items() if address.kind == operation.address.kind
            }
        others = {ours[address] for address in workshop.sinks if address in ours and address != operation.address}
        delivering = Delivering(
            workshop.reader, workshop.writer, workshop.journal, bound, verify=workshop.verify, mask=workshop.mask
        )
        sink = workshop.sinks[operation.address]
        return delivering.make(operation, parent, sink, ours=frozenset(ours.values()), others=others)

    def _make(self, operation: Operation, parent: str | None, fields: Fields) -> Live:
        """Make one object: sent once, looked up when its outcome is unknown, sent again only if it is not there."""
        workshop, address = self._workshop, operation.address
        for last in (False, True):
            known = self._siblings(operation, parent, fields)
            intent = workshop.journal.intend(operation, parent=parent, sent=digests(operation, fields))
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
        kind = KINDS[operation.address.kind]
        there, appeared = self._workshop.observed.appeared(kind.name)
        for live in appeared:
            if live.parent == parent and kind.natural(live.fields) == kind.natural(fields):
                what = f"{live.id} has appeared since the plan was made, and goes by the same name"
                raise StaleObject(str(operation.address), what)
        return there

    def _find(self, operation: Operation, parent: str | None, fields: Fields, known: set[str]) -> Live | None:
        """Look for the object of a create with an unknown outcome; give it time to appear."""
        kind = KINDS[operation.address.kind]
        for pause in GRACE:
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
        already = self._already(operation, identifier, fields)
        if already:
            self._keep(operation, self._binding(operation, identifier, already.attributes))
            return identifier
        intent = workshop.journal.intend(operation, object=identifier)
        try:
            live = workshop.writer.update(address.kind, identifier, fields)
        except CallFailed as error:
            workshop.journal.outcome(intent, error.outcome, error=str(error))
            if error.status == 404:
                raise StaleObject(str(address), f"its object {identifier} is gone") from error
            raise
        workshop.observed.wrote(live)
        self._done(intent, operation, self._binding(operation, identifier, live.attributes))
        return identifier

    def _delete(self, operation: Operation) -> str:
        workshop, address = self._workshop, operation.address
        assert operation.id is not None
        self._already(operation, operation.id, operation.before)
        self._not_held_again(operation)
        intent = workshop.journal.intend(operation)
        try:
            workshop.writer.delete(address.kind, self._parent(operation), operation.id)
        except CallFailed as error:
            workshop.journal.outcome(intent, error.outcome, error=str(error))
            raise
        workshop.observed.ended(address.kind, operation.id)
        bound = self._forget(operation)
        with happened():
            workshop.journal.outcome(intent, Outcome.DONE, address=address, binding=bound)
        return operation.id

    def _not_held_again(self, operation: Operation) -> None:
        """Refuse to end an earlier generation that the sink holds: its file was put back since the plan was made."""
        with self._workshop.lock:
            bound = self._workshop.entries.get(operation.address)
        sink = self._workshop.sinks.get(operation.address)
        if sink is None or not sink.readable or bound is None or bound.id == operation.id:
            return
        held = sink.head()
        if held and held.credential_id == operation.id:
            raise StaleObject(
                str(operation.address), f"{sink.destination} holds the secret of {held.credential_id} again"
            )

    def _forget(self, operation: Operation) -> Binding | None:
        """Take an object off the bindings, and give what they hold now: a successor of it stays bound."""
        workshop = self._workshop
        with workshop.lock:
            known = workshop.entries.pop(operation.address, None)
            if known is None or known.id == operation.id:
                return None
            left = tuple(each for each in known.predecessors if each != operation.id)
            workshop.entries[operation.address] = replace(known, predecessors=left)
            return workshop.entries[operation.address]

    def _already(self, operation: Operation, identifier: str, after: Fields) -> Live | None:
        """Look at an object, again where that was long ago: refuse when it has changed; give it if it is as wanted."""
        observed, kind = self._workshop.observed, KINDS[operation.address.kind]
        live = observed.look(kind.name, identifier, self._parent(operation))
        if live is None and operation.verb is Verb.UPDATE:
            raise StaleObject(str(operation.address), f"its object {identifier} is gone")
        if live is None:
            return None
        if operation.verb is Verb.UPDATE and not differing(kind, live, after):
            return live
        changed = observed.changed(live, {*after, *operation.before})
        if changed:
            what = f"{', '.join(sorted(changed))} of {identifier} was changed since the plan was made"
            raise StaleObject(str(operation.address), what)
        return None

    def _keep(self, operation: Operation, binding: Binding) -> None:
        with self._workshop.lock:
            if operation.previous:
                self._workshop.entries.pop(operation.previous, None)
            self._workshop.entries[operation.address] = binding

    def _binding(self, operation: Operation, identifier: str, attributes: Mapping[str, str]) -> Binding:
        return bound(operation, identifier, attributes, self._known(operation.bound))

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
