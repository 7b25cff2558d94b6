from collections.abc import Callable
from typing import Any

import pytest
import requests

from reconciler.emulator import Emulator

Make = Callable[..., Any]
MANAGE = "urn:globus:auth:scope:auth.globus.org:manage_projects"
NOBODY = "00000000-0000-4000-8000-000000000000"
TRANSFER = "urn:globus:auth:scope:transfer.api.globus.org:all"


def post(emulator: Emulator, path: str, **options: Any) -> requests.Response:
    return requests.post(f"{emulator.base_url}/v2/oauth2/{path}", timeout=30, **options)


def test_client_credentials_grant_has_the_documented_shape(emulator: Emulator, token_of: Make) -> None:
    answer = token_of(emulator, emulator.client_id, emulator.client_secret, f"openid {MANAGE}").json()
    assert len(answer.pop("access_token")) > 40
    assert answer == {
        "scope": f"openid {MANAGE}",
        "expires_in": 172800,
        "token_type": "Bearer",
        "resource_server": "auth.globus.org",
        "other_tokens": [],
    }


def test_each_resource_server_gets_a_token_of_its_own(emulator: Emulator, caller: Make, token_of: Make) -> None:
    scopes = f"{TRANSFER}[*https://auth.globus.org/scopes/x/data_access {MANAGE}] {MANAGE}"
    answer = token_of(emulator, emulator.client_id, emulator.client_secret, scopes).json()
    (other,) = answer["other_tokens"]
    assert (answer["resource_server"], answer["scope"]) == ("auth.globus.org", MANAGE)
    assert (other["resource_server"], other["scope"]) == ("transfer.api.globus.org", TRANSFER)
    call = caller(emulator, headers={"Authorization": f"Bearer {other['access_token']}"})
    call("GET", "/v2/api/projects", status=403)


def test_client_may_authenticate_in_the_form(emulator: Emulator) -> None:
    form = {"grant_type": "client_credentials", "scope": "openid", "client_id": emulator.client_id}
    assert post(emulator, "token", data=form | {"client_secret": emulator.client_secret}).status_code == 200
    assert post(emulator, "token", data=form).status_code == 401


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"scope": "urn:globus:auth:scope:nowhere:all"}, 400, "invalid_scope"),
        ({"scope": "rosalind@globusid.org"}, 400, "invalid_scope"),
        ({"scope": "[[[ ]"}, 400, "invalid_scope"),
    ],
)
def test_refused_grants_have_the_short_error_document(
    emulator: Emulator, form: dict[str, str], status: int, error: str
) -> None:
    good = {
        "grant_type": "client_credentials",
        "scope": "openid",
        "client_id": emulator.client_id,
        "client_secret": emulator.client_secret,
    }
    answer = post(emulator, "token", data=good | form)
    assert (answer.status_code, answer.json()) == (status, {"error": error})


WRONG_CLIENTS = [
    {"auth": (NOBODY, "wrong")},
    {"auth": ("nobody", "wrong")},
    {"headers": {"Authorization": "Basic ?"}},
    {"data": {"client_id": NOBODY, "client_secret": "wrong"}},
    {},
]


@pytest.mark.parametrize("wrong", WRONG_CLIENTS)
@pytest.mark.parametrize("path", ["token", "token/introspect", "token/revoke"])
def test_client_without_a_valid_secret_is_not_authenticated(
    emulator: Emulator, path: str, wrong: dict[str, Any]
) -> None:
    form = {"grant_type": "client_credentials", "scope": "openid", "token": "x"}
    answer = post(emulator, path, **wrong | {"data": form | wrong.get("data", {})})
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["code"], error["detail"]) == (401, "UNAUTHORIZED", "Basic auth failed")


def test_switch_answers_a_wrong_secret_with_the_short_document(start: Make, token_of: Make) -> None:
    emulator = start(failed_client_document="error")
    answer = token_of(emulator, emulator.client_id, "wrong")
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


def test_type_without_the_grant_gets_no_token(
    emulator: Emulator, rosalind: Make, new_client: Make, new_secret: Make, token_of: Make
) -> None:
    client = new_client(rosalind, public_client=True)["id"]
    answer = token_of(emulator, client, new_secret(rosalind, client)["secret"])
    assert (answer.status_code, answer.json()) == (400, {"error": "unauthorized_client"})


def test_switch_takes_the_grant_from_resource_servers(
    start: Make, caller: Make, new_client: Make, new_secret: Make, token_of: Make
) -> None:
    emulator = start(resource_servers_grant_client_credentials=False)
    call = caller(emulator, "rosalind@globusid.org")
    client = new_client(call, client_type="resource_server")
    assert "client_credentials" not in client["grant_types"]
    secret = new_secret(call, client["id"])["secret"]
    assert token_of(emulator, client["id"], secret).status_code == 400


def test_private_scopes_of_others_are_not_granted(
    emulator: Emulator, rosalind: Make, new_client: Make, new_scope: Make, token_of: Make
) -> None:
    client = new_client(rosalind)["id"]
    hidden, shown = new_scope(rosalind, client), new_scope(rosalind, client, "shown", advertised=True)
    secret = emulator.client_secret
    assert token_of(emulator, emulator.client_id, secret, hidden["scope_string"]).status_code == 400
    answer = token_of(emulator, emulator.client_id, secret, shown["scope_string"]).json()
    assert answer["resource_server"] == client


def test_introspection_tells_a_client_about_a_token(emulator: Emulator, token_of: Make) -> None:
    own = (emulator.client_id, emulator.client_secret)
    token = token_of(emulator, *own, "openid").json()["access_token"]
    told = post(emulator, "token/introspect", data={"token": token}, auth=own).json()
    assert (told["active"], told["sub"], told["scope"]) == (True, emulator.client_id, "openid")
    assert told["exp"] - told["iat"] == 172800
    assert post(emulator, "token/introspect", data={"token": "?"}, auth=own).json() == {"active": False}
    assert post(emulator, "token/introspect", data={"token": token}).status_code == 401


def test_revoked_token_stops_working(emulator: Emulator, caller: Make, token_of: Make) -> None:
    own = (emulator.client_id, emulator.client_secret)
    token = token_of(emulator, *own).json()["access_token"]
    call = caller(emulator, headers={"Authorization": f"Bearer {token}"})
    call("GET", "/v2/api/projects")
    answer = post(emulator, "token/revoke", data={"token": token}, auth=own)
    assert (answer.status_code, answer.json()) == (200, {"active": False})
    call("GET", "/v2/api/projects", status=401)
    assert post(emulator, "token/revoke", data={"token": token}, auth=own).json() == {"active": False}


def test_client_cannot_revoke_the_tokens_of_another(
    emulator: Emulator, rosalind: Make, new_client: Make, new_secret: Make, token_of: Make
) -> None:
    token = token_of(emulator, emulator.client_id, emulator.client_secret).json()["access_token"]
    client = new_client(rosalind)["id"]
    auth = (client, new_secret(rosalind, client)["secret"])
    post(emulator, "token/revoke", data={"token": token}, auth=auth)
    assert post(emulator, "token/introspect", data={"token": token}, auth=auth).json()["active"]


def test_userinfo_goes_as_far_as_the_scopes(emulator: Emulator, rosalind: Make, caller: Make, token_of: Make) -> None:
    person = rosalind("GET", "/v2/oauth2/userinfo")
    assert (person["email"], person["name"]) == ("rosalind@globusid.org", "Rosalind Franklin")
    for scope, keys in (("openid", {"sub", "identity_set"}), ("openid email", {"sub", "identity_set", "email"})):
        token = token_of(emulator, emulator.client_id, emulator.client_secret, scope).json()["access_token"]
        call = caller(emulator, headers={"Authorization": f"Bearer {token}"})
        assert set(call("GET", "/v2/oauth2/userinfo")) == keys
    token = token_of(emulator, emulator.client_id, emulator.client_secret, "email").json()["access_token"]
    caller(emulator, headers={"Authorization": f"Bearer {token}"})("GET", "/v2/oauth2/userinfo", status=403)


def test_token_expires(tmp_path: Any, caller: Make) -> None:
    now = [1_800_000_000.0]
    with Emulator(tmp_path / "emulator.db", clock=lambda: now[0]) as emulator:
        call = caller(emulator, "rosalind@globusid.org")
        now[0] += 172799
        call("GET", "/v2/api/projects")
        now[0] += 1
        call("GET", "/v2/api/projects", status=401)


@pytest.mark.parametrize(("asked_for", "of_others"), [("visible", 400), ("known", 200)])
def test_client_asks_for_private_scopes_of_its_own_project(
    start: Make, caller: Make, new_client: Make, token_of: Make, asked_for: str, of_others: int
) -> None:
    emulator = start(requested_scopes=asked_for)
    call = caller(emulator, "rosalind@globusid.org")
    portal, stranger = new_client(call), new_client(call)
    service = new_client(call, project=portal["project"])["id"]
    scope = {"name": "Read", "description": "Read all", "scope_suffix": "read"}
    (private,) = call("POST", f"/v2/api/clients/{service}/scopes", {"scope": scope})["scopes"]
    for client, status in ((portal["id"], 200), (stranger["id"], of_others)):
        made = call("POST", f"/v2/api/clients/{client}/credentials", {"credential": {"name": "Launch"}})
        answer = token_of(emulator, client, made["credential"]["secret"], private["scope_string"])
        assert answer.status_code == status


def test_switch_answers_unknown_scopes_with_the_code_that_was_seen(start: Make, token_of: Make) -> None:
    emulator = start(unknown_scope_document="errors")
    refused = token_of(emulator, emulator.client_id, emulator.client_secret, "openid urn:nowhere")
    (error,) = refused.json()["errors"]
    assert (refused.status_code, error["code"], error["status"]) == (400, "UNKNOWN_SCOPE_ERROR", "400")
    assert "urn:nowhere" in error["detail"]
    assert "openid" not in error["detail"]
