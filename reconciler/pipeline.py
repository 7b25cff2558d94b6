"""The whole way: from manifests and service to a plan, and from a plan to the end of a run."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from reconciler import apply as executor
from reconciler import bindings as bindings_file
from reconciler import graph, guards, journal, live
from reconciler import plan as planning
from reconciler.auth import AuthClient
from reconciler.bindings import Bindings
from reconciler.diff import compare
from reconciler.errors import InvalidManifests, Problem
from reconciler.guards import Case, Consents
from reconciler.journal import Left
from reconciler.kinds import KINDS, owned, owner
from reconciler.lookup import look_up
from reconciler.match import Matches, match
from reconciler.model import Address, Binding, Data, Event, Finished, Manifests, Plan, Snapshot, Verb
from reconciler.remote import Reader, Writer
from reconciler.sinks import Sink, make


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


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and what its execution starts from."""

    plan: Plan
    state: State
    snapshot: Snapshot
    sinks: Mapping[Address, Sink]
    read_at: float


def state(site: Site) -> State:
    """Read the bindings, and what a run that was killed has left in the journal."""
    found = bindings_file.read(site.bindings, target=site.target, environment=site.environment)
    stored = found or bindings_file.new(site.target, site.environment)
    left = journal.replay(site.journal, target=site.target)
    if found and left.lineage is not None and left.serial is not None:
        bindings_file.follow(site.bindings, found, lineage=left.lineage, serial=left.serial)
    entries = {address: binding for address, binding in stored.entries.items() if address not in left.dropped}
    return State(stored, {**entries, **left.bound}, left)


def plan(manifests: Manifests, client: AuthClient, site: Site, *, consents: Consents, parallelism: int) -> Planned:
    """Make the plan for one root. Nothing here can write to the service."""
    reader, known = Reader(client), state(site)
    read_at = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        caller = pool.submit(reader.caller)
        found = pool.submit(look_up, client, graph.names(manifests.resources.values()))
        expected = _expected(manifests, known.entries)
        snapshot = live.read(reader, caller="", expected=expected, parallelism=parallelism)
        snapshot = replace(snapshot, caller=caller.result())
    resources, problems = graph.resolve(manifests.resources, found.result())
    _refuse(problems)
    manifests = replace(manifests, resources=resources)
    first = match(manifests, snapshot, known.entries, {})
    owners = _owners(manifests, first, known.entries)
    snapshot = live.read_owned(reader, snapshot, owners=owners, parallelism=parallelism)
    sinks = _sinks(manifests)
    matches = match(manifests, snapshot, known.entries, _held(sinks))
    _refuse([*matches.problems, *graph.repeated(manifests.resources, matches.ids())])
    comparison = compare(manifests, matches, snapshot, marks=frozenset(known.left.marks))
    made = planning.build(manifests, matches, comparison, snapshot=snapshot, target=site.target)
    case = Case(made, manifests, matches, snapshot, known.entries, consents)
    made = replace(
        made,
        refusals=guards.check(case),
        notes=(*_deliveries(made, sinks), *guards.notes(case)),
        names={identifier: ref.text for ref, identifier in found.result().items()}
        | {identifier: str(address) for address, identifier in matches.ids().items()},
    )
    return Planned(made, known, snapshot, sinks, read_at)


def apply(
    planned: Planned,
    client: AuthClient,
    site: Site,
    *,
    parallelism: int,
    stop: threading.Event,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Event]:
    """Carry a plan out. However the run ends, the bindings then say what was done.

    Raise CannotWrite before anything is done when they could not be written, and Unrecorded when that fails at the end.
    """
    entries, stored = dict(planned.state.entries), planned.state.stored
    if planned.plan.operations:
        bindings_file.probe(site.bindings)
    with journal.Journal.open(site.folder, environment=site.environment, run=_run(planned)) as record:
        workshop = executor.Workshop(
            reader=Reader(client),
            writer=Writer(client),
            journal=record,
            entries=entries,
            sinks=planned.sinks,
            observed=planned.snapshot.objects,
            observed_at=planned.read_at,
            sleep=sleep,
        )
        done = 0
        try:
            for event in executor.run(planned.plan, workshop, parallelism=parallelism, stop=stop):
                done += isinstance(event, Finished)
                yield event
        finally:
            if entries != stored.entries:
                stored = replace(stored, serial=stored.serial + 1, entries=entries)
                bindings_file.write(site.bindings, stored)
            settled = planned.plan.complete and done == len(planned.plan.operations)
            record.checkpoint(unsettled=() if settled else planned.state.left.open, **_history(stored))


def _run(planned: Planned) -> dict[str, Data]:
    who = {"caller": planned.snapshot.caller, "plan": planned.plan.digest}
    return {**who, **_history(planned.state.stored)}


def _history(stored: Bindings) -> dict[str, Data]:
    return {"target": stored.target, "lineage": stored.lineage, "serial": stored.serial}


def _expected(manifests: Manifests, entries: Mapping[Address, Binding]) -> dict[str, list[str]]:
    """Collect the ids that decisions rest on, so that none of them is taken for gone because a list left it out."""
    expected: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for address, binding in entries.items():
        expected[address.kind].append(binding.id)
    for address, resource in manifests.resources.items():
        pinned = [resource.id, *(former.id for former in resource.previously)]
        expected[address.kind] += [identifier for identifier in pinned if identifier]
    for removal in manifests.removed:
        expected[removal.address.kind] += [removal.id] if removal.id else []
    return expected


def _owners(manifests: Manifests, matches: Matches, entries: Mapping[Address, Binding]) -> dict[str, set[str]]:
    """Choose whose objects to list, for the kinds that only their owners list.

    They are the owners of what is managed or bound, and those that go themselves.
    """
    leaving = {address: leftover.live.id for address, leftover in matches.leftovers.items() if leftover.live}
    ids = matches.ids() | leaving
    owners: dict[str, set[str]] = {}
    for name, kind in KINDS.items():
        if kind.listed_by_owner:
            bound = [address for address in (*manifests.resources, *entries) if address.kind == name]
            owners[name] = {ids[above] for address in bound if (above := owner(address)) is not None and above in ids}
            owners[name] |= {identifier for address, identifier in leaving.items() if kind in owned(address.kind)}
    return owners


def _sinks(manifests: Manifests) -> dict[Address, Sink]:
    return {
        address: make(resource.settings["sink"], root=manifests.root, place=resource.at("sink"))
        for address, resource in manifests.resources.items()
        if resource.settings.get("sink")
    }


def _held(sinks: Mapping[Address, Sink]) -> dict[Address, str | None]:
    """Ask each sink that can be read whose secret it holds."""
    heads = {address: sink.head() for address, sink in sinks.items() if sink.readable}
    return {address: head.credential_id if head else None for address, head in heads.items()}


def _deliveries(plan: Plan, sinks: Mapping[Address, Sink]) -> Iterator[str]:
    """Say where new secrets will go, and which will stand there in clear."""
    for operation in plan.operations:
        sink = sinks.get(operation.address)
        if sink and operation.verb is Verb.CREATE:
            clear = ", where it stands in clear" if sink.plaintext else ""
            yield f"{operation.address}: its secret goes to {sink.destination}{clear}"


def _refuse(problems: Iterable[Problem]) -> None:
    found = tuple(problems)
    if found:
        raise InvalidManifests(found)


def outputs(manifests: Manifests, entries: Mapping[Address, Binding]) -> dict[str, str]:
    """Give the outputs that are known, by name, from what was last applied."""
    known = {}
    for output in manifests.outputs:
        binding = entries.get(output.address)
        values = {**binding.attributes, "id": binding.id} if binding else {}
        if output.attribute in values:
            known[output.name] = values[output.attribute]
    return known
