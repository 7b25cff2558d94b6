"""A person at a terminal: logging in with a real redirect or a pasted code, staying logged in, logging in again."""

import json
import os
import re
import sqlite3
import stat
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pexpect
import pytest
import requests

from reconciler.emulator import Emulator, Switches

REPOSITORY = Path(__file__).parents[2]
MANIFEST = """
version: 1
projects:
  p:
    display_name: P
    contact_email: p@example.edu
    admin_ids: [rosalind@globusid.org]
    clients:
      a: {name: A, client_type: client_identity}
"""


@dataclass
class Desk:
    """A person's machine: a folder, an emulator whose clock is an hour late, and an application to log in with."""

    bench: Any
    emulator: Emulator
    client_id: str
    clock: list[float]
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        return self.bench.folder / ".config" / "globus-auth-reconciler" / "logins.json"  # type: ignore[no-any-return]

    def run(self, *arguments: str, **more: str) -> Any:
        return self.bench.run(*arguments, **{**self.environment, **more})

    def at_terminal(self, *arguments: str, **more: str) -> "pexpect.spawn[str]":
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("RECONCILER_", "GLOBUS_"))}
        for name in ("CI", "SSH_CONNECTION", "SSH_TTY"):
            plain.pop(name, None)
        environment = {
            **plain,
            "PYTHONPATH": str(REPOSITORY),
            "XDG_CONFIG_HOME": str(self.bench.folder / ".config"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            "BROWSER": "true",
            "NO_COLOR": "1",
            **self.environment,
            **more,
        }
        command = ["-m", "reconciler", *arguments]
        return pexpect.spawn(
            sys.executable,
            command,
            cwd=str(self.bench.folder),
            env=environment,
            encoding="utf-8",
            timeout=60,
            dimensions=(40, 2000),
        )

    def login(self, **more: str) -> str:
        """Log in by redirect, and return what the program said."""
        terminal = self.at_terminal("login", "--client-id", self.client_id, **more)
        self.follow(terminal)
        return ended(terminal, 0)

    def follow(self, terminal: "pexpect.spawn[str]") -> requests.Response:
        """Open the address that the program shows, as a browser whose person consents."""
        answer = requests.get(address(terminal), timeout=30)
        assert answer.status_code == 200, answer.text
        return answer


def address(terminal: "pexpect.spawn[str]") -> str:
    terminal.expect(r"(http://\S+/v2/oauth2/authorize\?\S+)")
    assert isinstance(terminal.match, re.Match)
    return str(terminal.match[1])


def ended(terminal: "pexpect.spawn[str]", code: int) -> str:
    """Wait for the end of the program; return what it said since it was last listened to."""
    terminal.expect(pexpect.EOF)
    terminal.close()
    said = terminal.before or ""
    assert terminal.exitstatus == code, said
    return said


@pytest.fixture
def desk(bench: Any, tmp_path: Path) -> Iterator[Desk]:
    clock = [time.time() - 3600]
    switches = Switches(approve_without_asking=True)
    with Emulator(tmp_path / "world.db", switches=switches, clock=lambda: clock[0]) as emulator:
        headers = {"Authorization": f"Bearer {emulator.person_token('rosalind@globusid.org')}"}
        project = {"display_name": "Tools", "contact_email": "t@example.edu"}
        me = requests.get(f"{emulator.base_url}/v2/oauth2/userinfo", headers=headers, timeout=30).json()["sub"]

        def post(path: str, body: object) -> Any:
            answer = requests.post(f"{emulator.base_url}{path}", json=body, headers=headers, timeout=30)
            assert answer.status_code == 200, answer.text
            return answer.json()

        made = post("/v2/api/projects", {"project": {**project, "admin_ids": [me]}})["project"]["id"]
        native = {"name": "Reconciler", "project": made, "client_type": "public_installed_client"}
        native["redirect_uris"] = ["http://localhost"]
        client = post("/v2/api/clients", {"client": native})["client"]["id"]
        environment = {"GLOBUS_SDK_SERVICE_URL_AUTH": emulator.base_url}
        yield Desk(bench, emulator, client, clock, environment)


def test_login_by_redirect_is_kept_used_and_revoked(desk: Desk) -> None:
    said = desk.login()
    assert f"Logged in as rosalind@globusid.org. The login is kept in {desk.file}" in said
    assert stat.S_IMODE(desk.file.stat().st_mode) == 0o600
    kept = json.loads(json.loads(desk.file.read_text())[desk.emulator.base_url])
    assert set(kept) == {"client_id", "identity", "username", "refresh_token"}
    assert kept["refresh_token"] not in said

    who = json.loads(desk.run("whoami", "--json").out)
    assert (who["username"], who["kind"], who["credentials"]) == ("rosalind@globusid.org", "person", str(desk.file))
    assert "urn:globus:auth:scope:auth.globus.org:manage_projects" in who["scopes"]
    assert who["expires"] > time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(desk.clock[0] + 3600))

    desk.bench.write("a.yaml", MANIFEST)
    assert desk.run("apply", "--auto-approve").code == 0
    assert desk.run("plan", "--detailed-exitcode").code == 0

    out = desk.run("logout")
    assert (out.code, out.out) == (0, f"rosalind@globusid.org is logged out of {desk.emulator.base_url}.\n")
    form = {"grant_type": "refresh_token", "refresh_token": kept["refresh_token"], "client_id": desk.client_id}
    assert requests.post(f"{desk.emulator.base_url}/v2/oauth2/token", data=form, timeout=30).status_code == 401
    assert desk.run("logout").out == f"Nobody is logged in to {desk.emulator.base_url}.\n"
    ran = desk.run("plan")
    assert ran.code == 10
    assert "log in with `reconciler login`" in ran.err


def test_login_by_pasted_code(desk: Desk) -> None:
    terminal = desk.at_terminal("login", "--client-id", desk.client_id, "--no-local-server")
    page = requests.get(address(terminal), timeout=30).text
    code = re.search(r"<code>([^<]+)</code>", page)
    assert code
    terminal.expect("Code: ")
    terminal.sendline(code[1])
    assert "Logged in as rosalind@globusid.org." in ended(terminal, 0)


@pytest.mark.parametrize(("line", "told"), [("", "no code was given"), ("made-up", "the service refused the login")])
def test_wrong_code_logs_nobody_in(desk: Desk, line: str, told: str) -> None:
    terminal = desk.at_terminal("login", "--client-id", desk.client_id, "--no-local-server")
    terminal.expect("Code: ")
    terminal.sendline(line)
    assert told in ended(terminal, 10)
    assert not desk.file.exists()


def test_only_the_answer_to_this_login_counts(desk: Desk) -> None:
    terminal = desk.at_terminal("login", "--client-id", desk.client_id)
    asked = address(terminal)
    back = parse_qs(urlsplit(asked).query)["redirect_uri"][0]
    assert requests.get(f"{back}/?code=forged&state=guessed", timeout=30).status_code == 400
    assert requests.get(f"{back}/favicon.ico", timeout=30).status_code == 400
    done = requests.get(asked, timeout=30)
    assert done.url.startswith(back)
    assert "You are logged in" in done.text
    assert done.headers["Referrer-Policy"] == "no-referrer"
    assert "Logged in as rosalind@globusid.org." in ended(terminal, 0)


def test_refused_login_is_10(desk: Desk) -> None:
    terminal = desk.at_terminal("login", "--client-id", desk.client_id)
    query = parse_qs(urlsplit(address(terminal)).query)
    refused = {"error": "access_denied", "state": query["state"][0]}
    requests.get(query["redirect_uri"][0], params=refused, timeout=30)
    assert "the login was refused (access_denied)" in ended(terminal, 10)


def test_new_login_revokes_the_one_before(desk: Desk) -> None:
    desk.login()
    first = json.loads(json.loads(desk.file.read_text())[desk.emulator.base_url])["refresh_token"]
    desk.login()
    form = {"grant_type": "refresh_token", "refresh_token": first, "client_id": desk.client_id}
    assert requests.post(f"{desk.emulator.base_url}/v2/oauth2/token", data=form, timeout=30).status_code == 401
    assert desk.run("whoami").code == 0


def test_login_is_kept_in_a_keyring_where_there_is_one(desk: Desk) -> None:
    ring = {"PYTHON_KEYRING_BACKEND": "keyrings.alt.file.PlaintextKeyring", "XDG_DATA_HOME": str(desk.bench.folder)}
    assert "The login is kept in the keyring" in desk.login(**ring)
    assert not desk.file.exists()
    assert "credentials: the keyring" in desk.run("whoami", **ring).out
    assert desk.run("logout", **ring).code == 0
    assert desk.run("whoami", **ring).code == 10


@pytest.mark.parametrize("backend", ["nowhere.Keyring", "keyring.backends.Nothing", "x"])
def test_keyring_that_is_not_there_is_told(bench: Any, backend: str) -> None:
    ran = bench.run("whoami", PYTHON_KEYRING_BACKEND=backend, RECONCILER_ACCESS_TOKEN="")
    assert ran.code == 10
    assert "PYTHON_KEYRING_BACKEND names no keyring that there is" in ran.err


@pytest.mark.parametrize("spoil", ["mode", "link", "content"])
def test_login_file_that_is_not_private_or_not_ours_is_refused(desk: Desk, spoil: str) -> None:
    desk.login()
    match spoil:
        case "mode":
            desk.file.chmod(0o644)
        case "link":
            desk.file.rename(desk.file.with_name("other.json"))
            desk.file.symlink_to("other.json")
        case _:
            desk.file.write_text("{")
    ran = desk.run("whoami")
    assert ran.code == 10
    assert str(desk.file) in ran.err
    assert ran.out == ""


def test_login_that_was_revoked_elsewhere_is_10_with_the_command(desk: Desk) -> None:
    desk.login()
    kept = json.loads(json.loads(desk.file.read_text())[desk.emulator.base_url])
    form = {"token": kept["refresh_token"], "client_id": desk.client_id}
    requests.post(f"{desk.emulator.base_url}/v2/oauth2/token/revoke", data=form, timeout=30).raise_for_status()
    ran = desk.run("whoami")
    assert ran.code == 10
    assert "To log in as this asks for: reconciler login" in ran.err


def test_login_needs_an_application_and_a_person(desk: Desk) -> None:
    ran = desk.run("login")
    assert ran.code == 1
    assert "register a client of type public_installed_client" in ran.err
    desk.bench.write("reconciler.toml", f'[login]\nclient_id = "{desk.client_id}"\n')
    ran = desk.run("login", "--no-input")
    assert ran.code == 10
    assert "a login needs a person" in ran.err


def test_whoami_of_a_client_and_of_a_bare_token(desk: Desk) -> None:
    client = {"RECONCILER_CLIENT_ID": desk.emulator.client_id, "RECONCILER_CLIENT_SECRET": desk.emulator.client_secret}
    who = json.loads(desk.run("whoami", "--json", **client).out)
    assert who["username"] == f"{desk.emulator.client_id}@clients.auth.globus.org"
    assert (who["kind"], who["credentials"]) == ("client", "RECONCILER_CLIENT_ID")
    token = desk.emulator.person_token("barbara@globusid.org")
    ran = desk.run("whoami", RECONCILER_ACCESS_TOKEN=token)
    assert ran.out.startswith("barbara@globusid.org (60de079f-fb84-5df2-add8-836cd06caca2), a person\n")
    assert token not in ran.out
    ran = desk.run("whoami", "--emulator")
    assert ran.out.startswith(
        "rosalind@globusid.org (bf343d4f-ffd7-5990-ba1c-5c0d84132398), a person\n  service: emulator:"
    )


@pytest.fixture
def stale(desk: Desk) -> Callable[[], None]:
    """Log in, and let the login become too old to write."""

    def stale() -> None:
        desk.login()
        desk.clock[0] += 3600
        desk.bench.write("a.yaml", MANIFEST)

    return stale


def test_person_at_a_terminal_logs_in_again_and_the_run_goes_on(desk: Desk, stale: Callable[[], None]) -> None:
    stale()
    terminal = desk.at_terminal("apply", "--auto-approve")
    terminal.expect("in session within the last 30 minutes")
    terminal.expect("Log in again, as this asks for, and go on?")
    terminal.sendline("yes")
    asked = address(terminal)
    assert parse_qs(urlsplit(asked).query)["session_required_policies"] == ["5f2a2ac1-6f1b-5f5e-9a3e-6d2f3c3b7a10"]
    assert parse_qs(urlsplit(asked).query)["prompt"] == ["login"]
    requests.get(asked, timeout=30)
    assert "Apply complete! 2 created, 0 changed, 0 deleted." in ended(terminal, 0)
    assert desk.run("plan", "--detailed-exitcode").code == 0


def test_person_who_declines_leaves_all_as_it_is(desk: Desk, stale: Callable[[], None]) -> None:
    stale()
    terminal = desk.at_terminal("apply", "--auto-approve")
    terminal.expect("Log in again, as this asks for, and go on?")
    terminal.sendline("no")
    said = ended(terminal, 10)
    assert "0 created, 0 changed, 0 deleted, 1 failed, 1 not begun" in said
    assert "reconciler login --policy 5f2a2ac1-6f1b-5f5e-9a3e-6d2f3c3b7a10" in said


def test_pipeline_is_not_asked_and_gets_the_command(desk: Desk, stale: Callable[[], None]) -> None:
    stale()
    ran = desk.run("apply", "--auto-approve")
    assert ran.code == 10
    assert "Log in again" not in ran.out + ran.err
    assert "To log in as this asks for: reconciler login --policy 5f2a2ac1-6f1b-5f5e-9a3e-6d2f3c3b7a10" in ran.out
    terminal = desk.at_terminal("apply", "--auto-approve", CI="true")
    assert "reconciler login --policy" in ended(terminal, 10)


def test_token_that_ends_in_the_middle_is_renewed(desk: Desk) -> None:
    desk.login()
    desk.bench.write("a.yaml", MANIFEST)
    terminal = desk.at_terminal("apply")
    terminal.expect("Apply this plan?")
    with sqlite3.connect(desk.bench.folder / "world.db") as world:
        ended_tokens = world.execute("DELETE FROM tokens").rowcount
    assert ended_tokens > 0
    terminal.sendline("yes")
    assert "Apply complete! 2 created" in ended(terminal, 0)
