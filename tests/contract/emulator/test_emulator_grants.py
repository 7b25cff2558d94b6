import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from reconciler.emulator import Emulator

Make = Callable[..., Any]
MANAGE = "urn:globus:auth:scope:auth.globus.org:manage_projects"
TRANSFER = "urn:globus:auth:scope:transfer.api.globus.org:all"
GROUPS = "urn:globus:auth:scope:groups.api.globus.org:view_my_groups_and_memberships"
GROUPS_ID = "73320ffe-4cb4-4b25-a0a3-83d53d59ce4f"
NEXUS_ID = "69a73d8f-cd45-4e37-bb3b-43678424aeb7"
DEPENDENT = "urn:globus:auth:grant_type:dependent_token"


def post(emulator: Emulator, path: str = "token", **options: Any) -> requests.Response:
    return requests.post(f"{emulator.base_url}/v2/oauth2/{path}", timeout=30, **options)


def test_offline_login_has_a_refresh_token_for_each_resource_server(
    emulator: Emulator, application: Any, login: Make, caller: Make
) -> None:
    online = login(emulator, application, MANAGE).json()
    assert "refresh_token" not in online
    first = login(emulator, application, f"{TRANSFER} {MANAGE} openid", access_type="offline").json()
    (other,) = first["other_tokens"]
    assert (first["resource_server"], other["resource_server"]) == ("auth.globus.org", "transfer.api.globus.org")
    assert first["refresh_token"] != other["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], "client_id": application["id"]}
    renewed = post(emulator, data=form).json()
    assert renewed["access_token"] != first["access_token"]
    assert set(renewed["scope"].split()) == {"openid", MANAGE}
    assert (renewed["other_tokens"], renewed["refresh_token"]) == ([], first["refresh_token"])
    caller(emulator, headers={"Authorization": f"Bearer {renewed['access_token']}"})("GET", "/v2/api/projects")
    assert post(emulator, data=form | {"scope": "openid"}).json()["scope"] == "openid"
    assert post(emulator, data=form | {"scope": TRANSFER}).json() == {"error": "invalid_scope"}


def test_refreshing_does_not_renew_the_session(tmp_path: Path, caller: Make, new_client: Make, login: Make) -> None:
    now = [1_800_000_000.0]
    with Emulator(tmp_path / "emulator.db", clock=lambda: now[0]) as emulator:
        rosalind = caller(emulator, "rosalind@globusid.org")
        client = new_client(rosalind, public_client=True, redirect_uris=["https://example.edu"])
        token = login(emulator, client, MANAGE, access_type="offline").json()["refresh_token"]
        now[0] += 1801
        form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": client["id"]}
        call = caller(emulator, headers={"Authorization": f"Bearer {post(emulator, data=form).json()['access_token']}"})
        body = {"project": {"display_name": "A", "contact_email": "a", "admin_ids": [client["id"]]}}
        refusal = call("POST", "/v2/api/projects", body, status=403)
        assert "authorization_parameters" in refusal


def test_refresh_token_is_of_its_client_and_can_be_revoked(
    emulator: Emulator, rosalind: Make, application: Any, new_client: Make, login: Make
) -> None:
    token = login(emulator, application, MANAGE, access_type="offline").json()["refresh_token"]
    other = new_client(rosalind, public_client=True)["id"]
    mine, theirs = ({"token": token, "client_id": client} for client in (application["id"], other))
    form = {"grant_type": "refresh_token", "refresh_token": token}
    refused = post(emulator, data=form | {"client_id": other})
    assert (refused.status_code, refused.json()) == (401, {"error": "invalid_grant"})
    assert post(emulator, "token/validate", data=theirs).json() == {"active": False}
    post(emulator, "token/revoke", data=theirs)
    assert post(emulator, "token/validate", data=mine).json() == {"active": True}
    assert post(emulator, "token/revoke", data=mine).json() == {"active": False}
    assert post(emulator, "token/validate", data=mine).json() == {"active": False}
    assert post(emulator, data=form | {"client_id": application["id"]}).status_code == 401


def test_access_token_is_validated_too(emulator: Emulator, application: Any, login: Make) -> None:
    token = login(emulator, application, "openid").json()["access_token"]
    form = {"token": token, "client_id": application["id"]}
    assert post(emulator, "token/validate", data=form).json() == {"active": True}
    assert post(emulator, "token/validate", data={"token": token}).status_code == 401


@pytest.fixture
def service(rosalind: Make, new_client: Make, new_scope: Make, new_secret: Make) -> Any:
    """Register a service whose scope needs Groups and may use Nexus: its credentials, and the scope."""
    client = new_client(rosalind, visibility="public")["id"]
    dependents = [
        {"scope": GROUPS_ID, "optional": False, "requires_refresh_token": False},
        {"scope": NEXUS_ID, "optional": True, "requires_refresh_token": False},
    ]
    scope = new_scope(rosalind, client, dependent_scopes=dependents)["scope_string"]
    return (client, new_secret(rosalind, client)["secret"]), scope


def test_dependent_tokens_are_a_list_and_the_persons(
    emulator: Emulator, service: Any, application: Any, login: Make
) -> None:
    auth, scope = service
    token = login(emulator, application, scope).json()["access_token"]
    form = {"grant_type": DEPENDENT, "token": token}
    (granted,) = post(emulator, data=form | {"access_type": "offline"}, auth=auth).json()
    assert (granted["resource_server"], granted["scope"]) == ("groups.api.globus.org", GROUPS)
    assert granted["refresh_token"]
    told = post(emulator, "token/introspect", data={"token": granted["access_token"]}, auth=auth).json()
    assert (told["username"], told["client_id"]) == ("ada@uni.example.org", auth[0])
    assert "refresh_token" not in post(emulator, data=form | {"scope": GROUPS}, auth=auth).json()[0]


def test_dependent_scope_without_consent_is_named(
    emulator: Emulator, service: Any, application: Any, login: Make
) -> None:
    auth, scope = service
    token = login(emulator, application, scope).json()["access_token"]
    answer = post(emulator, data={"grant_type": DEPENDENT, "token": token, "scope": TRANSFER}, auth=auth)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, answer.json()["error"]) == (403, "dependent_consent_required")
    assert (error["code"], error["unapproved_scopes"]) == ("DEPENDENT_CONSENT_REQUIRED", [TRANSFER])


def test_token_of_no_service_cannot_be_exchanged(
    emulator: Emulator, service: Any, application: Any, login: Make
) -> None:
    auth, _ = service
    for token in ("nonsense", login(emulator, application, "openid").json()["access_token"]):
        answer = post(emulator, data={"grant_type": DEPENDENT, "token": token}, auth=auth)
        assert (answer.status_code, answer.json()) == (401, {"error": "invalid_grant"})


def test_token_of_another_service_cannot_be_exchanged(
    emulator: Emulator, rosalind: Make, service: Any, application: Any, login: Make, new_client: Make
) -> None:
    token = login(emulator, application, service[1]).json()["access_token"]
    other = new_client(rosalind)["id"]
    secret = rosalind("POST", f"/v2/api/clients/{other}/credentials", {"credential": {"name": "S"}})["credential"]
    answer = post(emulator, data={"grant_type": DEPENDENT, "token": token}, auth=(other, secret["secret"]))
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_grant"})


def test_what_a_login_gave_out_is_not_in_the_file(
    emulator: Emulator, application: Any, login: Make, tmp_path: Path
) -> None:
    granted = login(emulator, application, "openid", access_type="offline").json()
    with closing(sqlite3.connect(tmp_path / "emulator.db")) as connection:
        dump = "\n".join(connection.iterdump())
    assert not any(granted[name] in dump for name in ("access_token", "refresh_token", "id_token"))


def test_deleted_client_takes_its_logins_along(
    emulator: Emulator, rosalind: Make, application: Any, login: Make, tmp_path: Path
) -> None:
    login(emulator, application, "openid", access_type="offline")
    rosalind("DELETE", f"/v2/api/clients/{application['id']}")
    with closing(sqlite3.connect(tmp_path / "emulator.db")) as connection:
        assert connection.execute("SELECT count(*) FROM refresh_tokens").fetchone() == (0,)


def test_state_comes_back_with_the_tokens(browser: Any) -> None:
    assert browser.log_in("ada@uni.example.org", "openid", state="s t&")["state"] == "s t&"
    assert "state" not in browser.exchange(browser.open("openid"))


@pytest.mark.parametrize("ends", [True, False])
def test_revoked_refresh_token_takes_its_access_tokens_along(start: Make, browse: Make, ends: bool) -> None:
    emulator = start(revoked_refresh_token_ends_access=ends)
    browser = browse(emulator)
    first = browser.log_in("ada@uni.example.org", f"openid {TRANSFER}", access_type="offline")
    (other,) = first["other_tokens"]
    own = {"client_id": browser.client["id"]}
    form = own | {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    renewed = post(emulator, data=form).json()
    post(emulator, "token/revoke", data=own | {"token": first["refresh_token"]})
    for token, active in ((first, not ends), (renewed, not ends), (other, True)):
        told = post(emulator, "token/validate", data=own | {"token": token["access_token"]}).json()
        assert told == {"active": active}


@pytest.mark.parametrize("given", [True, False])
def test_switch_gives_an_id_token_with_each_refreshing(start: Make, browse: Make, given: bool) -> None:
    emulator = start(refresh_returns_id_token=given)
    browser = browse(emulator)
    token = browser.log_in("ada@uni.example.org", f"openid {MANAGE}", access_type="offline")
    form = {"grant_type": "refresh_token", "refresh_token": token["refresh_token"], "client_id": browser.client["id"]}
    assert ("id_token" in post(emulator, data=form).json()) is given
    assert "id_token" not in post(emulator, data=form | {"scope": MANAGE}).json()


def test_clients_own_token_is_good_for_what_is_not_optional_all_the_way(
    emulator: Emulator, service: Any, token_of: Make, rosalind: Make, new_client: Make, new_secret: Make
) -> None:
    auth, scope = service
    (needed,) = rosalind("GET", f"/v2/api/scopes?scope_strings={scope}")["scopes"]
    front = new_client(rosalind, visibility="public")["id"]
    dependent = {"scope": needed["id"], "optional": False, "requires_refresh_token": False}
    fields = {"name": "F", "description": "d", "scope_suffix": "f", "dependent_scopes": [dependent]}
    wanted = rosalind("POST", f"/v2/api/clients/{front}/scopes", {"scope": fields})["scopes"][0]["scope_string"]
    token = token_of(emulator, emulator.client_id, emulator.client_secret, wanted).json()["access_token"]
    own = (front, new_secret(rosalind, front)["secret"])
    (middle,) = post(emulator, data={"grant_type": DEPENDENT, "token": token}, auth=own).json()
    form = {"grant_type": DEPENDENT, "token": middle["access_token"]}
    (granted,) = post(emulator, data=form, auth=auth).json()
    assert (middle["scope"], granted["scope"]) == (scope, GROUPS)


@pytest.mark.parametrize("change", ["DELETE", "PUT"])
def test_scope_that_is_deleted_or_renamed_is_refreshed_no_more(
    emulator: Emulator, rosalind: Make, service: Any, application: Any, login: Make, change: str
) -> None:
    (client, _), scope = service
    fields = {"name": "W", "description": "d", "scope_suffix": "write"}
    (kept,) = rosalind("POST", f"/v2/api/clients/{client}/scopes", {"scope": fields})["scopes"]
    asked = (scope, f"{scope} {kept['scope_string']}")
    alone, both = (login(emulator, application, one, access_type="offline").json()["refresh_token"] for one in asked)
    (gone,) = rosalind("GET", f"/v2/api/scopes?scope_strings={scope}")["scopes"]
    rosalind(change, f"/v2/api/scopes/{gone['id']}", {"scope": {"scope_suffix": "new"}})
    form = {"grant_type": "refresh_token", "client_id": application["id"]}
    assert post(emulator, data=form | {"refresh_token": both}).json()["scope"] == kept["scope_string"]
    assert post(emulator, data=form | {"refresh_token": alone}).json() == {"error": "invalid_grant"}


def test_client_identity_needs_no_login_by_a_dependent_token_either(
    emulator: Emulator, caller: Make, rosalind: Make, service: Any, token_of: Make, new_project: Make
) -> None:
    auth, _ = service
    (manage,) = rosalind("GET", f"/v2/api/scopes?scope_strings={MANAGE}")["scopes"]
    dependent = {"scope": manage["id"], "optional": False, "requires_refresh_token": False}
    fields = {"name": "M", "description": "d", "scope_suffix": "manage", "dependent_scopes": [dependent]}
    (scope,) = rosalind("POST", f"/v2/api/clients/{auth[0]}/scopes", {"scope": fields})["scopes"]
    token = token_of(emulator, emulator.client_id, emulator.client_secret, scope["scope_string"]).json()["access_token"]
    (granted,) = post(emulator, data={"grant_type": DEPENDENT, "token": token}, auth=auth).json()
    call = caller(emulator, headers={"Authorization": f"Bearer {granted['access_token']}"})
    assert new_project(call, admin_ids=[emulator.client_id])["admin_ids"] == [emulator.client_id]
