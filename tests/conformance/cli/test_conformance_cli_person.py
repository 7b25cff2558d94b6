"""The CLI of a person, who answers its questions and goes through the pages of the service."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
import requests

from tests.conformance.browser import Browser
from tests.conformance.cli.conftest import Cli
from tests.conformance.conftest import Service

ADA = "90fad974-a18c-5eeb-bdbe-29f154c75466"
ROSALIND = "bf343d4f-ffd7-5990-ba1c-5c0d84132398"
MANAGE = "urn:globus:auth:scope:auth.globus.org:manage_projects"
GATE = "5f2a2ac1-6f1b-5f5e-9a3e-6d2f3c3b7a10"
TEMPLATE = "95fdeba8-fac2-42bd-a357-e068d82ff78e"
USERINFO = "/v2/oauth2/userinfo"
TWO_DAYS = 172800


def stored(globus: Cli, kind: str, name: str = "%") -> list[Any]:
    """Return what the CLI has kept: tokens by resource server, or its configuration."""
    column = {"token": "resource_server", "config": "config_name"}[kind]
    with closing(sqlite3.connect(globus.home / ".globus/cli/storage.db")) as kept:
        statement = f"SELECT {kind}_data_json FROM {kind}_storage WHERE {column} LIKE ?"
        return [json.loads(row[0]) for row in kept.execute(statement, (name,))]


def raw(machine: Cli, method: str, path: str, document: Any) -> Any:
    """Write as the client identity that manages projects."""
    body = ("--body", json.dumps(document))
    done = machine.run("api", "auth", method, path, "--scope-string", MANAGE, *body)
    assert done.code == 0, done
    return done.json


@pytest.fixture
def logged_in(globus: Cli, ada: Browser) -> Cli:
    done = globus.run("login", "--no-local-server", person=ada)
    assert (done.code, done.err) == (0, "")
    assert "You have successfully logged in to the Globus CLI!" in done.out
    return globus


def test_login_makes_an_instance_and_keeps_tokens(globus: Cli, ada: Browser) -> None:
    globus.service.called()
    assert globus.run("login", "--no-local-server", person=ada).code == 0
    calls = globus.service.called()
    assert calls[0] == ("POST", "/v2/api/clients", 200)
    assert ("POST", "/v2/oauth2/token", 200) in calls
    servers = {one["resource_server"] for one in stored(globus, "token")}
    assert {"auth.globus.org", "transfer.api.globus.org", "groups.api.globus.org", "flows.globus.org"} <= servers
    assert stored(globus, "config", "auth_user_data") == [{"sub": ADA}]
    assert stored(globus, "config", "auth_client_data")[0]["client_id"] != TEMPLATE

    again = globus.run("login", "--no-local-server")
    assert (again.code, "You are already logged in!" in again.out) == (0, True)
    assert ("POST", "/v2/oauth2/token/validate", 200) in globus.service.called()


def test_person_is_known_after_a_login(logged_in: Cli) -> None:
    who = logged_in.run("whoami", "--format", "json")
    assert (who.code, who.json["sub"], who.json["email"]) == (0, ADA, "ada@uni.example.org")
    assert logged_in.run("whoami").out.strip() == "ada@uni.example.org"
    linked = logged_in.run("whoami", "--linked-identities")
    assert (linked.code, linked.out.split()) == (0, ["ada@uni.example.org"])
    found = logged_in.run("get-identities", "rosalind@globusid.org", ADA, "nobody@globusid.org")
    assert (found.code, found.out.split()) == (0, [ROSALIND, "ada@uni.example.org", "NO_SUCH_IDENTITY"])
    table = logged_in.run("get-identities", "--verbose", ADA)
    assert "University of Example" in table.out
    made = logged_in.run("get-identities", "--provision", "grace@example.edu")
    assert (made.code, made.out.strip() == "NO_SUCH_IDENTITY") == (0, False)
    raw = logged_in.run("api", "auth", "GET", USERINFO)
    assert (raw.code, raw.json["sub"]) == (0, ADA)
    scoped = logged_in.run("api", "auth", "GET", USERINFO, "--scope-string", MANAGE)
    assert (scoped.code, "only supported for confidential-client" in " ".join(scoped.err.split())) == (2, True)


def test_session_is_shown_and_updated(logged_in: Cli, ada: Browser) -> None:
    shown = logged_in.run("session", "show", "--format", "json")
    assert shown.code == 0
    assert list(shown.json["authentications"]) == [ADA]
    assert "ada@uni.example.org" in logged_in.run("session", "show").out
    for wanted in (["ada@uni.example.org"], ["--all"], ["uni.example.org"]):
        done = logged_in.run("session", "update", "--no-local-server", *wanted, person=ada)
        assert (done.code, "You have successfully updated your CLI session." in done.out) == (0, True), done
    assert any("Authenticate to update your CLI session." in page for page in ada.read)
    refused = logged_in.run("session", "update", "--no-local-server", "rosalind@globusid.org")
    assert (refused.code, "is not in your identity set" in refused.err) == (1, True)
    latest = logged_in.run("session", "show", "--format", "json").json["authentications"][ADA]["auth_time"]
    assert latest >= shown.json["authentications"][ADA]["auth_time"]


def test_logout_ends_the_tokens(logged_in: Cli) -> None:
    tokens = [one for kept in stored(logged_in, "token") for one in (kept["access_token"], kept["refresh_token"])]
    client = stored(logged_in, "config", "auth_client_data")[0]
    basic = (client["client_id"], client["client_secret"])

    def active() -> set[bool]:
        url = f"{logged_in.service.base_url}/v2/oauth2/token/validate"
        return {requests.post(url, auth=basic, data={"token": one}, timeout=30).json()["active"] for one in tokens}

    assert active() == {True}
    done = logged_in.run("logout", "--yes")
    assert (done.code, "Logging out of Globus as ada@uni.example.org" in done.out) == (0, True)
    assert active() == {False}
    refused = logged_in.run("whoami")
    assert (refused.code, "MissingLoginError" in refused.err) == (4, True)


def test_login_without_being_asked_for_a_code(globus: Cli, ada: Browser) -> None:
    desktop = globus.opened(ada)
    done = desktop.run("login")
    assert (done.code, "You have successfully logged in" in done.out) == (0, True), done
    assert desktop.run("whoami").out.strip() == "ada@uni.example.org"
    desktop.run("logout", "--yes")


def test_another_person_needs_a_logout_or_a_profile(logged_in: Cli, rosalind: Browser) -> None:
    refused = logged_in.run("login", "--force", "--no-local-server", person=rosalind)
    assert (refused.code, "didn't match existing credentials" in refused.err) == (1, True)
    work = logged_in.profile("work")
    assert work.run("login", "--no-local-server", person=rosalind).code == 0
    assert work.run("whoami").out.strip() == "rosalind@globusid.org"
    assert logged_in.run("whoami").out.strip() == "ada@uni.example.org"
    kept = logged_in.run("cli-profile-list")
    assert (kept.code, "work" in kept.out) == (0, True)


def test_expired_token_is_refreshed(serve: Callable[..., Service], globus: Cli, ada: Browser) -> None:
    globus.service = serve()
    assert globus.run("login", "--no-local-server", person=ada).code == 0
    globus.service.advance(TWO_DAYS + 60)
    globus.service.called()
    who = globus.run("whoami")
    assert (who.code, who.out.strip()) == (0, "ada@uni.example.org")
    assert [status for _, path, status in globus.service.called() if path == USERINFO] == [401, 200]


def test_gate_says_how_to_go_on(serve: Callable[..., Service], machine: Cli, globus: Cli, rosalind: Browser) -> None:
    own = serve()
    machine.service = globus.service = own
    machine.extra = {"GLOBUS_CLI_CLIENT_ID": own.client_id, "GLOBUS_CLI_CLIENT_SECRET": own.client_secret}
    wanted = {"display_name": "Gated", "contact_email": "ops@example.edu", "admin_ids": [own.client_id, ROSALIND]}
    path = f"/v2/api/projects/{raw(machine, 'POST', '/v2/api/projects', {'project': wanted})['project']['id']}"
    rename = ("api", "auth", "PUT", path, "--body", json.dumps({"project": {"display_name": "Gated 2"}}))
    own.advance(-3600)
    assert globus.run("login", "--no-local-server", person=rosalind).code == 0
    refused = globus.run(*rename)
    assert (refused.code, "403" in refused.err) == (1, True)
    consented = globus.run("session", "consent", "--no-local-server", MANAGE, person=rosalind)
    assert (consented.code, consented.err) == (0, "")
    assert globus.run(*rename).json["project"]["display_name"] == "Gated 2"

    own.advance(3600)
    assert globus.run("api", "auth", "GET", path).json["project"]["display_name"] == "Gated 2"
    gated = globus.run(*rename)
    assert gated.code == 4
    told = gated.out + gated.err
    assert f"globus session update --policy '{GATE}'" in told or f"globus session update --policy {GATE}" in told
    assert "within the last 30 minutes" in told
    updated = globus.run("session", "update", "--no-local-server", "--policy", GATE, "--scope", MANAGE, person=rosalind)
    assert (updated.code, updated.err) == (0, "")
    assert globus.run(*rename).code == 0


def test_login_for_a_flow(machine: Cli, globus: Cli, ada: Browser) -> None:
    project = {"display_name": "Flows", "contact_email": "ops@example.edu", "admin_ids": [machine.service.client_id]}
    made = raw(machine, "POST", "/v2/api/projects", {"project": project})["project"]
    client = {"name": "Flow", "project": made["id"], "client_type": "resource_server", "visibility": "public"}
    flow = raw(machine, "POST", "/v2/api/clients", {"client": client})["client"]["id"]
    scope = {"name": "Run", "description": "Run the flow", "scope_suffix": f"flow_{flow.replace('-', '_')}_user"}
    raw(machine, "POST", f"/v2/api/clients/{flow}/scopes", {"scope": scope | {"advertised": True}})
    for option in (("--flow", flow), ("--timer", f"flow:{flow}")):
        done = globus.run("login", "--no-local-server", *option, person=ada)
        assert (done.code, "You have successfully logged in" in done.out) == (0, True), done
        again = globus.run("login", "--no-local-server", *option)
        assert (again.code, "You are already logged in!" in again.out) == (0, True), again
    assert flow in [one["resource_server"] for one in stored(globus, "token")]
