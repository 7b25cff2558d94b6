"""As much of a Kubernetes API server as `kubectl` asks for to get, apply and delete Secrets; it keeps what arrives."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

VERBS = ["create", "delete", "get", "list", "patch", "update"]
DISCOVERY: dict[str, Any] = {
    "/version": {"major": "1", "minor": "32", "gitVersion": "v1.32.0"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {
        "kind": "APIResourceList",
        "groupVersion": "v1",
        "resources": [
            {"name": "secrets", "singularName": "secret", "namespaced": True, "kind": "Secret", "verbs": VERBS}
        ],
    },
}


class Kubernetes:
    """The Secrets by namespace and name, and whether the caller may write."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.secrets: dict[str, dict[str, Any]] = {}
        self.forbidden = False
        self.serial = 0

    def answer(self, method: str, url: str, body: Any) -> tuple[int, Any]:
        path, query = urlsplit(url).path, parse_qs(urlsplit(url).query)
        if path in DISCOVERY:
            return 200, DISCOVERY[path]
        *_, kind, name = path.split("/")
        if kind != "secrets":
            return failure(404, "NotFound", "the server could not find the requested resource")
        if method != "GET" and self.forbidden:
            return failure(403, "Forbidden", "secrets is forbidden")
        there = self.secrets.get(path)
        if method == "PATCH":
            return self._apply(path, there, body, keep="dryRun" not in query)
        if there is None:
            return failure(404, "NotFound", f'secrets "{name}" not found')
        if method == "DELETE":
            del self.secrets[path]
            return 200, {"kind": "Status", "apiVersion": "v1", "status": "Success"}
        return 200, there

    def _apply(self, path: str, there: dict[str, Any] | None, body: Any, *, keep: bool) -> tuple[int, Any]:
        stated = body["metadata"].get("resourceVersion")
        if stated and stated != (there or {}).get("metadata", {}).get("resourceVersion"):
            return failure(409, "Conflict", "the object has been modified")
        if keep:
            self.serial += 1
            body["metadata"]["resourceVersion"] = str(self.serial)
            self.secrets[path] = body
        return 201 if there is None else 200, body


def failure(code: int, reason: str, message: str) -> tuple[int, Any]:
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure"}
    return code, {**status, "code": code, "reason": reason, "message": message}


@contextmanager
def serving() -> Iterator[Kubernetes]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = yaml.safe_load(self.rfile.read(length)) if length else None
            status, document = world.answer(self.command, self.path, body)
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = handle_any

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        world = Kubernetes(server.server_port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield world
        server.shutdown()
