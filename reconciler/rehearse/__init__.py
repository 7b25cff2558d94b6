"""Tries a plan on a copy of the service before it is applied to the service itself.

The copy lives in an emulator in memory and the state in a temporary folder. The service is only read, no secret reaches
a sink, and the root stays as it is.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from reconciler import pipeline
from reconciler.auth import AccessTokenAuthorizer, AuthClient
from reconciler.emulator import Emulator, Switches
from reconciler.errors import ReconcilerError
from reconciler.guards import Consents
from reconciler.model import (
    Address,
    Aim,
    Failed,
    Finished,
    Manifests,
    Operation,
    Plan,
    Rehearsal,
    Request,
    Skipped,
    Snapshot,
    Tried,
    Verb,
    digest,
)
from reconciler.pipeline import Means, Planned, Site, Steering
from reconciler.rehearse.sinks import StandIn
from reconciler.rehearse.world import read_others, world
from reconciler.sinks import Sink

__all__ = ["rehearse"]


def rehearse(planned: Planned, manifests: Manifests, client: AuthClient, site: Site, means: Means) -> Rehearsal:
    """Carry a plan out on a copy of what it saw, and plan again there. `client` is only read through.

    Raise ReconcilerError when there can be no copy: a kind was listed in part, or an object is of an unknown form.
    """
    if planned.snapshot.poisoned:
        told = "; ".join(f"{kind}: {why}" for kind, why in sorted(planned.snapshot.poisoned.items()))
        raise ReconcilerError(f"there is nothing whole to rehearse on, since not all could be listed ({told})")
    others = read_others(manifests, planned.plan, planned.snapshot, client)
    with _copied(world(planned.plan, planned.snapshot, others), planned.snapshot) as emulator, _apart(site) as place:
        authorizer = AccessTokenAuthorizer(emulator.identity_token(planned.snapshot.caller))
        sinks = _stand_ins(planned, manifests)
        with AuthClient(base_url=emulator.base_url, authorizer=authorizer) as there:
            result = _tried(replace(planned, sinks=sinks, read_at=planned.clock()), emulator, there, place)
            if not result.carried_out:
                return result
            again = Means(means.parallelism, _settled(means.aim), lambda _: sinks)
            after = pipeline.planned(manifests, there, place, Consents(), again)
        return replace(result, left=_left(planned.plan, after.plan), unread=after.snapshot.poisoned)


@contextmanager
def _copied(document: dict[str, object], snapshot: Snapshot) -> Iterator[Emulator]:
    """Serve a world whose time is that of the service, and where a login never gets too old."""
    with Emulator(switches=Switches(session_gate=False), clock=_clock(snapshot)) as emulator:
        try:
            emulator.import_world(document)
        except ValueError as error:
            raise ReconcilerError(f"what is there cannot be rehearsed on: {error}") from None
        yield emulator


def _clock(snapshot: Snapshot) -> Callable[[], float]:
    began, now = time.monotonic(), snapshot.now.timestamp()
    return lambda: now + time.monotonic() - began


@contextmanager
def _apart(site: Site) -> Iterator[Site]:
    """Copy the bindings of a root to where a run leaves nothing behind; what its journal has left is in the plan."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        place = replace(site, folder=folder, bindings=folder / site.bindings.name)
        if site.bindings.is_file():
            shutil.copyfile(site.bindings, place.bindings)
        yield place


def _stand_ins(planned: Planned, manifests: Manifests) -> dict[Address, Sink]:
    return {
        address: StandIn(sink, digest(manifests.resources[address].settings["sink"]))
        for address, sink in planned.sinks.items()
    }


def _tried(planned: Planned, emulator: Emulator, there: AuthClient, place: Site) -> Rehearsal:
    """Carry the plan out, one operation at a time so that each request is known to be of one."""
    tried: list[Tried] = []
    skipped: list[Skipped] = []
    emulator.forget_requests()
    for event in pipeline.apply(planned, there, place, Steering(1)):
        match event:
            case Finished() | Failed():
                tried.append(Tried(event, _asked(emulator)))
            case Skipped():
                skipped.append(event)
            case _:
                pass
    return Rehearsal(tuple(tried), _asked(emulator), tuple(skipped), names=_names(tried))


def _asked(emulator: Emulator) -> tuple[Request, ...]:
    """Take what was asked since the last time."""
    rows = emulator.requests
    emulator.forget_requests()
    return tuple(Request(row["method"], row["path"], row["status"]) for row in rows)


def _names(tried: list[Tried]) -> dict[str, str]:
    """Say what the ids stand for that the copy has made up: they are others each time."""
    ended = [each.ended for each in tried if isinstance(each.ended, Finished)]
    return {each.id: str(each.operation.address) for each in ended if each.id and each.operation.verb is Verb.CREATE}


def _settled(aim: Aim) -> Aim:
    """Ask no more for what was to be done once."""
    return replace(aim, replace=(), rotate=(), revoke=False)


def _left(plan: Plan, after: Plan) -> tuple[Operation, ...]:
    """Find what is left to do, of what the plan was about."""
    if plan.complete:
        return after.operations
    about = {change.address for change in plan.changes} | {operation.address for operation in plan.operations}
    return tuple(each for each in after.operations if each.address in about)
