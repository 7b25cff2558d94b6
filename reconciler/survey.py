"""What the service holds for a root: everything read that decisions rest on, and matched with the manifests.

Only reads. What matching could not decide is a part of the result, and `decided` refuses it.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from reconciler import graph, live
from reconciler.auth import AuthClient
from reconciler.diff import replacements
from reconciler.errors import InvalidManifests, Problem
from reconciler.kinds import KINDS, owner
from reconciler.match import Matches, match
from reconciler.model import EVERYTHING, Address, Aim, Binding, Manifests, Snapshot, Undelivered, digest
from reconciler.observe import observe
from reconciler.remote import Reader
from reconciler.sinks import Meta, Sink, make
from reconciler.state import State


def sinks_of(manifests: Manifests) -> dict[Address, Sink]:
    """Make the sinks that the manifests describe."""
    return {
        address: make(resource.settings["sink"], root=manifests.root, place=resource.at("sink"))
        for address, resource in manifests.resources.items()
        if resource.settings.get("sink")
    }


@dataclass(frozen=True, slots=True)
class Means:
    """How a survey is made: the calls at once, what the run is about, and what makes the sinks of the manifests."""

    parallelism: int
    aim: Aim = EVERYTHING
    sinks: Callable[[Manifests], Mapping[Address, Sink]] = sinks_of


@dataclass(frozen=True, slots=True)
class Survey:
    """The manifests with every name resolved, the object of each address, and what the sinks hold."""

    manifests: Manifests
    snapshot: Snapshot
    matches: Matches
    sinks: Mapping[Address, Sink]
    heads: Mapping[Address, Meta | None]
    names: Mapping[str, str]
    read_at: float


def survey(
    manifests: Manifests,
    client: AuthClient,
    known: State,
    elsewhere: Mapping[str, str],
    *,
    parallelism: int,
    aim: Aim = EVERYTHING,
) -> Survey:
    """Read what the service holds, and match it with the manifests.

    Raise InvalidManifests for names that do not resolve.
    """
    return surveyed(manifests, client, known, elsewhere, Means(parallelism, aim))


def surveyed(
    manifests: Manifests, client: AuthClient, known: State, elsewhere: Mapping[str, str], means: Means
) -> Survey:
    """Do the same by other means."""
    parallelism = means.parallelism
    read_at = time.monotonic()
    snapshot, names = observe(manifests, known.entries, client, parallelism=parallelism)
    resources, problems = graph.resolve(manifests.resources, names)
    _refuse(problems)
    manifests = replace(manifests, resources=resources)
    undelivered, unanswered = known.undelivered(), known.unanswered()
    first = match(manifests, snapshot, known.entries, {}, elsewhere, unanswered)
    ending = replacements(manifests, first, means.aim.replace)
    owners = _owners(manifests, first, known.entries, ending, undelivered, snapshot)
    snapshot = live.read_owned(Reader(client), snapshot, owners=owners, parallelism=parallelism)
    sinks = means.sinks(manifests)
    heads = {address: sink.head() for address, sink in sinks.items() if sink.readable}
    # Where a run was killed in the midst of a delivery, only the sink itself can say whose secret it holds.
    unsure = {each.address: None for each in undelivered if each.address in sinks and each.address not in heads}
    matches = match(manifests, snapshot, known.entries, unsure | _held(manifests, heads), elsewhere, unanswered)
    called = {identifier: ref.text for ref, identifier in names.items()}
    return Survey(manifests, snapshot, matches, sinks, heads, called, read_at)


def decided(seen: Survey) -> Survey:
    """Raise InvalidManifests for what matching could not decide."""
    twice = graph.repeated(seen.manifests.resources, seen.matches.ids())
    _refuse([*seen.matches.problems, *_foreign(seen.manifests, seen.heads, seen.matches), *twice])
    return seen


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
            what = f"this place holds the secret of another client, {head.client_id}, already"
            hint = "name another place, or move away what is there"
            yield Problem(manifests.resources[address].at("sink"), what, hint, str(address))


def _refuse(problems: Iterable[Problem]) -> None:
    found = tuple(problems)
    if found:
        raise InvalidManifests(found)
