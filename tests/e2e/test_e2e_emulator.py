"""`emulator serve` as other programs use it: a process, an env file, switches."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import requests
from dotenv import dotenv_values

REPOSITORY = Path(__file__).parents[2]


def test_serve_behaves_as_its_switches_say(tmp_path: Path) -> None:
    file = tmp_path / "env"
    command = [sys.executable, "-m", "reconciler", "emulator", "serve", "--db", "w.db", "--env-file", str(file)]
    with subprocess.Popen(
        [*command, "--switch", "failed_client_document=error"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    ) as process:
        try:
            while not file.exists():
                assert process.poll() is None
                time.sleep(0.02)
            named = dotenv_values(file)
            url, client = named["GLOBUS_SDK_SERVICE_URL_AUTH"], named["RECONCILER_CLIENT_ID"]
            form = {"grant_type": "client_credentials", "scope": "openid"}
            answer = requests.post(f"{url}/v2/oauth2/token", data=form, auth=(str(client), "wrong"), timeout=20)
            assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})
        finally:
            process.send_signal(signal.SIGTERM)
    assert process.returncode == 0
