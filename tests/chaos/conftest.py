"""A root and a service of which a sweep kills the program at one point after the other, and what must hold then.

The service stands behind a proxy that counts the requests of the whole process; each point starts from a copy of the
same files. `CHAOS` in the environment means every point; without it, a sample.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from reconciler.emulator import Emulator

REPOSITORY = Path(__file__).parents[2]
FAILPOINTS = Path(__file__).parent / "failpoints"
KINDS = ("projects", "policies", "clients", "scopes")
_PASSED = ("Authorization", "Content-Type", "X-Vault-Token", "X-Vault-Request")
_GENERATED = {"id", "created", "admins", "scopes", "grant_types", "secret"}


@dataclass(frozen=True)
class Point:
    """Where a process is killed: around its nth request, or around its nth step of a kind on the disk.

    `traced`: by the kernel's own hand, at the nth such call of one of its threads.
    """

    what: str
    nth: int
    done: bool = False
    traced: bool = False

    def __str__(self) -> str:
        return f"{'after' if self.done else 'before'} {self.what} {self.nth}"

    def environment(self) -> dict[str, str]:
        if self.traced or self.what == "request":
            return {}
        return {"KILL_AT": f"{self.what}:{self.nth}" + (":done" if self.done else "")}

    def command(self) -> list[str]:
        if not self.traced:
            return []
        inject = f"inject={self.what}:signal=SIGKILL:when={self.nth}"
        return ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={self.what}", "-e", inject]


@dataclass
class Proxy:
    """Passes requests on, counts them, kills the client around one of them, and remembers every secret that passes.

    What is for `vault` is told by its path; `look` sees each request before it is passed on, and after.
    """

    service: str = ""
    vault: str = ""
    look: Callable[[str, str], None] | None = None
    point: Point | None = None
    victim: "subprocess.Popen[str] | None" = None
    count: int = 0
    secrets: set[str] = field(default_factory=set)
    turn: threading.Lock = field(default_factory=threading.Lock)

    def strikes(self) -> bool:
        with self.turn:
            self.count += 1
            return self.point is not None and self.point.what == "request" and self.point.nth == self.count

    def kill(self) -> None:
        assert self.victim is not None
        os.kill(self.victim.pid, signal.SIGKILL)

    def seen(self, method: str, path: str) -> None:
        if self.look:
            self.look(method, path)

    def learn(self, body: bytes) -> None:
        found = re.findall(rb'"(?:secret|access_token|refresh_token)": ?"([^"]{8,})"', body)
        with self.turn:
            self.secrets.update(each.decode() for each in found)


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            strikes = proxy.strikes()
            if strikes and proxy.point and not proxy.point.done:
                proxy.kill()
                self.close_connection = True
                return
            kept = {name: self.headers[name] for name in _PASSED if name in self.headers}
            origin = proxy.vault if self.path.startswith("/v1/") else proxy.service
            proxy.seen(self.command, self.path)
            answer = requests.request(self.command, origin + self.path, data=body, headers=kept, timeout=60)
            proxy.learn(answer.content)
            proxy.seen(self.command, self.path)
            if strikes:
                proxy.kill()
                self.close_connection = True
                return
            self.send_response_only(answer.status_code)
            for name in ("Content-Type", "Date"):
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PUT = do_DELETE = pass_on

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    return Handler


class _Server(ThreadingHTTPServer):
    """A client that was killed is nothing to report."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@dataclass
class Ran:
    code: int
    said: str


@dataclass
class Ground:
    """One root over one service; everything below `folder`, so that it can be copied."""

    folder: Path
    proxy: Proxy
    url: str
    emulator: Emulator

    @property
    def root(self) -> Path:
        return self.folder / "root"

    def write(self, text: str) -> None:
        (self.root / "a.yaml").write_text(text.replace("BOOTSTRAP", self.emulator.client_id))

    def run(self, *arguments: str, point: Point | None = None, **environment: str) -> Ran:
        """Run the program, and be killed at a point."""
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("RECONCILER_", "GLOBUS_"))}
        plain.pop("CI", None)
        known = {
            "PYTHONPATH": os.pathsep.join((str(FAILPOINTS), str(REPOSITORY))),
            "RECONCILER_CLIENT_ID": self.emulator.client_id,
            "RECONCILER_CLIENT_SECRET": self.emulator.client_secret,
            "GLOBUS_SDK_SERVICE_URL_AUTH": self.url,
        }
        self.proxy.point, self.proxy.count = point, 0
        with subprocess.Popen(
            [*(point.command() if point else ()), sys.executable, "-m", "reconciler", *arguments],
            cwd=self.root,
            env={**plain, **known, **(point.environment() if point else {}), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as victim:
            self.proxy.victim = victim
            said, _ = victim.communicate(timeout=120)
        self.proxy.point = None
        return Ran(victim.returncode, said)

    def api(self, method: str, path: str, body: object = None, person: str = "rosalind@globusid.org") -> Any:
        headers = {"Authorization": f"Bearer {self.emulator.person_token(person)}"}
        answer = requests.request(method, self.emulator.base_url + path, json=body, headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def leaks(self, said: str) -> Iterator[str]:
        """Search every secret that was ever issued in all that was said and written outside of the sinks."""
        texts = {"the output": said}
        for file in self.root.rglob("*"):
            inside = file.relative_to(self.root).parts
            sink = inside[0] == "secrets" and not file.name.endswith(".meta.json")
            if file.is_file() and not sink:
                texts[str(file.relative_to(self.root))] = file.read_bytes().decode(errors="replace")
        secrets = {*self.proxy.secrets, self.emulator.client_secret}
        for where, text in texts.items():
            if any(secret in text for secret in secrets):
                yield f"I4: a secret stands in {where}"

    def introspect(self, form: dict[str, str]) -> int:
        """Try a secret; return the status of the answer."""
        url = f"{self.emulator.base_url}/v2/oauth2/token/introspect"
        return requests.post(url, data=form, timeout=60).status_code

    def documents(self, person: str = "rosalind@globusid.org") -> dict[str, list[Any]]:
        """Read all that a person administers, credentials too."""
        found = {kind: self.api("GET", f"/v2/api/{kind}", person=person)[kind] for kind in KINDS}
        found["credentials"] = [
            credential
            for client in found["clients"]
            for credential in self.api("GET", f"/v2/api/clients/{client['id']}/credentials", person=person)[
                "credentials"
            ]
        ]
        return found

    def shape(self) -> dict[str, list[str]]:
        """Describe all that is there in such a way that it is the same in every run: names for ids."""
        found = self.documents()
        names = {each["id"]: each.get("display_name") or each.get("name") or "" for each in found["projects"]}
        for kind in ("policies", "clients", "scopes"):
            names |= {each["id"]: f"{each.get('display_name') or each['name']}" for each in found[kind]}
        shape: dict[str, list[str]] = {}
        for kind, rows in found.items():
            plain = [{key: value for key, value in row.items() if key not in _GENERATED} for row in rows]
            for row in plain:
                if kind == "credentials":
                    row["name"] = row["name"].partition("#")[0]
            shape[kind] = sorted(json.dumps(_named(row, names), sort_keys=True) for row in plain)
        return shape


def _named(value: Any, names: dict[str, str]) -> Any:
    """Put names for ids, and lists in an order that does not depend on them."""
    if isinstance(value, list):
        return sorted((_named(each, names) for each in value), key=lambda each: json.dumps(each, sort_keys=True))
    if isinstance(value, dict):
        return {key: _named(each, names) for key, each in value.items()}
    if isinstance(value, str):
        for identifier, name in names.items():
            value = value.replace(identifier, name)
    return value


@dataclass
class Sweep:
    """Kills the program at each point of a run, runs it once more, and checks what must hold; counts violations."""

    workplace: Path
    proxy: Proxy
    url: str

    @contextmanager
    def ground(self, name: str, start: Path | None = None, *, after: float = 0) -> Iterator[Ground]:
        """Set up a ground, from a copy of the files of another one, so many seconds `after` now."""
        folder = self.workplace / name
        if start:
            shutil.copytree(start, folder)
        else:
            (folder / "root").mkdir(parents=True)
        with Emulator(folder / "world" / "emulator.db") as emulator:
            self.proxy.service = emulator.base_url
            emulator.clock.advance(after)
            yield Ground(folder, self.proxy, self.url, emulator)

    def points(
        self, start: Path, arguments: tuple[str, ...], *, after: float = 0, environment: Mapping[str, str] | None = None
    ) -> tuple[list[Point], dict[str, list[str]]]:
        """Count the points of an undisturbed run, and see what it brings about."""
        with self.ground("whole", start, after=after) as ground:
            counts = ground.folder / "counts.json"
            told: dict[str, Any] = {**(environment or {}), "COUNT_INTO": str(counts)}
            ran = ground.run(*arguments, **told)
            assert ran.code == 0, ran.said
            found = Counter(json.loads(counts.read_text()), request=self.proxy.count)
            shape = ground.shape()
        shutil.rmtree(self.workplace / "whole")
        points = [
            Point(what, nth + 1, done) for what in sorted(found) for nth in range(found[what]) for done in (False, True)
        ]
        return points, shape


@pytest.fixture(scope="module")
def proxy() -> Iterator[tuple[Proxy, str]]:
    proxy = Proxy()
    server = _Server(("127.0.0.1", 0), _handler(proxy))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield proxy, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def sweep(tmp_path: Path, proxy: tuple[Proxy, str]) -> Sweep:
    return Sweep(tmp_path, *proxy)


@pytest.fixture
def sample() -> Callable[[list[Any], int], list[Any]]:
    """Choose the points of a short run: as many as said, evenly spread; all of them where CHAOS is set."""

    def sample(points: list[Any], count: int) -> list[Any]:
        if os.environ.get("CHAOS") or len(points) <= count:
            return points
        return [points[index * len(points) // count] for index in range(count)]

    return sample
