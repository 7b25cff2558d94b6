import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from reconciler.emulator import CannotServe, Emulator, serve

Make = Callable[..., Any]

# The last line on stdout comes when the env file is there, so that nobody has to poll for it.
SERVE = """
import sys, threading
from pathlib import Path
from reconciler.emulator import serve, server
write = server._write_private
server._write_private = lambda path, text: (write(path, text), print("ready", flush=True))
serve(Path(sys.argv[1]), port=0, env_file=Path(sys.argv[2]))
print("stopped", flush=True)
"""


@contextmanager
def serving(folder: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Run ``serve`` as a process and yield it with what its env file says."""
    command = [sys.executable, "-c", SERVE, str(folder / "emulator.db"), str(folder / "env" / "emulator.env")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            text = (folder / "env" / "emulator.env").read_text()
            yield process, dict(line.split("=", 1) for line in text.splitlines())
        finally:
            process.kill()


def bearer(env: dict[str, str], token_scope: str = "urn:globus:auth:scope:auth.globus.org:manage_projects") -> Any:
    answer = requests.post(
        env["GLOBUS_SDK_SERVICE_URL_AUTH"] + "v2/oauth2/token",
        auth=(env["RECONCILER_CLIENT_ID"], env["RECONCILER_CLIENT_SECRET"]),
        data={"grant_type": "client_credentials", "scope": token_scope},
        timeout=30,
    )
    return {"Authorization": "Bearer " + answer.json()["access_token"]}


def project_body(env: dict[str, str]) -> Any:
    admins = [env["RECONCILER_CLIENT_ID"]]
    return {"project": {"display_name": "A", "contact_email": "a@example.edu", "admin_ids": admins}}


def test_acknowledged_writes_survive_kill_9(tmp_path: Path) -> None:
    acknowledged: list[str] = []
    with serving(tmp_path) as (process, env):
        headers, url = bearer(env), env["GLOBUS_SDK_SERVICE_URL_AUTH"] + "v2/api/projects"

        def create_until_killed() -> None:
            try:
                while True:
                    answer = requests.post(url, json=project_body(env), headers=headers, timeout=30)
                    acknowledged.append(answer.json()["project"]["id"])
                    if len(acknowledged) == 60:
                        process.kill()
            except (requests.RequestException, ValueError):
                return

        with ThreadPoolExecutor(4) as pool:
            for _ in range(4):
                pool.submit(create_until_killed)
        process.kill()
        process.wait(timeout=30)
    assert len(acknowledged) >= 60
    with serving(tmp_path) as (_, env):
        url = env["GLOBUS_SDK_SERVICE_URL_AUTH"] + "v2/api/projects"
        answer = requests.get(url, headers=headers, timeout=30)  # the token survived too
        assert set(acknowledged) <= {project["id"] for project in answer.json()["projects"]}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_stops_at_a_signal_and_the_env_file_is_private(tmp_path: Path, number: signal.Signals) -> None:
    with serving(tmp_path) as (process, env):
        assert list(env) == ["GLOBUS_SDK_SERVICE_URL_AUTH", "RECONCILER_CLIENT_ID", "RECONCILER_CLIENT_SECRET"]
        path = tmp_path / "env" / "emulator.env"
        assert path.stat().st_mode & 0o777 == 0o600
        assert [file.name for file in path.parent.iterdir()] == ["emulator.env"]
        bearer(env)
        process.send_signal(number)
        assert process.stdout is not None
        assert process.stdout.readline() == "stopped\n"
        assert process.wait() == 0


def test_many_connections_create_at_once(rosalind: Make, new_project: Make, new_scope: Make) -> None:
    project = new_project(rosalind)["id"]

    def create(number: int) -> tuple[str, str]:
        body = {"client": {"name": f"client {number}", "project": project, "public_client": False}}
        client = rosalind("POST", "/v2/api/clients", body)["client"]["id"]
        return client, new_scope(rosalind, client)["id"]

    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(create, range(64)))
    listed = rosalind("GET", "/v2/api/clients")["clients"]
    assert {(client["id"], *client["scopes"]) for client in listed} == set(made)
    assert sorted(client["name"] for client in listed) == sorted(f"client {number}" for number in range(64))


def test_one_of_many_wins_a_unique_suffix(rosalind: Make, new_client: Make) -> None:
    client = new_client(rosalind)["id"]
    body = {"scope": {"name": "R", "description": "D", "scope_suffix": "read"}}

    def create(_: int) -> bool:
        try:
            rosalind("POST", f"/v2/api/clients/{client}/scopes", body)
        except AssertionError:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(create, range(16))) == 1


def test_world_and_objects_outlive_a_restart_and_each_start_has_a_secret(
    tmp_path: Path, caller: Make, token_of: Make
) -> None:
    path = tmp_path / "missing" / "folder" / "emulator.db"
    with Emulator(path, port=0) as emulator:
        world, client, secret = emulator.world_id, emulator.client_id, emulator.client_secret
        assert secret == emulator.client_secret
        token = emulator.person_token("rosalind@globusid.org")
        call = caller(emulator, headers={"Authorization": f"Bearer {token}"})
        me = call("GET", "/v2/oauth2/userinfo")["sub"]
        body = {"project": {"display_name": "A", "contact_email": "a@example.edu", "admin_ids": [me]}}
        project = call("POST", "/v2/api/projects", body)["project"]
    with Emulator(path, port=0) as emulator:
        assert (emulator.world_id, emulator.client_id) == (world, client)
        call = caller(emulator, headers={"Authorization": f"Bearer {token}"})
        assert call("GET", "/v2/api/projects")["projects"] == [project]
        assert emulator.client_secret != secret
        assert token_of(emulator, client, secret).status_code == 200
        call = caller(emulator, auth=(client, emulator.client_secret))
        credentials = call("GET", f"/v2/api/clients/{client}/credentials")["credentials"]
        assert [credential["name"] for credential in credentials] == ["Bootstrap"] * 2


def test_only_old_secrets_of_earlier_starts_are_retired(tmp_path: Path, caller: Make, new_secret: Make) -> None:
    now, path = [1_800_000_000.0], tmp_path / "emulator.db"
    secrets: list[tuple[str, str]] = []

    def start() -> list[int]:
        """Start once more and return which starts' secrets work."""
        with Emulator(path, clock=lambda: now[0]) as emulator:
            if not secrets:
                auth = (emulator.client_id, emulator.client_secret)
                secrets.append((auth[0], new_secret(caller(emulator, auth=auth), auth[0], "Bootstrap")["secret"]))
            secrets.append((emulator.client_id, emulator.client_secret))
            url = f"{emulator.base_url}/v2/api/clients"
            return [n for n, auth in enumerate(secrets) if requests.get(url, auth=auth, timeout=30).status_code == 200]

    for number in range(1, 11):
        assert start() == list(range(number + 1))
    now[0] += 86_401
    assert start() == [0, *range(4, 12)]  # a user's secret, and the newest eight


def test_deleted_bootstrap_client_is_made_again_at_the_start(tmp_path: Path, caller: Make, token_of: Make) -> None:
    path = tmp_path / "emulator.db"
    with Emulator(path) as emulator:
        client = emulator.client_id
        caller(emulator, auth=(client, emulator.client_secret))("DELETE", f"/v2/api/clients/{client}")
    with Emulator(path) as emulator:
        assert emulator.client_id == client
        assert token_of(emulator, client, emulator.client_secret).status_code == 200


def test_secret_asked_for_after_the_deletion_of_its_client_works(
    emulator: Emulator, caller: Make, token_of: Make
) -> None:
    token = emulator.person_token("rosalind@globusid.org")
    with closing(sqlite3.connect(emulator._db or "")) as connection, connection:
        connection.execute("DELETE FROM objects WHERE id = ?", (emulator.client_id,))
    assert token_of(emulator, emulator.client_id, emulator.client_secret).status_code == 200
    caller(emulator, headers={"Authorization": f"Bearer {token}"})("GET", "/v2/api/projects")


def test_unknown_person_has_no_token(emulator: Emulator) -> None:
    with pytest.raises(KeyError):
        emulator.person_token("nobody@example.edu")


def test_port_in_use_is_an_error(emulator: Emulator, tmp_path: Path) -> None:
    port = int(emulator.base_url.rpartition(":")[2])
    with pytest.raises(CannotServe, match=os.strerror(98)), Emulator(tmp_path / "other.db", port=port):
        pass


def test_two_processes_may_share_a_file(tmp_path: Path, caller: Make) -> None:
    with serving(tmp_path) as (_, env), Emulator(tmp_path / "emulator.db") as emulator:
        assert emulator.client_secret != env["RECONCILER_CLIENT_SECRET"]
        url = env["GLOBUS_SDK_SERVICE_URL_AUTH"] + "v2/api/projects"
        project = requests.post(url, json=project_body(env), headers=bearer(env), timeout=30).json()["project"]
        call = caller(emulator, headers=bearer(env))
        assert call("GET", "/v2/api/projects")["projects"] == [project]


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the file as another process does that is in the middle of a write."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def test_request_that_waits_for_the_file_keeps_nobody_else_waiting(
    emulator: Emulator, rosalind: Make, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with held(tmp_path / "emulator.db"):
            waiting = pool.submit(rosalind, "GET", "/v2/api/projects")
            for _ in range(20):
                requests.get(f"{emulator.base_url}/_emulator/requests", timeout=2)
            assert not waiting.done()
        assert waiting.result() == {"projects": []}


def test_file_that_stays_held_is_an_error_of_the_emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.emulator.store._BUSY_SECONDS", 0.05)
    path = tmp_path / "emulator.db"
    with Emulator(path) as emulator:
        headers = {"Authorization": f"Bearer {emulator.person_token('rosalind@globusid.org')}"}
        with held(path):
            answer = requests.get(f"{emulator.base_url}/v2/api/projects", headers=headers, timeout=30)
            assert (answer.status_code, answer.json()["errors"][0]["code"]) == (503, "SERVICE_UNAVAILABLE")
            with pytest.raises(CannotServe, match="database is locked"):
                emulator.person_token("rosalind@globusid.org")
            with pytest.raises(CannotServe, match="database is locked"):
                _ = emulator.client_id
            with pytest.raises(CannotServe, match="database is locked"), Emulator(path):
                pass
            with pytest.raises(CannotServe, match="database is locked"):
                serve(path, port=0, env_file=None)
        assert emulator.client_id


@pytest.mark.parametrize("in_its_place", [None, b""])
def test_nothing_is_acknowledged_once_the_file_is_gone(
    tmp_path: Path, caller: Make, in_its_place: bytes | None
) -> None:
    with Emulator(tmp_path / "emulator.db") as emulator:
        call = caller(emulator, "rosalind@globusid.org")
        (tmp_path / "emulator.db").rename(tmp_path / "moved.db")
        if in_its_place is not None:
            (tmp_path / "emulator.db").write_bytes(in_its_place)
        refused = call("GET", "/v2/api/projects", status=503)
        assert "it was removed or replaced since the start" in refused["errors"][0]["detail"]


def test_file_with_the_signing_key_is_only_its_owners(tmp_path: Path) -> None:
    with Emulator(tmp_path / "emulator.db") as emulator:
        assert requests.get(f"{emulator.base_url}/jwk.json", timeout=30).status_code == 200
        assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}
