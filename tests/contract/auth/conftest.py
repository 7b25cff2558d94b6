"""Servers on loopback that answer as a test says and remember what they were asked."""

import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from reconciler.auth import AuthClient, ConfidentialAppAuthClient


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENVIRONMENT", "SERVICE_URL_AUTH", "HTTP_TIMEOUT", "VERIFY_SSL"):
        monkeypatch.delenv(f"GLOBUS_SDK_{name}", raising=False)


@dataclass
class Recorded:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))


@dataclass
class Recorder:
    """Answers with what was queued, then with `{}`; `by_path` goes before the queue."""

    url: str = ""
    requests: list[Recorded] = field(default_factory=list)
    queue: deque[tuple[int, Any, dict[str, str]]] = field(default_factory=deque)
    by_path: dict[str, Callable[[Recorded], tuple[int, Any]]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, status: int, document: Any, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.queue.append((status, document, named))

    def answer_to(self, request: Recorded) -> tuple[int, Any, dict[str, str]]:
        with self.lock:
            self.requests.append(request)
            if request.path in self.by_path:
                return (*self.by_path[request.path](request), {})
            return self.queue.popleft() if self.queue else (200, {}, {})


def _handler(recorder: Recorder) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def handle_request(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = Recorded(self.command, self.path, dict(self.headers), body)
            status, document, headers = recorder.answer_to(request)
            content = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = handle_request

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's signature
            pass

    return Handler


@pytest.fixture
def serve() -> Iterator[Callable[..., Recorder]]:
    """Start recorders, over TLS where a context is given."""
    with ExitStack() as stack:

        def start(context: Any = None) -> Recorder:
            recorder = Recorder()
            server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(recorder))
            if context is not None:
                server.socket = context.wrap_socket(server.socket, server_side=True)
            recorder.url = f"{'http' if context is None else 'https'}://127.0.0.1:{server.server_port}"
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            return recorder

        yield start


@pytest.fixture
def recorder(serve: Callable[[], Recorder]) -> Recorder:
    return serve()


@pytest.fixture
def sleeps() -> list[float]:
    """What the client would have slept."""
    return []


@pytest.fixture
def connect(sleeps: list[float]) -> Iterator[Callable[..., AuthClient]]:
    """Make clients that do not really sleep, and close them."""
    with ExitStack() as stack:

        def make(url: str, authorizer: Any = None, **params: Any) -> AuthClient:
            settings = {"sleep": sleeps.append, "draw": lambda: 0.5, **params}
            client = AuthClient(base_url=url, authorizer=authorizer, transport_params=settings)
            return stack.enter_context(client)

        yield make


@pytest.fixture
def client(recorder: Recorder, connect: Callable[..., AuthClient]) -> AuthClient:
    return connect(recorder.url)


@pytest.fixture
def application(recorder: Recorder, sleeps: list[float]) -> Iterator[ConfidentialAppAuthClient]:
    params = {"sleep": sleeps.append}
    with ConfidentialAppAuthClient("an-id", "a-secret", base_url=recorder.url, transport_params=params) as found:
        yield found


@dataclass
class Script:
    """A raw server: each connection's request is read whole, then the next step happens to the connection."""

    url: str
    requests: list[bytes] = field(default_factory=list)


def _read_request(conn: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += conn.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(x[15:]) for x in head.split(b"\r\n") if x.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += conn.recv(65536)
    return head + b"\r\n\r\n" + body


def reset(conn: socket.socket) -> None:
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _play(listener: socket.socket, script: Script, steps: list[Any], held: ExitStack, *, hello: bool) -> None:
    for step in steps:
        try:
            conn, _ = listener.accept()
        except OSError:
            return
        conn.settimeout(10)
        if step == "hold":
            held.enter_context(conn)
            script.requests.append(_read_request(conn))
            continue
        with conn:
            if step == "hang up":
                continue
            script.requests.append(conn.recv(65536) if hello else _read_request(conn))
            if step == "reset":
                reset(conn)
            elif callable(step):
                step(conn)
            else:
                conn.sendall(step)


@pytest.fixture
def raw() -> Iterator[Callable[..., Script]]:
    """Start raw servers.

    A step is bytes to send before closing, "reset", "hold", "hang up" before reading, or a function of the connection.
    With `hello`, what is read before is not a request but the hello of TLS.
    """
    with ExitStack() as stack:

        def start(*steps: Any, hello: bool = False) -> Script:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            script = Script(f"http://127.0.0.1:{listener.getsockname()[1]}")
            held = stack.enter_context(ExitStack())
            thread = threading.Thread(target=_play, args=(listener, script, list(steps), held), kwargs={"hello": hello})
            thread.start()
            stack.callback(thread.join)
            stack.callback(listener.shutdown, socket.SHUT_RDWR)
            return script

        yield start
