"""What error documents mean, and that errors can be copied, pickled and shown."""

import json
import pickle
import ssl
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import MaxRetryError, NewConnectionError, ReadTimeoutError

from reconciler.auth import (
    AuthAPIError,
    GlobusConnectionError,
    GlobusConnectionTimeoutError,
    GlobusError,
    GlobusSDKUsageError,
    GlobusTimeoutError,
    GlobusTLSError,
    InvalidResponseError,
    NetworkError,
    Outcome,
)
from reconciler.auth.failure import network_error
from reconciler.auth.reply import Reply
from reconciler.auth.retry import outcome_of_status


def error(status: int, document: Any, method: str = "POST", kind: str = "application/json") -> AuthAPIError:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    url = "https://auth.globus.org/v2/api/clients"
    outcome = outcome_of_status(method, status)
    return AuthAPIError(
        Reply(method, url, status, "Reason", {"Content-Type": kind}, content, scheme="Bearer", outcome=outcome)
    )


def test_document_of_globus_auth_is_understood() -> None:
    first = {"status": "403", "id": "rq", "code": "FORBIDDEN", "title": "T", "detail": "No."}
    second = {"status": "403", "id": "rq", "code": "FORBIDDEN", "title": "Only a title"}
    found = error(403, {"errors": [first, second], "error": "forbidden"})
    assert (found.http_status, found.http_reason, found.code, found.request_id) == (403, "Reason", "FORBIDDEN", "rq")
    assert (found.messages, found.message) == (["No.", "Only a title"], "No.; Only a title")
    assert [item.get("title") for item in found.errors] == ["T", "Only a title"]
    assert found.raw_json["error"] == "forbidden"
    assert json.loads(found.text) == json.loads(found.binary_content) == found.raw_json
    assert found.outcome is Outcome.NOT_DONE
    url = "https://auth.globus.org/v2/api/clients"
    assert found.args == ("POST", url, "Bearer", 403, "FORBIDDEN", "No.; Only a title", "rq")


@pytest.mark.parametrize(
    ("document", "code", "message", "request_id"),
    [
        ({"error": "invalid_grant"}, "Error", None, None),
        ({"code": "X", "message": "m", "errors": [{"code": "Y", "id": "1"}]}, "X", "m", "1"),
        ({"code": "X", "message": "m"}, "X", "m", None),
        ({"errors": [{"code": "A", "id": "1"}, {"code": "B", "id": "2"}]}, "Error", None, None),
        ({"errors": []}, "Error", None, None),
        ({"errors": ["text"], "detail": "d"}, "Error", "d", None),
        ({"errors": {"code": 3}, "code": 4}, "Error", None, None),
        ({"errors": [{"detail": 5, "id": 7, "title": "t"}]}, "Error", "t", None),
        ([1], "Error", None, None),
        (None, "Error", None, None),
        (b"<html>", "Error", None, None),
        ({"errors": [{"id": "a"}, {"code": "x"}, {"id": None}]}, "x", None, "a"),
        ({"errors": [{"id": {"a": 1}, "detail": "x"}, {"id": ["b"]}]}, "Error", "x", None),
        ({"code": "X", "message": "m", "request_id": "r"}, "X", "m", "r"),
        ({"errors": [{"id": "a"}], "request_id": "r"}, "Error", None, "a"),
        ({"code": "X", "request_id": 5}, "X", None, None),
        (b'{"code": "X", "code": "Y"}', "Y", None, None),
        (b'{"code": "X", "message": "\xff!", "size": NaN}', "X", "\ufffd!", None),
        (b'{"code": "X", "message": "\\ud800!", "size": 1e400}', "X", "\ufffd!", None),
        (b'\xef\xbb\xbf{"code": "X"}', "X", None, None),
    ],
)
def test_other_documents_are_taken_as_far_as_they_go(
    document: Any, code: str, message: str | None, request_id: str | None
) -> None:
    found = error(500, document)
    assert (found.code, found.message, found.request_id) == (code, message, request_id)
    assert found.args[5] == (message or "Reason")


@pytest.mark.parametrize(
    ("charset", "content"),
    [
        ("latin-1", b"\xe9"),
        ("UTF-8", b"\xc3\xa9"),
        ('"windows-1252"', b"\xe9"),
        ("no-such-charset", b"\xc3\xa9"),
        ("hex", b"\xc3\xa9"),
        ("idna", b"\xc3\xa9"),
        ("\xff", b"\xc3\xa9"),
        ("", b"\xc3\xa9"),
    ],
)
def test_error_is_read_in_its_charset(charset: str, content: bytes) -> None:
    found = error(403, b'{"message": "' + content + b'"}', kind=f"application/json; charset={charset}")
    assert found.message == "\xe9"
    assert json.loads(found.text) == found.raw_json


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["errors", "code", "id", "request_id", "detail", "authorization_parameters", "required_scopes"]
            ),
            inner,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_document_breaks_the_error(document: Any) -> None:
    found = error(403, document)
    assert isinstance(found.code, str)
    assert found.info.consent_required.required_scopes is None or found.info.consent_required


def test_session_requirements_are_read_as_lists_or_comma_separated() -> None:
    asked = {
        "session_message": "again",
        "session_required_policies": "p1,p2",
        "session_required_identities": ["i"],
        "session_required_single_domain": ["x.org", 5],
        "session_required_mfa": True,
        "prompt": "login",
    }
    found = error(403, {"errors": [{"code": "FORBIDDEN"}], "authorization_parameters": asked})
    parameters = found.info.authorization_parameters
    assert parameters
    assert parameters.session_required_policies == ["p1", "p2"]
    assert parameters.session_required_identities == ["i"]
    assert parameters.session_required_single_domain is None
    assert (parameters.session_message, parameters.session_required_mfa, parameters.prompt) == ("again", True, "login")
    assert not error(403, {}).info.authorization_parameters
    assert error(403, {"authorization_parameters": {}}).info.authorization_parameters


def test_missing_consent_needs_its_code_and_scopes() -> None:
    assert error(403, {"code": "ConsentRequired", "required_scopes": ["s"]}).info.consent_required
    assert not error(403, {"code": "Other", "required_scopes": ["s"]}).info.consent_required
    assert not error(403, {"code": "ConsentRequired"}).info.consent_required
    assert not error(403, {"code": "ConsentRequired", "required_scopes": []}).info.consent_required
    one = error(403, {"code": "ConsentRequired", "required_scopes": "x", "required_scope": "s"}).info.consent_required
    assert (bool(one), one.required_scopes) == (True, ["s"])


ERRORS: list[GlobusError] = [
    GlobusSDKUsageError("wrong"),
    GlobusTimeoutError("slow", requests.ReadTimeout("x")),
    InvalidResponseError("odd", http_status=200, permanent=True),
    error(409, {"errors": [{"id": "rq", "code": "C", "detail": "d"}]}),
]


@pytest.mark.parametrize("original", ERRORS, ids=lambda found: type(found).__name__)
def test_errors_are_pickled_and_copied_with_another_outcome(original: GlobusError) -> None:
    again = pickle.loads(pickle.dumps(original))
    assert (type(again), again.args, str(again)) == (type(original), original.args, str(original))
    before = original.outcome
    other = original.with_outcome(Outcome.UNKNOWN)
    assert (type(other), other.args, other.outcome) == (type(original), original.args, Outcome.UNKNOWN)
    assert original.outcome is before
    assert getattr(again, "http_status", 0) == getattr(original, "http_status", 0)


def test_usage_errors_are_value_errors_and_leave_the_call_not_done() -> None:
    assert issubclass(GlobusSDKUsageError, ValueError)
    assert GlobusSDKUsageError("wrong").outcome is Outcome.NOT_DONE


POOL = HTTPConnectionPool("127.0.0.1")
REFUSED = MaxRetryError(POOL, "/x?q=hunter2", NewConnectionError(None, "refused"))  # type: ignore[arg-type]
UNTRUSTED = MaxRetryError(POOL, "/x", ssl.SSLCertVerificationError(1, "certificate verify failed"))
NO_COMMON_TLS = MaxRetryError(POOL, "/x", ssl.SSLError(1, "[SSL: TLSV1_ALERT_PROTOCOL_VERSION]"))
CUT_HANDSHAKE = MaxRetryError(POOL, "/x", ssl.SSLEOFError(8, "EOF occurred in violation of protocol"))
SLOW_BODY = ReadTimeoutError(POOL, "/x", "slow")


@pytest.mark.parametrize(
    ("raised", "connecting", "kind", "outcome"),
    [
        (requests.ConnectionError(REFUSED), False, GlobusConnectionError, Outcome.NOT_DONE),
        (requests.ConnectionError("reset"), False, GlobusConnectionError, Outcome.UNKNOWN),
        (requests.ConnectionError("reset"), True, GlobusConnectionError, Outcome.NOT_DONE),
        (requests.exceptions.SSLError(UNTRUSTED), False, GlobusTLSError, Outcome.NOT_DONE),
        (requests.exceptions.SSLError("bad record"), False, GlobusConnectionError, Outcome.UNKNOWN),
        (requests.exceptions.SSLError(NO_COMMON_TLS), True, GlobusTLSError, Outcome.NOT_DONE),
        (requests.exceptions.SSLError(NO_COMMON_TLS), False, GlobusConnectionError, Outcome.UNKNOWN),
        (requests.exceptions.SSLError(CUT_HANDSHAKE), True, GlobusConnectionError, Outcome.NOT_DONE),
        (requests.ConnectTimeout("far"), False, GlobusConnectionTimeoutError, Outcome.NOT_DONE),
        (requests.ReadTimeout("slow"), False, GlobusTimeoutError, Outcome.UNKNOWN),
        (requests.ReadTimeout("handshake"), True, GlobusConnectionTimeoutError, Outcome.NOT_DONE),
        (requests.ConnectionError(SLOW_BODY), False, GlobusTimeoutError, Outcome.UNKNOWN),
        (requests.exceptions.ChunkedEncodingError("cut"), False, GlobusConnectionError, Outcome.UNKNOWN),
        (requests.exceptions.ContentDecodingError("gzip"), False, NetworkError, Outcome.UNKNOWN),
    ],
)
def test_exceptions_of_the_http_library_are_classified(
    raised: requests.RequestException,
    connecting: bool,
    kind: type[NetworkError],
    outcome: Outcome,
) -> None:
    raised.request = requests.Request("POST", "https://x", headers={"Authorization": "hunter2"}).prepare()
    found = network_error(raised, "POST", "https://x", connecting=connecting)
    assert (type(found), found.outcome, found.underlying_exception) == (kind, outcome, raised)
    assert network_error(raised, "GET", "https://x", connecting=connecting).outcome is Outcome.NOT_DONE
    assert found.permanent is (kind is GlobusTLSError)
    assert vars(raised)["request"] is None
    assert "hunter2" not in str(found)
