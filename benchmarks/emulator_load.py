"""Print how many reads and writes a second the emulator serves to 1, 8 and 32 connections, and the 99th percentile.

Client and server are two processes and share the machine's cores. Run it with ``make bench``.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

_HEADER_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Target:
    """The emulator under load: where it is, whose token is used, and what is asked of it."""

    port: int
    token: str
    client: str
    project: str


@dataclass(frozen=True, slots=True)
class Figures:
    """What one round has shown; seconds."""

    operation: str
    connections: int
    requests: int
    seconds: float
    p99: float

    def __str__(self) -> str:
        rate = self.requests / self.seconds
        return f"{self.operation:<7}{self.connections:>12}{rate:>13.0f}{self.p99 * 1000:>10.1f}"


class Connection:
    """A connection that speaks just enough HTTP, so that the client costs little of the cores that are shared."""

    def __init__(self, target: Target) -> None:
        self._socket = socket.create_connection(("127.0.0.1", target.port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = f"Host: 127.0.0.1:{target.port}\r\nAuthorization: Bearer {target.token}\r\n"

    def call(self, method: str, path: str, body: bytes = b"") -> None:
        """Send a request and read the whole answer.

        Raises:
            RuntimeError: The answer is no success.
        """
        lengths = f"Content-Length: {len(body)}\r\nContent-Type: application/json\r\n" if body else ""
        self._socket.sendall(f"{method} {path} HTTP/1.1\r\n{self._head}{lengths}\r\n".encode() + body)
        received = b""
        while _HEADER_END not in received:
            received += self._receive()
        head, _, rest = received.partition(_HEADER_END)
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        while len(rest) < length:
            rest += self._receive()
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode(errors="replace"))

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def _receive(self) -> bytes:
        chunk = self._socket.recv(65536)
        if not chunk:
            raise RuntimeError("The emulator has closed the connection")
        return chunk


Operation = Callable[[Connection, Target, int], None]


def read(connection: Connection, target: Target, _number: int) -> None:
    """Read one client."""
    connection.call("GET", f"/v2/api/clients/{target.client}")


def write(connection: Connection, target: Target, number: int) -> None:
    """Create one policy."""
    policy = {"project_id": target.project, "display_name": f"Policy {number}", "description": "Load"}
    connection.call("POST", "/v2/api/policies", json.dumps({"policy": policy}).encode())


def measure(target: Target, operation: Operation, connections: int, requests_in_all: int) -> Figures:
    """Let some connections send requests one after the other, all at once."""
    each = max(1, requests_in_all // connections)
    latencies: list[float] = []
    start = threading.Barrier(connections + 1)

    def run(number: int) -> None:
        connection, own = Connection(target), []
        start.wait()
        for at in range(each):
            begun = time.perf_counter()
            operation(connection, target, number * each + at)
            own.append(time.perf_counter() - begun)
        latencies.extend(own)
        connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    start.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    done = sorted(latencies)
    if len(done) != each * connections:
        raise RuntimeError(f"{operation.__name__}: {each * connections - len(done)} requests did not succeed")
    return Figures(operation.__name__, connections, len(done), seconds, done[int(len(done) * 0.99)])


@contextmanager
def emulator(folder: Path) -> Iterator[Target]:
    """Serve a new world from a file in a folder, with a project and a client in it."""
    env_file = folder / "emulator.env"
    command = [sys.executable, "-m", "reconciler", "emulator", "serve"]
    command += ["--db", str(folder / "emulator.db"), "--env-file", str(env_file)]
    with subprocess.Popen(command) as process:  # noqa: S603 - our own program
        try:
            while not env_file.exists():
                if process.poll() is not None:
                    raise RuntimeError("The emulator did not start")
                time.sleep(0.02)
            lines = env_file.read_text(encoding="utf-8").splitlines()
            yield _prepared(dict(line.split("=", 1) for line in lines))
        finally:
            process.send_signal(signal.SIGTERM)


def _prepared(env: dict[str, str]) -> Target:
    url, client = env["GLOBUS_SDK_SERVICE_URL_AUTH"].rstrip("/"), env["RECONCILER_CLIENT_ID"]
    scope = "urn:globus:auth:scope:auth.globus.org:manage_projects"
    form = {"grant_type": "client_credentials", "scope": scope}
    auth = (client, env["RECONCILER_CLIENT_SECRET"])
    token = requests.post(f"{url}/v2/oauth2/token", data=form, auth=auth, timeout=60).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}

    def create(kind: str, **fields: object) -> str:
        answer = requests.post(f"{url}/v2/api/{kind}s", json={kind: fields}, headers=headers, timeout=60)
        return str(answer.json()[kind]["id"])

    project = create("project", display_name="Load", contact_email="ops@example.edu", admin_ids=[client])
    made = create("client", name="Load", project=project, client_type="confidential_client")
    return Target(int(url.rpartition(":")[2]), token, made, project)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=4000, help="in each round")
    parser.add_argument("--folder", type=Path, help="where the file stands; its disk is measured too")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, {options.requests} requests a round, client and server together")
    print(f"{'':<7}{'connections':>12}{'requests/s':>13}{'p99 ms':>10}")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder, emulator(Path(folder)) as target:
        for operation in (read, write):
            for connections in (1, 8, 32):
                print(measure(target, operation, connections, options.requests), flush=True)


if __name__ == "__main__":
    main()
