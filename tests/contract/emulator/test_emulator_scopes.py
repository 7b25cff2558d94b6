from collections.abc import Callable
from typing import Any

import pytest

from reconciler.emulator import Emulator

Make = Callable[..., Any]
GROUPS = "73320ffe-4cb4-4b25-a0a3-83d53d59ce4f"
TRANSFER = "urn:globus:auth:scope:transfer.api.globus.org:all"


def depends(*scopes: str) -> list[dict[str, Any]]:
    return [{"scope": scope, "optional": False, "requires_refresh_token": False} for scope in scopes]


def test_new_scope_has_the_documented_fields_and_no_suffix(rosalind: Make, new_client: Make, new_scope: Make) -> None:
    client = new_client(rosalind)["id"]
    scope = new_scope(rosalind, client)
    assert rosalind("GET", f"/v2/api/scopes/{scope['id']}")["scope"] == scope
    assert rosalind("GET", f"/v2/api/clients/{client}/scopes/{scope['id']}")["scope"] == scope
    del scope["id"]
    assert scope == {
        "client": client,
        "scope_string": f"https://auth.globus.org/scopes/{client}/read",
        "name": "Read",
        "description": "Read all",
        "required_domains": [],
        "dependent_scopes": [],
        "advertised": False,
        "allows_refresh_token": True,
    }


@pytest.mark.parametrize("suffix", ["Read", "read-all", "", "read\n", "ä", 1])
def test_suffix_has_lowercase_letters_numbers_and_underscores(rosalind: Make, new_client: Make, suffix: object) -> None:
    body = {"scope": {"name": "R", "description": "D", "scope_suffix": suffix}}
    rosalind("POST", f"/v2/api/clients/{new_client(rosalind)['id']}/scopes", body, status=400)


def test_suffix_is_unique_within_its_client(rosalind: Make, new_client: Make, new_scope: Make) -> None:
    first, second = new_client(rosalind)["id"], new_client(rosalind)["id"]
    new_scope(rosalind, first)
    new_scope(rosalind, second)
    body = {"scope": {"name": "R", "description": "D", "scope_suffix": "read"}}
    rosalind("POST", f"/v2/api/clients/{first}/scopes", body, status=409)


def test_changed_suffix_renames_the_scope_string(rosalind: Make, new_client: Make, new_scope: Make) -> None:
    client = new_client(rosalind)["id"]
    scope, taken = new_scope(rosalind, client), new_scope(rosalind, client, "taken")
    path = f"/v2/api/scopes/{scope['id']}"
    renamed = rosalind("PUT", path, {"scope": {"scope_suffix": "list"}})["scope"]
    assert renamed == scope | {"scope_string": f"https://auth.globus.org/scopes/{client}/list"}
    rosalind("PUT", path, {"scope": {"scope_suffix": "taken"}}, status=409)
    found = rosalind("GET", f"/v2/api/scopes?scope_strings={scope['scope_string']},{taken['scope_string']}")
    assert found["scopes"] == [taken]


def test_dependent_scopes_are_replaced_as_a_whole(rosalind: Make, new_client: Make, new_scope: Make) -> None:
    client = new_client(rosalind)["id"]
    other = new_scope(rosalind, client, "other")["id"]
    scope = new_scope(rosalind, client, dependent_scopes=depends(GROUPS))
    assert scope["dependent_scopes"] == depends(GROUPS)
    body = {"scope": {"dependent_scopes": depends(other)}}
    assert rosalind("PUT", f"/v2/api/scopes/{scope['id']}", body)["scope"]["dependent_scopes"] == depends(other)


@pytest.mark.parametrize("wrong", [[TRANSFER], depends(TRANSFER), depends("00000000-0000-4000-8000-000000000000")])
def test_dependent_scopes_must_be_ids_of_known_scopes(
    rosalind: Make, new_client: Make, new_scope: Make, wrong: list[Any]
) -> None:
    scope = new_scope(rosalind, new_client(rosalind)["id"])
    rosalind("PUT", f"/v2/api/scopes/{scope['id']}", {"scope": {"dependent_scopes": wrong}}, status=400)


def test_scopes_may_depend_on_each_other_by_a_later_update(rosalind: Make, new_client: Make, new_scope: Make) -> None:
    client = new_client(rosalind)["id"]
    first = new_scope(rosalind, client, "first")["id"]
    second = new_scope(rosalind, client, "second", dependent_scopes=depends(first))["id"]
    rosalind("PUT", f"/v2/api/scopes/{first}", {"scope": {"dependent_scopes": depends(second)}})


@pytest.mark.parametrize(
    ("client_fields", "scope_fields", "visible"),
    [({}, {}, False), ({}, {"advertised": True}, True), ({"visibility": "public"}, {}, True)],
)
def test_others_see_advertised_scopes_and_those_of_public_clients(
    rosalind: Make,
    ada: Make,
    new_client: Make,
    new_scope: Make,
    client_fields: dict[str, Any],
    scope_fields: dict[str, Any],
    *,
    visible: bool,
) -> None:
    scope = new_scope(rosalind, new_client(rosalind, **client_fields)["id"], **scope_fields)
    expected = [scope] if visible else []
    assert ada("GET", f"/v2/api/scopes?scope_strings={scope['scope_string']}")["scopes"] == expected
    assert ada("GET", f"/v2/api/scopes?ids={scope['id']}")["scopes"] == expected
    assert ada("GET", "/v2/api/scopes")["scopes"] == []
    ada("GET", f"/v2/api/scopes/{scope['id']}", status=200 if visible else 403)
    own = new_scope(ada, new_client(ada)["id"])["id"]
    body = {"scope": {"dependent_scopes": depends(scope["id"])}}
    ada("PUT", f"/v2/api/scopes/{own}", body, status=200 if visible else 400)


def test_private_scope_is_a_dependent_within_its_project_only(
    rosalind: Make, new_client: Make, new_scope: Make
) -> None:
    client = new_client(rosalind)
    scope = new_scope(rosalind, client["id"])["id"]
    sibling = new_client(rosalind, project=client["project"])["id"]
    new_scope(rosalind, sibling, dependent_scopes=depends(scope))
    elsewhere = new_scope(rosalind, new_client(rosalind)["id"])["id"]
    body = {"scope": {"dependent_scopes": depends(scope)}}
    path = f"/v2/api/scopes/{elsewhere}"
    rosalind("PUT", path, body, status=400)  # although the caller administers both projects
    rosalind("PUT", f"/v2/api/clients/{client['id']}", {"client": {"visibility": "public"}})
    rosalind("PUT", path, body)
    rosalind("PUT", f"/v2/api/clients/{client['id']}", {"client": {"visibility": "private"}})
    rosalind("PUT", path, {"scope": {"dependent_scopes": depends(scope, GROUPS)}})


def test_client_itself_depends_on_private_scopes_of_its_project(
    emulator: Emulator, rosalind: Make, caller: Make, new_client: Make, new_scope: Make, new_secret: Make
) -> None:
    client = new_client(rosalind)
    scope = new_scope(rosalind, client["id"])["id"]
    sibling = new_client(rosalind, project=client["project"])["id"]
    call = caller(emulator, auth=(sibling, new_secret(rosalind, sibling)["secret"]))
    new_scope(call, sibling, dependent_scopes=depends(scope))  # although it administers no project


def test_visible_scopes_of_others_cannot_be_changed(rosalind: Make) -> None:
    scope = rosalind("GET", f"/v2/api/scopes?scope_strings={TRANSFER}")["scopes"][0]
    assert scope["advertised"]
    rosalind("PUT", f"/v2/api/scopes/{scope['id']}", {"scope": {"name": "Mine"}}, status=403)
    rosalind("DELETE", f"/v2/api/scopes/{scope['id']}", status=403)


def test_unknown_scopes_are_absent_from_a_search(rosalind: Make) -> None:
    strings = f"{TRANSFER},https://auth.globus.org/scopes/nowhere/x,rosalind@globusid.org"
    found = rosalind("GET", f"/v2/api/scopes?scope_strings={strings}")["scopes"]
    assert [scope["scope_string"] for scope in found] == [TRANSFER]


def test_search_by_strings_and_ids_at_once_is_refused(rosalind: Make) -> None:
    rosalind("GET", f"/v2/api/scopes?scope_strings={TRANSFER}&ids={GROUPS}", status=400)
    rosalind("GET", "/v2/api/scopes?ids=transfer", status=400)


def test_deleted_scope_is_answered_and_its_suffix_is_free(rosalind: Make, new_client: Make, new_scope: Make) -> None:
    client = new_client(rosalind)["id"]
    scope = new_scope(rosalind, client)
    assert rosalind("DELETE", f"/v2/api/scopes/{scope['id']}")["scope"] == scope
    assert new_scope(rosalind, client)["scope_string"] == scope["scope_string"]


@pytest.mark.parametrize("path", ["/v2/api/scopes/{scope}", "/v2/api/clients/{client}"])
@pytest.mark.parametrize(("choice", "kept"), [("drop", False), ("keep", True), ("refuse", True)])
def test_deletion_of_a_scope_in_use_follows_the_switch(
    start: Make, caller: Make, new_client: Make, new_scope: Make, path: str, choice: str, *, kept: bool
) -> None:
    call = caller(start(deleted_scope_in_use=choice), "rosalind@globusid.org")
    client, other = new_client(call, visibility="public")["id"], new_client(call)["id"]
    scope = new_scope(call, client)["id"]
    new_scope(call, client, "sibling", dependent_scopes=depends(GROUPS))
    user = new_scope(call, other, dependent_scopes=depends(GROUPS, scope))["id"]
    call("DELETE", path.format(scope=scope, client=client), status=409 if choice == "refuse" else 200)
    left = call("GET", f"/v2/api/scopes/{user}")["scope"]["dependent_scopes"]
    assert left == depends(GROUPS, *([scope] if kept else []))


def test_refused_deletion_of_a_client_leaves_all_of_it(
    start: Make, caller: Make, new_client: Make, new_scope: Make
) -> None:
    call = caller(start(deleted_scope_in_use="refuse"), "rosalind@globusid.org")
    client = new_client(call, visibility="public")["id"]
    scopes = [new_scope(call, client, suffix)["id"] for suffix in ("free", "used")]
    new_scope(call, new_client(call)["id"], dependent_scopes=depends(scopes[1]))
    call("DELETE", f"/v2/api/clients/{client}", status=409)
    assert call("GET", f"/v2/api/clients/{client}")["client"]["scopes"] == scopes


def test_scope_that_depends_on_itself_can_be_deleted(
    start: Make, caller: Make, new_client: Make, new_scope: Make
) -> None:
    call = caller(start(deleted_scope_in_use="refuse"), "rosalind@globusid.org")
    scope = new_scope(call, new_client(call)["id"])["id"]
    call("PUT", f"/v2/api/scopes/{scope}", {"scope": {"dependent_scopes": depends(scope)}})
    call("DELETE", f"/v2/api/scopes/{scope}")


def test_deleted_scope_is_dropped_from_its_siblings(rosalind: Make, new_client: Make, new_scope: Make) -> None:
    client = new_client(rosalind)["id"]
    scope = new_scope(rosalind, client)["id"]
    sibling = new_scope(rosalind, client, "sibling", dependent_scopes=depends(scope))["id"]
    rosalind("DELETE", f"/v2/api/scopes/{scope}")
    assert rosalind("GET", f"/v2/api/scopes/{sibling}")["scope"]["dependent_scopes"] == []


def test_switch_answers_a_create_with_one_object(start: Make, caller: Make, new_client: Make) -> None:
    call = caller(start(scope_create_envelope="scope"), "rosalind@globusid.org")
    body = {"scope": {"name": "R", "description": "D", "scope_suffix": "read"}}
    answer = call("POST", f"/v2/api/clients/{new_client(call)['id']}/scopes", body)
    assert answer["scope"]["name"] == "R"


def test_switch_keeps_the_suffix(start: Make, caller: Make, new_client: Make, new_scope: Make) -> None:
    call = caller(start(scope_suffix_is_mutable=False), "rosalind@globusid.org")
    scope = new_scope(call, new_client(call)["id"])
    assert call("PUT", f"/v2/api/scopes/{scope['id']}", {"scope": {"scope_suffix": "list"}})["scope"] == scope
