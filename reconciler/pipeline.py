"""The whole way: from manifests and service to a plan, and from a plan to the end of a run."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from reconciler import apply as executor
from reconciler import bindings as bindings_file
from reconciler import graph, guards, journal, live
from reconciler import plan as planning
from reconciler.auth import AuthClient
from reconciler.diff import compare, replacements
from reconciler.errors import CannotWrite, InvalidManifests, Problem, Unrecorded
from reconciler.guards import Case, Consents
from reconciler.kinds import KINDS, owner
from reconciler.lookup import look_up
from reconciler.match import Matches, match
from reconciler.model import (
    Address,
    Binding,
    Data,
    Event,
    Failed,
    Finished,
    Manifests,
    Plan,
    Snapshot,
    Undelivered,
    Verb,
    digest,
)
from reconciler.remote import Reader, Writer
from reconciler.sinks import Meta, Sink, make
from reconciler.state import Site, State, history, others, state

__all__ = ["Planned", "Site", "State", "Survey", "apply", "outputs", "plan", "state", "survey"]


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and what its execution starts from."""

    plan: Plan
    state: State
    snapshot: Snapshot
    sinks: Mapping[Address, Sink]
    read_at: float


@dataclass(frozen=True, slots=True)
class Survey:
    """What the service holds for a root: the manifests with every name resolved, and the object of each address."""

    manifests: Manifests
    snapshot: Snapshot
    matches: Matches
    sinks: Mapping[Address, Sink]
    heads: Mapping[Address, Meta | None]
    names: Mapping[str, str]
    read_at: float


def plan(manifests: Manifests, client: AuthClient, site: Site, *, consents: Consents, parallelism: int) -> Planned:
    """Make the plan for one root. Nothing here can write to the service."""
    known = state(site)
    seen = survey(manifests, client, known, others(site), parallelism=parallelism)
    manifests, snapshot, matches = seen.manifests, seen.snapshot, seen.matches
    twice = graph.repeated(manifests.resources, matches.ids())
    _refuse([*matches.problems, *_foreign(manifests, seen.heads, matches), *twice])
    comparison = compare(manifests, matches, snapshot, undelivered=known.undelivered())
    made = planning.build(manifests, matches, comparison, snapshot=snapshot, target=site.target)
    case = Case(made, manifests, matches, snapshot, known.entries, consents)
    made = replace(
        made,
        refusals=guards.check(case),
        notes=(*_deliveries(made, seen.sinks, known.entries), *guards.notes(case)),
        names={**seen.names, **{identifier: str(address) for address, identifier in matches.ids().items()}},
    )
    return Planned(made, known, snapshot, seen.sinks, seen.read_at)


def survey(
    manifests: Manifests, client: AuthClient, known: State, elsewhere: Mapping[str, str], *, parallelism: int
) -> Survey:
    """Read what the service holds, and match it with the manifests. Nothing here can write to the service.

    Raise InvalidManifests for names that do not resolve; what matching could not decide is part of the result.
    """
    reader = Reader(client)
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
    undelivered, unanswered = known.undelivered(), known.unanswered()
    first = match(manifests, snapshot, known.entries, {}, elsewhere, unanswered)
    owners = _owners(manifests, first, known.entries, undelivered, snapshot)
    snapshot = live.read_owned(reader, snapshot, owners=owners, parallelism=parallelism)
    sinks = _sinks(manifests)
    heads = {address: sink.head() for address, sink in sinks.items() if sink.readable}
    matches = match(manifests, snapshot, known.entries, _held(manifests, heads), elsewhere, unanswered)
    names = {identifier: ref.text for ref, identifier in found.result().items()}
    return Survey(manifests, snapshot, matches, sinks, heads, names, read_at)


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
        ended: Counter[type[Event]] = Counter()
        try:
            for event in executor.run(planned.plan, workshop, parallelism=parallelism, stop=stop):
                ended[type(event)] += 1
                yield event
        finally:
            told = _told(planned, ended, entries)
            if entries != stored.entries:
                stored = replace(stored, serial=stored.serial + 1, entries=entries)
                bindings_file.write(site.bindings, stored)
            whole = planned.plan.complete and not planned.snapshot.poisoned
            settled = whole and ended[Finished] == len(planned.plan.operations)
            try:
                record.checkpoint(unsettled=() if settled else planned.state.left.open, **told, **history(stored))
            except CannotWrite as error:
                if entries == planned.state.stored.entries:
                    raise
                raise Unrecorded(error.file, error.what, bindings_file.line(stored)) from error


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


def _expected(manifests: Manifests, entries: Mapping[Address, Binding]) -> dict[str, list[str]]:
    """Collect the ids that decisions rest on, so that none of them is taken for gone because a list left it out."""
    expected: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for address, binding in entries.items():
        expected[address.kind] += [binding.id, *binding.predecessors]
    for address, resource in manifests.resources.items():
        pinned = [resource.id, *(former.id for former in resource.previously)]
        expected[address.kind] += [identifier for identifier in pinned if identifier]
    for removal in manifests.removed:
        expected[removal.address.kind] += [removal.id] if removal.id else []
    return expected


def _owners(
    manifests: Manifests,
    matches: Matches,
    entries: Mapping[Address, Binding],
    undelivered: Iterable[Undelivered],
    snapshot: Snapshot,
) -> dict[str, set[str]]:
    """Choose whose objects to list, for the kinds that only their owners list.

    They are the owners of what is managed, bound, or was left undelivered, and those that go themselves.
    """
    ids, ending = matches.ids(), replacements(manifests, matches)
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


def _sinks(manifests: Manifests) -> dict[Address, Sink]:
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
