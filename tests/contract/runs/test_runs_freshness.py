"""Nothing is written on an observation that is 30 seconds old: each object has its own, and a run its own writes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from reconciler.errors import StaleObject
from reconciler.model import Event, Failed, Finished

Told = Callable[[list[Event]], list[str]]

ALL = """\
projects:
  p:
    display_name: P
    contact_email: p@example.org
    admin_ids: [rosalind@globusid.org]
    policies:
      one: {display_name: One, description: First}
      two: {display_name: Two, description: Second}
    clients:
      api:
        name: Api
        client_type: resource_server
        scopes: {read: {name: Read, description: Read}}
"""
EDITED = ALL.replace("First", "Else").replace("Second", "Other")


@dataclass
class Clock:
    """Seconds that pass only when a test says so."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def planned(runs: Any, clock: Clock, **consents: Any) -> Any:
    return replace(runs.plan(**consents), clock=clock, read_at=clock())


def run(runs: Any, clock: Clock, *, seconds: float, between: Callable[[], object] = lambda: None, **given: Any) -> Any:
    """Plan and apply; after the first operation that is done, let time pass, and something happen."""
    events: list[Event] = []
    for event in runs.begin(planned(runs, clock, **given)):
        events.append(event)
        if isinstance(event, Finished) and sum(isinstance(each, Finished) for each in events) == 1:
            clock.now += seconds
            between()
    return events


def reads(runs: Any, path: str) -> int:
    return sum(call.startswith(f"GET {path}") for call in runs.calls())


def put(runs: Any, key: str, **fields: object) -> None:
    runs.call("PUT", f"/v2/api/policies/{runs.id(f'policy/p/{key}')}", {"policy": fields})


@pytest.mark.parametrize(("seconds", "again"), [(29.9, 0), (30.0, 1)])
def test_object_is_read_again_when_its_observation_is_30_seconds_old(
    runs: Any, failed: Told, seconds: float, again: int
) -> None:
    runs.write(ALL)
    runs.settle()
    runs.write(EDITED)
    first, second = (f"/v2/api/policies/{runs.id(f'policy/p/{key}')}" for key in ("one", "two"))
    events = run(runs, Clock(), seconds=seconds, between=runs.forget_calls)
    assert failed(events) == []
    assert (reads(runs, first), reads(runs, second)) == (0, again)


def test_what_changed_in_the_midst_of_a_run_is_not_overwritten(runs: Any, failed: Told, finished: Told) -> None:
    runs.write(ALL)
    runs.settle()
    client = runs.id("client/p/api")
    text = ALL.replace("First", "Else").replace("name: Api", "name: Ape")
    runs.write(text.replace("description: Read}", "description: Read, dependent_scopes: []}"))
    clock = Clock()

    def change() -> None:
        runs.call("PUT", f"/v2/api/clients/{client}", {"client": {"name": "Theirs"}})

    events = run(runs, clock, seconds=31, between=change)
    assert failed(events) == ["update client/p/api"]
    assert finished(events)[0] == "update policy/p/one"
    (error,) = [event.error for event in events if isinstance(event, Failed)]
    assert isinstance(error, StaleObject)
    assert str(error) == f"client/p/api: name of {client} was changed since the plan was made; plan again"
    assert runs.call("GET", f"/v2/api/clients/{client}")["client"]["name"] == "Theirs"


def test_own_writes_are_no_changes_by_others(runs: Any, failed: Told) -> None:
    text = ALL.replace("rosalind@globusid.org]", "rosalind@globusid.org, client/p/bot]")
    runs.write(text + "      bot: {name: Bot, client_type: client_identity}\n")
    clock = Clock()
    events = []
    for event in runs.begin(planned(runs, clock)):
        events.append(event)
        clock.now += 31
    assert failed(events) == []
    assert runs.plan().plan.operations == ()


def test_what_this_run_has_made_and_somebody_changed_is_not_overwritten(runs: Any, failed: Told) -> None:
    text = ALL.replace("rosalind@globusid.org]", "rosalind@globusid.org, client/p/bot]")
    runs.write(text + "      bot: {name: Bot, client_type: client_identity}\n")
    clock = Clock()

    def change() -> None:
        (row,) = runs.call("GET", "/v2/api/projects")["projects"]
        body = {
            "project": {
                "contact_email": "theirs@example.org",
                "admin_ids": [*row["admin_ids"], runs.emulator.client_id],
            }
        }
        runs.call("PUT", f"/v2/api/projects/{row['id']}", body)

    events = run(runs, clock, seconds=31, between=change)
    assert failed(events) == ["update project/p"]
    (error,) = [event.error for event in events if isinstance(event, Failed)]
    assert isinstance(error, StaleObject)


def test_deletion_of_what_has_changed_is_stale_and_its_owner_stays(runs: Any, failed: Told, skipped: Told) -> None:
    runs.write(ALL)
    runs.settle()
    runs.write(
        "removed: [{address: project/p}, {address: policy/p/one}, {address: policy/p/two}, "
        "{address: client/p/api}, {address: scope/p/api/read}]\nprojects: {}\n"
    )
    clock = Clock()
    events = run(
        runs, clock, seconds=31, between=lambda: put(runs, "two", description="Theirs"), delete=frozenset({"all"})
    )
    assert failed(events) == ["delete policy/p/two"]
    assert skipped(events) == ["delete project/p"]


def test_object_that_was_looked_at_again_is_fresh_for_another_30_seconds(runs: Any, failed: Told) -> None:
    runs.write(ALL)
    runs.settle()
    runs.write(
        ALL + "      a: {name: A, public_client: true}\n      b: {name: B, public_client: true}\n"
        "      c: {name: C, public_client: true}\n"
    )
    clock = Clock()
    events = run(runs, clock, seconds=31, between=runs.forget_calls)
    assert failed(events) == []
    before_a_create, for_twins = 1, 1
    assert reads(runs, "/v2/api/clients") == before_a_create + for_twins


def test_policy_that_moves_is_moved_after_a_long_time_too(runs: Any, failed: Told) -> None:
    other = "  q: {display_name: Q, contact_email: q@example.org, admin_ids: [rosalind@globusid.org]}\n"
    runs.write(ALL + other)
    runs.settle()
    moved = ALL.replace("      two: {display_name: Two, description: Second}\n", "") + other.replace(
        "org]}", "org], policies: {two: {display_name: Two, description: Second, previously: [policy/p/two]}}}"
    )
    runs.write(moved)
    clock = Clock()
    made = planned(runs, clock)
    clock.now += 31
    assert failed(runs.carry_out(made)) == []
    assert runs.plan().plan.operations == ()
    row = runs.call("GET", f"/v2/api/policies/{runs.id('policy/q/two')}")["policy"]
    assert row["project_id"] == runs.id("project/q")
