"""What somebody else makes at the same time (C2): a run looks once at its end, and of twins at most one goes."""

import threading
from typing import Any

import pytest

from reconciler import pipeline
from reconciler.cli.exits import Exit, of_events
from reconciler.errors import StaleObject, Undecided
from reconciler.model import Event, Failed, Unchecked

PROJECT = "  p: {display_name: P, contact_email: p@example.org, admin_ids: [rosalind@globusid.org]}\n"
ALONE = "projects:\n" + PROJECT
BOTH = ALONE.replace("org]}", "org], policies: {a: {display_name: A, description: A}}, clients: {web: {WEB}}}").replace(
    "WEB", "name: Web, client_type: confidential_client"
)
WITH_A_SCOPE = BOTH.replace("client}", "client, scopes: {read: {name: Read, description: Read}}}")
LOWEST, HIGHEST = "00000000-0000-4000-8000-000000000000", "ffffffff-ffff-4fff-bfff-ffffffffffff"
ROWS: dict[str, tuple[str, dict[str, str]]] = {
    "project/p": ("projects", {"display_name": "P", "contact_email": "p@example.org"}),
    "policy/p/a": ("policies", {"display_name": "A", "description": "A"}),
    "client/p/web": ("clients", {"name": "Web", "client_type": "confidential_client"}),
}


def elsewhere(runs: Any, address: str, identifier: str, **differing: object) -> None:
    """Let somebody else have made the same, with this id."""
    section, row = ROWS[address]
    world = runs.emulator.export_world()
    person = next(each["id"] for each in world["identities"] if each["username"] == "rosalind@globusid.org")
    owner = {
        "projects": {"admin_ids": [person]},
        "policies": {"project_id": world["projects"] and world["projects"][0]["id"]},
        "clients": {"project": world["projects"] and world["projects"][0]["id"]},
    }
    world[section].append({"id": identifier, **owner[section], **row, **differing})
    runs.emulator.import_world(world)


def begun(runs: Any, text: str, address: str) -> Any:
    """Plan to make the address, below a project that is there unless it is the project itself."""
    if address != "project/p":
        runs.write(ALONE)
        runs.settle()
    runs.write(text)
    return runs.plan()


def error(events: list[Event]) -> Exception:
    (failed,) = (event for event in events if isinstance(event, Failed))
    return failed.error


def ids(runs: Any, section: str) -> list[str]:
    return sorted(row["id"] for row in runs.call("GET", f"/v2/api/{section}")[section])


@pytest.mark.parametrize("address", ROWS)
def test_run_with_the_higher_id_takes_its_own_back_and_adopts_the_other(runs: Any, address: str) -> None:
    planned = begun(runs, ALONE if address == "project/p" else BOTH, address)
    elsewhere(runs, address, LOWEST)
    events = runs.carry_out(planned)
    assert isinstance(error(events), StaleObject)
    assert LOWEST in str(error(events))
    assert of_events(events) is Exit.STALE
    assert ids(runs, ROWS[address][0]) == [LOWEST]
    assert address not in runs.entries()
    runs.settle()
    assert runs.id(address) == LOWEST


def test_run_with_the_lower_id_waits_for_the_other_and_keeps_its_own(runs: Any) -> None:
    planned = begun(runs, BOTH, "client/p/web")
    elsewhere(runs, "client/p/web", HIGHEST)
    runs.slept.clear()

    def sleep(_: float) -> None:
        runs.slept.append(0.0)
        if len(runs.slept) == 2:
            runs.call("DELETE", f"/v2/api/clients/{HIGHEST}")

    events = list(pipeline.apply(planned, runs.client, runs.site, pipeline.Steering(1, sleep=sleep)))
    assert of_events(events) is Exit.DONE
    assert len(runs.slept) == 2
    assert ids(runs, "clients") == [runs.id("client/p/web")]


def test_twin_that_stays_is_for_a_person_with_both_ids(runs: Any) -> None:
    planned = begun(runs, BOTH, "client/p/web")
    elsewhere(runs, "client/p/web", HIGHEST)
    events = runs.carry_out(planned)
    found = error(events)
    assert isinstance(found, Undecided)
    assert found.ids == (runs.id("client/p/web"), HIGHEST)
    assert of_events(events) is Exit.UNDECIDED
    assert ids(runs, "clients") == sorted(found.ids)


def test_twin_with_something_of_ours_below_is_for_a_person(runs: Any) -> None:
    planned = begun(runs, WITH_A_SCOPE, "client/p/web")
    elsewhere(runs, "client/p/web", LOWEST)
    found = error(runs.carry_out(planned))
    assert isinstance(found, Undecided)
    assert found.ids == (runs.id("client/p/web"), LOWEST)
    assert sorted(runs.entries()) == ["client/p/web", "policy/p/a", "project/p", "scope/p/web/read"]


def test_twin_with_something_of_others_below_is_for_a_person(runs: Any) -> None:
    planned = begun(runs, BOTH, "client/p/web")
    elsewhere(runs, "client/p/web", LOWEST)
    events = []
    for event in runs.begin(planned):
        events.append(event)
        if "client/p/web" in str(event) and type(event).__name__ == "Finished":
            (mine,) = set(ids(runs, "clients")) - {LOWEST}
            runs.call("POST", f"/v2/api/clients/{mine}/credentials", {"credential": {"name": "theirs"}})
    assert isinstance(error(events), Undecided)
    assert ids(runs, "clients") == sorted([LOWEST, mine])


def test_twin_that_cannot_be_taken_back_is_for_a_person(runs: Any) -> None:
    planned = begun(runs, BOTH, "client/p/web")
    elsewhere(runs, "client/p/web", LOWEST)
    runs.fault("DELETE", "/v2/api/clients", 409)
    found = error(runs.carry_out(planned))
    assert isinstance(found, Undecided)
    assert sorted(found.ids) == ids(runs, "clients")


def test_what_only_looks_alike_is_no_twin(runs: Any) -> None:
    twice = BOTH.replace("clients: {", "clients: {again: {name: Web, client_type: confidential_client}, ")
    planned = begun(runs, twice, "client/p/web")
    elsewhere(runs, "client/p/web", LOWEST, name="Other")
    elsewhere(runs, "policy/p/a", HIGHEST, display_name="B")
    assert of_events(runs.carry_out(planned)) is Exit.DONE
    assert len(ids(runs, "clients")) == 3


@pytest.mark.parametrize("stopped", [True, False])
def test_look_that_fails_is_told_and_changes_nothing(runs: Any, *, stopped: bool) -> None:
    planned = begun(runs, BOTH, "client/p/web")
    elsewhere(runs, "client/p/web", LOWEST)
    stop = threading.Event()
    events: list[Event] = []
    for event in runs.begin(planned, stop):
        events.append(event)
        if type(event).__name__ == "Finished" and "client/p/web" in str(event):
            if stopped:
                stop.set()
            else:
                runs.fault("GET", "/v2/api/clients", 403)
    unchecked = [event.kind for event in events if isinstance(event, Unchecked)]
    assert unchecked == (["policy", "client"] if stopped else ["client"])
    assert len(ids(runs, "clients")) == 2
