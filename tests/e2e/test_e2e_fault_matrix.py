"""The fault matrix: what each fault of network and service (N1 to N22) does to a whole run of the program.

Each row meets, in one apply, the first call of each kind: POST of an object, POST of a secret, PUT, DELETE; and, in
another run, the first list of a plan. Whatever happens, nothing is doubled, and the next apply ends with an empty plan.
Waits that faults are given before a decision are in `runs`, with a clock of the test's own.
"""

import gzip
import json
import shutil
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli import app
from reconciler.emulator import Emulator

BEFORE = """\
projects:
  p:
    display_name: P
    contact_email: p@example.org
    admin_ids: [rosalind@globusid.org, BOOTSTRAP]
    policies: {a: {display_name: A, description: Before}}
    clients:
      old: {name: Old, client_type: confidential_client}
      web: {name: Web, client_type: confidential_client}
"""
AFTER = (
    BEFORE.replace("Before", "After")
    .replace("old: {name: Old", "new: {name: New")
    .replace(
        "Web, client_type: confidential_client", "Web, client_type: confidential_client, credentials: {main: SINK}"
    )
    .replace("SINK", "{sink: {file: {path: s.json}}}")
    + "removed: [{address: client/p/old}]\n"
)
ALL = ("object", "secret", "PUT", "DELETE")


@dataclass(frozen=True)
class Row:
    """One fault. `sent`: how often each kind of write is sent then, in the order of `ALL`; `lists`: how often the list.

    `code` is the exit code of the apply, `planned` that of the plan (None: another row plans the same). `said` is a
    part of what the apply says, `meets` what meets the fault, and `client` whether a client runs it, not a person.
    """

    name: str
    fault: dict[str, Any] | Callable[[bytes], bytes]
    sent: tuple[int, int, int, int] = (1, 2, 2, 2)
    code: int = 0
    said: str = ""
    lists: int = 2
    planned: int | None = 2
    meets: tuple[str, ...] = ALL
    timeout: str = ""
    client: bool = False


def status(code: int, **order: Any) -> dict[str, Any]:
    return {"status": code, **order}


def late(effect: str, **order: Any) -> dict[str, Any]:
    return {"effect": effect, "after_commit": True, **order}


def answer(change: Callable[[bytes], bytes], *headers: str, kind: str = "application/json") -> Callable[[bytes], bytes]:
    """Forge a whole answer with another body."""

    def forge(content: bytes) -> bytes:
        body = change(content)
        head = ["HTTP/1.1 200 OK", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close"]
        return "\r\n".join([*head, *headers]).encode() + b"\r\n\r\n" + body

    return forge


def about(*names: str) -> Callable[[bytes], bytes]:
    """Put another id under these names."""

    def changed(content: bytes) -> bytes:
        ((envelope, row),) = json.loads(content).items()
        return json.dumps({envelope: {**row, **dict.fromkeys(names, OTHER)}}).encode()

    return changed


def hold(_content: bytes) -> bytes:
    """Keep an answer back for longer than anybody waits here."""
    threading.Event().wait(4)
    return b""


OTHER = "11111111-1111-4111-8111-111111111111"
SAID = f"the answer is about {OTHER}"
PAST = "Wed, 21 Oct 2015 07:28:00 GMT"
OPEN_ENDED = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
# An answer of success that says nothing: what was made is found or revoked; a change or deletion stays unknown.
NOTHING_SAID: dict[str, Any] = {"sent": (1, 2, 1, 1), "code": 16, "lists": 1, "planned": 11}
# A fault after which nothing is sent again: a plan is refused, since the list of clients is not known.
ONCE: dict[str, Any] = {"sent": (1, 1, 1, 1), "lists": 1, "planned": 11}
STOPPED: dict[str, Any] = {"sent": (0, 0, 1, 0), "code": 10, "lists": 1}
# A fault after which everything is sent again, also a POST: it was certainly not carried out.
AGAIN: dict[str, Any] = {"sent": (2, 2, 2, 2), "planned": None}

ROWS = [
    Row("N1 reset after the request", late("reset")),
    Row("N2 closed before any byte", late("close"), planned=None),
    Row("N3 closed amid the headers", {"effect": "cut_headers"}),
    Row("N4 body shorter than promised", {"effect": "cut_body"}),
    Row("N4 chunks that break off", {"effect": "cut_chunks"}, planned=None),
    Row("N8 502 after the commit", status(502, after_commit=True), planned=None),
    Row("N8 503 after the commit", status(503, after_commit=True)),
    Row("N8 504 after the commit", status(504, after_commit=True), planned=None),
    Row("N9 500 after the commit", status(500, after_commit=True)),
    Row("N10 429", status(429), sent=(2, 2, 2, 2)),
    Row("N10 429, in a second", status(429, retry_after=1), sent=(2, 1, 1, 1), planned=None, meets=("object",)),
    Row("N10 429, at a date that is over", status(429, retry_after=PAST), **AGAIN),
    Row("N10 429, soon", status(429, retry_after="soon"), **AGAIN),
    Row("N10 429, earlier", status(429, retry_after=-5), **AGAIN),
    Row("N10 429, in 30 years", status(429, retry_after=999_999_999), **ONCE, code=16, said="(429)"),
    Row("N12 byte by byte", {"effect": "drip", "seconds": 0.5}, **ONCE, code=16, meets=("PUT",), timeout="2"),
    Row("N14 a web page", late("html"), **NOTHING_SAID, said="'text/html' where JSON was expected"),
    Row("N14 a list", late("list"), **NOTHING_SAID, said="JSON that is not an object"),
    Row("N14 204 without a body", late("empty"), **NOTHING_SAID),
    Row("N14 JSON that ends early", late("broken_json")),
    Row("N15 JSON too deep", late("deep_json"), **NOTHING_SAID, said="a body that is refused"),
    Row("N17 token that can be renewed", {"effect": "token_expired"}, sent=(2, 2, 2, 2), client=True),
    Row("N17 token that cannot", {"effect": "token_expired"}, **STOPPED, said="(401)", planned=10),
    Row("N18 login too old", {"effect": "session_required"}, **STOPPED, said="reconciler login --policy", planned=11),
    Row("N19 403", status(403), **ONCE, code=1, said="(403)"),
    Row("N19 404 of what is gone", status(404, after_commit=True), **ONCE, meets=("DELETE",)),
    Row("N19 404 of what is changed", status(404), **ONCE, code=12, said="is gone; plan again", meets=("PUT",)),
    Row("N19 409", status(409), **ONCE, code=1, said="(409)"),
    Row("N21 left out of a list", {"effect": "dropped_from_lists"}, sent=(1, 1, 1, 1), lists=1, meets=("list",)),
    Row("N21 twice in a list", {"effect": "doubled_in_lists"}, sent=(1, 1, 1, 1), lists=1, meets=("list",)),
]
FORGED = [
    Row("N6 no answer in time", hold, **ONCE, code=16, said="timed out", meets=("object", "PUT"), timeout="2"),
    Row("N3 closed after a header", lambda _: b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"),
    Row("N3 closed amid the headers of a 204", lambda _: b"HTTP/1.1 204 No Content\r\nX-", planned=None),
    Row("N5 cut where only the end tells", lambda content: OPEN_ENDED + content[: len(content) // 2]),
    Row(
        "N13 a gzip bomb",
        answer(lambda _: gzip.compress(bytes(20_000_000)), "Content-Encoding: gzip"),
        **NOTHING_SAID,
        said="more than 8388608 bytes",
    ),
    Row(
        "N14 a web page with control characters",
        answer(lambda _: b"<h1>\x1b]8;;https://evil.example\x07\x1b[2JLog in</h1>", kind="text/html"),
        **NOTHING_SAID,
        said="Log in</h1>",
    ),
    Row("N16 a key twice", answer(lambda _: b'{"id": 1, "id": 2}'), **NOTHING_SAID, said="a body that is refused"),
    Row("N16 NaN", answer(lambda _: b'{"id": NaN}'), **NOTHING_SAID, said="a body that is refused"),
    Row(
        "N22 an answer about something else",
        answer(about("id")),
        sent=(1, 1, 1, 1),
        code=16,
        said=SAID,
        planned=None,
        meets=("PUT",),
    ),
    Row(
        "N22 made elsewhere",
        answer(about("project", "client")),
        sent=(1, 2, 1, 1),
        planned=None,
        meets=("object", "secret"),
    ),
]


@dataclass
class Bed:
    """A service, a folder that is reconciled with it, and both as they were before the fault."""

    emulator: Emulator
    relay: Any
    origin: Path
    url: str
    token: str
    world: dict[str, Any]

    def restore(self, bench: Any) -> None:
        self.emulator.import_world(self.world)
        self.emulator.clear_faults()
        self.emulator.forget_requests()
        shutil.copytree(self.origin, bench.folder, dirs_exist_ok=True)
        bench.write("a.yaml", AFTER.replace("BOOTSTRAP", self.emulator.client_id))

    @property
    def environment(self) -> dict[str, str]:
        return {"RECONCILER_ACCESS_TOKEN": self.token, "GLOBUS_SDK_SERVICE_URL_AUTH": self.url}

    def run(self, bench: Any, row: Row, *arguments: str) -> Any:
        as_client = {
            "RECONCILER_ACCESS_TOKEN": "",
            "RECONCILER_CLIENT_ID": self.emulator.client_id,
            "RECONCILER_CLIENT_SECRET": self.emulator.client_secret,
        }
        given = {**self.environment, "GLOBUS_SDK_HTTP_TIMEOUT": row.timeout, **(as_client if row.client else {})}
        return bench.run(*arguments, "--parallelism", "1", **given)

    def path(self, kind: str) -> tuple[str, str]:
        """Give method and path of a kind of write."""
        named = {row.get("name", row.get("display_name")): row["id"] for row in self.world["clients"]}
        (policy,) = (row["id"] for row in self.world["policies"])
        return {
            "object": ("POST", "/v2/api/clients"),
            "secret": ("POST", f"/v2/api/clients/{named['Web']}/credentials"),
            "PUT": ("PUT", f"/v2/api/policies/{policy}"),
            "DELETE": ("DELETE", f"/v2/api/clients/{named['Old']}"),
            "list": ("GET", "/v2/api/clients"),
        }[kind]

    def order(self, row: Row, *kinds: str) -> None:
        """Let the first call of each kind meet the fault."""
        left = {self.path(kind) for kind in kinds}
        if isinstance(row.fault, dict):
            for method, path in sorted(left):
                self.emulator.add_fault({**row.fault, "method": method, "path": path})
            return
        forged = row.fault

        def forge(method: str, path: str, content: bytes) -> bytes | None:
            if (method, path) not in left:
                return None
            left.discard((method, path))
            return forged(content)

        self.relay.forge = forge

    def sent(self, *kinds: str) -> tuple[int, ...]:
        log = [(row["method"], row["path"]) for row in self.emulator.requests]
        return tuple(log.count(self.path(kind)) for kind in kinds)

    def converges(self, bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Apply again, and plan: then nothing is left to do, nothing is there twice, and the secret is delivered."""
        self.emulator.clear_faults()
        self.relay.forge = lambda *_: None
        assert self.quietly(bench, monkeypatch, "apply", "--auto-approve") == 0
        assert self.quietly(bench, monkeypatch, "plan", "--detailed-exitcode") == 0
        world = self.emulator.export_world()
        assert sorted(row["name"] for row in world["clients"] if row["project"]) == ["New", "Web"]
        assert [row["description"] for row in world["policies"]] == ["After"]
        (secret,) = (row for row in world["credentials"] if row["client"] == self.path("secret")[1].split("/")[4])
        assert json.loads((bench.folder / "s.json").read_text())["credential_id"] == secret["id"]

    def quietly(self, bench: Any, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
        """Run the program in this process."""
        with monkeypatch.context() as patch:
            patch.chdir(bench.folder)
            for name, value in self.environment.items():
                patch.setenv(name, value)
            return app.run([*arguments])


Relaying = Callable[[str], AbstractContextManager[Any]]


def bed(folder: Path, relaying: Relaying, *, forged: bool) -> Iterator[Bed]:
    with Emulator() as emulator, relaying(emulator.base_url) as relay:
        url = relay.url if forged else emulator.base_url
        token = emulator.person_token("rosalind@globusid.org")
        emulator.client_secret  # noqa: B018 - issued now, so that it is a part of the world
        (folder / "a.yaml").write_text(BEFORE.replace("BOOTSTRAP", emulator.client_id))
        made = Bed(emulator, relay, folder, url, token, {})
        with pytest.MonkeyPatch.context() as patch:
            assert made.quietly(_At(folder), patch, "apply", "--auto-approve") == 0
        made.world = emulator.export_world()
        yield made


@dataclass(frozen=True)
class _At:
    folder: Path


@pytest.fixture(scope="module")
def direct(tmp_path_factory: pytest.TempPathFactory, relaying: Relaying) -> Iterator[Bed]:
    yield from bed(tmp_path_factory.mktemp("direct"), relaying, forged=False)


@pytest.fixture(scope="module")
def forging(tmp_path_factory: pytest.TempPathFactory, relaying: Relaying) -> Iterator[Bed]:
    yield from bed(tmp_path_factory.mktemp("forging"), relaying, forged=True)


EVERY = pytest.mark.parametrize("row", [*ROWS, *FORGED], ids=lambda row: row.name)
PLANNED = pytest.mark.parametrize(
    "row", [row for row in [*ROWS, *FORGED] if row.planned is not None], ids=lambda row: row.name
)


@pytest.fixture
def prepared(row: Row, bench: Any, request: pytest.FixtureRequest) -> Bed:
    found: Bed = request.getfixturevalue("direct" if isinstance(row.fault, dict) else "forging")
    found.restore(bench)
    return found


def test_service_whose_certificate_is_not_trusted_is_asked_once(bench: Any, certificate: Path) -> None:
    """N7."""
    bench.write("a.yaml", AFTER.replace("BOOTSTRAP", OTHER))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                asked.append("hello")
                with connection, suppress(OSError), context.wrap_socket(connection, server_side=True):
                    pass

        thread = threading.Thread(target=greet)
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        ran = bench.run("apply", "--auto-approve", "--parallelism", "1", "--base-url", url, RECONCILER_ACCESS_TOKEN="t")
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert ran.code == 16, ran.err
    assert "certificate verify failed" in ran.err
    assert len(ran.err.splitlines()) == 1
    assert set(asked) == {"hello"}


def readable(text: str) -> bool:
    return all(character.isprintable() or character == "\n" for character in text)


@EVERY
def test_writes_that_meet_a_fault(
    row: Row, prepared: Bed, bench: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared.order(row, *row.meets)
    ran = prepared.run(bench, row, "apply", "--auto-approve")
    assert (ran.code, prepared.sent(*ALL)) == (row.code, row.sent), ran.out + ran.err
    assert row.said in ran.out
    assert readable(ran.out + ran.err)
    assert prepared.token not in ran.out + ran.err
    prepared.converges(bench, monkeypatch)
    capsys.readouterr()


@PLANNED
def test_plan_whose_list_meets_a_fault(row: Row, prepared: Bed, bench: Any) -> None:
    prepared.order(row, "list")
    ran = prepared.run(bench, row, "plan", "--detailed-exitcode")
    assert (ran.code, prepared.sent("list")) == (row.planned, (row.lists,)), ran.out + ran.err
    assert readable(ran.out + ran.err)
    written = {each["path"] for each in prepared.emulator.requests if each["method"] != "GET"}
    assert written <= {"/v2/oauth2/token"}
    world = prepared.emulator.export_world()
    assert [world[name] for name in ("clients", "policies", "credentials")] == [
        prepared.world[name] for name in ("clients", "policies", "credentials")
    ]
