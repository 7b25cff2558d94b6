"""The whole way: from manifests and service to a plan, and from a plan to the end of a run."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace

from reconciler import apply as executor
from reconciler import bindings as bindings_file
from reconciler import consequences, destruction, guards, journal, partial
from reconciler import plan as planning
from reconciler.apply import Steering
from reconciler.apply.verification import verifier
from reconciler.auth import AuthClient
from reconciler.diff import Comparison, compare
from reconciler.errors import CannotWrite, UnknownAddress, Unrecorded
from reconciler.generations import unmade
from reconciler.guards import Case, Consents
from reconciler.manifest import aimed
from reconciler.model import (
    EVERYTHING,
    Address,
    Aim,
    Binding,
    Data,
    Event,
    Failed,
    Finished,
    Live,
    Manifests,
    Plan,
    Snapshot,
    Verb,
    digest,
)
from reconciler.remote import Reader, Writer
from reconciler.sinks import Sink
from reconciler.state import Site, State, history, others, state
from reconciler.survey import Means, Survey, decided, sinks_of, surveyed

__all__ = ["Means", "Planned", "Site", "State", "Steering", "apply", "outputs", "plan", "planned", "state"]


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
    return planned(manifests, client, site, consents, Means(parallelism, aim))


def planned(manifests: Manifests, client: AuthClient, site: Site, consents: Consents, means: Means) -> Planned:
    """Do the same by other means."""
    aim, known = means.aim, state(site)
    aimed.check(aim, manifests, known.entries)
    wanted = destruction.nothing(manifests, known.entries) if aim.destroy else manifests
    seen = decided(surveyed(wanted, client, known, others(site), means))
    comparison = compare(seen.manifests, seen.matches, seen.snapshot, undelivered=known.undelivered(), aim=aim)
    if never := unmade(comparison.lives, aim):
        raise UnknownAddress(
            "rotate", str(never), "it has no secret yet that could be replaced", "`apply` makes its first"
        )
    comparison = partial.restrict(comparison, seen.manifests, seen.snapshot, aim)
    comparison = consequences.told(comparison, seen.matches, seen.snapshot)
    made = planning.build(seen.manifests, seen.matches, comparison, snapshot=seen.snapshot, target=site.target)
    # What ends is protected as the manifests say, also where everything is to end.
    protecting = replace(seen.manifests, resources={**manifests.resources, **seen.manifests.resources})
    agreed = guards.spoken(consents, aim)
    case = Case(made, protecting, seen.matches, seen.snapshot, known.entries, agreed, aim)
    made = replace(
        made,
        refusals=guards.check(case),
        guards=guards.NAMES,
        consents=_given(agreed),
        notes=(*_notes(made, seen, known, comparison), *guards.notes(case), *_left_behind(made, manifests, known, aim)),
        upcoming=tuple(each for life in comparison.lives.values() for each in life.upcoming),
        names={**seen.names, **{key: str(address) for key, address in seen.matches.addresses().items()}},
    )
    return Planned(planning.digested(made), known, seen.snapshot, seen.sinks, seen.read_at)


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
            mask=steering.mask,
        )
        ended: dict[str, type[Event]] = {}
        try:
            for event in executor.run(planned.plan, workshop, steering):
                if isinstance(event, Finished | Failed):
                    ended[event.operation.key] = type(event)
                yield event
        finally:
            counts = Counter(ended.values())
            told = _told(planned, counts, entries)
            if entries != stored.entries:
                stored = replace(stored, serial=stored.serial + 1, entries=entries)
                bindings_file.write(site.bindings, stored)
            whole = planned.plan.complete and not planned.snapshot.poisoned
            settled = whole and counts[Finished] == len(planned.plan.operations)
            try:
                record.checkpoint(unsettled=() if settled else planned.state.left.open, **told, **history(stored))
            except CannotWrite as error:
                if entries == planned.state.stored.entries:
                    raise
                raise Unrecorded(error.file, error.what, bound=True) from error


def _given(consents: Consents) -> dict[str, Data]:
    """Write down what was agreed to, in a stable order."""
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in asdict(consents).items()}


def _run(planned: Planned) -> dict[str, Data]:
    caller = planned.snapshot.caller
    name = planned.plan.names.get(caller)
    who = {"caller": caller, **({"caller_name": name} if name else {}), "plan": planned.plan.digest}
    return {**who, **history(planned.state.stored)}


def _told(planned: Planned, ended: Counter[type[Event]], entries: Mapping[Address, Binding]) -> dict[str, Data]:
    """Say for the record how a run ended, and what it did to the bindings."""
    done, failed = ended[Finished], ended[Failed]
    counts = {"done": done, "failed": failed, "not_begun": len(planned.plan.operations) - done - failed}
    return {**counts, **bindings_file.changes(planned.state.stored.entries, entries)}


def _deliveries(plan: Plan, sinks: Mapping[Address, Sink], entries: Mapping[Address, Binding]) -> Iterator[str]:
    """Say where new secrets will go, and which will stand there in clear."""
    for operation in plan.operations:
        sink = sinks.get(operation.address)
        if sink and operation.verb is Verb.CREATE:
            clear = ", where it stands in clear: keep it out of version control" if sink.plaintext else ""
            yield f"{operation.address}: its secret goes to {sink.destination}{clear}"
            bound = entries.get(operation.previous or operation.address)
            if bound and bound.sink and bound.sink != digest(operation.settings["sink"]):
                yield f"{operation.address}: what was delivered under its former settings stays where it is, and valid"


def _notes(plan: Plan, seen: Survey, known: State, comparison: Comparison) -> Iterator[str]:
    yield from _deliveries(plan, seen.sinks, known.entries)
    yield from _spared(comparison)
    yield from _unchecked(seen, comparison)


def _spared(comparison: Comparison) -> Iterator[str]:
    """Say which generations stay only because this run may be using them."""
    for address, life in comparison.lives.items():
        for spared in life.spared:
            why = "this run may be using it itself; name the one that it uses in RECONCILER_CREDENTIAL_ID"
            yield f"{address}: the earlier generation {spared.id} stays, since {why}"


def _unchecked(seen: Survey, comparison: Comparison) -> Iterator[str]:
    """Say which credentials are taken for delivered on the word of the bindings alone."""
    for address in comparison.lives:
        live = seen.matches.found[address].live
        if live and address not in seen.heads:
            where = seen.sinks[address].destination
            yield f"{address}: not checked: {where} cannot be read back, and by the bindings holds the secret {live.id}"


def _left_behind(plan: Plan, stated: Manifests, known: State, aim: Aim) -> Iterator[str]:
    """Say what a destruction leaves: secrets where they were delivered, and what is not bound."""
    if not aim.destroy:
        return
    sinks = sinks_of(stated)
    for address in sorted({change.address for change in plan.changes} & sinks.keys()):
        where = sinks[address].destination
        yield f"{address}: what was delivered stays in {where}; move it away before this is made again"
    if not aim.partial:
        yield from destruction.unbound(stated, known.entries)


def outputs(manifests: Manifests, entries: Mapping[Address, Binding]) -> dict[str, str]:
    """Give the outputs that are known, by name, from what was last applied."""
    known = {}
    for output in manifests.outputs:
        binding = entries.get(output.address)
        values = {**binding.attributes, "id": binding.id} if binding else {}
        if output.attribute in values:
            known[output.name] = values[output.attribute]
    return known
