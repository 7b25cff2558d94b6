from collections.abc import Callable
from typing import Any

import pytest

from reconciler.emulator import Emulator

Make = Callable[..., Any]
GLOBUS_ID = "41143743-f3c8-4d60-bbdb-eeecaba85bd9"
DEPENDENT = "urn:globus:auth:grant_type:dependent_token"


def test_new_client_has_the_documented_defaults(rosalind: Make, new_client: Make) -> None:
    client = new_client(rosalind, public_client=False)
    del client["id"], client["project"]
    assert client == {
        "name": "Portal",
        "public_client": False,
        "client_type": "hybrid_confidential_client_resource_server",
        "visibility": "private",
        "redirect_uris": [],
        "links": {"privacy_policy": None, "terms_and_conditions": None},
        "required_idp": None,
        "preselect_idp": None,
        "scopes": [],
        "grant_types": ["authorization_code", "client_credentials", "refresh_token", DEPENDENT],
        "fqdns": [],
        "parent_client": None,
        "userinfo_from_effective_identity": True,
        "prompt_for_named_grant": False,
    }


@pytest.mark.parametrize(
    ("given", "client_type", "public", "grants"),
    [
        ({"public_client": True}, "public_installed_client", True, 2),
        ({"client_type": "public_webapp_client"}, "public_webapp_client", True, 2),
        ({"client_type": "client_identity"}, "client_identity", False, 3),
        ({"client_type": "confidential_client"}, "confidential_client", False, 4),
        ({"client_type": "resource_server"}, "resource_server", False, 4),
        ({"client_type": "globus_connect_server"}, "globus_connect_server", False, 4),
    ],
)
def test_type_of_client_implies_the_rest(
    rosalind: Make, new_client: Make, given: dict[str, Any], client_type: str, grants: int, *, public: bool
) -> None:
    client = new_client(rosalind, **given)
    assert (client["client_type"], client["public_client"]) == (client_type, public)
    assert client["prompt_for_named_grant"] is public
    assert len(client["grant_types"]) == grants


@pytest.mark.parametrize("given", [{}, {"public_client": False, "client_type": "client_identity"}])
def test_exactly_one_of_type_and_public_has_to_be_given(
    rosalind: Make, new_project: Make, given: dict[str, Any]
) -> None:
    body = {"client": {"name": "C", "project": new_project(rosalind)["id"], **given}}
    rosalind("POST", "/v2/api/clients", body, status=400)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "two\nlines"},
        *({"name": f"two{separator}lines"} for separator in "\r\v\f\x85\u2028\u2029"),
        {"name": "a line and its end\u2028"},
        {"name": ""},
        {"visibility": "hidden"},
        {"redirect_uris": "https://example.edu"},
        {"redirect_uris": None},
        {"links": {"privacy_policy": "https://example.edu"}},
        {"links": None},
        {"required_idp": "00000000-0000-4000-8000-000000000000"},
        {"preselect_idp": "globusid"},
        {"public_client": "yes"},
        {"userinfo_from_effective_identity": 1},
    ],
)
def test_wrong_values_are_refused_on_create_and_update(rosalind: Make, new_client: Make, wrong: dict[str, Any]) -> None:
    client = new_client(rosalind)
    create = {"name": "C", "project": client["project"], "public_client": True}
    rosalind("POST", "/v2/api/clients", {"client": create | wrong}, status=400)
    rosalind("PUT", f"/v2/api/clients/{client['id']}", {"client": wrong}, status=400)
    assert rosalind("GET", "/v2/api/clients")["clients"] == [client]


def test_update_changes_every_mutable_field(rosalind: Make, new_client: Make) -> None:
    client = new_client(rosalind)
    fields = {
        "name": "New",
        "visibility": "public",
        "redirect_uris": ["https://example.edu/callback"],
        "links": {"privacy_policy": "https://example.edu/p", "terms_and_conditions": "https://example.edu/t"},
        "required_idp": GLOBUS_ID,
        "preselect_idp": GLOBUS_ID,
    }
    path = f"/v2/api/clients/{client['id']}"
    assert rosalind("PUT", path, {"client": fields})["client"] == client | fields
    cleared = {"redirect_uris": [], "required_idp": None, "links": client["links"]}
    assert rosalind("PUT", path, {"client": cleared})["client"] == client | fields | cleared


IMMUTABLE = {"client_type": "resource_server", "public_client": True, "project": "00000000-0000-4000-8000-000000000000"}


@pytest.mark.parametrize("field", IMMUTABLE)
def test_immutable_field_is_ignored_on_update(rosalind: Make, new_client: Make, field: str) -> None:
    client = new_client(rosalind)
    path = f"/v2/api/clients/{client['id']}"
    assert rosalind("PUT", path, {"client": {field: IMMUTABLE[field]}})["client"] == client


@pytest.mark.parametrize("field", IMMUTABLE)
def test_switch_refuses_to_change_an_immutable_field(start: Make, caller: Make, new_client: Make, field: str) -> None:
    call = caller(start(immutable_fields="refuse"), "rosalind@globusid.org")
    client = new_client(call)
    path = f"/v2/api/clients/{client['id']}"
    call("PUT", path, {"client": {field: IMMUTABLE[field]}}, status=400)
    call("PUT", path, {"client": {field: client[field], "name": "New"}})


def test_unknown_keys_are_ignored(rosalind: Make, new_client: Make) -> None:
    client = new_client(rosalind, fqdns=["example.edu"], scopes=["x"], id="mine", nonsense=1)
    assert (client["fqdns"], client["scopes"], "nonsense" in client) == ([], [], False)
    assert client["id"] != "mine"


def test_client_lists_the_scopes_that_it_owns(rosalind: Make, new_client: Make, new_scope: Make) -> None:
    client = new_client(rosalind)["id"]
    scope = new_scope(rosalind, client)
    assert rosalind("GET", f"/v2/api/clients/{client}")["client"]["scopes"] == [scope["id"]]


def test_client_is_found_by_its_fqdn_only(rosalind: Make, ada: Make, new_client: Make) -> None:
    client, other = new_client(rosalind), new_client(ada)
    rosalind("POST", f"/v2/api/clients/{client['id']}/fqdns", {"fqdn": "www.example.edu"})
    ada("POST", f"/v2/api/clients/{other['id']}/fqdns", {"fqdn": "ada.example.edu"})
    client["fqdns"] = ["www.example.edu"]
    assert rosalind("GET", "/v2/api/clients?fqdn=WWW.example.edu") == {"client": client}
    for unknown in ("example.edu", ""):
        refusal = rosalind("GET", f"/v2/api/clients?fqdn={unknown}", status=404)
        assert refusal["errors"][0]["code"] == "NOT_FOUND"
    rosalind("GET", "/v2/api/clients?fqdn=ada.example.edu", status=403)
    rosalind("GET", f"/v2/api/clients?fqdn=www.example.edu&project_id={client['project']}", status=400)


def test_clients_are_filtered_by_their_project(rosalind: Make, ada: Make, new_client: Make) -> None:
    client, _, other = new_client(rosalind), new_client(rosalind), new_client(ada)
    assert rosalind("GET", f"/v2/api/clients?project_id={client['project'].upper()}") == {"clients": [client]}
    for project in (other["project"], "nonsense", ""):
        assert rosalind("GET", f"/v2/api/clients?project_id={project}") == {"clients": []}


def test_deleted_client_takes_its_scopes_and_credentials_along(
    rosalind: Make, new_client: Make, new_scope: Make, new_secret: Make
) -> None:
    client = new_client(rosalind)["id"]
    scope = new_scope(rosalind, client)["id"]
    new_secret(rosalind, client)
    assert rosalind("DELETE", f"/v2/api/clients/{client}")["client"]["scopes"] == [scope]
    rosalind("GET", f"/v2/api/clients/{client}", status=404)
    rosalind("GET", f"/v2/api/clients/{client}/credentials", status=404)
    rosalind("GET", f"/v2/api/scopes/{scope}", status=404)
    assert rosalind("GET", "/v2/api/scopes")["scopes"] == []


def test_deleted_clients_tokens_and_secrets_stop_working(
    emulator: Emulator, rosalind: Make, caller: Make, new_client: Make, new_secret: Make, token_of: Make
) -> None:
    client = new_client(rosalind)["id"]
    secret = new_secret(rosalind, client)["secret"]
    token = token_of(emulator, client, secret).json()["access_token"]
    call = caller(emulator, headers={"Authorization": f"Bearer {token}"})
    call("GET", "/v2/api/projects")
    rosalind("DELETE", f"/v2/api/clients/{client}")
    call("GET", "/v2/api/projects", status=401)
    assert token_of(emulator, client, secret).status_code == 401


def test_deleted_client_stays_in_the_list_of_administrators(
    rosalind: Make, new_client: Make, new_project: Make
) -> None:
    me = rosalind("GET", "/v2/oauth2/userinfo")["sub"]
    client = new_client(rosalind)["id"]
    project = new_project(rosalind, admin_ids=[me, client])
    rosalind("DELETE", f"/v2/api/clients/{client}")
    left = rosalind("GET", f"/v2/api/projects/{project['id']}")["project"]
    assert left["admin_ids"] == [me, client]
    assert [person["id"] for person in left["admins"]["identities"]] == [me]


@pytest.mark.parametrize(("others", "status"), [([], 409), (["client"], 409), (["deleted"], 409), (["rosalind"], 200)])
def test_only_administrator_of_a_project_cannot_be_deleted(
    rosalind: Make, new_client: Make, new_project: Make, others: list[str], status: int
) -> None:
    me = rosalind("GET", "/v2/oauth2/userinfo")["sub"]
    client, deleted = new_client(rosalind)["id"], new_client(rosalind)["id"]
    ids = {"rosalind": me, "client": client, "deleted": deleted}
    new_project(rosalind, admin_ids=[client, *(ids[other] for other in others)])
    rosalind("DELETE", f"/v2/api/clients/{deleted}")
    refusal = rosalind("DELETE", f"/v2/api/clients/{client}", status=status)
    assert status == 200 or "only administrator" in refusal["error_description"]


def test_client_beside_a_group_of_administrators_can_be_deleted(
    rosalind: Make, new_client: Make, new_project: Make
) -> None:
    client = new_client(rosalind)["id"]
    new_project(rosalind, admin_ids=[client], admin_group_ids=["7958284e-6e46-5a6b-ae1e-0e970d9df2c2"])
    rosalind("DELETE", f"/v2/api/clients/{client}")


def test_switch_lets_the_only_administrator_go(start: Make, caller: Make, new_client: Make, new_project: Make) -> None:
    call = caller(start(delete_only_administrator="allow"), "rosalind@globusid.org")
    client = new_client(call)["id"]
    project = new_project(call, admin_ids=[client])["id"]
    call("DELETE", f"/v2/api/clients/{client}")
    call("GET", f"/v2/api/projects/{project}", status=403)


def test_switch_refuses_redirects_that_are_neither_https_nor_local(start: Make, caller: Make, new_client: Make) -> None:
    call = caller(start(redirect_uris_https_or_local=True), "rosalind@globusid.org")
    client = new_client(call, redirect_uris=["https://example.edu", "http://localhost:8000/x"])
    for address in ("http://example.edu", "http://["):
        call("PUT", f"/v2/api/clients/{client['id']}", {"client": {"redirect_uris": [address]}}, status=400)


def test_fields_of_the_javascript_sdk_are_taken_at_create_only(rosalind: Make, new_client: Make) -> None:
    fields = {"userinfo_from_effective_identity": False, "prompt_for_named_grant": True}
    client = new_client(rosalind, **fields)
    assert {name: client[name] for name in fields} == fields
    changed = {
        "userinfo_from_effective_identity": True,
        "prompt_for_named_grant": False,
        "scopes": [],
        "fqdns": ["a.b"],
    }
    assert rosalind("PUT", f"/v2/api/clients/{client['id']}", {"client": changed})["client"] == client


def test_switch_refuses_unknown_keys(start: Make, caller: Make, new_client: Make, new_scope: Make) -> None:
    call = caller(start(unknown_keys="refuse"), "rosalind@globusid.org")
    client = new_client(call)
    scope = new_scope(call, client["id"])["id"]
    for path, body in (
        (f"/v2/api/clients/{client['id']}", {"client": {"name": "New", "terms_of_service": "x"}}),
        (f"/v2/api/scopes/{scope}", {"scope": {"allow_refresh_tokens": True}}),
    ):
        refusal = call("PUT", path, body, status=400)
        assert "is not a field" in refusal["error_description"]
    template = {"template_id": "95fdeba8-fac2-42bd-a357-e068d82ff78e", "name": "A"}
    call("POST", "/v2/api/clients", {"client": template}, status=400)


def test_switch_moves_a_client_between_projects_of_the_caller(
    start: Make, caller: Make, new_client: Make, new_project: Make
) -> None:
    emulator = start(client_project_is_mutable=True)
    call, ada = (caller(emulator, name) for name in ("rosalind@globusid.org", "ada@uni.example.org"))
    client, target = new_client(call), new_project(call)["id"]
    path = f"/v2/api/clients/{client['id']}"
    call("PUT", path, {"client": {"project": new_project(ada)["id"]}}, status=403)
    call("PUT", path, {"client": {"project": None}}, status=400)
    assert call("PUT", path, {"client": {"project": target}})["client"] == client | {"project": target}
    call("DELETE", f"/v2/api/projects/{client['project']}")
    call("DELETE", f"/v2/api/projects/{target}", status=409)


@pytest.mark.parametrize(("allowed", "status"), [(False, 409), (True, 200)])
def test_connect_server_is_deleted_only_where_the_switch_lets_it(
    start: Make, caller: Make, new_client: Make, status: int, *, allowed: bool
) -> None:
    call = caller(start(connect_servers_are_deletable=allowed), "rosalind@globusid.org")
    path = f"/v2/api/clients/{new_client(call, client_type='globus_connect_server')['id']}"
    call("PUT", path, {"client": {"name": "New"}})
    call("DELETE", path, status=status)
