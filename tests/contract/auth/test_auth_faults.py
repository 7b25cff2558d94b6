"""What a broken network or server does to a call: the right error, and the truth about its outcome.

The numbers are those of the project's fault model: N of the network and the server, T of the transport. Those that are
not here are in `test_auth_retries`, `test_auth_connections`, `test_auth_credentials`, and `runs`.
"""

import gzip
import itertools
import json
import socket
from typing import Any

import pytest

from reconciler.auth import (
    AuthAPIError,
    AuthClient,
    GlobusConnectionError,
    GlobusTimeoutError,
    InvalidResponseError,
    NetworkError,
    Outcome,
)

FINE = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{"id": "fine"}'


def json_answer(content: bytes, *headers: str, kind: str = "application/json") -> bytes:
    closing = "Connection: close"  # as the server does; otherwise the next attempt may find that out for itself
    head = ["HTTP/1.1 200 OK", f"Content-Type: {kind}", f"Content-Length: {len(content)}", closing, *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + content


CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
OPEN_ENDED = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"

# Faults after which the same call may well succeed, with the error that a single attempt ends in.
PASSING: dict[str, tuple[Any, type[NetworkError]]] = {
    "N1 reset after the request": ("reset", GlobusConnectionError),
    "N2 closed before any byte": (b"", GlobusConnectionError),
    "N3 closed amid the headers": (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-",
        GlobusConnectionError,
    ),
    "N3 closed after a header": (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n", GlobusConnectionError),
    "N3 closed amid the status line": (b"HTTP/1.1 204 No Con", GlobusConnectionError),
    "N3 closed amid the headers of a 204": (b"HTTP/1.1 204 No Content\r\nX-", GlobusConnectionError),
    "N3 closed amid the headers of a 404": (b"HTTP/1.1 404 Not Found\r\nContent-Ty", GlobusConnectionError),
    "N4 shorter than its Content-Length": (FINE[:-4], GlobusConnectionError),
    "N4 chunks that break off": (CHUNKED + b'20\r\n{"id": "fi', GlobusConnectionError),
    "N5 cut where only the end tells": (OPEN_ENDED + b'{"id": "fi', InvalidResponseError),
    "N14 an empty body": (json_answer(b""), InvalidResponseError),
}

# Faults that would come again.
LASTING = {
    "N13 a gzip bomb": json_answer(gzip.compress(bytes(20_000_000)), "Content-Encoding: gzip"),
    "N14 a web page": json_answer(b"<html>Log in\x1b[2J here</html>", kind="text/html"),
    "N14 a list": json_answer(b"[]"),
    "N14 no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "N15 JSON too deep": json_answer(b"[" * 100_000 + b"]" * 100_000),
    "N15 JSON rather deep": json_answer(b'{"a":' * 100 + b"1" + b"}" * 100),
    "N16 a key twice": json_answer(b'{"id": 1, "id": 2}'),
    "N16 NaN": json_answer(b'{"id": NaN}'),
    "N16 Infinity": json_answer(b'{"id": -Infinity}'),
    "no UTF-8": json_answer(b'{"id": "\xff"}'),
    "an endless number": json_answer(b'{"id": ' + b"1" * 5000 + b"}"),
}


@pytest.mark.parametrize("name", PASSING)
def test_post_that_may_have_arrived_is_unknown_and_not_repeated(
    name: str, raw: Any, connect: Any, sleeps: list[float]
) -> None:
    step, kind = PASSING[name]
    script = raw(step, FINE)
    with pytest.raises(kind) as caught:
        connect(script.url).create_client_credential("c", "k")
    assert caught.value.outcome is Outcome.UNKNOWN
    assert (len(script.requests), sleeps) == (1, [])


@pytest.mark.parametrize("name", PASSING)
def test_idempotent_call_is_repeated_after_a_passing_fault(
    name: str, raw: Any, connect: Any, sleeps: list[float]
) -> None:
    step, _ = PASSING[name]
    script = raw(step, step, FINE)
    assert connect(script.url).get_projects()["id"] == "fine"
    assert (len(script.requests), len(sleeps)) == (3, 2)


@pytest.mark.parametrize("name", PASSING)
def test_write_that_fails_to_the_end_is_unknown_and_a_read_not_done(name: str, raw: Any, connect: Any) -> None:
    step, kind = PASSING[name]
    client = connect(raw(step, step).url, max_retries=1)
    with pytest.raises(kind) as caught:
        client.update_scope("s", name="n")
    assert caught.value.outcome is Outcome.UNKNOWN
    client = connect(raw(step, step).url, max_retries=1)
    with pytest.raises(kind) as caught:
        client.get_scope("s")
    assert caught.value.outcome is Outcome.NOT_DONE


@pytest.mark.parametrize("name", LASTING)
def test_answer_that_is_no_strict_json_object_is_refused(name: str, raw: Any, connect: Any) -> None:
    script = raw(LASTING[name])
    with pytest.raises(InvalidResponseError) as caught:
        connect(script.url).create_project("p", "e")
    assert caught.value.outcome is Outcome.UNKNOWN
    assert 200 <= caught.value.http_status < 300
    script = raw(LASTING[name])
    with pytest.raises(InvalidResponseError) as caught:
        connect(script.url).get_projects()
    assert caught.value.outcome is Outcome.NOT_DONE
    assert len(script.requests) == 1


def test_web_page_is_shown_without_its_control_characters(raw: Any, connect: Any) -> None:
    with pytest.raises(InvalidResponseError, match=r"<html>Log in \[2J here") as caught:
        connect(raw(LASTING["N14 a web page"]).url).get_projects()
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("kind", ["text/plain", "application/json"])
def test_secret_in_a_refused_body_is_not_shown(kind: str, raw: Any, connect: Any) -> None:
    body = b'{"credential": {"id": "k", "secret": "hunter2-hunter2", "id": "k"}}'
    with pytest.raises(InvalidResponseError) as caught:
        connect(raw(json_answer(body, kind=kind)).url).create_client_credential("c", "k")
    assert "hunter2" not in str(caught.value) + repr(caught.value)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_no_content_is_a_success_of_a_put_or_delete(method: str, raw: Any, connect: Any) -> None:
    client = connect(raw(LASTING["N14 no content"]).url)
    answer = client.request(method, "/v2/api/scopes/s")
    assert (answer.http_status, answer.data) == (204, None)


@pytest.mark.parametrize(
    ("kind", "body", "outcome"),
    [
        ("application/json", b'{"errors": [{"code": "NOT_FOUND"}]}', Outcome.DONE),
        ("application/json", b"{}", Outcome.DONE),
        ("application/json", b"", Outcome.DONE),
        ("text/html", b"", Outcome.DONE),
        ("text/html", b"<h1>nginx</h1>", Outcome.UNKNOWN),
        ("text/plain", b"404 page not found", Outcome.UNKNOWN),
        ("application/json", b"<h1>nginx</h1>", Outcome.UNKNOWN),
    ],
)
def test_only_the_service_says_that_what_is_deleted_is_gone(
    kind: str, body: bytes, outcome: Outcome, recorder: Any, client: AuthClient
) -> None:
    recorder.answer(404, body, Content_Type=kind)
    with pytest.raises(AuthAPIError) as caught:
        client.delete_scope("s")
    assert (caught.value.http_status, caught.value.outcome) == (404, outcome)
    assert len(recorder.requests) == 1


def test_read_timeout_leaves_a_post_unknown(raw: Any, connect: Any) -> None:
    """N6."""
    script = raw("hold")
    with pytest.raises(GlobusTimeoutError) as caught:
        connect(script.url, http_timeout=0.05).create_project("p", "e")
    assert caught.value.outcome is Outcome.UNKNOWN
    assert len(script.requests) == 1


def drip(head: bytes) -> Any:
    """Send one byte after the other until the client has had enough, which must come long before the end."""

    def step(conn: socket.socket) -> None:
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for byte in itertools.chain(head, itertools.repeat(ord(" "), 2_000_000)):
                conn.sendall(bytes([byte]))
        except OSError:
            return

    return step


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nX-Slow: ", OPEN_ENDED, CHUNKED + b"ffffff\r\n"])
def test_answer_that_drips_ends_at_the_deadline_of_the_call(head: bytes, raw: Any, connect: Any) -> None:
    """N12."""
    ticks = itertools.count()
    script = raw(drip(head))
    client = connect(script.url, http_timeout=20, clock=lambda: float(next(ticks)))
    with pytest.raises(GlobusTimeoutError) as caught:
        client.create_project("p", "e")
    assert caught.value.outcome is Outcome.UNKNOWN
    assert next(ticks) < 60


def test_refused_connection_is_not_done_and_repeated_even_for_a_post(connect: Any, sleeps: list[float]) -> None:
    """N7."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    with pytest.raises(GlobusConnectionError) as caught:
        connect(url).create_project("p", "e")
    assert caught.value.outcome is Outcome.NOT_DONE
    assert len(sleeps) == 4


def test_body_of_an_error_that_is_odd_is_still_an_api_error(raw: Any, connect: Any) -> None:
    page = b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\nno! "
    with pytest.raises(AuthAPIError) as caught:
        connect(raw(page).url).create_project("p", "e")
    assert (caught.value.raw_json, caught.value.code, caught.value.message) == (None, "Error", None)
    assert caught.value.outcome is Outcome.NOT_DONE


def test_large_answer_below_the_limit_is_read_whole(raw: Any, connect: Any) -> None:
    names = ["x" * 1000] * 2000
    answer = json_answer(gzip.compress(json.dumps({"names": names}).encode()), "Content-Encoding: gzip")
    assert connect(raw(answer).url).get_projects()["names"] == names
