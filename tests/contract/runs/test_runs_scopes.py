"""Which scope a create is about, when the service makes one for each domain of the client."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from reconciler.auth import AccessTokenAuthorizer, AuthClient
from reconciler.errors import CallFailed
from reconciler.remote import Writer

CLIENT = "3f1c2b6e-8d5a-4c0e-9a55-0d8f6b1e7c21"
FIELDS = {"scope_suffix": "read", "name": "Read", "description": "Read"}


def row(host: str) -> dict[str, Any]:
    string = f"https://auth.globus.org/scopes/{host}/read"
    return {"id": f"scope of {host}", "client": CLIENT, "scope_string": string, "name": "Read", "description": "Read"}


@pytest.fixture
def answered() -> Iterator[Callable[[object], tuple[Writer, list[Any]]]]:
    """Serve one answer to every call; give a writer, and the bodies that it sent."""
    with ExitStack() as stack:

        def start(document: object) -> tuple[Writer, list[Any]]:
            bodies: list[Any] = []

            class Handler(BaseHTTPRequestHandler):
                def do_POST(self) -> None:
                    bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                    content = json.dumps(document).encode()
                    self.send_response(200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)

                def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's signature
                    pass

            server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            url = f"http://127.0.0.1:{server.server_port}"
            client = stack.enter_context(AuthClient(base_url=url, authorizer=AccessTokenAuthorizer("t")))
            return Writer(client), bodies

        yield start


@pytest.mark.parametrize("fqdn", [None, "api.example.edu", "www.example.edu"])
def test_of_the_scopes_that_a_create_makes_the_one_of_the_stated_domain_is_taken(answered: Any, fqdn: str) -> None:
    hosts = ["www.example.edu", CLIENT, "api.example.edu"]
    writer, bodies = answered({"scopes": [row(host) for host in hosts]})
    made = writer.create("scope", CLIENT, {**FIELDS, "fqdn": fqdn} if fqdn else FIELDS).live
    assert (made.id, made.fields["fqdn"]) == (f"scope of {fqdn or CLIENT}", fqdn)
    assert bodies == [{"scope": FIELDS}]


def test_a_scope_of_another_domain_is_never_taken_for_it(answered: Any) -> None:
    writer, _ = answered({"scopes": [row(CLIENT)]})
    with pytest.raises(CallFailed, match="unexpected shape"):
        writer.create("scope", CLIENT, {**FIELDS, "fqdn": "api.example.edu"})
