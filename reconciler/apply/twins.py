"""The look for twins, at the end of a run: what somebody else, who sees no lock of ours, has made at the same time.

Of twins the one with the lowest id stays. Whoever made another takes it back, if nothing hangs on it; what this run has
not made itself is never touched, so of two runs at most one takes something back.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from reconciler.apply.delivery import happened
from reconciler.apply.effects import GRACE, Workshop
from reconciler.errors import CallFailed, Outcome, ReconcilerError, StaleObject, Undecided
from reconciler.kinds import KINDS
from reconciler.model import Address, Event, Failed, Live, Operation, Plan, Unchecked, Verb, references
from reconciler.plan.twins import looked_through

_SAME = "somebody else made the same at the same time"


def look(
    plan: Plan, created: Sequence[Operation], made: Mapping[Address, Live], workshop: Workshop, *, stopped: bool
) -> Iterator[Event]:
    """List once more each kind of which this run has made something; report what has a twin and is not settled."""
    for name in looked_through(created):
        try:
            if stopped:
                yield Unchecked(name, "the run was stopped")
                continue
            strangers = workshop.observed.strange(name, workshop.reader.listed(name))
        except CallFailed as error:
            yield Unchecked(name, str(error))
            continue
        for operation in created:
            rivals = _rivals(made[operation.address], strangers) if operation.address.kind == name else []
            if rivals:
                try:
                    _settle(plan, operation, made[operation.address], rivals, workshop)
                except ReconcilerError as error:
                    yield Failed(operation, error, 0.0)


def _rivals(mine: Live, strangers: Sequence[Live]) -> list[str]:
    natural = KINDS[mine.kind].natural
    key = (mine.parent, natural(mine.fields))
    return sorted(live.id for live in strangers if (live.parent, natural(live.fields)) == key)


def _settle(plan: Plan, operation: Operation, mine: Live, rivals: Sequence[str], workshop: Workshop) -> None:
    """Return when the twins are gone; raise StaleObject when this one gave way, Undecided when a person must choose."""
    address = str(operation.address)
    if mine.id < rivals[0]:
        left = _not_taken_back(mine.kind, rivals, workshop)
        if left:
            what = f"{_SAME}, and does not take it back; keep one, and delete the rest"
            raise Undecided(address, what, (mine.id, *left))
        return
    if _in_use(plan, operation, mine, workshop):
        what = f"{_SAME}, and something hangs on this one already; keep one, and delete the rest"
        raise Undecided(address, what, (mine.id, *rivals))
    _take_back(operation, mine, rivals, workshop)
    raise StaleObject(address, f"{_SAME}, {rivals[0]}, so {mine.id} was deleted again")


def _not_taken_back(kind: str, rivals: Sequence[str], workshop: Workshop) -> list[str]:
    """Give whoever made the twins time to take them back; list those that stay."""
    left = list(rivals)
    for pause in GRACE:
        workshop.sleep(pause)
        left = [each for each in left if _may_be_there(kind, each, workshop)]
        if not left:
            break
    return left


def _may_be_there(kind: str, identifier: str, workshop: Workshop) -> bool:
    try:
        return workshop.reader.one(kind, identifier) is not None
    except CallFailed:
        return True


def _in_use(plan: Plan, operation: Operation, mine: Live, workshop: Workshop) -> bool:
    """Tell whether a new object has a past, is named by another step, or has something below it."""
    if operation.previous or operation.predecessors:
        return True
    named = {ref.address for each in plan.operations for ref in references([each.parent, dict(each.fields)])}
    if operation.address in named:
        return True
    below = [kind for kind in KINDS.values() if kind.owner == mine.kind]
    return any(live.parent == mine.id for kind in below for live in workshop.reader.listed(kind.name, mine.id))


def _take_back(operation: Operation, mine: Live, rivals: Sequence[str], workshop: Workshop) -> None:
    """Delete what this run has made. It is forgotten first: a run that is killed here leaves a question, no loss."""
    address, journal = operation.address, workshop.journal
    plain = replace(operation, id=mine.id, parent=mine.parent, fields={}, bound={}, after=())
    intent = journal.intend(replace(plain, key=f"forget {address}", verb=Verb.FORGET))
    with workshop.lock:
        workshop.entries.pop(address, None)
    with happened():
        journal.outcome(intent, Outcome.DONE, address=address, binding=None)
        intent = journal.intend(replace(plain, key=f"delete {address}", verb=Verb.DELETE))
    try:
        workshop.writer.delete(mine.kind, mine.parent, mine.id)
    except CallFailed as error:
        journal.outcome(intent, error.outcome, error=str(error))
        what = f"{_SAME}, and deleting this one failed ({error}); keep one, and delete the rest"
        raise Undecided(str(address), what, (mine.id, *rivals)) from error
    workshop.observed.ended(mine.kind, mine.id)
    with happened():
        journal.outcome(intent, Outcome.DONE)
