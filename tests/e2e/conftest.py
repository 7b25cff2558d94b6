"""The command line as a process, in a folder of its own, against the emulator's world in that folder."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from reconciler.emulator import Emulator

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ran:
    """How a process ended, and what it said."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Api:
    """The developer API of the emulator as a person with a fresh session uses it, behind the program's back."""

    url: str
    token: str

    def call(self, method: str, path: str, body: object = None) -> dict[str, object]:
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = requests.request(method, f"{self.url}{path}", json=body, headers=headers, timeout=20)
        assert answer.status_code == 200, answer.text
        document = answer.json()
        assert isinstance(document, dict)
        return document


@dataclass(frozen=True)
class Bench:
    """A folder with manifests, and the program to run there."""

    folder: Path

    @property
    def db(self) -> Path:
        return self.folder / ".reconciler" / "emulator.db"

    def write(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def edit(self, name: str, old: str, new: str) -> None:
        file = self.folder / name
        text = file.read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        file.write_text(text.replace(old, new))

    def run(self, *arguments: str, stdin: str = "", **environment: str) -> Ran:
        return self._run([sys.executable, "-m", "reconciler", *arguments], stdin, environment)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start the program, and do not wait for it; both its streams are read as one."""
        return subprocess.Popen(
            [sys.executable, "-u", "-m", "reconciler", *arguments],
            cwd=self.folder,
            env=self._environment(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def shell(self, script: str) -> Ran:
        """Run a script in which the program is `$reconciler`; the exit code is the program's, also in a pipe."""
        program = f"{sys.executable} -m reconciler"
        return self._run(["bash", "-o", "pipefail", "-c", script], "", {"reconciler": program})

    def _environment(self, environment: dict[str, str]) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("RECONCILER_", "GLOBUS_"))}
        for name in ("CI", "GITHUB_ACTIONS"):
            plain.pop(name, None)
        plain["XDG_CONFIG_HOME"] = str(self.folder / ".config")
        plain["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
        return {**plain, "PYTHONPATH": str(REPOSITORY), **environment}

    def _run(self, command: list[str], stdin: str, environment: dict[str, str]) -> Ran:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self._environment(environment),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    def plan(self, *arguments: str) -> Ran:
        return self.run("plan", "--emulator", "--detailed-exitcode", *arguments)

    def apply(self, *arguments: str) -> Ran:
        return self.run("apply", "--emulator", "--auto-approve", *arguments)

    def must_apply(self, *arguments: str) -> Ran:
        ran = self.apply(*arguments)
        assert ran.code == 0, ran.out + ran.err
        return ran

    def must_be_done(self, *arguments: str) -> None:
        ran = self.plan(*arguments)
        assert ran.code == 0, ran.out + ran.err
        assert "No changes." in ran.out

    def bound(self) -> set[str]:
        """List the addresses that the bindings beside the emulator's file hold."""
        return set(json.loads((self.db.parent / "reconciler.bindings.json").read_text())["bindings"])

    @contextmanager
    def behind_its_back(self, person: str = "rosalind@globusid.org") -> Iterator[Api]:
        with Emulator(self.db) as emulator:
            yield Api(emulator.base_url, emulator.person_token(person))


@dataclass
class Relay:
    """Stands between the program and the service."""

    service: str
    url: str = ""
    before: Callable[[str, str], bool] = lambda _method, _path: True
    """Sees method and path before the service does, and says whether the service ever does."""
    forge: Callable[[str, str, bytes], bytes | None] = lambda _method, _path, _content: None
    """Makes of an answer's body the bytes that are sent instead of the answer, before the connection ends."""


def _handler(relay: Relay) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_call(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if not relay.before(self.command, self.path):
                self.close_connection = True
                return
            kept = {name: self.headers[name] for name in ("Authorization", "Content-Type") if name in self.headers}
            answer = requests.request(self.command, relay.service + self.path, data=body, headers=kept, timeout=20)
            forged = relay.forge(self.command, self.path, answer.content)
            if forged is not None:
                self.close_connection = True
                self.wfile.write(forged)
                return
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PUT = do_DELETE = handle_call

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    return Handler


@contextmanager
def _relaying(service: str) -> Iterator[Relay]:
    relay = Relay(service)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(relay))
    relay.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield relay
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def relaying() -> Callable[[str], AbstractContextManager[Relay]]:
    """Stand before a service."""
    return _relaying


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[str], Bench]:
    """Copy an example's manifests into a folder of the test's own."""

    def copy(name: str) -> Bench:
        source = REPOSITORY / "examples" / name
        for file in source.rglob("*.yaml"):
            target = tmp_path / file.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(file.read_text())
        return Bench(tmp_path)

    return copy


@pytest.fixture
def emulator(tmp_path: Path) -> Callable[[], AbstractContextManager[Emulator]]:
    """Make an emulator with a world of its own."""
    return lambda: Emulator(tmp_path / "world.db")
