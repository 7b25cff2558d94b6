"""The CLI with client credentials."""

import json
from collections.abc import Iterator

import pytest

from tests.conformance.cli.conftest import Cli, Outcome
from tests.conformance.conftest import Service

MANAGE = "urn:globus:auth:scope:auth.globus.org:manage_projects"
SCOPED = ("--scope-string", MANAGE)
PROJECTS = "/v2/api/projects"


def api(globus: Cli, method: str, path: str, *more: str) -> Outcome:
    return globus.run("api", "auth", method, path, *SCOPED, *more)


@pytest.fixture
def project(machine: Cli) -> Iterator[str]:
    """Have a project, made and deleted by raw calls."""
    wanted = {"display_name": "Raw", "contact_email": "ops@example.edu", "admin_ids": [machine.service.client_id]}
    made = api(machine, "POST", PROJECTS, "--body", json.dumps({"project": wanted}))
    assert (made.code, made.err) == (0, "")
    identifier = made.json["project"]["id"]
    assert isinstance(identifier, str)
    yield identifier
    gone = api(machine, "DELETE", f"{PROJECTS}/{identifier}")
    assert (gone.code, gone.json["project"]["id"]) == (0, identifier)


def test_raw_calls_write_and_read(machine: Cli, project: str) -> None:
    path = f"{PROJECTS}/{project}"
    body = json.dumps({"project": {"display_name": "Raw 2"}})
    assert api(machine, "PUT", path, "--body", body).json["project"]["display_name"] == "Raw 2"
    read = api(machine, "GET", path, "--jmespath", "project.display_name")
    assert (read.code, read.json) == (0, "Raw 2")
    found = api(machine, "GET", "/v2/api/scopes", "-Q", f"scope_strings={MANAGE}", "--jmespath", "scopes[0].client")
    assert found.code == 0
    refused = api(machine, "PATCH", path, "--body", body)
    assert refused.code == 1
    assert "HTTP status:" in refused.err
    assert api(machine, "HEAD", "/jwk.json").code == 0


def test_raw_call_without_the_scope_is_refused(machine: Cli) -> None:
    machine.service.called()
    refused = machine.run("api", "auth", "GET", PROJECTS)
    assert refused.code == 1
    assert "HTTP status:" in refused.err
    assert "403" in refused.err
    assert "FORBIDDEN" in refused.err
    assert MANAGE in refused.err
    assert machine.service.called() == [("POST", "/v2/oauth2/token", 200), ("GET", PROJECTS, 403)]
    allowed = machine.run("api", "auth", "GET", PROJECTS, "--allow-errors")
    assert (allowed.code, allowed.json["errors"][0]["code"]) == (0, "FORBIDDEN")


def test_raw_call_to_nowhere_fails(machine: Cli) -> None:
    refused = api(machine, "GET", "/v2/api/projects/bf343d4f-ffd7-5990-ba1c-5c0d84132398")
    assert refused.code == 1
    assert "NOT_FOUND" in refused.err


def test_client_is_always_logged_in(machine: Cli, service: Service) -> None:
    who = machine.run("whoami")
    assert (who.code, who.out.strip()) == (0, f"{service.client_id}@clients.auth.globus.org")
    refused = machine.run("login")
    assert refused.code == 2
    assert "do not run 'globus login'" in refused.err
    shown = machine.run("session", "show", "--format", "json")
    assert shown.code == 0
    assert "authentications" in shown.json
    kept = machine.run("cli-profile-list")
    assert (kept.code, service.client_id in kept.out) == (0, True)
    out = machine.run("logout", "--yes")
    assert out.code == 0
    assert f"Revoking all CLI tokens for {service.client_id}@clients.auth.globus.org" in out.out


def test_wrong_secret_is_refused(globus: Cli, service: Service) -> None:
    globus.extra = {"GLOBUS_CLI_CLIENT_ID": service.client_id, "GLOBUS_CLI_CLIENT_SECRET": "wrong"}
    refused = globus.run("api", "auth", "GET", PROJECTS)
    assert refused.code == 1
    assert "do not appear to be valid client credentials" in refused.err
