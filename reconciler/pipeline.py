"""The whole way: from manifests and service to a plan, and from a plan to the end of a run."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace

from reconciler import apply as executor
from reconciler import bindings as bindings_file
from reconciler import consequences, destruction, graph, guards, journal, live, partial
from reconciler import plan as planning
from reconciler.apply import Steering
from reconciler.apply.verification import verifier
from reconciler.auth import AuthClient
from reconciler.bindings import Bindings
from reconciler.diff import Comparison, compare, replacements
from reconciler.errors import InvalidManifests, Problem
from reconciler.guards import Case, Consents
from reconciler.kinds import KINDS, owner
from reconciler.manifest import aimed
from reconciler.match import Matches, match
from reconciler.model import (
    EVERYTHING,
    Address,
    Aim,
    Binding,
    Data,
    Event,
    Finished,
    Live,
    Manifests,
    Plan,
    Snapshot,
    Undelivered,
    Verb,
    digest,
)
from reconciler.observe import observe
from reconciler.remote import Reader, Writer
from reconciler.sinks import Meta, Sink, make
from reconciler.state import Site, State, others, state

__all__ = ["Planned", "Site", "State", "Steering", "apply", "outputs", "plan", "state"]


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and what its execution starts from; `made` is what an earlier run of the same plan has made.

    `read_at` is when the snapshot was begun, by `clock` (seconds that never go back).
    """

    plan: Plan
    state: State
    snapshot: Snapshot
    sinks: Mapping[Address, Sink]
    read_at: float
    made: Mapping[Address, Live] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic


def plan(
    manifests: Manifests,
    client: AuthClient,
    site: Site,
    *,
    consents: Consents,
    parallelism: int,
    aim: Aim = EVERYTHING,
) -> Planned:
    """Make the plan for one root. Nothing here can write to the service."""
    known, elsewhere, stated = state(site), others(site), manifests
    aimed.check(aim, stated, known.entries)
    read_at = time.monotonic()
    if aim.destroy:
        manifests = destruction.nothing(stated, known.entries)
    snapshot, names = observe(manifests, known.entries, client, parallelism=parallelism)
    resources, problems = graph.resolve(manifests.resources, names)
    _refuse(problems)
    manifests = replace(manifests, resources=resources)
    undelivered, unanswered = known.undelivered(), known.unanswered()
    first = match(manifests, snapshot, known.entries, {}, elsewhere, unanswered)
    ending = replacements(manifests, first, aim.replace)
    owners = _owners(manifests, first, known.entries, ending, undelivered, snapshot)
    snapshot = live.read_owned(Reader(client), snapshot, owners=owners, parallelism=parallelism)
    sinks = sinks_of(manifests)
    heads = {address: sink.head() for address, sink in sinks.items() if sink.readable}
    unsure = {each.address: None for each in undelivered if each.address in sinks and each.address not in heads}
    matches = match(manifests, snapshot, known.entries, unsure | _held(manifests, heads), elsewhere, unanswered)
    _refuse([*matches.problems, *_foreign(manifests, heads, matches), *graph.repeated(resources, matches.ids())])
    comparison = compare(manifests, matches, snapshot, undelivered=undelivered, aim=aim)
    comparison = partial.restrict(comparison, manifests, snapshot, aim)
    comparison = consequences.told(comparison, matches, snapshot)
    made = planning.build(manifests, matches, comparison, snapshot=snapshot, target=site.target)
    # What ends is protected as the manifests say, also where everything is to end.
    protecting = replace(manifests, resources={**stated.resources, **resources})
    case = Case(made, protecting, matches, snapshot, known.entries, guards.spoken(consents, aim), aim)
    notes = (
        *_deliveries(made, sinks, known.entries),
        *_spared(comparison),
        *guards.notes(case),
        *_left_behind(made, stated, known.entries, aim),
    )
    called = {identifier: ref.text for ref, identifier in names.items()}
    called |= {identifier: str(address) for identifier, address in matches.addresses().items()}
    upcoming = tuple(each for life in comparison.lives.values() for each in life.upcoming)
    made = replace(made, refusals=guards.check(case), guards=guards.NAMES, consents=_given(case.consents))
    made = planning.digested(replace(made, notes=notes, upcoming=upcoming, names=called))
    return Planned(made, known, snapshot, sinks, read_at)


def apply(planned: Planned, client: AuthClient, site: Site, steering: Steering) -> Iterator[Event]:
    """Carry a plan out. However the run ends, the bindings then say what was done.

    Raise CannotWrite before anything is done when they could not be written, and Unrecorded when that fails at the end.
    """
    entries, stored = dict(planned.state.entries), planned.state.stored
    if planned.plan.operations:
        bindings_file.probe(site.bindings)
    with journal.Journal.open(site.folder, environment=site.environment, run=_run(planned)) as record:
        reader = Reader(client)
        workshop = executor.Workshop(
            reader=reader,
            writer=Writer(client),
            journal=record,
            entries=entries,
            sinks=planned.sinks,
            observed=executor.Observed(reader, planned.snapshot.objects, planned.read_at, planned.clock),
            verify=verifier(client, steering.sleep),
            made=planned.made,
            sleep=steering.sleep,
        )
        done = 0
        try:
            for event in executor.run(planned.plan, workshop, steering):
                done += isinstance(event, Finished)
                yield event
        finally:
            if entries != stored.entries:
                stored = replace(stored, serial=stored.serial + 1, entries=entries)
                bindings_file.write(site.bindings, stored)
            whole = planned.plan.complete and not planned.snapshot.poisoned
            settled = whole and done == len(planned.plan.operations)
            record.checkpoint(unsettled=() if settled else planned.state.left.open, **_history(stored))


def _given(consents: Consents) -> dict[str, Data]:
    """Write down what was agreed to, in a stable order."""
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in asdict(consents).items()}


def _run(planned: Planned) -> dict[str, Data]:
    who = {"caller": planned.snapshot.caller, "plan": planned.plan.digest}
    return {**who, **_history(planned.state.stored)}


def _history(stored: Bindings) -> dict[str, Data]:
    return {"target": stored.target, "lineage": stored.lineage, "serial": stored.serial}


def _owners(
    manifests: Manifests,
    matches: Matches,
    entries: Mapping[Address, Binding],
    ending: Iterable[Address],
    undelivered: Iterable[Undelivered],
    snapshot: Snapshot,
) -> dict[str, set[str]]:
    """Choose whose objects to list, for the kinds that only their owners list.

    They are the owners of what is managed, bound, or was left undelivered, and those that go themselves.
    """
    ids = matches.ids()
    going = [(address, leftover.id) for address, leftover in matches.leftovers.items()]
    going += [(address, ids[address]) for address in ending]
    going += [(address, each) for address, binding in entries.items() for each in binding.predecessors]
    owners: dict[str, set[str]] = {}
    for name, kind in KINDS.items():
        if kind.listed_by_owner and kind.owner:
            above = [
                Address(kind.owner, each.path[:-1]) for each in (*manifests.resources, *entries) if each.kind == name
            ]
            wanted = {ids[address] for address in above if address in ids}
            wanted |= {entries[address].id for address in above if address in entries}
            wanted |= {each.owner for each in undelivered if each.address.kind == name}
            wanted |= {identifier for address, identifier in going if address.kind == kind.owner}
            owners[name] = {identifier for identifier in wanted if snapshot.find(kind.owner, identifier)}
    return owners


def sinks_of(manifests: Manifests) -> dict[Address, Sink]:
    """Make the sinks that the manifests describe."""
    return {
        address: make(resource.settings["sink"], root=manifests.root, place=resource.at("sink"))
        for address, resource in manifests.resources.items()
        if resource.settings.get("sink")
    }


def _held(manifests: Manifests, heads: Mapping[Address, Meta | None]) -> dict[Address, str | None]:
    """Say whose secret each sink holds, if that was delivered under the settings of now."""
    return {
        address: head.credential_id
        if head and head.settings == digest(manifests.resources[address].settings["sink"])
        else None
        for address, head in heads.items()
    }


def _foreign(manifests: Manifests, heads: Mapping[Address, Meta | None], matches: Matches) -> Iterator[Problem]:
    """Find the sinks that hold what is another client's, and was not bound here."""
    for address, head in heads.items():
        above, bound = owner(address), matches.found[address].binding
        parent = matches.found[above].live if above else None
        replaced = matches.found[above].binding if above else None
        known = {parent.id if parent else None, *(replaced.predecessors if replaced else ())}
        if head and head.client_id not in known and not (bound and bound.id == head.credential_id):
            what = f"it holds the secret of another client already, {head.client_id}"
            hint = "name another place, or move away what is there"
            yield Problem(manifests.resources[address].at("sink"), what, hint, str(address))


def _deliveries(plan: Plan, sinks: Mapping[Address, Sink], entries: Mapping[Address, Binding]) -> Iterator[str]:
    """Say where new secrets will go, and which will stand there in clear."""
    for operation in plan.operations:
        sink = sinks.get(operation.address)
        if sink and operation.verb is Verb.CREATE:
            clear = ", where it stands in clear" if sink.plaintext else ""
            yield f"{operation.address}: its secret goes to {sink.destination}{clear}"
            bound = entries.get(operation.previous or operation.address)
            if bound and bound.sink and bound.sink != digest(operation.settings["sink"]):
                yield f"{operation.address}: what was delivered under its former settings stays where it is, and valid"


def _spared(comparison: Comparison) -> Iterator[str]:
    """Say which generations stay only because this run may be using them."""
    for address, life in comparison.lives.items():
        for spared in life.spared:
            why = "this run may be using it itself; name the one that it uses in RECONCILER_CREDENTIAL_ID"
            yield f"{address}: the earlier generation {spared.id} stays, since {why}"


def _left_behind(plan: Plan, stated: Manifests, entries: Mapping[Address, Binding], aim: Aim) -> Iterator[str]:
    """Say what a destruction leaves: secrets where they were delivered, and what is not bound."""
    if not aim.destroy:
        return
    sinks = sinks_of(stated)
    for address in sorted({change.address for change in plan.changes} & sinks.keys()):
        where = sinks[address].destination
        yield f"{address}: what was delivered stays in {where}; move it away before this is made again"
    if not aim.partial:
        yield from destruction.unbound(stated, entries)


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
