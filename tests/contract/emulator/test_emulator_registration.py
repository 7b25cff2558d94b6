from collections.abc import Callable
from typing import Any

import pytest
import requests

from reconciler.emulator import Emulator

Make = Callable[..., Any]
CLI = "95fdeba8-fac2-42bd-a357-e068d82ff78e"
CLIENTS = "/v2/api/clients"


@pytest.fixture
def as_client(caller: Make, rosalind: Make, new_secret: Make) -> Make:
    """Call with Basic as a client."""

    def as_client(emulator: Emulator, client: str, by: Make = rosalind) -> Make:
        return caller(emulator, auth=(client, new_secret(by, client)["secret"]))  # type: ignore[no-any-return]

    return as_client


def new_child(call: Make, **fields: Any) -> Any:
    return call("POST", CLIENTS, {"client": {"name": "Child", "public_client": False, **fields}})["client"]


def test_basic_without_a_project_makes_a_child_of_the_caller(
    emulator: Emulator, rosalind: Make, new_client: Make, as_client: Make
) -> None:
    parent = new_client(rosalind)
    call = as_client(emulator, parent["id"])
    child = new_child(call, project=None, visibility="public")
    assert {name: child[name] for name in child if child[name] != parent[name]} == {
        "id": child["id"],
        "name": "Child",
        "project": None,
        "parent_client": parent["id"],
        "visibility": "public",
    }
    assert call("GET", CLIENTS)["clients"] == [parent, child]


def test_basic_with_a_project_of_others_is_refused(
    emulator: Emulator, rosalind: Make, new_client: Make, as_client: Make
) -> None:
    parent = new_client(rosalind)
    body = {"client": {"name": "C", "public_client": False, "project": parent["project"]}}
    as_client(emulator, parent["id"])("POST", CLIENTS, body, status=403)


def test_basic_with_its_own_project_makes_a_client_there_where_the_switch_lets_it(
    start: Make, caller: Make, new_project: Make
) -> None:
    emulator = start(basic_manages_projects=True)
    project = new_project(caller(emulator, "rosalind@globusid.org"), admin_ids=[emulator.client_id])["id"]
    basic = caller(emulator, auth=(emulator.client_id, emulator.client_secret))
    client = new_child(basic, project=project)
    assert (client["project"], client["parent_client"]) == (project, None)


def test_token_without_a_project_makes_no_child(
    emulator: Emulator, rosalind: Make, caller: Make, token_of: Make
) -> None:
    token = token_of(emulator, emulator.client_id, emulator.client_secret).json()["access_token"]
    own = caller(emulator, headers={"Authorization": f"Bearer {token}"})
    for call in (own, rosalind):
        for project in ({}, {"project": None}):
            call("POST", CLIENTS, {"client": {"name": "C", "public_client": True, **project}}, status=400)


@pytest.mark.parametrize(
    ("choice", "parent_may", "administrator_may"),
    [("administrators", True, True), ("parent", True, False), ("nobody", False, False)],
)
def test_child_answers_to_whom_the_switch_says(
    start: Make,
    caller: Make,
    new_client: Make,
    new_secret: Make,
    choice: str,
    *,
    parent_may: bool,
    administrator_may: bool,
) -> None:
    emulator = start(child_clients_answer_to=choice)
    rosalind, ada = (caller(emulator, name) for name in ("rosalind@globusid.org", "ada@uni.example.org"))
    client = new_client(rosalind)["id"]
    parent = caller(emulator, auth=(client, new_secret(rosalind, client)["secret"]))
    child = new_child(parent)["id"]
    for call, allowed in ((parent, parent_may), (rosalind, administrator_may), (ada, False)):
        status = 200 if allowed else 403
        call("GET", f"{CLIENTS}/{child}", status=status)
        call("PUT", f"{CLIENTS}/{child}", {"client": {"name": "New"}}, status=status)
        call("GET", f"{CLIENTS}/{child}/credentials", status=status)
        call("POST", f"{CLIENTS}/{child}/fqdns", {"fqdn": "a.example.edu"}, status=status)
        body = {"scope": {"name": "R", "description": "D", "scope_suffix": f"s{status}{id(call)}"}}
        call("POST", f"{CLIENTS}/{child}/scopes", body, status=status)
        assert (child in [one["id"] for one in call("GET", CLIENTS)["clients"]]) is allowed
        clients = {scope["client"] for scope in call("GET", "/v2/api/scopes")["scopes"]}
        assert (child in clients) is allowed
    rosalind("DELETE", f"{CLIENTS}/{child}", status=200 if administrator_may else 403)


def test_child_of_a_child_answers_to_all_above(
    emulator: Emulator, rosalind: Make, new_client: Make, as_client: Make
) -> None:
    parent = new_client(rosalind)["id"]
    first = as_client(emulator, parent)
    child = new_child(first)["id"]
    grandchild = new_child(as_client(emulator, child))["id"]
    own = as_client(emulator, grandchild)
    for call in (rosalind, first):
        assert [one["id"] for one in call("GET", CLIENTS)["clients"]] == [parent, child, grandchild]
        call("PUT", f"{CLIENTS}/{grandchild}", {"client": {"name": "New"}})
    assert [one["id"] for one in own("GET", CLIENTS)["clients"]] == [grandchild]
    own("GET", f"{CLIENTS}/{child}", status=403)


def test_child_depends_on_private_scopes_of_its_parents_project(
    emulator: Emulator, rosalind: Make, new_client: Make, new_scope: Make, as_client: Make
) -> None:
    parent = new_client(rosalind)
    sibling = new_client(rosalind, project=parent["project"])["id"]
    child = new_child(as_client(emulator, parent["id"]))["id"]
    for source, target in ((child, sibling), (sibling, child)):
        private = new_scope(rosalind, target, "private")["id"]
        dependent = [{"scope": private, "optional": False, "requires_refresh_token": False}]
        new_scope(rosalind, source, dependent_scopes=dependent)


@pytest.mark.parametrize("choice", ["cascade", "orphan", "refuse"])
def test_children_of_a_deleted_client_do_what_the_switch_says(
    start: Make, caller: Make, new_client: Make, new_secret: Make, new_scope: Make, choice: str
) -> None:
    emulator = start(deleted_parent_client=choice)
    call = caller(emulator, "rosalind@globusid.org")
    parent = new_client(call)["id"]
    own = caller(emulator, auth=(parent, new_secret(call, parent)["secret"]))
    child = new_child(own)["id"]
    secret = new_secret(call, child)["secret"]
    scope = new_scope(call, child, advertised=True)["id"]
    call("DELETE", f"{CLIENTS}/{parent}", status=409 if choice == "refuse" else 200)
    left = caller(emulator, auth=(child, secret))
    found = left("GET", f"{CLIENTS}/{child}", status=401 if choice == "cascade" else 200)
    call("GET", f"/v2/api/scopes/{scope}", status=404 if choice == "cascade" else 200)
    if choice != "cascade":
        assert found["client"]["parent_client"] == (parent if choice == "refuse" else None)
    if choice == "orphan":
        call("GET", f"{CLIENTS}/{child}", status=403)


def test_deletion_that_would_take_an_only_administrator_along_is_refused(
    emulator: Emulator, rosalind: Make, new_client: Make, new_project: Make, as_client: Make
) -> None:
    parent = new_client(rosalind)["id"]
    child = new_child(as_client(emulator, parent))["id"]
    new_project(rosalind, admin_ids=[child])
    rosalind("DELETE", f"{CLIENTS}/{parent}", status=409)
    rosalind("GET", f"{CLIENTS}/{child}")


def test_parent_that_a_body_names_is_ignored(rosalind: Make, new_client: Make) -> None:
    parent = new_client(rosalind)["id"]
    client = new_client(rosalind, parent_client=parent)
    assert client["parent_client"] is None
    assert rosalind("PUT", f"{CLIENTS}/{client['id']}", {"client": {"parent_client": parent}})["client"] == client


def test_nobody_makes_an_instance_of_a_template_with_a_secret_that_works(
    emulator: Emulator, caller: Make, token_of: Make
) -> None:
    made = caller(emulator)("POST", CLIENTS, {"client": {"template_id": CLI.upper(), "name": "Globus CLI"}})
    client, credential = made["client"], made["included"]["client_credential"]
    secret = credential["secret"]
    assert set(made) == {"client", "included"}
    assert credential == {
        "id": credential["id"],
        "client": client["id"],
        "name": "Auto-created at client creation",
        "secret": secret,
    }
    assert {name: value for name, value in client.items() if name not in ("id", "links")} == {
        "name": "Globus CLI",
        "project": None,
        "parent_client": CLI,
        "client_type": "confidential_client",
        "public_client": False,
        "visibility": "private",
        "redirect_uris": [],
        "required_idp": None,
        "preselect_idp": None,
        "scopes": [],
        "grant_types": ["authorization_code", "client_credentials", "refresh_token"],
        "fqdns": [],
        "userinfo_from_effective_identity": True,
        "prompt_for_named_grant": False,
    }
    own = caller(emulator, auth=(client["id"], secret))
    assert own("GET", CLIENTS)["clients"] == [client]
    (listed,) = own("GET", f"{CLIENTS}/{client['id']}/credentials")["credentials"]
    assert (listed["id"], listed["secret"]) == (credential["id"], None)
    assert token_of(emulator, client["id"], secret).status_code == 200
    assert own("DELETE", f"{CLIENTS}/{client['id']}")["client"] == client
    own("GET", CLIENTS, status=401)


def test_own_public_installed_client_is_a_template_whose_administrators_manage_instances(
    emulator: Emulator, rosalind: Make, caller: Make, new_client: Make
) -> None:
    template = new_client(rosalind, public_client=True)["id"]
    made = caller(emulator)("POST", CLIENTS, {"client": {"template_id": template, "name": "A", "visibility": "public"}})
    assert made["client"]["visibility"] == "private"
    path = f"{CLIENTS}/{made['client']['id']}"
    assert rosalind("GET", path) == {"client": made["client"]}
    rosalind("DELETE", path)


def test_nobody_makes_nothing_else(emulator: Emulator, rosalind: Make, caller: Make, new_client: Make) -> None:
    call = caller(emulator)
    webapp = new_client(rosalind, client_type="public_webapp_client")
    private = new_client(rosalind)
    call("POST", CLIENTS, {"client": {"name": "A", "project": webapp["project"], "public_client": True}}, status=401)
    for template in (webapp["id"], private["id"], "00000000-0000-4000-8000-000000000000", "cli", 1, None):
        call("POST", CLIENTS, {"client": {"name": "A", "template_id": template}}, status=400)
    for name in ({}, {"name": "two\nlines"}, {"name": 1}):
        call("POST", CLIENTS, {"client": {"template_id": CLI, **name}}, status=400)
    assert len(rosalind("GET", CLIENTS)["clients"]) == 2


def test_wrong_secret_makes_no_instance(emulator: Emulator, caller: Make) -> None:
    call = caller(emulator, auth=(CLI, "wrong"))
    call("POST", CLIENTS, {"client": {"name": "A", "template_id": CLI}}, status=401)


def test_template_id_of_somebody_who_is_known_is_ignored(rosalind: Make, new_client: Make) -> None:
    client = new_client(rosalind, template_id=CLI)
    assert (client["parent_client"], client["project"] is None) == (None, False)


@pytest.mark.parametrize(
    ("redirect_uri", "status"),
    [
        ("http://localhost:41235", 200),
        ("http://localhost", 200),
        ("{base}/v2/web/auth-code", 200),
        ("http://127.0.0.1:41235", 200),
        ("http://[::1]:41235", 200),
        ("http://localhost:41235/elsewhere", 400),
        ("https://localhost:41235", 400),
        ("http://localhost.example.edu", 400),
        ("http://user@localhost:1", 400),
        ("http://localhost:99999999", 400),
        ("https://example.edu", 400),
    ],
)
@pytest.mark.parametrize("instance", [True, False])
def test_template_and_its_instances_send_people_back_to_any_local_port(
    emulator: Emulator, caller: Make, redirect_uri: str, status: int, *, instance: bool
) -> None:
    client = CLI
    if instance:
        client = caller(emulator)("POST", CLIENTS, {"client": {"template_id": CLI, "name": "A"}})["client"]["id"]
    challenge = {"code_challenge": "c" * 43, "code_challenge_method": "S256"}
    query = {
        "client_id": client,
        "redirect_uri": redirect_uri.format(base=emulator.base_url),
        "scope": "openid",
        "response_type": "code",
        **challenge,
    }
    answer = requests.get(f"{emulator.base_url}/v2/oauth2/authorize", params=query, timeout=30, allow_redirects=False)
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("client_type", "registered"),
    [("confidential_client", "http://localhost"), ("public_installed_client", "http://app.example.edu")],
)
def test_private_client_and_other_hosts_keep_to_the_registered_port(
    emulator: Emulator, rosalind: Make, new_client: Make, client_type: str, registered: str
) -> None:
    client = new_client(rosalind, client_type=client_type, redirect_uris=[registered])["id"]
    challenge = {"code_challenge": "c" * 43, "code_challenge_method": "S256"}
    for address, status in ((registered, 200), (registered + ":1", 400)):
        query = {"client_id": client, "redirect_uri": address, "scope": "openid", "response_type": "code", **challenge}
        answer = requests.get(f"{emulator.base_url}/v2/oauth2/authorize", params=query, timeout=30)
        assert answer.status_code == status


@pytest.mark.parametrize("reaches", [True, False])
def test_template_revokes_its_instances_tokens(start: Make, caller: Make, token_of: Make, *, reaches: bool) -> None:
    emulator = start(template_revokes_for_instances=reaches)
    made = caller(emulator)("POST", CLIENTS, {"client": {"template_id": CLI, "name": "A"}})
    instance = made["included"]["client_credential"]
    token = token_of(emulator, instance["client"], instance["secret"], "openid").json()["access_token"]
    other = token_of(emulator, emulator.client_id, emulator.client_secret).json()["access_token"]
    for each in (token, other):
        form = {"client_id": CLI, "token": each}
        revoked = requests.post(f"{emulator.base_url}/v2/oauth2/token/revoke", data=form, timeout=30)
        assert (revoked.status_code, revoked.json()) == (200, {"active": False})
    for each, status in ((token, 401 if reaches else 200), (other, 200)):
        holder = caller(emulator, headers={"Authorization": f"Bearer {each}"})
        holder("GET", "/v2/oauth2/userinfo", status=status)


def test_clients_without_a_project_share_no_private_scopes(emulator: Emulator, caller: Make, new_scope: Make) -> None:
    made = caller(emulator)("POST", CLIENTS, {"client": {"template_id": CLI, "name": "A"}})
    credential = made["included"]["client_credential"]
    instance = caller(emulator, auth=(credential["client"], credential["secret"]))
    private = new_scope(instance, credential["client"])["id"]
    bootstrap = caller(emulator, auth=(emulator.client_id, emulator.client_secret))
    dependent = [{"scope": private, "optional": False, "requires_refresh_token": False}]
    body = {"scope": {"name": "R", "description": "D", "scope_suffix": "r", "dependent_scopes": dependent}}
    bootstrap("POST", f"{CLIENTS}/{emulator.client_id}/scopes", body, status=400)
