"""The making of a credential: nothing is made that could not be delivered, nothing delivered that does not work.

Each generation has a live name of its own, `NAME#mark`, whose mark is journalled before the call. So a generation whose
secret got lost on the way is known by its name, and revoked.
"""

import secrets
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from reconciler.apply.verification import Verify
from reconciler.errors import CallFailed, CannotWrite, Outcome, SinkFailed, Undecided, Unrecorded, Unverified
from reconciler.journal import Journal
from reconciler.model import Binding, Live, Operation, Secret
from reconciler.remote import Made, Reader, Writer
from reconciler.sinks import Delivery, Sink

Mask = Callable[[Secret], None]
"""Keeps a new secret out of a log that is written elsewhere."""


def unmasked(_: Secret) -> None:
    """Mask nothing: nobody else writes a log of this run."""


class _MayBeHeld(SinkFailed):
    """A delivery failed, and may have arrived: its secret stays, and the next run asks the sink which one it holds."""

    @classmethod
    def after(cls, error: SinkFailed) -> "_MayBeHeld":
        """Say so of a failure."""
        what = f"{error.what}; it may hold the new secret all the same, which stays valid: the next run looks again"
        return cls(error.sink, what, error.conflict)


@dataclass(frozen=True, slots=True)
class Delivering:
    """Makes one generation of a credential and delivers its secret.

    `bound` makes the binding to record for it, and keeps it. `mask` is told the secret before all that.
    """

    reader: Reader
    writer: Writer
    journal: Journal
    bound: Callable[[Live], Binding]
    verify: Verify
    mask: Mask = unmasked

    def make(
        self, operation: Operation, client_id: str, sink: Sink, *, ours: Container[str], others: Container[str]
    ) -> Live:
        """Make a generation, try it, deliver it, and read back what arrived; revoke it when one of these fails.

        It takes the place of a secret of the same client, or of one of `ours`, the credentials that are bound; but of
        none of `others`, those that are current and have a sink of their own.
        """
        sink.preflight()
        held = sink.head() if sink.readable else None
        if held and held.client_id != client_id and held.credential_id not in ours:
            what = f"holds the secret of another client, {held.client_id}; deliver elsewhere, or move it away"
            raise SinkFailed(sink.destination, what, conflict=True)
        if held and held.credential_id in others:
            what = f"holds the secret of another credential, {held.name} ({held.credential_id}); deliver elsewhere"
            raise SinkFailed(sink.destination, what, conflict=True)
        for last in (False, True):
            mark = secrets.token_hex(4)
            name = f"{operation.fields['name']}#{mark}"
            intent = self.journal.intend(operation, parent=client_id, mark=mark)
            try:
                made = self.writer.create(operation.address.kind, client_id, {**operation.fields, "name": name})
            except CallFailed as error:
                if error.outcome is not Outcome.UNKNOWN:
                    self.journal.outcome(intent, error.outcome, error=str(error))
                    raise
                failure = self._revoke_lost(operation, client_id, name, error)
                self.journal.outcome(intent, failure.outcome, error=str(failure))
                if last:
                    raise failure from None
                continue
            if made.secret:
                self.mask(made.secret)
            return self._deliver(operation, made, sink, intent=intent, expected=held.credential_id if held else None)
        raise AssertionError("the last attempt returns or raises")

    def _deliver(self, operation: Operation, made: Made, sink: Sink, *, intent: str, expected: str | None) -> Live:
        live = made.live
        try:
            if made.secret and operation.settings.get("verify", True):
                self.verify(live.parent or "", made.secret)
            _put(made, sink, expected)
        except _MayBeHeld:
            raise
        except (SinkFailed, Unverified) as error:
            self._revoke(operation, live, error)
            self.journal.outcome(intent, Outcome.NOT_DONE, error=str(error))
            raise
        binding = self.bound(live)
        with happened():
            self.journal.outcome(intent, Outcome.DONE, address=operation.address, binding=binding)
        return live

    def _revoke(self, operation: Operation, live: Live, error: SinkFailed | Unverified | CallFailed) -> None:
        try:
            self.writer.delete(live.kind, live.parent, live.id)
        except CallFailed as failure:
            what = f"its secret could not be delivered ({error}), and revoking it failed ({failure}); revoke"
            raise Undecided(str(operation.address), what, (live.id,)) from failure

    def _revoke_lost(self, operation: Operation, client_id: str, name: str, error: CallFailed) -> CallFailed:
        """Revoke what a call with an unknown outcome has made: its secret is lost. Say what is known of it then.

        When it is not there (yet), the next run looks for it by its mark.
        """
        listed = self.reader.listed(operation.address.kind, client_id)
        lost = [live for live in listed if live.fields["name"] == name]
        for live in lost:
            self._revoke(operation, live, error)
        if not lost:
            return error
        return replace(error, outcome=Outcome.NOT_DONE, what=f"{error.what}; what it made all the same was revoked")


@contextmanager
def happened() -> Iterator[None]:
    """Say of a failure to record something that the thing itself has happened."""
    try:
        yield
    except CannotWrite as error:
        raise Unrecorded(error.file, error.what) from error


def _put(made: Made, sink: Sink, expected: str | None) -> None:
    """Deliver a secret, and see that it arrived."""
    live = made.live
    if made.secret is None:
        raise SinkFailed(sink.destination, "the service showed no secret")
    delivery = Delivery(
        client_id=live.parent or "",
        client_secret=made.secret,
        credential_id=live.id,
        name=str(live.fields["name"]),
        created=live.attributes["created"],
    )
    try:
        sink.put(delivery, expected)
    except SinkFailed as error:
        if _held(sink) == live.id:
            raise _MayBeHeld.after(error) from error
        raise
    try:
        arrived = sink.head() if sink.readable else None
    except SinkFailed as error:
        raise _MayBeHeld.after(error) from error
    if sink.readable and (arrived is None or arrived.credential_id != live.id):
        raise SinkFailed(sink.destination, "what was delivered cannot be read back")


def _held(sink: Sink) -> str | None:
    """Name the credential that a sink says it holds; None when it does not say."""
    try:
        head = sink.head() if sink.readable else None
    except SinkFailed:
        return None
    return head.credential_id if head else None
