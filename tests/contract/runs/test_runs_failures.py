"""What a failed call leaves behind: no duplicate, nothing lost, bindings that tell the truth, and a way on."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from reconciler import pipeline
from reconciler.errors import CallFailed, Outcome, StaleObject, Undecided
from reconciler.model import Event, Failed
from reconciler.pipeline import Planned

Told = Callable[[list[Event]], list[str]]

ALL = """\
projects:
  p:
    display_name: P
    contact_email: p@example.org
    admin_ids: [rosalind@globusid.org]
    policies:
      login: {display_name: Login, description: Who may enter}
    clients:
      api:
        name: Api
        client_type: resource_server
        scopes: {read: {name: Read, description: Read}}
      web: {name: Web, client_type: confidential_client}
"""
SECRET = """\
projects:
  p:
    display_name: P
    contact_email: p@example.org
    admin_ids: [rosalind@globusid.org]
    clients:
      web:
        name: Web
        client_type: confidential_client
        credentials: {main: {sink: {file: {path: web.json}}}}
"""
CREATED = {
    "project": ("/v2/api/projects", "project/p"),
    "policy": ("/v2/api/policies", "policy/p/login"),
    "client": ("/v2/api/clients", "client/p/api"),
    "scope": ("/v2/api/clients/", "scope/p/api/read"),  # made below the path of its client
}


def errors(events: list[Event]) -> list[Exception]:
    return [event.error for event in events if isinstance(event, Failed)]


def live_names(runs: Any) -> dict[str, list[str]]:
    named = {"projects": "display_name", "policies": "display_name", "clients": "name", "scopes": "name"}
    return {
        section: sorted(row[name] for row in runs.call("GET", f"/v2/api/{section}")[section])
        for section, name in named.items()
    }


def whole() -> dict[str, list[str]]:
    return {"projects": ["P"], "policies": ["Login"], "clients": ["Api", "Web"], "scopes": ["Read"]}


def test_refused_call_takes_only_its_dependents_along_and_a_second_run_finishes(
    runs: Any, failed: Told, skipped: Told, finished: Told
) -> None:
    runs.write(ALL)
    runs.fault("POST", "/v2/api/clients", 400)
    events = runs.apply()
    assert failed(events) == ["create client/p/api"]
    assert skipped(events) == ["create scope/p/api/read"]
    assert finished(events) == ["create project/p", "create policy/p/login", "create client/p/web"]
    assert sorted(runs.entries()) == ["client/p/web", "policy/p/login", "project/p"]
    live = [
        row["id"] for name in ("projects", "policies", "clients") for row in runs.call("GET", f"/v2/api/{name}")[name]
    ]
    assert sorted(binding.id for binding in runs.entries().values()) == sorted(live)
    assert runs.left().open == ()
    assert finished(runs.apply()) == ["create client/p/api", "create scope/p/api/read"]
    assert live_names(runs) == whole()
    assert runs.plan().plan.operations == ()


@pytest.mark.parametrize("after", [True, False], ids=["carried out", "not carried out"])
@pytest.mark.parametrize("kind", CREATED)
def test_create_with_an_unknown_outcome_is_looked_up_and_never_doubled(
    runs: Any, failed: Told, kind: str, *, after: bool
) -> None:
    path, address = CREATED[kind]
    runs.write(ALL)
    runs.fault("POST", path, 502, after=after)
    events = runs.apply()
    assert failed(events) == []
    assert live_names(runs) == whole()
    assert address in runs.entries()
    assert runs.plan().plan.operations == ()
    assert sum(runs.slept) > 0


def test_create_that_stays_unknown_is_left_to_the_next_run(runs: Any, failed: Told, skipped: Told) -> None:
    runs.write(ALL)
    runs.fault("POST", "/v2/api/policies", 502, times=2)
    events = runs.apply()
    assert failed(events) == ["create policy/p/login"]
    assert skipped(events) == []
    (error,) = errors(events)
    assert isinstance(error, CallFailed)
    assert error.outcome is Outcome.UNKNOWN
    assert {str(intent.address) for intent in runs.left().open} == {"policy/p/login"}
    runs.settle()
    assert runs.left().open == ()
    assert live_names(runs) == whole()


def test_update_and_deletion_are_sent_again_when_the_answer_was_lost(runs: Any) -> None:
    runs.write(ALL)
    runs.settle()
    text = ALL.replace("description: Who may enter", "description: Others").replace(
        "      web: {name: Web, client_type: confidential_client}\n", ""
    )
    runs.write(text + "removed: [{address: client/p/web}]\n")
    runs.fault("PUT", "/v2/api/policies", 503, after=True)
    runs.fault("DELETE", "/v2/api/clients", 503, after=True)
    runs.settle()
    assert live_names(runs)["clients"] == ["Api"]
    assert "client/p/web" not in runs.entries()


def test_update_of_what_is_gone_is_stale_and_deleting_it_is_done(runs: Any, failed: Told, finished: Told) -> None:
    """N19."""
    runs.write(ALL)
    runs.settle()
    runs.write(
        ALL.replace("name: Api", "name: Other").replace(
            "      web: {name: Web, client_type: confidential_client}\n", ""
        )
        + "removed: [{address: client/p/web}]\n"
    )
    planned = runs.plan()
    for address in ("client/p/api", "client/p/web"):
        runs.call("DELETE", f"/v2/api/clients/{runs.id(address)}")
    events = runs.carry_out(planned)
    assert failed(events) == ["update client/p/api"]
    assert [type(error) for error in errors(events)] == [StaleObject]
    assert finished(events) == ["delete client/p/web"]


@pytest.mark.parametrize("path", ["update", "delete"])
def test_what_changed_since_an_old_observation_is_not_overwritten(
    runs: Any, aged: Callable[[Planned], Planned], path: str
) -> None:
    runs.write(ALL)
    runs.settle()
    if path == "update":
        runs.write(ALL.replace("name: Web", "name: Site"))
    else:
        rest = ALL.replace("      web: {name: Web, client_type: confidential_client}\n", "")
        runs.write(rest + "removed: [{address: client/p/web}]\n")
    planned = aged(runs.plan())
    client = f"/v2/api/clients/{runs.id('client/p/web')}"
    runs.call("PUT", client, {"client": {"name": "Theirs"}})
    (error,) = errors(runs.carry_out(planned))
    assert isinstance(error, StaleObject)
    assert runs.call("GET", client)["client"]["name"] == "Theirs"


def test_old_observation_that_still_holds_is_enough(runs: Any, aged: Callable[[Planned], Planned]) -> None:
    runs.write(ALL)
    runs.settle()
    runs.write(ALL.replace("name: Web", "name: Site"))
    assert errors(runs.carry_out(aged(runs.plan()))) == []
    assert runs.plan().plan.operations == ()


def test_secret_of_a_lost_answer_is_revoked_and_another_is_made(runs: Any) -> None:
    runs.write(SECRET)
    runs.apply(create=frozenset({"all"}))
    client = runs.id("client/p/web")
    held = json.loads((runs.folder / "web.json").read_text())
    runs.call("DELETE", f"/v2/api/clients/{client}/credentials/{held['credential_id']}")
    runs.fault("POST", f"/v2/api/clients/{client}/credentials", 502, after=True)
    runs.settle()
    (left,) = runs.call("GET", f"/v2/api/clients/{client}/credentials")["credentials"]
    delivered = json.loads((runs.folder / "web.json").read_text())
    assert left["id"] == delivered["credential_id"] == runs.id("credential/p/web/main") != held["credential_id"]


@pytest.mark.parametrize(("after", "outcome"), [(True, Outcome.NOT_DONE), (False, Outcome.UNKNOWN)])
def test_secret_that_is_lost_twice_is_a_failed_call_and_nothing_is_left(
    runs: Any, *, after: bool, outcome: Outcome
) -> None:
    client = with_a_client(runs)
    runs.fault("POST", f"/v2/api/clients/{client}/credentials", 500, after=after, times=2)
    (error,) = errors(runs.apply())
    assert isinstance(error, CallFailed)
    assert (error.status, error.outcome) == (500, outcome)
    assert ("was revoked" in str(error)) is after
    assert runs.call("GET", f"/v2/api/clients/{client}/credentials")["credentials"] == []
    assert len(runs.left().open) == (0 if after else 2)
    runs.settle()


def test_lost_secret_that_cannot_be_revoked_is_for_a_person_with_its_id(runs: Any) -> None:
    client = with_a_client(runs)
    runs.fault("POST", f"/v2/api/clients/{client}/credentials", 500, after=True)
    runs.fault("DELETE", f"/v2/api/clients/{client}/credentials", 409)
    (error,) = errors(runs.apply())
    (left,) = runs.call("GET", f"/v2/api/clients/{client}/credentials")["credentials"]
    assert isinstance(error, Undecided)
    assert error.ids == (left["id"],)
    runs.settle()


def with_a_client(runs: Any) -> str:
    """Make the client of the secret, with no secret yet."""
    runs.write(SECRET.replace("        credentials: {main: {sink: {file: {path: web.json}}}}\n", ""))
    runs.settle()
    runs.write(SECRET)
    return str(runs.id("client/p/web"))


def test_no_secret_is_made_for_a_sink_that_cannot_take_it(runs: Any, failed: Told) -> None:
    runs.write(SECRET)
    foreign = runs.folder / "web.json"
    foreign.touch(mode=0o600)
    foreign.write_text("somebody else's")
    assert failed(runs.apply()) == ["create credential/p/web/main"]
    client = runs.id("client/p/web")
    assert runs.call("GET", f"/v2/api/clients/{client}/credentials")["credentials"] == []
    assert foreign.read_text() == "somebody else's"
    foreign.unlink()
    runs.settle()


def test_stopped_run_begins_nothing_more_and_the_next_goes_on(runs: Any, skipped: Told, finished: Told) -> None:
    runs.write(ALL)
    stop = threading.Event()
    stop.set()
    events = runs.carry_out(runs.plan(), stop)
    assert finished(events) == []
    assert len(skipped(events)) == 5
    assert live_names(runs)["projects"] == []
    runs.settle()


def test_old_session_stops_the_run_before_the_next_write(runs: Any, failed: Told) -> None:
    """N18."""
    runs.write(ALL)
    runs.fault("POST", "/v2/api/policies", 401, times=9)
    events = runs.apply()
    assert failed(events) == ["create policy/p/login"]
    assert live_names(runs)["clients"] == []
    runs.call("DELETE", "/_emulator/faults")
    runs.settle()


def test_what_this_run_deleted_is_no_change_by_others(runs: Any, aged: Callable[[Planned], Planned]) -> None:
    both = "{{read: {{name: Read, description: Read{0}}}, write: {{name: Write, description: Write{1}}}}}"
    bare = ALL.replace("{read: {name: Read, description: Read}}", both.format("", ""))
    runs.write(bare)
    runs.settle()
    needs = ", dependent_scopes: [scope/p/api/{}]"
    cycle = both.format(needs.format("write"), needs.format("read"))
    runs.write(ALL.replace("{read: {name: Read, description: Read}}", cycle))
    runs.settle()
    rest = ALL.replace("        scopes: {read: {name: Read, description: Read}}\n", "")
    runs.write(rest + "removed: [{address: scope/p/api/read}, {address: scope/p/api/write}]\n")
    assert errors(runs.carry_out(aged(runs.plan()))) == []
    assert runs.plan().plan.operations == ()


def test_twin_that_appeared_since_an_old_observation_is_not_doubled(
    runs: Any, aged: Callable[[Planned], Planned]
) -> None:
    runs.write(ALL.replace("      web: {name: Web, client_type: confidential_client}\n", ""))
    runs.settle()
    runs.write(ALL)
    planned = aged(runs.plan())
    body = {"name": "Web", "project": runs.id("project/p"), "client_type": "confidential_client"}
    theirs = runs.call("POST", "/v2/api/clients", {"client": body})["client"]["id"]
    (error,) = errors(runs.carry_out(planned))
    assert isinstance(error, StaleObject)
    assert theirs in str(error)
    runs.settle()
    assert runs.id("client/p/web") == theirs


def test_lost_answer_about_one_of_two_twins_is_not_taken_for_the_other(runs: Any) -> None:
    twins = ALL.replace("      web: {", "      one: {name: Web, client_type: confidential_client}\n      web: {")
    runs.write(ALL.replace("      web: {name: Web, client_type: confidential_client}\n", ""))
    runs.settle()
    runs.write(twins)
    before, begun = set(live_ids(runs)), time.monotonic()

    def wait_for_the_other(_: float) -> None:
        while set(live_ids(runs)) == before and time.monotonic() - begun < 2:
            time.sleep(0.01)

    runs.fault("POST", "/v2/api/clients", 503)
    planned = runs.plan()
    steering = pipeline.Steering(2, sleep=wait_for_the_other)
    events = list(pipeline.apply(planned, runs.client, runs.site, steering))
    assert errors(events) == []
    assert runs.id("client/p/one") != runs.id("client/p/web")
    assert len(set(live_ids(runs)) - before) == 2


def live_ids(runs: Any) -> list[str]:
    return [client["id"] for client in runs.call("GET", "/v2/api/clients")["clients"]]
