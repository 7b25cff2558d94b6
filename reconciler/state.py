"""What is known of a root before the service is asked: bindings, and what runs that were killed have left."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from reconciler import bindings as bindings_file
from reconciler import journal
from reconciler.bindings import Bindings
from reconciler.errors import CannotWrite, StaleBindings, Unrecorded
from reconciler.journal import Intent, Journal, Left
from reconciler.model import Address, Binding, Data, Unanswered, Undelivered, Verb


@dataclass(frozen=True, slots=True)
class Site:
    """Which service, and where the state of one root and environment stands."""

    target: str
    folder: Path
    environment: str | None
    bindings: Path

    @property
    def lock(self) -> Path:
        """The file that one run at a time holds."""
        return self.folder / (f"lock.{self.environment}" if self.environment else "lock")

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return journal.path_of(self.folder, self.environment)


@dataclass(frozen=True, slots=True)
class State:
    """The bindings as they stood in their file, and as what a killed run left makes them."""

    stored: Bindings
    entries: Mapping[Address, Binding]
    left: Left

    def unanswered(self) -> tuple[Unanswered, ...]:
        """List the creates whose outcome a run that was killed did not live to see."""
        return tuple(
            Unanswered(each.address, None if each.facts.get("parent") is None else str(each.facts["parent"]), each.sent)
            for each in self.left.open
            if each.verb == Verb.CREATE and not each.facts.get("mark")
        )

    def undelivered(self) -> tuple[Undelivered, ...]:
        """List the generations of credentials that were being made when a run was killed."""
        marked = [intent for intent in self.left.open if intent.facts.get("mark")]
        return tuple(Undelivered(each.address, str(each.facts["parent"]), str(each.facts["mark"])) for each in marked)


def state(site: Site) -> State:
    """Read the bindings, and what a run that was killed has left in the journal."""
    found = bindings_file.read(site.bindings, target=site.target, environment=site.environment)
    stored = found or bindings_file.new(site.target, site.environment)
    left = journal.replay(site.journal, target=site.target)
    if found and left.lineage is not None and left.serial is not None:
        bindings_file.follow(site.bindings, found, lineage=left.lineage, serial=left.serial)
    if found and left.serial is not None and found.serial > left.serial:
        # Somebody else has gone on from there: what was left counts only where nothing newer is known.
        return State(stored, {**left.bound, **stored.entries}, left)
    entries = {address: binding for address, binding in stored.entries.items() if address not in left.dropped}
    return State(stored, {**entries, **left.bound}, left)


def fresh(site: Site, left: Left) -> State:
    """Begin anew: no bindings, and of what killed runs left only the calls whose outcome nobody knows."""
    return State(bindings_file.new(site.target, site.environment), {}, Left(open=left.open))


def left(site: Site) -> Left:
    """Read what killed runs left; nothing when their journal is damaged."""
    try:
        return journal.replay(site.journal, target=site.target)
    except StaleBindings as error:
        if not error.rebuild:
            raise
        return Left()


def rewrite(
    site: Site,
    stored: Bindings,
    entries: Mapping[Address, Binding],
    *,
    unsettled: Iterable[Intent],
    run: Mapping[str, Data],
) -> None:
    """Put other bindings in place of the stored ones, and record that; `run` says who did it, and by which command.

    Whoever calls holds the lock. Raise CannotWrite when nothing was changed.
    """
    bindings_file.probe(site.bindings)
    after = replace(stored, serial=stored.serial + 1, entries=entries)
    with Journal.open(site.folder, environment=site.environment, run={**run, **history(stored)}) as record:
        try:
            bindings_file.write(site.bindings, after)
        except Unrecorded as error:
            raise CannotWrite(error.file, error.what) from error
        said = bindings_file.changes(stored.entries, entries)
        record.checkpoint(unsettled=unsettled, **said, **history(after))


def history(stored: Bindings) -> dict[str, Data]:
    """Name the bindings that a line of the journal is about."""
    return {"target": stored.target, "lineage": stored.lineage, "serial": stored.serial}


def others(site: Site) -> dict[str, str]:
    """Name for each object that another environment of this root has bound the file that says so."""
    bound: dict[str, str] = {}
    for file, entries in bindings_file.beside(site.bindings, target=site.target, environment=site.environment):
        bound |= {binding.id: str(file) for binding in entries.values()}
    for file in journal.beside(site.journal):
        bound |= {binding.id: str(file) for binding in journal.replay(file, target=site.target).bound.values()}
    return bound
