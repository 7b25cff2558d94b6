"""The way back of a login: a web server on loopback that takes one redirect, and answers a page that says so.

It hears only this machine, takes only the answer to the login that it waits for, and shows and logs nothing of it.
"""

import queue
import secrets
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

from reconciler.errors import NotAuthenticated

AddressOf = Callable[[str | None, str], str]
"""Makes the address to open of the one to come back to (None: a page of the service shows the code) and a state."""

_PATIENCE = 600.0
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>reconciler</title></head>
<body><main><h1>{title}</h1><p>{text}</p></main></body></html>
"""
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'",
    "Referrer-Policy": "no-referrer",
    "Connection": "close",
}


class _Server(ThreadingHTTPServer):
    """Waits for the redirect of one login; a browser's idle connections do not hold it up."""

    daemon_threads = True

    def __init__(self, state: str) -> None:
        super().__init__(("localhost", 0), _Handler)
        self.state = state
        self.answers: queue.Queue[tuple[str | None, str | None]] = queue.Queue()


class _Handler(BaseHTTPRequestHandler):
    """Takes what the browser brings."""

    timeout: ClassVar[float] = 30.0
    server: _Server

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        code, error = query.get("code", [None])[-1], query.get("error", [None])[-1]
        if not secrets.compare_digest(query.get("state", [""])[-1].encode(), self.server.state.encode()):
            self._answer(400, "Not this login", "This is not the answer to the login that the program waits for.")
        elif code is None and error is None:
            self._answer(400, "Not this login", "This says neither that the login was made nor that it was refused.")
        else:
            done = "You are logged in" if code else "The login was refused"
            self._answer(200, done, "You can close this page and go back to the terminal.")
            self.server.answers.put((code, error))

    def log_message(self, *_: object) -> None:
        """Keep quiet: the address holds the code."""

    def _answer(self, status: int, title: str, text: str) -> None:
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(_PAGE.format(title=title, text=text).encode())


def redirected(address_of: AddressOf, show: Callable[[str], None]) -> str:
    """Wait for a person to log in, and return the code; `show` shows or opens the address.

    Raises:
        NotAuthenticated: The login was refused, or did not come back within ten minutes.
    """
    state = secrets.token_urlsafe(24)
    with _Server(state) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            show(address_of(f"http://localhost:{server.server_address[1]}", state))
            code, error = server.answers.get(timeout=_PATIENCE)
        except queue.Empty:
            raise NotAuthenticated("nobody logged in within ten minutes; try again: reconciler login") from None
        finally:
            server.shutdown()
    if code is None:
        raise NotAuthenticated(f"the login was refused ({error})")
    return code
