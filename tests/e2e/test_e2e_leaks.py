"""Everything at its most talkative, with errors provoked in every call: no secret stands outside of the sinks.

Searched is every secret that the emulator has issued, in the forms in which programs write them, in all that was said
and left: output, log lines, files, command lines and environments of children.
"""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pexpect
import pytest
import requests
from dotenv import dotenv_values

from tests.contract.sinks import openbao

REPOSITORY = Path(__file__).parents[2]
LOUD = Path(__file__).parent / "loud"
ID_TOKEN = re.compile(r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}")
RECIPIENT = "age1ep60qjckcwjk6gz92vmlzvk0dztcvcka2pwe3s6vljejtp4hdu0qq7um42"
MANIFEST = """\
version: 1
projects:
  NAME:
    display_name: NAME
    contact_email: ops@example.edu
    admin_ids: [BOOTSTRAP, rosalind@globusid.org]
    policies:
      campus: {display_name: Campus, description: Only us, domain_constraints_include: [example.edu]}
    clients:
      web:
        name: Web NAME
        client_type: confidential_client
        redirect_uris: ["https://example.edu/callback"]
        credentials:
          plain: {sink: {file: {path: secrets/web.env, format: env}}}
          sealed: {sink: {age: {path: secrets/web.age, recipients: [RECIPIENT]}}}
          run: {sink: {exec: {command: [PYTHON, bin/keep.py]}}}
          vaulted: {sink: {vault: {path: NAME/web}}}
      api:
        name: API NAME
        client_type: resource_server
        scopes:
          read: {name: Read, description: Read}
"""
KEEP = """\
import base64, json, os, pathlib, sys
question = json.load(sys.stdin)
kept = pathlib.Path("secrets/kept.json")
if os.environ.get("SHOUT") == question["action"]:
    held = question.get("delivery", {"client_id": "", "client_secret": ""})
    basic = base64.b64encode(f"{held['client_id']}:{held['client_secret']}".encode()).decode()
    sys.exit(f"{question!r} Authorization: Basic {basic}")
if question["action"] == "put":
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps(question))
if question["action"] == "head":
    print(json.dumps({"metadata": json.loads(kept.read_text())["metadata"] if kept.exists() else None}))
"""
EFFECTS: tuple[dict[str, Any], ...] = (
    {"status": 403},
    {"effect": "html", "after_commit": True},
    {"effect": "broken_json", "after_commit": True},
    {"effect": "token_expired"},
    {"effect": "session_required"},
    {"effect": "cut_body"},
    {"status": 500, "after_commit": True},
)


@dataclass
class Stage:
    """A folder in which all is heard, a service, and all that was said so far."""

    folder: Path
    aside: Path
    url: str
    environment: dict[str, str]
    said: dict[str, str] = field(default_factory=dict)

    def root(self, name: str, **instead: str) -> Path:
        root = self.folder / name
        (root / "bin").mkdir(parents=True)
        (root / "bin" / "keep.py").write_text(KEEP)
        text = MANIFEST
        for word, value in {"NAME": name, "RECIPIENT": RECIPIENT, "PYTHON": sys.executable, **instead}.items():
            text = text.replace(word, value)
        (root / "a.yaml").write_text(text.replace("BOOTSTRAP", self.environment["RECONCILER_CLIENT_ID"]))
        return root

    def run(self, root: Path, *arguments: str, **environment: str) -> int:
        done = subprocess.run(
            [sys.executable, "-m", "reconciler", *arguments],
            cwd=root,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        self.said[f"{len(self.said)}: {' '.join(arguments)} in {root.name}"] = done.stdout + done.stderr
        return done.returncode

    def fault(self, **order: Any) -> None:
        requests.delete(f"{self.url}/_emulator/faults", timeout=20).raise_for_status()
        if order:
            requests.post(f"{self.url}/_emulator/faults", json=order, timeout=20).raise_for_status()

    def calls(self) -> list[tuple[str, str]]:
        """List the calls since this was last asked, each once, with `*` for ids."""
        rows = requests.get(f"{self.url}/_emulator/requests", timeout=20).json()
        requests.delete(f"{self.url}/_emulator/requests", timeout=20).raise_for_status()
        return sorted({(row["method"], re.sub(r"[0-9a-f-]{36}", "*", row["path"])) for row in rows})

    def secrets(self) -> set[str]:
        return set((self.aside / "secrets").read_text().split())

    def hits(self) -> list[str]:
        """Say where secrets stand, outside of the sinks and of the login that is kept."""
        texts = {**self.said, "children": (self.aside / "children").read_text()}
        for file in self.folder.rglob("*"):
            sink = file.parent.name == "secrets" and not file.name.endswith(".meta.json")
            if file.is_file() and not sink and file.name != "logins.json":
                texts[str(file.relative_to(self.folder))] = file.read_bytes().decode("latin-1")
        known = self.secrets()
        return [where for where, text in texts.items() if ID_TOKEN.search(text) or found(text, known)]


def found(text: str, secrets: set[str]) -> list[str]:
    return [secret for secret in secrets if any(form in text for form in forms(secret))]


def forms(secret: str) -> Iterator[str]:
    """List how a secret may be written; base64 also of a longer text in which it stands somewhere."""
    yield from (secret, quote(secret), quote(secret, safe=""), json.dumps(secret)[1:-1], secret.encode().hex())
    for lead in range(3):
        coded = b64encode(bytes(lead) + secret.encode()).decode()
        whole = coded[(0, 2, 3)[lead] : (len(secret) + lead) // 3 * 4]
        yield from (whole, whole.replace("+", "-").replace("/", "_"))


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    folder, aside = tmp_path / "all", tmp_path / "aside"
    for each in (folder, aside, folder / "tmp"):
        each.mkdir()
    for name in ("secrets", "children"):
        (aside / name).touch()
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("RECONCILER_", "GLOBUS_"))}
    for name in ("CI", "SSH_CONNECTION", "SSH_TTY"):
        plain.pop(name, None)
    environment = {
        **plain,
        "PYTHONPATH": os.pathsep.join((str(LOUD), str(REPOSITORY))),
        "PYTHONDEVMODE": "1",
        "PYTHONWARNINGS": "default",
        "RECONCILER_LOG": "debug",
        "SECRETS_INTO": str(aside / "secrets"),
        "CHILDREN_INTO": str(aside / "children"),
        "TMPDIR": str(folder / "tmp"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        "BROWSER": "true",
    }
    with openbao.serving(aside) as bao, (folder / "served").open("w") as served:
        command = ["-m", "reconciler", "emulator", "serve", "--db", "world.db", "--env-file", str(aside / "env")]
        with subprocess.Popen(
            [sys.executable, *command, "--switch", "approve_without_asking=true"],
            cwd=folder,
            env=environment,
            stdout=served,
            stderr=served,
        ) as process:
            while not (aside / "env").exists():
                assert process.poll() is None
                time.sleep(0.02)
            named = {name: value or "" for name, value in dotenv_values(aside / "env").items()}
            environment |= {**named, "VAULT_ADDR": bao.url, "VAULT_TOKEN": bao.writer}
            yield Stage(folder, aside, named["GLOBUS_SDK_SERVICE_URL_AUTH"].rstrip("/"), environment)
            process.send_signal(signal.SIGTERM)


APPLY = ("apply", "--auto-approve", "--parallelism", "2")


@pytest.mark.chaos
def test_no_secret_is_told_when_calls_go_wrong(stage: Stage) -> None:
    assert stage.run(stage.root("whole"), *APPLY) == 0, list(stage.said.values())[-1]
    calls = stage.calls()
    assert ("POST", "/v2/api/clients/*/credentials") in calls
    each = [(call, effect) for call in calls for effect in EFFECTS]
    in_turn = [each[at * len(EFFECTS) + at % len(EFFECTS)] for at in range(len(calls))]
    chosen = each if os.environ.get("CHAOS") else in_turn
    ended = []
    for number, ((method, path), effect) in enumerate(chosen):
        stage.fault(method=method, path=path, times=3, **effect)
        ended.append(stage.run(stage.root(f"w{number}"), *APPLY))
    assert {70, 64}.isdisjoint(ended), stage.said
    assert any(ended)
    assert stage.hits() == []
    sys.stdout.write(f"\n{len(chosen)} of {len(each)} faults, {len(stage.secrets())} secrets, no hit\n")


def test_no_secret_is_told_when_sinks_fail(stage: Stage) -> None:
    for action in ("head", "preflight", "put"):
        assert stage.run(stage.root(f"at-{action}"), *APPLY, SHOUT=action) in {1, 13}
    assert "Authorization: Basic" in "".join(stage.said.values())
    assert stage.run(stage.root("token"), *APPLY, VAULT_TOKEN="s.wrong") in {1, 13}
    root = stage.root("closed")
    (root / "secrets").mkdir()
    (root / "secrets").chmod(0o777)
    assert stage.run(root, *APPLY) in {1, 13}
    (root / "secrets").chmod(stat.S_IRWXU)
    (root / "secrets" / "web.env").write_text("theirs")
    assert stage.run(root, *APPLY) in {1, 12, 13}
    assert stage.hits() == []


def test_no_secret_is_told_by_any_command(stage: Stage) -> None:
    root = stage.root("all")
    assert stage.run(root, "plan", "--out", "plan.json", "--json-into", "form.json") == 0
    assert stage.run(root, "show", "plan.json") == 0
    assert stage.run(root, "apply", "plan.json") == 0, list(stage.said.values())[-1]
    bound = json.loads((root / "reconciler.bindings.json").read_text())["bindings"]
    client = bound["client/all/web"]["id"]
    commands = (
        ["plan", "--detailed-exitcode"],
        ["drift"],
        ["output"],
        ["build"],
        ["validate"],
        ["whoami", "--json"],
        ["bindings", "list", "--json"],
        ["bindings", "show", "client/all/web"],
        ["bindings", "rebuild", "--auto-approve"],
        ["import", "client/all/web", client],
        ["pin"],
        ["log", "--json"],
    )
    for command in commands:
        assert stage.run(root, *command) in {0, 2}, (command, list(stage.said.values())[-1])
    stage.fault(status=403, times=None)
    for command in (*commands, ["destroy", "--auto-approve"]):
        assert stage.run(root, *command) in {0, 1, 10, 11}, command
    stage.fault()
    assert stage.run(root, "destroy", "--auto-approve", "--allow-delete", "all") == 0, list(stage.said.values())[-1]
    assert stage.run(root, *APPLY, "--emulator") in {0, 1, 11, 13}
    assert stage.hits() == []


def test_no_secret_is_told_by_a_login(stage: Stage) -> None:
    root = stage.root("person")
    assert stage.run(root, *APPLY) == 0, list(stage.said.values())[-1]
    environment = {name: value for name, value in stage.environment.items() if not name.startswith("RECONCILER_C")}
    native = _application(stage, root)
    terminal = pexpect.spawn(
        sys.executable,
        ["-m", "reconciler", "login", "--client-id", native],
        cwd=str(root),
        env=environment,
        encoding="utf-8",
        timeout=60,
        dimensions=(40, 2000),
    )
    terminal.expect(r"(http://\S+/v2/oauth2/authorize\?\S+)")
    assert isinstance(terminal.match, re.Match)
    said = terminal.before or ""
    requests.get(str(terminal.match[1]), timeout=30).raise_for_status()
    terminal.expect(pexpect.EOF)
    terminal.close()
    stage.said["login"] = f"{said}{terminal.before}"
    assert terminal.exitstatus == 0, list(stage.said.values())[-1]
    nobody = {"RECONCILER_CLIENT_ID": "", "RECONCILER_CLIENT_SECRET": ""}
    assert stage.run(root, "whoami", **nobody) == 0
    stage.fault(path="/v2/oauth2/token", status=403, times=None)
    assert stage.run(root, "whoami", **nobody) in {1, 10}
    stage.fault(path="/v2/oauth2/token/revoke", effect="html", times=None)
    assert stage.run(root, "logout", **nobody) in {0, 1, 16}
    stage.fault()
    stage.run(root, "logout", **nobody)
    assert stage.hits() == []


def _application(stage: Stage, root: Path) -> str:
    """Register what people log in with."""
    text = (root / "a.yaml").read_text()
    native = 'cli: {name: CLI, client_type: public_installed_client, redirect_uris: ["http://localhost"]}'
    (root / "a.yaml").write_text(text.replace("      api:\n", f"      {native}\n      api:\n"))
    assert stage.run(root, *APPLY) == 0, list(stage.said.values())[-1]
    identifier: str = json.loads((root / "reconciler.bindings.json").read_text())["bindings"]["client/person/cli"]["id"]
    return identifier


def test_traceback_of_a_bug_quotes_nothing(stage: Stage) -> None:
    assert stage.run(stage.root("bug"), *APPLY, BUG="1") == 70, list(stage.said.values())[-1]
    (told,) = stage.said.values()
    assert "This is a bug in reconciler" in told
    assert "builtins.ValueError" in told
    assert stage.hits() == []


def test_children_are_not_given_the_credentials_of_the_run(stage: Stage) -> None:
    assert stage.run(stage.root("child"), *APPLY, GLOBUS_CLI_CLIENT_SECRET="another") == 0, list(stage.said.values())[
        -1
    ]
    children = [json.loads(line) for line in (stage.aside / "children").read_text().splitlines()]
    programs = [environment for command, environment in children if "bin/keep.py" in command]
    assert programs
    assert not [name for each in programs for name in each if name.startswith(("RECONCILER_", "GLOBUS_"))]


def test_leak_is_found(stage: Stage) -> None:
    stage.run(stage.root("leak"), "whoami", "--emulator", LEAK="1")
    assert any("whoami" in hit for hit in stage.hits())


@pytest.mark.parametrize(
    "write",
    [
        lambda secret: f"client_secret={quote(secret, safe='')}&",
        lambda secret: json.dumps({"secret": secret}),
        lambda secret: "Basic " + b64encode(f"0d7e:{secret}".encode()).decode(),
        lambda secret: repr(ValueError(f"no good: {secret.encode()!r}")),
    ],
)
def test_secret_is_found_in_each_form(write: Callable[[str], str]) -> None:
    secret = "YWJj/ZGVm+Z2hp/amts" * 2 + "="
    assert found(f"before {write(secret)} after", {secret}) == [secret]
