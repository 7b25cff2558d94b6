"""A run that is killed around a call, in front of the service or behind its answer, is finished by the next one."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from reconciler.emulator import Emulator

REPOSITORY = Path(__file__).parents[2]


@dataclass
class Between:
    """Stands between the program and the service, and kills the program around its nth write."""

    service: str
    nth: int
    answered: bool
    victim: "subprocess.Popen[str] | None" = None
    writes: int = 0
    turn: threading.Lock = field(default_factory=threading.Lock)

    def strikes(self, method: str, path: str) -> bool:
        if method == "GET" or not path.startswith("/v2/api/"):
            return False
        with self.turn:
            self.writes += 1
            return self.writes == self.nth

    def kill(self) -> None:
        assert self.victim is not None
        os.kill(self.victim.pid, signal.SIGKILL)


@contextmanager
def standing(between: Between) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_call(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            strikes = between.strikes(self.command, self.path)
            if strikes and not between.answered:
                between.kill()
                self.close_connection = True
                return
            kept = {name: self.headers[name] for name in ("Authorization", "Content-Type") if name in self.headers}
            answer = requests.request(self.command, between.service + self.path, data=body, headers=kept, timeout=20)
            if strikes:
                between.kill()
                self.close_connection = True
                return
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PUT = do_DELETE = handle_call

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("answered", [False, True], ids=["before the call", "after the call"])
@pytest.mark.parametrize("nth", [1, 4, 9])
def test_killed_run_is_finished_by_the_next(copied: Callable[[str], Any], nth: int, *, answered: bool) -> None:
    bench = copied("genomics-portal")
    with Emulator(bench.folder / "world.db") as emulator:
        token = emulator.person_token("rosalind@globusid.org")
        between = Between(emulator.base_url, nth, answered)
        with standing(between) as url:
            environment = {"RECONCILER_ACCESS_TOKEN": token, "PYTHONPATH": str(REPOSITORY)}
            command = [sys.executable, "-m", "reconciler", "apply", "--auto-approve", "--base-url", url]
            with subprocess.Popen(command, cwd=bench.folder, env={**os.environ, **environment}, text=True) as victim:
                between.victim = victim
            assert victim.returncode == -signal.SIGKILL
            again = bench.run("apply", "--auto-approve", "--base-url", url, RECONCILER_ACCESS_TOKEN=token)
            assert again.code == 0, again.out + again.err
            done = bench.run("plan", "--detailed-exitcode", "--base-url", url, RECONCILER_ACCESS_TOKEN=token)
            assert done.code == 0, done.out
        assert count(emulator.base_url, token) == {"projects": 1, "policies": 1, "clients": 4, "scopes": 2}
        (credential,) = credentials(bench.folder, emulator.base_url, token)
        assert credential in (bench.folder / "secrets" / "web.env.meta.json").read_text()


def call(url: str, path: str, token: str) -> Any:
    answer = requests.get(f"{url}/v2/api/{path}", headers={"Authorization": f"Bearer {token}"}, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()


def count(url: str, token: str) -> dict[str, int]:
    return {name: len(call(url, name, token)[name]) for name in ("projects", "policies", "clients", "scopes")}


def credentials(folder: Path, url: str, token: str) -> list[str]:
    entries = json.loads((folder / "reconciler.bindings.json").read_text())["bindings"]
    rows = call(url, f"clients/{entries['client/genomics/web']['id']}/credentials", token)["credentials"]
    return [row["id"] for row in rows]
