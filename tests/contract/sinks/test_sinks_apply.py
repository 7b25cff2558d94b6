"""The whole program delivers to each sink: a secret that works, and nothing left to do."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from reconciler.emulator import Emulator
from tests.contract.sinks.counterparts import REPOSITORY, Counterpart, plain_environ

MANIFEST = """\
projects:
  g:
    display_name: Genomics
    contact_email: ops@genomics.example.edu
    admin_ids: [rosalind@globusid.org]
    clients:
      web:
        name: Web
        client_type: confidential_client
        credentials:
          django: {{sink: {sink}}}
"""


def run(root: Path, counterpart: Counterpart, *arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", *arguments],
        cwd=root,
        env={**plain_environ(), "PYTHONPATH": str(REPOSITORY), **counterpart.environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def grant(root: Path, secret: str) -> int:
    """Ask for a token as the application would, with what was delivered."""
    bindings = json.loads((root / ".reconciler" / "reconciler.bindings.json").read_text())
    client = bindings["bindings"]["client/g/web"]["id"]
    with Emulator(root / ".reconciler" / "emulator.db") as emulator:
        answer = requests.post(
            f"{emulator.base_url}/v2/oauth2/token",
            data={"grant_type": "client_credentials", "scope": "openid"},
            auth=(client, secret),
            timeout=20,
        )
    return answer.status_code


def test_apply_delivers_a_secret_that_works_and_leaves_nothing_to_do(counterpart: Counterpart, root: Path) -> None:
    (root / "a.yaml").write_text(MANIFEST.format(sink=json.dumps(counterpart.settings)), encoding="utf-8")
    said = run(root, counterpart, "apply", "--emulator", "--auto-approve")
    secret = counterpart.held()
    assert secret
    assert grant(root, secret) == 200
    assert grant(root, secret + "x") == 401
    said += run(root, counterpart, "plan", "--emulator", "--detailed-exitcode")
    assert "No changes." in said
    assert secret not in said
    for file in root.rglob("*"):
        if file.is_file() and str(file.relative_to(root)) not in counterpart.files:
            assert secret.encode() not in file.read_bytes(), file


REFUSED = [("vault", {"VAULT_TOKEN": "no-such"}, 1), ("github", {"GITHUB_TOKEN": "no-such"}, 13)]


@pytest.mark.parametrize(("counterpart", "environ", "code"), REFUSED, indirect=["counterpart"])
def test_sink_that_refuses_leaves_no_credential_behind(
    counterpart: Counterpart, environ: dict[str, str], code: int, root: Path
) -> None:
    (root / "a.yaml").write_text(MANIFEST.format(sink=json.dumps(counterpart.settings)), encoding="utf-8")
    refused = replace(counterpart, environ={**counterpart.environ, **environ})
    said = run(root, refused, "apply", "--emulator", "--auto-approve", code=code)
    assert "no-such" not in said
    assert counterpart.held() is None
    assert credentials(root) == 0
    run(root, counterpart, "apply", "--emulator", "--auto-approve")
    assert credentials(root) == 1


def credentials(root: Path) -> int:
    """Count the credentials of all clients there."""
    with Emulator(root / ".reconciler" / "emulator.db") as emulator:
        headers = {"Authorization": f"Bearer {emulator.person_token('rosalind@globusid.org')}"}
        clients = requests.get(f"{emulator.base_url}/v2/api/clients", headers=headers, timeout=20).json()["clients"]
        urls = [f"{emulator.base_url}/v2/api/clients/{each['id']}/credentials" for each in clients]
        return sum(len(requests.get(url, headers=headers, timeout=20).json()["credentials"]) for url in urls)


@pytest.mark.parametrize("counterpart", ["age", "vault", "aws", "exec-sops"], indirect=True)
def test_secret_that_somebody_overwrote_exits_with_12(counterpart: Counterpart, root: Path) -> None:
    assert counterpart.overwrite
    (root / "a.yaml").write_text(MANIFEST.format(sink=json.dumps(counterpart.settings)), encoding="utf-8")
    counterpart.overwrite()
    said = run(root, counterpart, "apply", "--emulator", "--auto-approve", code=12)
    assert "not delivered from here" in said
    assert credentials(root) == 0
