"""Killed at random moments under load of every kind, the emulator loses nothing that it answered and shows no half.

The first seed comes from ``CHAOS_SEED``; ``CHAOS`` says how much longer than usual it goes on (``make chaos``).
"""

import os
import random
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from reconciler.emulator import Emulator
from reconciler.emulator.callers import digest

ROUNDS = 3 * int(os.environ.get("CHAOS", "1"))
WORKERS = 6
MANAGE = "urn:globus:auth:scope:auth.globus.org:manage_projects"

# The last line on stdout comes when the env file is there, so that nobody has to poll for it.
SERVE = """
import sys
from pathlib import Path
from reconciler.emulator import serve, server
write = server._write_private
server._write_private = lambda path, text: (write(path, text), print("ready", flush=True))
serve(Path(sys.argv[1]), port=0, env_file=Path(sys.argv[2]))
"""


@contextmanager
def serving(db: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    file = db.with_suffix(".env")
    command = [sys.executable, "-c", SERVE, str(db), str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process, dict(line.split("=", 1) for line in file.read_text().splitlines())
        finally:
            process.kill()


@dataclass
class Known:
    """What one worker was told, and what it had asked for when the answer did not come."""

    objects: dict[str, Any] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    secrets: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    """Tokens, and the clients that they were issued to."""
    pending: tuple[str, str, Any] | None = None
    answered: int = 0


class Worker(threading.Thread):
    """Somebody who makes, changes, deletes and reads objects in a project of their own until the server is gone."""

    def __init__(self, env: dict[str, str], headers: dict[str, str], seed: str) -> None:
        super().__init__(daemon=True)
        self.env, self.dice, self.known = env, random.Random(seed), Known()
        self.error: BaseException | None = None
        self.session = requests.Session()
        self.session.headers.update(headers)

    def run(self) -> None:
        try:
            admins = [self.env["RECONCILER_CLIENT_ID"]]
            project = {"display_name": "Kills", "contact_email": "a@example.edu", "admin_ids": admins}
            self.project = self.make("/v2/api/projects", "project", project)
            while True:
                self.dice.choice(self.steps)()
        except requests.RequestException:
            return  # killed
        except BaseException as error:
            self.error = error
            raise

    @property
    def steps(self) -> list[Any]:
        steps = [self.make_client, self.make_policy, self.read, self.provision]
        if self.of("client_type"):
            steps += [self.make_scope, self.make_scope, self.make_secret, self.rename, self.delete_client]
        if self.of("high_assurance"):
            steps += [self.change_policy]
        return [*steps, self.grant] if self.known.secrets else steps

    def of(self, telling: str) -> list[Any]:
        """Return the known objects that have a field which only one kind has."""
        return [one for one in self.known.objects.values() if telling in one]

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        self.known.pending = (method, path, body)
        url = self.env["GLOBUS_SDK_SERVICE_URL_AUTH"].rstrip("/") + path
        answer = self.session.request(method, url, json=body, timeout=60, **more)
        assert answer.status_code == 200, answer.text
        document = answer.json()
        self.known.pending = None
        self.known.answered += 1
        return document

    def make(self, path: str, kind: str, fields: Any) -> Any:
        answer = self.call("POST", path, {kind: fields})
        made = answer[kind] if kind in answer else answer[kind + "s"][0]
        self.known.objects[made["id"]] = made
        return made

    def make_client(self) -> None:
        fields = {"name": "Client", "project": self.project["id"], "client_type": "confidential_client"}
        self.make("/v2/api/clients", "client", fields)

    def make_policy(self) -> None:
        fields = {"project_id": self.project["id"], "display_name": "0", "description": "0"}
        self.make("/v2/api/policies", "policy", fields)

    def make_scope(self) -> None:
        client = self.dice.choice(self.of("client_type"))["id"]
        own = [scope["id"] for scope in self.of("scope_string")]
        dependent = [{"scope": one, "optional": True, "requires_refresh_token": False} for one in own[-3:]]
        suffix = f"s{self.known.answered}"
        fields = {"name": "S", "description": "D", "scope_suffix": suffix, "dependent_scopes": dependent}
        self.make(f"/v2/api/clients/{client}/scopes", "scope", fields)

    def make_secret(self) -> None:
        client = self.dice.choice(self.of("client_type"))["id"]
        made = self.make(f"/v2/api/clients/{client}/credentials", "credential", {"name": "C"})
        self.known.secrets[made["id"]] = made["secret"]

    def rename(self) -> None:
        client = self.dice.choice(self.of("client_type"))
        body = {"client": {"name": f"Client {self.known.answered}"}}
        self.known.objects[client["id"]] = self.call("PUT", f"/v2/api/clients/{client['id']}", body)["client"]

    def change_policy(self) -> None:
        policy = self.dice.choice(self.of("high_assurance"))
        text = str(self.known.answered)
        body = {"policy": {"display_name": text, "description": text}}
        self.known.objects[policy["id"]] = self.call("PUT", f"/v2/api/policies/{policy['id']}", body)["policy"]

    def delete_client(self) -> None:
        client = self.dice.choice(self.of("client_type"))["id"]
        self.call("DELETE", f"/v2/api/clients/{client}")
        below = [one["id"] for one in self.known.objects.values() if one.get("client") == client]
        for identifier in (client, *below):
            self.known.objects.pop(identifier)
            self.known.secrets.pop(identifier, None)
            self.known.gone.add(identifier)
        self.known.tokens = {token: owner for token, owner in self.known.tokens.items() if owner != client}

    def grant(self) -> None:
        credential, secret = self.dice.choice(sorted(self.known.secrets.items()))
        client = self.known.objects[credential]["client"]
        url = self.env["GLOBUS_SDK_SERVICE_URL_AUTH"] + "v2/oauth2/token"
        self.known.pending = ("POST", "/v2/oauth2/token", None)
        form = {"grant_type": "client_credentials", "scope": MANAGE}
        answer = requests.post(url, data=form, auth=(client, secret), timeout=60)
        assert answer.status_code == 200, answer.text
        self.known.tokens[answer.json()["access_token"]] = client
        self.known.pending = None
        self.known.answered += 1

    def provision(self) -> None:
        name = f"{self.dice.getrandbits(60)}@example.edu"
        found = self.call("GET", f"/v2/api/identities?usernames={name}&provision=true")["identities"][0]
        self.known.objects[found["id"]] = found

    def read(self) -> None:
        """Read one's own scopes: what was told is there, and no other."""
        told = {one["id"] for one in self.of("scope_string")}
        for client in self.of("client_type")[-2:]:
            scopes = self.call("GET", f"/v2/api/clients/{client['id']}/scopes")["scopes"]
            assert {scope["id"] for scope in scopes} <= told


def pending_on(known: Known) -> tuple[str, str]:
    """Return the method and the id of the change whose answer did not come."""
    method, path, _ = known.pending or ("", "", None)
    return method, path.rpartition("/")[2]


def check_told(known: Known, world: Any) -> None:
    """Check that nothing is lost that was answered, whatever became of the call whose answer did not come."""
    sections = ("projects", "policies", "clients", "scopes", "credentials", "identities")
    there = {one["id"]: one for section in sections for one in world[section]}
    method, target = pending_on(known)
    lost_with = target if method == "DELETE" and target not in there else None
    for identifier, told in known.objects.items():
        if lost_with is not None and lost_with in (identifier, told.get("client")):
            assert identifier not in there, f"{identifier} is left of a deletion"
            continue
        assert identifier in there, f"{identifier} is lost: {told}"
        derived = {"scopes", "grant_types", "project_name", "admins", "secret", "dependent_scopes"}
        if (method, target) != ("PUT", identifier):
            changed = {name for name in set(told) - derived if there[identifier].get(name) != told[name]}
            assert not changed, f"{changed} of {identifier} is not as it was answered"
    assert not known.gone & set(there), "a deletion that was answered is undone"
    hashes = {one["id"]: one["hash"] for one in world["credentials"]}
    for credential, secret in known.secrets.items():
        if lost_with is None or known.objects[credential]["client"] != lost_with:
            assert hashes[credential] == digest(secret)
    tokens = {row["hash"] for row in world["tables"]["tokens"]}
    assert {digest(token) for token, owner in known.tokens.items() if owner != lost_with} <= tokens


def check_whole(db: Path, world: Any) -> None:
    """Check that of no request a half is there."""
    clients, scopes = ({one["id"] for one in world[section]} for section in ("clients", "scopes"))
    assert all(one["client"] in clients for one in (*world["scopes"], *world["credentials"]))
    assert all(one["hash"] for one in world["credentials"]), "a credential without its secret"
    assert all(row["client"] in clients for row in world["tables"]["tokens"])
    assert all(one["display_name"] == one["description"] for one in world["policies"]), "half of an update"
    for scope in world["scopes"]:
        assert {one["scope"] for one in scope["dependent_scopes"]} <= scopes, "a deleted scope is depended on"
    with closing(sqlite3.connect(db)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        links = set(connection.execute("SELECT source, target FROM links").fetchall())
        secrets = {row[0] for row in connection.execute("SELECT credential FROM secrets")}
    wanted = {(one["id"], other["scope"]) for one in world["scopes"] for other in one["dependent_scopes"]}
    wanted |= {(one["id"], admin) for one in world["projects"] for admin in one["admin_ids"]}
    assert links == wanted, "documents and links differ"
    assert secrets == {one["id"] for one in world["credentials"]}, "a secret without its credential"


def one_round(db: Path, seed: str) -> int:
    """Let workers loose, kill the server at a random moment, and check; return how many calls were answered."""
    dice = random.Random(seed)
    enough, later = dice.randint(10, 250), dice.random() * 0.02
    with serving(db) as (process, env):
        form = {"grant_type": "client_credentials", "scope": MANAGE}
        auth = (env["RECONCILER_CLIENT_ID"], env["RECONCILER_CLIENT_SECRET"])
        url = env["GLOBUS_SDK_SERVICE_URL_AUTH"] + "v2/oauth2/token"
        token = requests.post(url, data=form, auth=auth, timeout=60).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        workers = [Worker(env, headers, f"{seed}-{number}") for number in range(WORKERS)]
        for worker in workers:
            worker.start()
        while sum(worker.known.answered for worker in workers) < enough and all(w.is_alive() for w in workers):
            threading.Event().wait(0.001)
        threading.Event().wait(later)
        process.kill()
        process.wait(timeout=60)
        for worker in workers:
            worker.join(timeout=60)
    assert [worker.error for worker in workers if worker.error] == []
    with Emulator(db) as emulator:
        world = emulator.export_world()
    for worker in workers:
        check_told(worker.known, world)
    check_whole(db, world)
    return sum(worker.known.answered for worker in workers)


@pytest.mark.chaos
def test_killed_at_random_moments_it_loses_nothing_and_shows_no_half(tmp_path: Path) -> None:
    first, answered = int(os.environ.get("CHAOS_SEED", random.randrange(10**6))), 0
    for number in range(first, first + ROUNDS):
        sys.stdout.write(f"seed {number}\n")
        answered += one_round(tmp_path / "emulator.db", str(number))
    sys.stdout.write(f"{ROUNDS} kills of the emulator, {answered} calls answered, 0 lost, 0 halves\n")
