import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from reconciler import live
from reconciler.auth import AccessTokenAuthorizer, AuthClient
from reconciler.errors import CallFailed, InvalidManifests
from reconciler.remote import Reader, Writer

LISTS = {f"GET /v2/api/{name}" for name in ("projects", "policies", "clients", "scopes")}
TWO_SECRETS = """\
projects:
  p:
    display_name: P
    contact_email: p@example.org
    admin_ids: [rosalind@globusid.org]
    clients:
      one:
        name: One
        client_type: confidential_client
        credentials: {main: {sink: {file: {path: one.json}}}, spare: {sink: {file: {path: spare.json}}}}
      two:
        name: Two
        client_type: confidential_client
        credentials: {main: {sink: {file: {path: two.json}}}}
      three: {name: Three, client_type: confidential_client}
"""
PROJECT = "projects: {p: {display_name: P, contact_email: p@example.org, admin_ids: [rosalind@globusid.org]}}\n"


def test_empty_plan_takes_four_lists_and_one_for_each_client_with_credentials(runs: Any) -> None:
    runs.write(TWO_SECRETS)
    runs.settle()
    runs.forget_calls()
    assert runs.plan().plan.operations == ()
    calls = runs.calls()
    secrets = {f"GET /v2/api/clients/{runs.id(f'client/p/{key}')}/credentials" for key in ("one", "two")}
    looked_up = ["GET /v2/api/identities", "GET /v2/oauth2/userinfo"]
    assert sorted(calls) == sorted([*LISTS, *secrets, *looked_up])


def test_apply_takes_the_calls_that_its_plan_announces(runs: Any) -> None:
    runs.write(TWO_SECRETS)
    planned = runs.plan()
    runs.forget_calls()
    runs.carry_out(planned)
    writes = [call for call in runs.calls() if not call.startswith("GET ") and "/oauth2/" not in call]
    assert len(writes) == planned.plan.calls() == 7


def test_lists_are_read_at_the_same_time() -> None:
    together = threading.Barrier(4)

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            together.wait(timeout=20)  # an answer for nobody before all four have asked
            body = b'{"%s": []}' % self.path.rpartition("/")[2].encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        with AuthClient(base_url=url, authorizer=AccessTokenAuthorizer("token")) as client:
            snapshot = live.read(Reader(client), caller="me", expected={}, parallelism=4)
    finally:
        server.shutdown()
        server.server_close()
    assert snapshot.poisoned == {}
    assert not together.broken


def test_list_that_fails_poisons_its_kind_and_what_is_below(runs: Any) -> None:
    runs.write(TWO_SECRETS)
    runs.settle()
    runs.write(TWO_SECRETS.replace("three: {name: Three,", "four: {name: Four,"))
    runs.fault("GET", "/v2/api/clients", 403)
    plan = runs.plan(delete=frozenset({"all"})).plan
    assert not plan.applyable
    assert {str(refusal.address) for refusal in plan.refusals} == {"client/p/four", "client/p/three"}
    assert all(refusal.consent is None for refusal in plan.refusals)


def test_bound_object_that_may_not_be_read_is_not_taken_for_gone(runs: Any) -> None:
    runs.write(PROJECT)
    runs.settle()
    identifier = runs.id("project/p")
    barbara = runs.call("GET", "/v2/api/identities?usernames=barbara@globusid.org")["identities"][0]["id"]
    runs.call("PUT", f"/v2/api/projects/{identifier}", {"project": {"admin_ids": [barbara]}})
    plan = runs.plan(replace=frozenset({"all"})).plan
    assert [refusal.consent for refusal in plan.refusals] == [None]
    assert "incomplete" in plan.refusals[0].reason
    assert "403" in plan.refusals[0].reason


def test_object_that_is_gone_is_made_again_only_with_consent(runs: Any) -> None:
    runs.write(PROJECT)
    runs.settle()
    runs.call("DELETE", f"/v2/api/projects/{runs.id('project/p')}")
    refused = runs.plan().plan
    assert [refusal.consent for refusal in refused.refusals] == ["--allow-replace project/p"]
    runs.settle(replace=frozenset({"project/p"}))


def test_look_up_provisions_nobody(runs: Any) -> None:
    runs.write(PROJECT.replace("rosalind@globusid.org", "rosalind@globusid.org, nobody@example.edu"))
    with pytest.raises(InvalidManifests) as caught:
        runs.plan()
    assert [problem.what for problem in caught.value.problems] == [
        "no identity 'nobody@example.edu' is known to the service"
    ]
    known = runs.call("GET", "/v2/api/identities?usernames=nobody@example.edu&provision=false")
    assert known["identities"] == []


def test_names_are_looked_up_in_one_call_each(runs: Any, failed: Callable[..., list[str]]) -> None:
    runs.write("""\
projects:
  p:
    display_name: P
    contact_email: p@example.org
    admin_ids: [rosalind@globusid.org, barbara@globusid.org, carl@example.edu]
    clients:
      a:
        name: A
        client_type: resource_server
        required_idp: example.edu
        preselect_idp: globusid.org
        scopes:
          s:
            name: S
            description: S
            dependent_scopes: [globus/transfer/all, globus/search/all, globus/groups/all]
""")
    runs.forget_calls()
    planned = runs.plan()
    calls = runs.calls()
    assert calls.count("GET /v2/api/identities") == 1
    assert calls.count("GET /v2/api/identity_providers") == 1
    assert calls.count("GET /v2/api/scopes") == 2
    assert failed(runs.carry_out(planned)) == []


@pytest.fixture
def proxy() -> Iterator[str]:
    """Something before the service that knows no page at all."""

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<html>No such page</html>"
            self.send_response(404)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_DELETE = do_PUT = do_GET

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_only_the_service_can_say_that_something_is_gone(proxy: str) -> None:
    with AuthClient(base_url=proxy, authorizer=AccessTokenAuthorizer("token")) as client:
        calls: list[Callable[[], object]] = [
            lambda: Reader(client).one("client", "c"),
            lambda: Writer(client).update("client", "c", {"name": "n"}),
            lambda: Writer(client).delete("client", "p", "c"),
        ]
        for call in calls:
            with pytest.raises(CallFailed, match="something before the service") as caught:
                call()
            assert caught.value.unavailable
