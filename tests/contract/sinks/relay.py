"""What stands between a sink and its counterpart, and can let calls fail before they arrive or lose their answers."""

import http.client
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import urlsplit

Fate = Literal["pass", "refuse", "lose"]
"""What becomes of a call: it is answered, it does not arrive, or it arrives and its answer does not."""


def passing(_: int, __: str) -> Fate:
    return "pass"


class Relay:
    """The calls so far, as `METHOD path`, and what decides about the next one by its number from 0 and by that text."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.target = ""
        self.calls: list[str] = []
        self.fate: Callable[[int, str], Fate] = passing

    def reset(self, fate: Callable[[int, str], Fate] = passing) -> None:
        self.calls = []
        self.fate = fate

    def from_call(self, number: int, fate: Fate) -> None:
        """Let the call of that number have a fate, and no later one arrive."""
        self.reset(lambda at, _: "pass" if at < number else fate if at == number else "refuse")

    def once(self, start: str, fate: Fate) -> None:
        """Let the first call that begins so have a fate; all others are answered."""
        met: list[str] = []

        def decide(_: int, call: str) -> Fate:
            if call.startswith(start) and not met:
                met.append(call)
                return fate
            return "pass"

        self.reset(decide)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Say nothing of connections that were closed on purpose."""


@contextmanager
def relaying() -> Iterator[Relay]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            call = f"{self.command} {self.headers.get('X-Amz-Target', self.path)}"
            fate = relay.fate(len(relay.calls), call)
            relay.calls.append(call)
            reply = forwarded(relay.target, self, body) if fate != "refuse" else None
            if reply and fate == "pass":
                self.answer(*reply)
            else:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)

        def answer(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
            self.send_response(status)
            for name in ("Content-Type", "X-Amzn-Errortype"):
                if value := headers.get(name):
                    self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with Server(("127.0.0.1", 0), Handler) as server:
        relay = Relay(server.server_port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield relay
        server.shutdown()


def forwarded(target: str, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
    """Make the call at the target; give its status, headers and content."""
    place = urlsplit(target)
    assert place.hostname
    upstream = http.client.HTTPConnection(place.hostname, place.port, timeout=20)
    upstream.request(request.command, request.path, body, dict(request.headers))
    reply = upstream.getresponse()
    content = reply.read()
    upstream.close()
    return reply.status, dict(reply.headers), content
