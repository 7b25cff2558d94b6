"""A real OpenBao server in development mode, with tokens that may do less than all."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

WRITER = """
path "secret/data/*" { capabilities = ["create", "update"] }
path "secret/metadata/*" { capabilities = ["create", "read", "update", "delete"] }
"""
READER = """
path "secret/data/*" { capabilities = ["read"] }
path "secret/metadata/*" { capabilities = ["read"] }
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Bao:
    """The server: its address, and the tokens of who may do all, who may write and not read, and who may only read."""

    def __init__(self, url: str, root: str) -> None:
        self.url, self.root = url, root
        self.writer = self.reader = ""

    def call(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        headers = {"X-Vault-Token": token or self.root}
        answer = requests.request(method, f"{self.url}/v1/{path}", json=body, headers=headers, timeout=20)
        if answer.status_code == 404:
            return None
        assert answer.status_code < 300, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def token(self, name: str, policy: str) -> str:
        self.call("PUT", f"sys/policies/acl/{name}", {"policy": policy})
        made: str = self.call("POST", "auth/token/create", {"policies": [name]})["auth"]["client_token"]
        return made

    def wait(self) -> None:
        for _ in range(400):
            try:
                if requests.get(f"{self.url}/v1/sys/health", timeout=5).status_code == 200:
                    return
            except requests.ConnectionError:
                pass
            time.sleep(0.05)
        raise TimeoutError("the server did not start")


@contextmanager
def serving(folder: Path) -> Iterator[Bao]:
    root = secrets.token_hex(16)
    bao = Bao(f"http://127.0.0.1:{free_port()}", root)
    command = [str(Path(sys.executable).parent / "bao"), "server", "-dev", "-dev-no-store-token"]
    listen = [f"-dev-root-token-id={root}", f"-dev-listen-address={bao.url.removeprefix('http://')}"]
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    with (folder / "bao.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, *listen], env=environ, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            bao.wait()
            bao.writer, bao.reader = bao.token("writer", WRITER), bao.token("reader", READER)
            yield bao
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def held(bao: Bao, path: str, field: str) -> str | None:
    """Read a field as an application does."""
    answer = bao.call("GET", f"secret/data/{path}")
    data = answer and answer["data"]["data"]
    return str(data[field]) if data else None


def dumped(bao: Bao, path: str) -> str:
    """Write out all that is readable without the right to read the secret."""
    return json.dumps(bao.call("GET", f"secret/metadata/{path}"))
