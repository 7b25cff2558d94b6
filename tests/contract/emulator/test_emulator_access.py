from collections.abc import Callable
from typing import Any

import pytest

from reconciler.emulator import Emulator

Make = Callable[..., Any]
GATED = "within the last 30 minutes"


def test_lists_show_only_what_the_caller_administers(
    rosalind: Make, ada: Make, new_client: Make, new_scope: Make
) -> None:
    for call in (rosalind, ada):
        client = new_client(call)
        scope = new_scope(call, client["id"], advertised=True)
        policy = {"project_id": client["project"], "display_name": "P", "description": "D"}
        policy = call("POST", "/v2/api/policies", {"policy": policy})["policy"]
        assert [one["id"] for one in call("GET", "/v2/api/projects")["projects"]] == [client["project"]]
        assert [one["id"] for one in call("GET", "/v2/api/clients")["clients"]] == [client["id"]]
        assert call("GET", "/v2/api/scopes")["scopes"] == [scope]
        assert call("GET", "/v2/api/policies")["policies"] == [policy]


@pytest.mark.parametrize("status", [403, 404])
def test_objects_of_others_are_refused_as_the_switch_says(
    start: Make, caller: Make, new_client: Make, new_scope: Make, status: int
) -> None:
    emulator = start(foreign_status=status)
    rosalind = caller(emulator, "rosalind@globusid.org")
    ada = caller(emulator, "ada@uni.example.org")
    client = new_client(rosalind)
    scope = new_scope(rosalind, client["id"])["id"]
    policy = {"project_id": client["project"], "display_name": "P", "description": "D"}
    policy_id = rosalind("POST", "/v2/api/policies", {"policy": policy})["policy"]["id"]
    for path in (
        f"/v2/api/projects/{client['project']}",
        f"/v2/api/clients/{client['id']}",
        f"/v2/api/scopes/{scope}",
        f"/v2/api/policies/{policy_id}",
    ):
        kind = path.split("/")[3].removesuffix("s").replace("policie", "policy")
        ada("GET", path, status=status)
        ada("PUT", path, {kind: {"display_name": "X", "name": "X"}}, status=status)
        ada("DELETE", path, status=status)
    credentials = f"/v2/api/clients/{client['id']}/credentials"
    ada("GET", credentials, status=status)
    ada("POST", credentials, {"credential": {"name": "X"}}, status=status)
    ada("POST", "/v2/api/policies", {"policy": policy}, status=status)
    body = {"client": {"name": "X", "project": client["project"], "public_client": True}}
    ada("POST", "/v2/api/clients", body, status=status)


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer no"}, {"Authorization": "Basic !"}, {"Authorization": "x"}]
)
def test_call_without_a_valid_token_is_refused(emulator: Emulator, caller: Make, headers: dict[str, str]) -> None:
    refusal = caller(emulator, headers=headers)("GET", "/v2/api/projects", status=401)
    assert refusal["errors"][0]["code"] == "UNAUTHORIZED"


def test_token_without_manage_projects_is_refused(emulator: Emulator, caller: Make, token_of: Make) -> None:
    token = token_of(emulator, emulator.client_id, emulator.client_secret, "openid").json()["access_token"]
    call = caller(emulator, headers={"Authorization": f"Bearer {token}"})
    for path in ("projects", "clients", "scopes", "policies"):
        call("GET", f"/v2/api/{path}", status=403)


@pytest.mark.parametrize("basic", [True, False])
def test_client_acts_on_itself(
    emulator: Emulator, rosalind: Make, caller: Make, new_client: Make, new_secret: Make, token_of: Make, *, basic: bool
) -> None:
    client = new_client(rosalind)["id"]
    secret = new_secret(rosalind, client)["secret"]
    if basic:
        own = caller(emulator, auth=(client, secret))
    else:
        token = token_of(emulator, client, secret).json()["access_token"]
        own = caller(emulator, headers={"Authorization": f"Bearer {token}"})
    assert [one["id"] for one in own("GET", "/v2/api/clients")["clients"]] == [client]
    own("PUT", f"/v2/api/clients/{client}", {"client": {"name": "Myself"}})
    body = {"scope": {"name": "R", "description": "D", "scope_suffix": "read"}}
    scope = own("POST", f"/v2/api/clients/{client}/scopes", body)["scopes"][0]
    own("PUT", f"/v2/api/scopes/{scope['id']}", {"scope": {"name": "Mine"}})
    own("DELETE", f"/v2/api/scopes/{scope['id']}")
    own("POST", f"/v2/api/clients/{client}/credentials", {"credential": {"name": "Next"}})
    assert own("GET", "/v2/api/projects")["projects"] == []


def test_basic_reaches_no_further_than_the_client_itself(
    start: Make, caller: Make, new_project: Make, new_client: Make
) -> None:
    for allowed in (False, True):
        emulator = start(f"{allowed}.db", basic_manages_projects=allowed)
        rosalind = caller(emulator, "rosalind@globusid.org")
        client = new_client(
            rosalind, project=new_project(rosalind, admin_ids=[emulator.client_id, *me(rosalind)])["id"]
        )
        basic = caller(emulator, auth=(emulator.client_id, emulator.client_secret))
        basic("GET", f"/v2/api/clients/{client['id']}", status=200 if allowed else 403)
        body = {"project": {"display_name": "A", "contact_email": "a@b.org", "admin_ids": [emulator.client_id]}}
        basic("POST", "/v2/api/projects", body, status=200 if allowed else 403)


def me(call: Make) -> list[str]:
    return [call("GET", "/v2/oauth2/userinfo")["sub"]]


def test_stale_session_may_read_but_not_write(
    emulator: Emulator, rosalind: Make, caller: Make, new_client: Make
) -> None:
    client = new_client(rosalind)
    token = emulator.person_token("rosalind@globusid.org", session_age=1801)
    stale = caller(emulator, headers={"Authorization": f"Bearer {token}"})
    assert stale("GET", "/v2/api/clients")["clients"] == [client]
    paths = [f"/v2/api/projects/{client['project']}", f"/v2/api/clients/{client['id']}"]
    for method in ("PUT", "DELETE"):
        for path in paths:
            refusal = stale(method, path, {}, status=403)
            assert GATED in refusal["errors"][0]["detail"]
            assert refusal["authorization_parameters"]["session_required_policies"]
    body = {"project": {"display_name": "A", "contact_email": "a@b.org", "admin_ids": me(rosalind)}}
    stale("POST", "/v2/api/projects", body, status=403)
    assert rosalind("GET", "/v2/api/clients")["clients"] == [client]


def test_session_gate_spares_client_identities(
    emulator: Emulator, rosalind: Make, caller: Make, new_project: Make, token_of: Make
) -> None:
    project = new_project(rosalind, admin_ids=[emulator.client_id])["id"]
    token = token_of(emulator, emulator.client_id, emulator.client_secret).json()["access_token"]
    call = caller(emulator, headers={"Authorization": f"Bearer {token}"})
    call("PUT", f"/v2/api/projects/{project}", {"project": {"display_name": "B"}})


def test_switch_opens_the_session_gate(start: Make, caller: Make, new_project: Make) -> None:
    emulator = start(session_gate=False)
    token = emulator.person_token("rosalind@globusid.org", session_age=1801)
    new_project(caller(emulator, headers={"Authorization": f"Bearer {token}"}))


def test_every_write_is_gated_and_no_read(
    emulator: Emulator, rosalind: Make, caller: Make, new_client: Make, new_scope: Make, new_secret: Make
) -> None:
    client = new_client(rosalind)
    one = f"/v2/api/clients/{client['id']}"
    policy = {"project_id": client["project"], "display_name": "P", "description": "D"}
    policy_path = f"/v2/api/policies/{rosalind('POST', '/v2/api/policies', {'policy': policy})['policy']['id']}"
    scope = f"/v2/api/scopes/{new_scope(rosalind, client['id'])['id']}"
    token = emulator.person_token("rosalind@globusid.org", session_age=1801)
    stale = caller(emulator, headers={"Authorization": f"Bearer {token}"})
    for method, path, body in (
        ("POST", "/v2/api/policies", {"policy": policy}),
        ("PUT", policy_path, {"policy": {}}),
        ("DELETE", policy_path, None),
        ("POST", "/v2/api/clients", {"client": {"name": "C", "public_client": True, "project": client["project"]}}),
        ("POST", f"{one}/scopes", {"scope": {"name": "R", "description": "D", "scope_suffix": "new"}}),
        ("PUT", scope, {"scope": {}}),
        ("DELETE", scope, None),
        ("POST", f"{one}/credentials", {"credential": {"name": "K"}}),
        ("DELETE", f"{one}/credentials/{new_secret(rosalind, client['id'])['id']}", None),
        ("POST", f"{one}/fqdns", {"fqdn": "data.example.edu"}),
    ):
        assert GATED in stale(method, path, body, status=403)["error_description"]
    for path in ("/v2/api/projects", one, f"{one}/credentials", scope, policy_path):
        stale("GET", path)


def test_switch_writes_the_policies_of_the_gate_as_a_string(start: Make, caller: Make) -> None:
    emulator = start(session_policies_as="string")
    token = emulator.person_token("rosalind@globusid.org", session_age=1801)
    call = caller(emulator, headers={"Authorization": f"Bearer {token}"})
    body = {"project": {"display_name": "A", "contact_email": "a@b.org", "admin_ids": me(call)}}
    refusal = call("POST", "/v2/api/projects", body, status=403)
    assert refusal["authorization_parameters"]["session_required_policies"] == "5f2a2ac1-6f1b-5f5e-9a3e-6d2f3c3b7a10"
