from collections.abc import Callable
from typing import Any

import pytest

from reconciler.emulator import Emulator
from reconciler.emulator.world import group_id

Make = Callable[..., Any]


def test_new_project_answers_the_whole_object_with_null_for_the_empty_list(rosalind: Make, new_project: Make) -> None:
    project = new_project(rosalind)
    assert set(project) == {
        "id",
        "display_name",
        "project_name",
        "contact_email",
        "admin_ids",
        "admin_group_ids",
        "admins",
    }
    assert project["project_name"] == project["display_name"] == "Genomics"
    assert project["admin_group_ids"] is None


def test_project_expands_its_administrators_to_objects(rosalind: Make, new_project: Make) -> None:
    admins = new_project(rosalind)["admins"]
    assert [person["username"] for person in admins["identities"]] == ["rosalind@globusid.org"]
    assert admins["groups"] == []


def test_project_names_need_not_be_unique(rosalind: Make, new_project: Make) -> None:
    assert new_project(rosalind)["id"] != new_project(rosalind)["id"]


@pytest.mark.parametrize("admins", [{}, {"admin_ids": None}, {"admin_ids": [], "admin_group_ids": []}])
def test_project_without_any_administrator_is_refused(rosalind: Make, admins: dict[str, Any]) -> None:
    body = {"project": {"display_name": "A", "contact_email": "a@example.edu", **admins}}
    refusal = rosalind("POST", "/v2/api/projects", body, status=400)
    assert refusal["errors"][0]["detail"] == "Either admin_ids or admin_group_ids has to be defined"


def test_update_to_no_administrator_is_refused_and_changes_nothing(rosalind: Make, new_project: Make) -> None:
    project = new_project(rosalind)
    path = f"/v2/api/projects/{project['id']}"
    rosalind("PUT", path, {"project": {"admin_ids": None, "display_name": "B"}}, status=400)
    assert rosalind("GET", path)["project"] == project


@pytest.mark.parametrize("field", ["admin_ids", "admin_group_ids"])
def test_unknown_administrators_are_refused(rosalind: Make, field: str) -> None:
    stranger = ["00000000-0000-4000-8000-000000000000"]
    body = {"project": {"display_name": "A", "contact_email": "a@example.edu", field: stranger}}
    assert stranger[0] in rosalind("POST", "/v2/api/projects", body, status=400)["error_description"]


def test_partial_update_keeps_what_it_does_not_name(rosalind: Make, new_project: Make) -> None:
    project = new_project(rosalind)
    path = f"/v2/api/projects/{project['id']}"
    changed = rosalind("PUT", path, {"project": {"contact_email": "new@example.edu"}})["project"]
    assert changed == project | {"contact_email": "new@example.edu"}
    assert rosalind("GET", path)["project"] == changed


def test_repeated_administrators_are_one_and_an_empty_list_is_null(rosalind: Make, new_project: Make) -> None:
    me = rosalind("GET", "/v2/oauth2/userinfo")["sub"]
    project = new_project(rosalind, admin_ids=[me, me.upper()], admin_group_ids=[])
    assert (project["admin_ids"], project["admin_group_ids"]) == ([me], None)


def test_administrators_are_replaced_as_a_whole(
    rosalind: Make, barbara: Make, new_project: Make, identity_of: Make
) -> None:
    project = new_project(rosalind)
    path = f"/v2/api/projects/{project['id']}"
    other = identity_of(rosalind, "barbara@globusid.org")
    rosalind("PUT", path, {"project": {"admin_ids": [other]}})
    assert barbara("GET", path)["project"]["admin_ids"] == [other]
    rosalind("GET", path, status=403)


def test_a_clients_id_is_an_administrator(
    emulator: Emulator, rosalind: Make, caller: Make, new_project: Make, token_of: Make
) -> None:
    me = rosalind("GET", "/v2/oauth2/userinfo")["sub"]
    project = new_project(rosalind, admin_ids=[me, emulator.client_id])
    token = token_of(emulator, emulator.client_id, emulator.client_secret).json()["access_token"]
    client = caller(emulator, headers={"Authorization": f"Bearer {token}"})
    assert [found["id"] for found in client("GET", "/v2/api/projects")["projects"]] == [project["id"]]


def test_members_of_an_administrator_group_administer(
    rosalind: Make, barbara: Make, ada: Make, new_project: Make
) -> None:
    group = group_id("Genomics operators")
    project = new_project(rosalind, admin_group_ids=[group])
    assert project["admin_ids"] is None
    assert project["admins"]["groups"][0]["name"] == "Genomics operators"
    assert barbara("GET", "/v2/api/projects")["projects"] == [project]
    assert ada("GET", "/v2/api/projects")["projects"] == []


def test_deleted_project_is_answered_and_gone(rosalind: Make, new_project: Make) -> None:
    project = new_project(rosalind)
    path = f"/v2/api/projects/{project['id']}"
    assert rosalind("DELETE", path)["project"] == project
    rosalind("GET", path, status=404)
    assert rosalind("GET", "/v2/api/projects")["projects"] == []


def test_project_with_a_client_cannot_be_deleted(rosalind: Make, new_client: Make) -> None:
    client = new_client(rosalind)
    rosalind("DELETE", f"/v2/api/projects/{client['project']}", status=409)
    rosalind("DELETE", f"/v2/api/clients/{client['id']}")
    rosalind("DELETE", f"/v2/api/projects/{client['project']}")


def test_project_with_a_policy_cannot_be_deleted(rosalind: Make, new_project: Make) -> None:
    project = new_project(rosalind)["id"]
    body = {"policy": {"project_id": project, "display_name": "P", "description": "D"}}
    policy = rosalind("POST", "/v2/api/policies", body)["policy"]["id"]
    rosalind("DELETE", f"/v2/api/projects/{project}", status=409)
    rosalind("DELETE", f"/v2/api/policies/{policy}")
    rosalind("DELETE", f"/v2/api/projects/{project}")


def test_switch_makes_updates_state_their_administrators(start: Make, caller: Make, new_project: Make) -> None:
    call = caller(start(update_needs_admins=True), "rosalind@globusid.org")
    project = new_project(call)
    path = f"/v2/api/projects/{project['id']}"
    call("PUT", path, {"project": {"display_name": "B"}}, status=400)
    call("PUT", path, {"project": {"display_name": "B", "admin_ids": project["admin_ids"]}})


def test_switch_cascades_policies_with_their_project(start: Make, caller: Make, new_project: Make) -> None:
    call = caller(start(delete_project_with_policies="cascade"), "rosalind@globusid.org")
    project = new_project(call)["id"]
    call("POST", "/v2/api/policies", {"policy": {"project_id": project, "display_name": "P", "description": "D"}})
    call("DELETE", f"/v2/api/projects/{project}")
    assert call("GET", "/v2/api/policies")["policies"] == []


def test_derived_fields_of_a_project_are_not_taken(rosalind: Make, new_project: Make) -> None:
    project = new_project(rosalind, project_name="Mine", admins={"identities": []}, description="Ours")
    assert (project["project_name"], len(project["admins"]["identities"])) == ("Genomics", 1)
    path = f"/v2/api/projects/{project['id']}"
    assert rosalind("PUT", path, {"project": {"project_name": "Mine", "id": "x"}})["project"] == project
    rosalind("GET", path + "/policies", status=404)


@pytest.mark.parametrize("address", ["nobody", "a@b", "a b@example.edu", "a@example.edu\n", "@example.edu"])
def test_switch_looks_at_the_contact_email(start: Make, caller: Make, new_project: Make, address: str) -> None:
    call = caller(start(contact_email_is_checked=True), "rosalind@globusid.org")
    project = new_project(call)
    body = {"project": {"contact_email": address}}
    call("PUT", f"/v2/api/projects/{project['id']}", body, status=400)


def test_switch_takes_unknown_administrators(start: Make, caller: Make, new_project: Make) -> None:
    call = caller(start(unknown_admins_are_refused=False), "rosalind@globusid.org")
    me, nobody = call("GET", "/v2/oauth2/userinfo")["sub"], "00000000-0000-4000-8000-000000000000"
    project = new_project(call, admin_ids=[me, nobody], admin_group_ids=[nobody])
    assert (project["admin_ids"], project["admin_group_ids"]) == ([me, nobody], [nobody])
    assert ([one["id"] for one in project["admins"]["identities"]], project["admins"]["groups"]) == ([me], [])


@pytest.mark.parametrize("below", ["client", "policy"])
def test_switch_sets_the_status_for_a_project_in_use(
    start: Make, caller: Make, new_client: Make, new_project: Make, below: str
) -> None:
    call = caller(start(project_in_use_status=422), "rosalind@globusid.org")
    project = new_project(call)["id"]
    if below == "client":
        new_client(call, project=project)
    else:
        call("POST", "/v2/api/policies", {"policy": {"project_id": project, "display_name": "P", "description": "D"}})
    call("DELETE", f"/v2/api/projects/{project}", status=422)


def test_deleted_client_is_no_administrator_that_a_project_can_be_left_to(
    rosalind: Make, new_project: Make, new_client: Make, identity_of: Make
) -> None:
    client, me = new_client(rosalind)["id"], identity_of(rosalind, "rosalind@globusid.org")
    path = f"/v2/api/projects/{new_project(rosalind, admin_ids=[me, client])['id']}"
    rosalind("DELETE", f"/v2/api/clients/{client}")
    refused = rosalind("PUT", path, {"project": {"admin_ids": [client]}}, status=400)
    assert refused["errors"][0]["detail"] == "Either admin_ids or admin_group_ids has to be defined"
    rosalind("PUT", path, {"project": {"admin_ids": [client, me]}})
