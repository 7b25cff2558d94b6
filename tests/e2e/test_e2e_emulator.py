"""`emulator serve` as other programs use it: a process, an env file, switches."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from dotenv import dotenv_values

REPOSITORY = Path(__file__).parents[2]


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[dict[str, str | None]]:
    """Serve with some arguments; yield what the env file says."""
    file = folder / "env"
    command = [sys.executable, "-m", "reconciler", "emulator", "serve", "--db", "w.db", "--env-file", str(file)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen([*command, *arguments], cwd=folder, env=environment) as process:
        try:
            while not file.exists():
                assert process.poll() is None
                time.sleep(0.02)
            yield dotenv_values(file)
        finally:
            process.send_signal(signal.SIGTERM)
    assert process.returncode == 0


def test_serve_behaves_as_its_switches_say(tmp_path: Path) -> None:
    with serving(tmp_path, "--switch", "failed_client_document=error") as named:
        url, client = named["GLOBUS_SDK_SERVICE_URL_AUTH"], named["RECONCILER_CLIENT_ID"]
        form = {"grant_type": "client_credentials", "scope": "openid"}
        answer = requests.post(f"{url}v2/oauth2/token", data=form, auth=(str(client), "wrong"), timeout=20)
        assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


def test_serve_goes_wrong_as_its_faults_say(tmp_path: Path) -> None:
    (tmp_path / "faults.json").write_text('[{"effect": "html", "path": "/jwk.json"}, {"status": 418, "times": null}]')
    flags = ["--fault", '{"status": 429, "retry_after": 3}', "--fault", '{"status": 500}', "--faults", "faults.json"]
    with serving(tmp_path, *flags) as named:
        answers = [requests.get(f"{named['GLOBUS_SDK_SERVICE_URL_AUTH']}jwk.json", timeout=20) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [429, 500, 200, 418, 418]
    assert answers[0].headers["Retry-After"] == "3"
    assert answers[2].headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("flag", "value", "code", "why"),
    [
        ("--fault", "{", 64, "Expecting property name"),
        ("--fault", '{"status": 5}', 64, "status: expected a status from 300 to 599"),
        ("--faults", "missing.json", 1, "missing.json cannot be read"),
    ],
)
def test_serve_refuses_faults_that_make_no_sense(tmp_path: Path, flag: str, value: str, code: int, why: str) -> None:
    command = [sys.executable, "-m", "reconciler", "emulator", "serve", "--db", "w.db", flag, value]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, why in done.stderr) == (code, True), done.stderr
    assert not (tmp_path / "w.db").exists()
