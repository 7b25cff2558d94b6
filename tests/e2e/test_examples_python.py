"""The examples of the client layer, as processes, against the emulator; the web server of one takes a real redirect."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from reconciler.auth import AccessTokenAuthorizer, AuthClient, ConfidentialAppAuthClient
from reconciler.emulator import Emulator, Switches

REPOSITORY = Path(__file__).parents[2]
PYTHON = REPOSITORY / "examples" / "python"
PERSON = "rosalind@globusid.org"


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    with Emulator(tmp_path / "world.db", switches=Switches(approve_without_asking=True)) as found:
        yield found


def started(emulator: Emulator, name: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("RECONCILER_", "GLOBUS_"))}
    settings = {"GLOBUS_SDK_SERVICE_URL_AUTH": emulator.base_url, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(
        [sys.executable, str(PYTHON / name), *arguments],
        env={**plain, **settings, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    return out.splitlines()[-1]


def registered(emulator: Emulator, tmp_path: Path) -> tuple[dict[str, Any], str]:
    file = tmp_path / "secret"
    who = {"RECONCILER_CLIENT_ID": emulator.client_id, "RECONCILER_CLIENT_SECRET": emulator.client_secret}
    made = json.loads(ended(started(emulator, "register.py", str(file), **who)))
    assert file.stat().st_mode & 0o777 == 0o600
    return made, file.read_text(encoding="utf-8")


def client(emulator: Emulator, kind: str, redirect_uri: str) -> str:
    with AuthClient(
        base_url=emulator.base_url, authorizer=AccessTokenAuthorizer(emulator.person_token(PERSON))
    ) as auth:
        me = auth.userinfo()["sub"]
        project = auth.create_project("Mine", "me@example.org", admin_ids=me)["project"]["id"]
        made = auth.create_client("App", project, client_type=kind, redirect_uris=[redirect_uri])  # type: ignore[arg-type]
        return str(made["client"]["id"])


def test_register_and_serve(emulator: Emulator, tmp_path: Path) -> None:
    made, secret = registered(emulator, tmp_path)
    app = client(emulator, "confidential_client", "http://localhost/back")
    person = AccessTokenAuthorizer(emulator.person_token(PERSON))
    with AuthClient(base_url=emulator.base_url, authorizer=person) as auth:
        key = auth.create_client_credential(app, "k")["credential"]["secret"]
    with ConfidentialAppAuthClient(app, key, base_url=emulator.base_url) as web:
        web.oauth2_start_flow("http://localhost/back", [made["scope"]])
        answer = requests.get(web.oauth2_get_authorize_url(), allow_redirects=False, timeout=20)
        code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
        tokens = web.oauth2_exchange_code_for_tokens(code)
    token = tokens.by_scopes[made["scope"]]["access_token"]
    told = json.loads(ended(started(emulator, "service.py", made["client"], token, SERVICE_SECRET=secret)))
    assert told == {"caller": PERSON, "services": ["groups.api.globus.org"]}


def test_login_through_a_browser(emulator: Emulator) -> None:
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    app = client(emulator, "public_installed_client", f"http://localhost:{port}/")
    process = started(emulator, "login.py", app, str(port))
    assert process.stdout is not None
    word, _, url = process.stdout.readline().strip().partition(" ")
    assert word == "Open"
    page = requests.get(url, timeout=20)
    assert page.text == "You can close this page."
    told = json.loads(ended(process))
    assert (told["username"], told["same"]) == (PERSON, True)


def test_login_that_somebody_else_began_is_refused(emulator: Emulator) -> None:
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    app = client(emulator, "public_installed_client", f"http://localhost:{port}/")
    process = started(emulator, "login.py", app, str(port))
    assert process.stdout is not None
    process.stdout.readline()
    requests.get(f"http://localhost:{port}/?code=stolen&state=other", timeout=20)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (1, "The login was refused, or was not ours.\n")
