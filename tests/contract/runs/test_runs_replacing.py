"""Replacements, and runs that end in the midst of one."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from reconciler import journal
from reconciler.errors import InvalidManifests
from reconciler.model import Address, Aim, Event, Operation, Verb

Keys = Callable[[list[Event]], list[str]]

PROJECT = """\
projects:
  g:
    display_name: G
    contact_email: a@b.org
    admin_ids: [rosalind@globusid.org]
    clients:
"""
WEB = """\
      web:
        name: Web
        client_type: {kind}
        scopes: {{read: {{name: Read, description: Read}}}}
        credentials: {{k: {{sink: {{file: {{path: s/k.json}}}}}}}}
"""
BEFORE = PROJECT + WEB.format(kind="confidential_client")
AFTER = PROJECT + WEB.format(kind="resource_server")
CONSENT = {"replace": frozenset({"client/g/web"})}


def clients(runs: Any) -> list[str]:
    return [each["id"] for each in runs.call("GET", "/v2/api/clients")["clients"] if each["name"] == "Web"]


def refusals(runs: Any, **consents: Any) -> list[str]:
    return [refusal.reason for refusal in runs.plan(**consents).plan.refusals]


def test_predecessor_is_deleted_by_the_next_run(runs: Any, failed: Keys) -> None:
    runs.write(BEFORE)
    runs.settle()
    old = runs.id("client/g/web")
    runs.write(AFTER)
    runs.fault("DELETE", "/v2/api/clients", 403)
    assert failed(runs.apply(**CONSENT)) == ["delete client/g/web"]
    assert sorted(clients(runs)) == sorted([old, runs.id("client/g/web")])
    planned = runs.plan()
    assert [operation.key for operation in planned.plan.operations] == [f"delete client/g/web {old}"]
    runs.settle()
    assert clients(runs) == [runs.id("client/g/web")]
    assert runs.entries()["client/g/web"].predecessors == ()


def test_replacement_that_stopped_after_the_first_create_is_finished_without_asking_again(runs: Any) -> None:
    runs.write(BEFORE)
    runs.settle()
    old, scope = runs.id("client/g/web"), runs.id("scope/g/web/read")
    runs.write(AFTER)
    runs.fault("POST", "/v2/api/clients/", 400, times=9)
    runs.apply(**CONSENT)
    runs.call("DELETE", "/_emulator/faults")
    assert runs.id("client/g/web") != old
    assert runs.id("scope/g/web/read") == scope
    runs.settle()
    assert clients(runs) == [runs.id("client/g/web")]
    assert runs.id("scope/g/web/read") != scope


OTHER = """\
      api:
        name: Api
        client_type: resource_server
        scopes: {call: {name: Call, description: Call, dependent_scopes: [scope/./web/read]}}
      bot: {name: Bot, client_type: client_identity}
"""


@pytest.mark.parametrize(("method", "path"), [("POST", "/v2/api/clients/"), ("PUT", "/v2/api/scopes/")])
def test_target_finishes_a_replacement_with_all_that_hangs_on_it_or_leaves_it_alone(
    runs: Any, method: str, path: str
) -> None:
    runs.write(BEFORE + OTHER)
    runs.settle()
    old = runs.id("client/g/web")
    runs.write(AFTER + OTHER)
    runs.fault(method, path, 400, times=9)
    runs.apply(**CONSENT)
    runs.call("DELETE", "/_emulator/faults")
    runs.write(AFTER + OTHER.replace("name: Bot", "name: Robot"))
    bot = runs.plan(aim=Aim(targets=(Address.parse("client/g/bot"),))).plan
    assert [operation.key for operation in bot.operations] == ["update client/g/bot"]
    web = Aim(targets=(Address.parse("client/g/web"),))
    keys = [operation.key for operation in runs.plan(aim=web).plan.operations]
    assert "update scope/g/api/call" in keys
    assert keys[-1] == f"delete client/g/web {old}"
    runs.apply(aim=web)
    assert clients(runs) == [runs.id("client/g/web")]
    assert [operation.key for operation in runs.plan().plan.operations] == ["update client/g/bot"]


def test_predecessor_that_somebody_else_deleted_is_forgotten(runs: Any) -> None:
    runs.write(BEFORE)
    runs.settle()
    old = runs.id("client/g/web")
    runs.write(AFTER)
    runs.fault("DELETE", "/v2/api/clients", 403)
    runs.apply(**CONSENT)
    runs.call("DELETE", f"/v2/api/clients/{old}")
    runs.settle()
    assert runs.entries()["client/g/web"].predecessors == ()


def test_replacement_does_not_take_foreign_credentials_along(runs: Any) -> None:
    runs.write(PROJECT + "      web: {name: Web, client_type: confidential_client}\n")
    runs.settle()
    path = f"/v2/api/clients/{runs.id('client/g/web')}/credentials"
    made = runs.call("POST", path, {"credential": {"name": "by hand"}})["credential"]["id"]
    runs.write(PROJECT + "      web: {name: Web, client_type: resource_server}\n")
    (reason,) = refusals(runs, **CONSENT)
    assert made in reason


def test_replacement_does_not_take_listed_credentials_along(runs: Any) -> None:
    runs.write(PROJECT + "      web: {name: Web, client_type: confidential_client}\n")
    runs.settle()
    path = f"/v2/api/clients/{runs.id('client/g/web')}/credentials"
    made = runs.call("POST", path, {"credential": {"name": "hand"}})["credential"]["id"]
    listed = "credentials: {hand: {}}"
    runs.write(PROJECT + f"      web: {{name: Web, client_type: confidential_client, {listed}}}\n")
    runs.settle()
    runs.write(PROJECT + f"      web: {{name: Web, client_type: resource_server, {listed}}}\n")
    (reason,) = refusals(runs, **CONSENT)
    assert made in reason


def test_what_was_never_bound_is_not_replaced(runs: Any) -> None:
    runs.write(PROJECT.replace("    clients:\n", ""))
    runs.settle()
    body = {"client": {"name": "Web", "project": runs.id("project/g"), "client_type": "client_identity"}}
    made = runs.call("POST", "/v2/api/clients", body)["client"]["id"]
    runs.write(PROJECT + "      web: {name: Web, client_type: confidential_client}\n")
    (reason,) = refusals(runs, replace=frozenset({"all"}))
    assert reason == (
        f"{made} was neither made nor adopted here: adopt it as it is (with client_type: client_identity), "
        "before it is replaced"
    )


def test_what_is_pinned_is_not_replaced(runs: Any) -> None:
    runs.write(PROJECT + "      web: {name: Web, client_type: confidential_client}\n")
    runs.settle()
    identifier = runs.id("client/g/web")
    runs.write(PROJECT + f"      web: {{id: {identifier}, name: Web, client_type: resource_server}}\n")
    (reason,) = refusals(runs, **CONSENT)
    assert "take `id:` out first" in reason


def test_renamed_and_replaced_at_once_leaves_nothing_over(runs: Any) -> None:
    runs.write(BEFORE)
    runs.settle()
    runs.write(AFTER.replace("      web:\n", "      site:\n        previously: [web]\n"))
    runs.settle(replace=frozenset({"client/g/site"}))
    assert set(runs.entries()) == {"project/g", "client/g/site", "scope/g/site/read", "credential/g/site/k"}
    assert clients(runs) == [runs.id("client/g/site")]


def test_create_under_a_pinned_owner_without_bindings_is_asked_about(runs: Any) -> None:
    runs.write(PROJECT + "      web: {name: Web, client_type: confidential_client}\n")
    runs.settle()
    project = runs.id("project/g")
    runs.site.bindings.unlink()
    runs.site.journal.unlink()
    runs.write(f"projects: {{g: {{id: {project}, clients: {{web: {{name: Site, client_type: client_identity}}}}}}}}\n")
    (reason,) = refusals(runs)
    assert "has others that it may be under another name: Web" in reason


def test_removal_and_a_new_resource_of_the_same_name_is_no_rename(runs: Any) -> None:
    runs.write(PROJECT + "      web: {name: Web, client_type: confidential_client}\n")
    runs.settle()
    old = runs.id("client/g/web")
    new = PROJECT + "      site: {name: Web, client_type: confidential_client}\n"
    runs.write(new + "removed: [{address: client/g/web}]\n")
    runs.settle()
    assert clients(runs) == [runs.id("client/g/site")] != [old]


@pytest.mark.parametrize(
    ("address", "named", "told"),
    [
        ("client/g/old", "11111111-1111-4111-8111-111111111111", "client/g/old is"),
        ("policy/g/old", None, "is a client, not a policy"),
        ("client/h/old", None, "is a client of project/g, not of project/h"),
    ],
)
def test_removal_whose_id_is_another_is_refused(runs: Any, address: str, named: str | None, told: str) -> None:
    runs.write(PROJECT + "      old: {name: Old, client_type: client_identity}\n")
    runs.settle()
    identifier = named or runs.id("client/g/old")
    runs.write(PROJECT.replace("    clients:\n", "") + f"removed: [{{address: {address}, id: {identifier}}}]\n")
    with pytest.raises(InvalidManifests) as raised:
        runs.plan()
    (problem,) = raised.value.problems
    assert told in problem.what


def test_removal_by_id_that_was_carried_out_is_nothing_to_do(runs: Any) -> None:
    runs.write(PROJECT + "      old: {name: Old, client_type: client_identity}\n")
    runs.settle()
    identifier = runs.id("client/g/old")
    runs.write(PROJECT.replace("    clients:\n", "") + f"removed: [{{address: client/g/old, id: {identifier}}}]\n")
    runs.settle()
    assert runs.plan().plan.changes[-1].address.kind == "project"


@pytest.fixture
def unanswered(runs: Any) -> str:
    """A client that a run has made which was killed before it heard so."""
    runs.write(PROJECT.replace("    clients:\n", ""))
    runs.settle()
    project, stored = runs.id("project/g"), json.loads(runs.site.bindings.read_text())
    fields = {"name": "Web", "client_type": "client_identity"}
    operation = Operation("create", Verb.CREATE, Address.parse("client/g/web"), fields=fields)
    facts = {"target": runs.site.target, "lineage": stored["lineage"], "serial": stored["serial"]}
    with journal.Journal.open(runs.site.folder, environment=None, run=facts) as record:
        record.intend(operation, parent=project)
    made = runs.call("POST", "/v2/api/clients", {"client": {**fields, "project": project}})
    return str(made["client"]["id"])


def test_unanswered_create_is_known_again_under_another_name(runs: Any, unanswered: str) -> None:
    runs.write(PROJECT + "      web: {name: Site, client_type: client_identity}\n")
    runs.settle()
    assert runs.id("client/g/web") == unanswered
    assert runs.left().open == ()


def test_unanswered_create_that_left_the_manifests_is_asked_about(runs: Any, unanswered: str) -> None:
    (refusal,) = runs.plan().plan.refusals
    assert (str(refusal.address), refusal.consent) == (
        "client/g/web",
        "add it to `removed`, or give --allow-delete client/g/web",
    )
    runs.settle(delete=frozenset({"client/g/web"}))
    assert unanswered not in clients(runs)


def test_unanswered_create_is_not_taken_for_something_else(runs: Any, unanswered: str) -> None:
    runs.call("PUT", f"/v2/api/clients/{unanswered}", {"client": {"name": "Another"}})
    assert runs.plan().plan.operations == ()
