"""Answers that do not tell the whole truth: lists that come late, leave out or repeat, answers about something else.

Faults N20 to N22 of the project's fault model: eventual consistency, unstable lists, and ids that differ.
"""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from reconciler.auth import AccessTokenAuthorizer, AuthClient
from reconciler.errors import CallFailed, Outcome
from reconciler.model import Failed
from reconciler.remote import Reader, Writer

Doctor = Callable[[str, str, Any], Any]
"""What is made of an answer: method, path and document before, document after."""

PROJECT = """\
projects:
  p:
    display_name: P
    contact_email: p@example.org
    admin_ids: [rosalind@globusid.org]
"""
CLIENT = PROJECT + "    clients: {web: {name: Web, client_type: client_identity}}\n"


@dataclass
class Mirror:
    """Stands before the service, and shows what the doctor makes of its answers."""

    service: str
    url: str = ""
    doctor: Doctor = field(default=lambda _method, _path, document: document)


@pytest.fixture
def mirror(runs: Any) -> Iterator[Mirror]:
    found = Mirror(runs.emulator.base_url)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kept = {name: self.headers[name] for name in ("Authorization", "Content-Type") if name in self.headers}
            answer = requests.request(self.command, found.service + self.path, data=body, headers=kept, timeout=20)
            status, document = answer.status_code, found.doctor(self.command, self.path, answer.json())
            if document is None:
                status, document = 503, {}
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_PUT = do_DELETE = do_GET

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    authorizer = AccessTokenAuthorizer(runs.emulator.person_token("rosalind@globusid.org"))
    with AuthClient(base_url=found.url, authorizer=authorizer, transport_params={"sleep": lambda _: None}) as client:
        runs.client = client
        yield found
    server.shutdown()
    server.server_close()


def test_created_object_that_lists_show_late_is_waited_for(runs: Any, mirror: Mirror) -> None:
    """N20."""
    lists = 0

    def late(method: str, path: str, document: Any) -> Any:
        nonlocal lists
        if (method, path) == ("POST", "/v2/api/clients"):
            return None
        if (method, path) == ("GET", "/v2/api/clients"):
            lists += 1
            return document if lists > 3 else {"clients": []}
        return document

    mirror.doctor = late
    runs.write(CLIENT)
    assert not [event for event in runs.apply() if isinstance(event, Failed)]
    assert len(runs.slept) == 3
    assert len(runs.call("GET", "/v2/api/clients")["clients"]) == 1


def test_object_that_a_list_leaves_out_is_asked_for_and_not_taken_for_gone(runs: Any, mirror: Mirror) -> None:
    """N21."""
    runs.write(CLIENT)
    runs.settle()
    hidden: dict[str, Any] = {"GET /v2/api/clients": {"clients": []}}
    mirror.doctor = lambda method, path, document: hidden.get(f"{method} {path}", document)
    assert runs.plan().plan.operations == ()
    runs.write(PROJECT)
    (operation,) = runs.plan().plan.operations
    assert operation.key == "delete client/p/web"


def test_object_that_a_list_repeats_is_one(runs: Any, mirror: Mirror) -> None:
    """N21."""
    runs.write(CLIENT)
    runs.settle()
    runs.site.bindings.unlink()
    runs.site.journal.unlink()

    def twice(_method: str, _path: str, document: Any) -> Any:
        return {name: value * 2 if isinstance(value, list) else value for name, value in document.items()}

    mirror.doctor = twice
    assert [change.action.value for change in runs.plan().plan.changes] == ["adopt", "adopt"]


def test_answer_about_something_else_is_refused(runs: Any, mirror: Mirror) -> None:
    """N22."""
    runs.write(CLIENT)
    runs.settle()
    identifier, other = runs.id("client/p/web"), "11111111-1111-4111-8111-111111111111"
    mirror.doctor = lambda _method, _path, document: json.loads(json.dumps(document).replace(identifier, other))
    with pytest.raises(CallFailed, match="the answer is about") as caught:
        Reader(runs.client).one("client", identifier)
    with pytest.raises(CallFailed, match="the answer is about") as caught:
        Writer(runs.client).update("client", identifier, {"name": "New"})
    assert caught.value.outcome is Outcome.UNKNOWN
    mirror.doctor = lambda *_: {}
    with pytest.raises(CallFailed):
        Writer(runs.client).update("client", identifier, {"name": "New"})
