import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from reconciler.emulator import Emulator

Make = Callable[..., Any]

HOSTILE = {
    "nothing": b"",
    "not JSON": b"{",
    "not UTF-8": b'{"project": {"display_name": "\xff"}}',
    "a list": b"[]",
    "a string": b'"project"',
    "another envelope": b'{"client": {}}',
    "no object inside": b'{"project": []}',
    "nothing required": b'{"project": {}}',
    "deep": b"[" * 100_000,
    "deep inside": b'{"project": ' + b'{"a":' * 100_000,
    "a number too long": b'{"project": {"display_name": ' + b"9" * 10_000 + b"}}",
    "a wrong type": b'{"project": {"display_name": 1, "contact_email": "a"}}',
    "a wrong element": b'{"project": {"display_name": "A", "contact_email": "a", "admin_ids": [null]}}',
}


def assert_documented(answer: requests.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    document = answer.json()
    (error,) = document["errors"]
    assert set(error) == {"status", "id", "code", "title", "detail"}
    assert error["status"] == str(status)
    assert document["error"] == error["code"].lower()
    assert document["error_description"] == error["detail"]


@pytest.mark.parametrize("name", HOSTILE)
def test_malformed_body_is_a_400_with_a_detail(emulator: Emulator, name: str) -> None:
    headers = {"Authorization": f"Bearer {emulator.person_token('rosalind@globusid.org')}"}
    url = f"{emulator.base_url}/v2/api/projects"
    assert_documented(requests.post(url, data=HOSTILE[name], headers=headers, timeout=30), 400)
    assert requests.get(url, headers=headers, timeout=30).json() == {"projects": []}


@pytest.mark.parametrize("part", [b'"x": NaN', b'"x": -Infinity', b'"display_name": "\\ud800"', b'"x": "\\uDFFF"'])
def test_numbers_and_characters_that_json_has_not_are_refused(emulator: Emulator, rosalind: Make, part: bytes) -> None:
    me = rosalind("GET", "/v2/oauth2/userinfo")["sub"]
    body = b'{"project": {"display_name": "A", "contact_email": "a", "admin_ids": ["%b"], %b}}' % (me.encode(), part)
    headers = {"Authorization": f"Bearer {emulator.person_token('rosalind@globusid.org')}"}
    answer = requests.post(f"{emulator.base_url}/v2/api/projects", data=body, headers=headers, timeout=30)
    assert_documented(answer, 400)


@pytest.mark.parametrize(
    ("name", "encoding"), [("\ud800", "utf-8"), ("\\ud800", "utf-16"), ("\\ud800", "utf-32"), ("A", "utf-16-le")]
)
def test_body_in_another_encoding_is_refused_and_nothing_is_kept(
    emulator: Emulator, rosalind: Make, name: str, encoding: str
) -> None:
    me = rosalind("GET", "/v2/oauth2/userinfo")["sub"]
    text = f'{{"project": {{"display_name": "{name}", "contact_email": "a", "admin_ids": ["{me}"]}}}}'
    body = text.encode(encoding, errors="surrogatepass")
    headers = {"Authorization": f"Bearer {emulator.person_token('rosalind@globusid.org')}"}
    assert_documented(
        requests.post(f"{emulator.base_url}/v2/api/projects", data=body, headers=headers, timeout=30), 400
    )
    assert rosalind("GET", "/v2/api/projects")["projects"] == []


def test_bug_is_a_documented_500_in_the_log_and_on_standard_error(
    emulator: Emulator, rosalind: Make, new_project: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new_project(rosalind)
    requests.delete(f"{emulator.base_url}/_emulator/requests", timeout=30)
    with closing(sqlite3.connect(tmp_path / "emulator.db")) as connection, connection:
        connection.execute("UPDATE objects SET document = '{' WHERE kind = 'project'")
    headers = {"Authorization": f"Bearer {emulator.person_token('rosalind@globusid.org')}"}
    assert_documented(requests.get(f"{emulator.base_url}/v2/api/projects", headers=headers, timeout=30), 500)
    log = requests.get(f"{emulator.base_url}/_emulator/requests", timeout=30).json()
    assert log == [{"method": "GET", "path": "/v2/api/projects", "status": 500}]
    assert capsys.readouterr().err.count("Traceback") == 1


def test_answer_that_cannot_be_written_out_changes_nothing(rosalind: Make, new_project: Make, tmp_path: Path) -> None:
    project = new_project(rosalind)
    with closing(sqlite3.connect(tmp_path / "emulator.db")) as connection, connection:
        connection.execute("UPDATE objects SET document = json_set(document, '$.contact_email', json('\"\\ud800\"'))")
    rosalind("PUT", f"/v2/api/projects/{project['id']}", {"project": {"display_name": "New"}}, status=500)
    with closing(sqlite3.connect(tmp_path / "emulator.db")) as connection:
        (kept,) = connection.execute("SELECT document FROM objects WHERE kind = 'project'").fetchone()
    assert "New" not in kept


@pytest.mark.parametrize("field", ["display_name", "contact_email"])
def test_missing_required_field_is_named(rosalind: Make, field: str) -> None:
    me = rosalind("GET", "/v2/oauth2/userinfo")["sub"]
    project = {"display_name": "A", "contact_email": "a", "admin_ids": [me]}
    del project[field]
    refusal = rosalind("POST", "/v2/api/projects", {"project": project}, status=400)
    assert refusal["error_description"] == f"project.{field} is required"


def test_strange_but_valid_text_is_kept(rosalind: Make, new_project: Make) -> None:
    name = 'é\u0000\u2028"\U0001f9ec' + "x" * 10_000
    project = new_project(rosalind, display_name=name)
    assert rosalind("GET", f"/v2/api/projects/{project['id']}")["project"]["display_name"] == name


def test_body_that_is_too_large_is_refused(emulator: Emulator) -> None:
    answer = requests.post(f"{emulator.base_url}/v2/oauth2/token", data=b"x" * (1 << 21), timeout=30)
    assert_documented(answer, 413)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v2/api/nothing", 404),
        ("GET", "/v2/api/projects/", 404),
        ("GET", "/v2/api/projects/not-a-uuid", 404),
        ("GET", "/v2/api/projects/%00%ff%2e", 404),
        ("GET", "/v2/api/projects/00000000-0000-4000-8000-000000000000", 404),
        ("PUT", "/v2/api/clients/00000000-0000-4000-8000-000000000000", 404),
        ("DELETE", "/v2/api/scopes/00000000-0000-4000-8000-000000000000", 404),
        ("POST", "/v2/api/clients/00000000-0000-4000-8000-000000000000/scopes", 404),
        ("PATCH", "/v2/api/projects", 405),
        ("POST", "/v2/api/scopes", 405),
        ("DELETE", "/v2/oauth2/token", 405),
    ],
)
def test_what_does_not_exist_has_the_same_document(emulator: Emulator, method: str, path: str, status: int) -> None:
    headers = {"Authorization": f"Bearer {emulator.person_token('rosalind@globusid.org')}"}
    assert_documented(requests.request(method, emulator.base_url + path, headers=headers, timeout=30), status)


@pytest.mark.parametrize(
    "request_text",
    [
        "GET /v2/api/projects HTTP/1.1\r\nHost: [\r\nAuthorization: Bearer \xff\r\n\r\n",
        "GET /v2/api/projects HTTP/1.1\r\nHost: x\r\nAuthorization: Basic \xe9\r\n\r\n",
        "GET /v2/api/projects HTTP/1.1\r\nHost: x\r\nAuthorization: Basic AAAA/w==\r\n\r\n",
        "GET /v2/api/identities?ids=%ED%A0%80&ids=;;&=&%00 HTTP/1.1\r\nHost: x\r\n\r\n",
        "NOPE / HTTP/1.1\r\nHost: [\r\n\r\n",
        "\x00\x01\x02\r\n\r\n",
    ],
)
def test_hostile_request_is_never_a_500(emulator: Emulator, request_text: str) -> None:
    address = urlsplit(emulator.base_url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(request_text.encode("latin-1"))
        first = connection.recv(64).split(b"\r\n")[0]
    assert first.split()[1] in (b"400", b"401", b"404", b"405")


def test_unfinished_body_leaves_the_server_serving(emulator: Emulator, rosalind: Make) -> None:
    address = urlsplit(emulator.base_url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(b"POST /v2/api/projects HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    assert rosalind("GET", "/v2/api/projects")["projects"] == []


def test_server_listens_on_loopback_only(emulator: Emulator) -> None:
    assert emulator.base_url.startswith("http://127.0.0.1:")
