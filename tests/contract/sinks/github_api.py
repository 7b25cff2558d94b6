"""The endpoints of GitHub for Actions secrets. It holds the private key, and opens what arrives."""

import json
import re
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox

TOKEN = "ghp_a-token-that-may-write"
READER = "ghp_a-token-that-may-read"

_SECRETS = re.compile(r"/repos/([^/]+/[^/]+)/(?:actions|environments/([^/]+))/secrets/([^/]+)")


class GitHub:
    """The secrets that arrived, opened, by repository, environment and name."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.secrets: dict[tuple[str, str | None, str], str] = {}
        self.written: list[str] = []
        self.serial = 0
        self.turns: list[str] = []
        """The names of the secrets before whose next write the key is changed."""
        self.turn()

    def turn(self) -> None:
        """Change the key."""
        self.key = PrivateKey.generate()
        self.serial += 1

    def answer(self, method: str, path: str, authorization: str, body: Any) -> tuple[int, Any]:
        if authorization not in {f"Bearer {TOKEN}", f"Bearer {READER}"}:
            return 401, {"message": "Bad credentials"}
        found = _SECRETS.fullmatch(path)
        if not found:
            return 404, {"message": "Not Found"}
        repository, environment, name = found.groups()
        place = (repository, environment, name)
        if name == "public-key":
            return 200, {"key_id": str(self.serial), "key": b64encode(bytes(self.key.public_key)).decode()}
        if method == "GET":
            return (200, {"name": name}) if place in self.secrets else (404, {"message": "Not Found"})
        if authorization == f"Bearer {READER}":
            return 403, {"message": "Resource not accessible by integration"}
        if method == "DELETE":
            return (204, None) if self.secrets.pop(place, None) is not None else (404, {"message": "Not Found"})
        return self._put(place, body)

    def _put(self, place: tuple[str, str | None, str], body: Any) -> tuple[int, Any]:
        if place[2] in self.turns:
            self.turns.remove(place[2])
            self.turn()
        try:
            opened = SealedBox(self.key).decrypt(b64decode(body["encrypted_value"], validate=True)).decode()
        except CryptoError:
            return 422, {"message": "Bad encrypted_value"}
        if body["key_id"] != str(self.serial):
            return 422, {"message": "Bad key_id"}
        status = 204 if place in self.secrets else 201
        self.secrets[place] = opened
        self.written.append(place[2])
        return status, {} if status == 201 else None


@contextmanager
def serving() -> Iterator[GitHub]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            status, document = world.answer(self.command, self.path, self.headers.get("Authorization", ""), body)
            content = b"" if document is None else json.dumps(document).encode()
            self.send_response(status)
            if status != 204:
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_DELETE = handle_any

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        world = GitHub(server.server_port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield world
        server.shutdown()
