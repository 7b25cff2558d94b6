"""Faults on demand, seen by raw sockets: what is on the wire, and whether the request took effect."""

import json
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from reconciler.emulator import Effect, Emulator, Switches, fault_from
from reconciler.emulator.admin import Admin
from reconciler.emulator.calls import Service
from reconciler.emulator.desk import Desk

Make = Callable[..., Any]
PROJECTS = "/v2/api/projects"


@pytest.fixture
def token(emulator: Emulator) -> str:
    return emulator.person_token("rosalind@globusid.org")


@pytest.fixture
def project(rosalind: Make) -> Any:
    me = rosalind("GET", "/v2/oauth2/userinfo")["sub"]
    return {"project": {"display_name": "Genomics", "contact_email": "ops@example.edu", "admin_ids": [me]}}


@pytest.fixture
def wire(emulator: Emulator, token: str) -> Callable[..., bytes]:
    """Send a request over a socket of its own and read all bytes until the connection ends."""

    def wire(method: str = "GET", path: str = PROJECTS, body: Any = None) -> bytes:
        port, content = int(emulator.base_url.rpartition(":")[2]), b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {token}\r\n"
        received = b""
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(f"{head}Content-Length: {len(content)}\r\nConnection: close\r\n\r\n".encode() + content)
            while chunk := connection.recv(65536):
                received += chunk
        return received

    return wire


def names(rosalind: Make) -> list[str]:
    return [project["display_name"] for project in rosalind("GET", PROJECTS)["projects"]]


@pytest.mark.parametrize("after_commit", [False, True])
def test_reset_ends_the_connection_without_a_byte(
    emulator: Emulator, wire: Make, rosalind: Make, project: Any, after_commit: Any
) -> None:
    emulator.add_fault({"effect": "reset", "method": "POST", "after_commit": after_commit})
    with pytest.raises(ConnectionResetError):
        wire("POST", PROJECTS, project)
    assert names(rosalind) == (["Genomics"] if after_commit else [])
    assert emulator.requests[-2] == {"method": "POST", "path": PROJECTS, "status": None, "fault": "reset"}


@pytest.mark.parametrize("after_commit", [False, True])
def test_close_ends_the_connection_in_good_order_without_a_byte(
    emulator: Emulator, wire: Make, rosalind: Make, project: Any, after_commit: Any
) -> None:
    emulator.add_fault({"effect": "close", "method": "POST", "after_commit": after_commit})
    assert wire("POST", PROJECTS, project) == b""
    assert names(rosalind) == (["Genomics"] if after_commit else [])


def test_cut_headers_end_in_the_midst_of_a_header_after_the_commit(
    emulator: Emulator, wire: Make, rosalind: Make, project: Any
) -> None:
    emulator.add_fault({"effect": "cut_headers", "method": "POST"})
    received = wire("POST", PROJECTS, project)
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\n\r\n" not in received
    assert not received.endswith(b"\r\n")
    assert names(rosalind) == ["Genomics"]


def test_cut_body_is_shorter_than_its_content_length(
    emulator: Emulator, wire: Make, rosalind: Make, project: Any
) -> None:
    emulator.add_fault({"effect": "cut_body", "method": "POST"})
    head, _, body = wire("POST", PROJECTS, project).partition(b"\r\n\r\n")
    (length,) = (int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
    assert body.startswith(b'{"project":')
    assert len(body) == length // 2
    assert names(rosalind) == ["Genomics"]


def test_cut_chunks_lack_the_last_one(emulator: Emulator, wire: Make, rosalind: Make, project: Any) -> None:
    emulator.add_fault({"effect": "cut_chunks", "method": "POST"})
    head, _, body = wire("POST", PROJECTS, project).partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head.lower()
    assert b"content-length" not in head.lower()
    length, _, rest = body.partition(b"\r\n")
    assert rest.startswith(b'{"project":')
    assert len(rest) == int(length, 16) + 2
    assert names(rosalind) == ["Genomics"]


def test_dripping_answer_comes_byte_by_byte(emulator: Emulator, token: str) -> None:
    emulator.add_fault({"effect": "drip", "seconds": 0.001})
    port = int(emulator.base_url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(f"GET {PROJECTS} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        pieces: list[bytes] = []
        while not b"".join(pieces).endswith(b'{"projects": []}'):
            pieces.append(connection.recv(65536))
    assert len(pieces) > 3  # the head, and the body in several pieces


def test_dripping_answer_stops_when_nobody_reads(emulator: Emulator, rosalind: Make, token: str) -> None:
    emulator.add_fault({"effect": "drip", "seconds": 3600})
    headers = {"Authorization": f"Bearer {token}"}
    with requests.get(emulator.base_url + PROJECTS, headers=headers, timeout=20, stream=True) as answer:
        assert answer.status_code == 200
        assert emulator.load["in_flight"] == 1
    while emulator.load["in_flight"]:
        rosalind("GET", PROJECTS)


@pytest.mark.parametrize("after_commit", [False, True])
@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        ("html", (200, "text/html; charset=utf-8", b"<html><body>")),
        ("list", (200, "application/json", b"[]")),
        ("empty", (204, None, b"")),
        ("broken_json", (200, "application/json", b'{"projects": ')),
        ("deep_json", (200, "application/json", b"[" * 12)),
    ],
)
def test_malformed_answers_are_no_documents_of_the_service(
    emulator: Emulator, rosalind: Make, project: Any, after_commit: Any, effect: str, expected: Any
) -> None:
    emulator.add_fault({"effect": effect, "after_commit": after_commit})
    headers = {"Authorization": f"Bearer {emulator.person_token('rosalind@globusid.org')}"}
    answer = requests.post(emulator.base_url + PROJECTS, json=project, headers=headers, timeout=20)
    assert (answer.status_code, answer.headers.get("Content-Type"), answer.content[:12]) == (
        *expected[:2],
        expected[2][:12],
    )
    with pytest.raises((ValueError, RecursionError, AssertionError)):
        assert "project" in answer.json()
    assert names(rosalind) == (["Genomics"] if after_commit else [])


@pytest.mark.parametrize(
    ("stated", "header"),
    [({}, None), ({"retry_after": 7}, "7"), ({"retry_after": -5}, "-5"), ({"retry_after": "soon"}, "soon"),
     ({"retry_after": "Wed, 21 Oct 2026 07:28:00 GMT"}, "Wed, 21 Oct 2026 07:28:00 GMT")],
)  # fmt: skip
def test_rate_limit_says_when_to_come_back_as_ordered(
    emulator: Emulator, token: str, stated: dict[str, Any], header: str | None
) -> None:
    emulator.add_fault({"status": 429, **stated})
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.get(emulator.base_url + PROJECTS, headers=headers, timeout=20)
    assert (answer.status_code, answer.headers.get("Retry-After")) == (429, header)
    assert answer.json()["errors"][0]["code"] == "RATE_LIMITED"


def test_delay_waits_and_then_answers(emulator: Emulator, token: str, rosalind: Make) -> None:
    emulator.add_fault({"latency": 2, "path": PROJECTS})
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.get(emulator.base_url + PROJECTS, headers={"Authorization": f"Bearer {token}"}, timeout=0.05)
    assert emulator.load["in_flight"] == 1
    assert rosalind("GET", PROJECTS) == {"projects": []}


def test_session_can_be_required_on_demand(emulator: Emulator, rosalind: Make) -> None:
    emulator.add_fault({"effect": "session_required"})
    refusal = rosalind("GET", PROJECTS, status=403)
    assert refusal["authorization_parameters"]["session_required_policies"]
    own = {"session_required_mfa": True}
    emulator.add_fault({"effect": "session_required", "authorization_parameters": own})
    assert rosalind("GET", PROJECTS, status=403)["authorization_parameters"] == own
    rosalind("GET", PROJECTS)


def test_token_can_be_expired_on_demand(emulator: Emulator, rosalind: Make, project: Any) -> None:
    emulator.add_fault({"effect": "token_expired", "method": "post"})
    assert rosalind("POST", PROJECTS, project, status=401)["errors"][0]["code"] == "UNAUTHORIZED"
    assert names(rosalind) == []
    rosalind("POST", PROJECTS, project)


def test_objects_appear_late_in_some_lists(emulator: Emulator, rosalind: Make, project: Any) -> None:
    emulator.add_fault({"effect": "late_in_lists", "path": PROJECTS, "lists": 2})
    late = rosalind("POST", PROJECTS, project)["project"]["id"]
    rosalind("POST", PROJECTS, {"project": project["project"] | {"display_name": "At once"}})
    assert names(rosalind) == ["At once"]
    assert rosalind("GET", f"{PROJECTS}/{late}")["project"]["id"] == late
    assert names(rosalind) == ["At once"]
    assert sorted(names(rosalind)) == ["At once", "Genomics"]


def test_objects_appear_late_by_the_clock(emulator: Emulator, rosalind: Make, project: Any) -> None:
    emulator.add_fault({"effect": "late_in_lists", "seconds": 60})
    rosalind("POST", PROJECTS, project)
    assert names(rosalind) == []
    emulator.clock.advance(59)
    assert names(rosalind) == []
    emulator.clock.advance(2)
    assert names(rosalind) == ["Genomics"]


def test_late_scope_is_missing_in_the_lists_of_its_client(
    emulator: Emulator, rosalind: Make, new_client: Make, new_scope: Make
) -> None:
    client = new_client(rosalind)["id"]
    emulator.add_fault({"effect": "late_in_lists", "path": "/v2/api/clients/*/scopes", "lists": 1})
    scope = new_scope(rosalind, client)
    path = f"/v2/api/clients/{client}/scopes"
    assert rosalind("GET", path)["scopes"] == []
    assert rosalind("GET", path)["scopes"] == [scope]


def test_lists_drop_and_double_an_item(emulator: Emulator, rosalind: Make, project: Any) -> None:
    ids = []
    for name in ("A", "B", "C"):
        body = {"project": project["project"] | {"display_name": name}}
        ids.append(rosalind("POST", PROJECTS, body)["project"]["id"])
    whole = names(rosalind)
    emulator.add_fault({"effect": "dropped_from_lists"})
    rosalind("GET", f"{PROJECTS}/{ids[0]}")  # no list, so the fault waits
    assert names(rosalind) == whole[:-1]
    emulator.add_fault({"effect": "doubled_in_lists", "id": ids[1]})
    assert sorted(names(rosalind)) == ["A", "B", "B", "C"]
    emulator.add_fault({"effect": "dropped_from_lists", "id": ids[0]})
    rosalind("GET", "/v2/api/clients")  # a list without it, so the fault waits
    assert sorted(names(rosalind)) == ["B", "C"]
    assert names(rosalind) == whole


def test_faults_meet_methods_paths_and_prefixes_as_often_as_ordered(emulator: Emulator, caller: Make) -> None:
    call = caller(emulator, "rosalind@globusid.org")
    emulator.add_fault({"status": 500, "path": "/v2/api/clients/*/credentials", "times": None})
    for _ in range(3):
        call("GET", f"/v2/api/clients/{emulator.client_id}/credentials", status=500)
    call("GET", "/v2/api/clients")
    assert [fault.times for fault in emulator.faults] == [None]
    emulator.clear_faults()
    emulator.add_fault({"status": 500, "path": PROJECTS, "times": 2})
    emulator.add_fault({"status": 502, "path_prefix": "/v2/api/pro"})
    for status in (500, 500, 502, 200):
        call("GET", PROJECTS, status=status)


def test_faults_and_administration_are_apart(emulator: Emulator, caller: Make) -> None:
    call = caller(emulator)
    order = {"status": 500, "times": None}
    call("POST", "/_emulator/faults", [order, {"effect": "reset", "method": "delete", "times": 3}])
    assert call("GET", "/_emulator/faults") == [
        {"effect": "status", "method": "*", "times": None, "status": 500},
        {"effect": "reset", "method": "DELETE", "times": 3},
    ]
    call("DELETE", "/_emulator/faults")
    assert call("GET", "/_emulator/faults") == []


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (5, "a fault is an object"),
        ([], "a fault is an object"),
        ({}, "effect: is one of status, delay"),
        ({"effect": "explode"}, "effect: is one of status, delay"),
        ({"effect": ["reset"]}, "effect: is one of status, delay"),
        ({"effect": "status"}, "status: is missing"),
        ({"status": 200}, "status: expected a status from 300 to 599"),
        ({"status": True}, "status: expected"),
        ({"status": 503, "seconds": 3}, "seconds: a fault of effect status has only"),
        ({"effect": "cut_body", "after_commit": False}, "after_commit: a fault of effect cut_body has only"),
        ({"effect": "reset", "path": "v2"}, "path: expected a path"),
        ({"effect": "reset", "path": "/v2", "path_prefix": "/v2"}, "path, path_prefix: give one of them"),
        ({"effect": "reset", "times": 0}, "times: expected a whole number from 1"),
        ({"latency": -1}, "latency: expected seconds"),
        ({"latency": "1"}, "latency: expected seconds"),
        ({"status": 429, "retry_after": "a\r\nb: c"}, "retry_after: expected"),
        ({"effect": "late_in_lists"}, "seconds, lists: give one of them"),
        ({"effect": "late_in_lists", "seconds": 1, "lists": 1}, "seconds, lists: give one of them"),
        ({"effect": "dropped_from_lists", "id": "1"}, "id: expected a UUID"),
        ({"effect": "session_required", "authorization_parameters": []}, "authorization_parameters: expected"),
        ({"effect": "reset", "method": ""}, "method: expected"),
        ([{"status": 503}, {"status": 5}], "status: expected"),
    ],
)  # fmt: skip
def test_malformed_orders_are_refused_whole(emulator: Emulator, caller: Make, order: Any, why: str) -> None:
    call = caller(emulator)
    assert call("POST", "/_emulator/faults", order, status=400)["errors"][0]["detail"].startswith(why)
    assert call("GET", "/_emulator/faults") == []


DOCS = (Path(__file__).parents[3] / "docs" / "emulator.md").read_text(encoding="utf-8")


def test_documentation_has_every_effect_and_a_fault_that_can_be_ordered() -> None:
    section = DOCS.partition("### Faults")[2].partition("### ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert [name for row in rows for name in re.findall(r"`(\w+)`", re.sub(r"\(.*?\)", "", row.split("|")[1]))] == [
        str(effect) for effect in Effect
    ]
    (example,) = re.findall(r"```json\n(.*?)```", section, re.DOTALL)
    assert fault_from(json.loads(example)).matches("POST", "/v2/api/clients/some-id/credentials")


def test_documentation_has_every_order_of_the_administrative_api(emulator: Emulator) -> None:
    service = Service(emulator._store, Switches(), emulator.clock)
    told = set()
    for methods, path in re.findall(r"^\| `([A-Z`, ]+) (/_emulator/\w+)`", DOCS, re.MULTILINE):
        told |= {(method.strip(" `"), path) for method in methods.split(",")}
    assert told == {(row.method, row.path) for row in Admin(service, Desk(), emulator.clock).rows()}
