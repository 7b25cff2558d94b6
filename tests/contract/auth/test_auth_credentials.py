"""Credentials on the way: where they come from, when they are renewed, and that they are shown nowhere."""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from reconciler.auth import (
    AccessTokenAuthorizer,
    AuthAPIError,
    BasicAuthorizer,
    ClientCredentialsAuthorizer,
    ConfidentialAppAuthClient,
    GlobusSDKUsageError,
    InvalidResponseError,
    NullAuthorizer,
    Outcome,
)

DENIED = {"errors": [{"id": "r", "status": "401", "code": "UNAUTHORIZED", "detail": "Call must be authenticated"}]}


class Service:
    """A token endpoint that counts, beside calls that take its latest token only."""

    def __init__(self, recorder: Any) -> None:
        self.grants = 0
        self.valid = "token-1"
        self.recorder = recorder
        recorder.by_path["/v2/oauth2/token"] = self.grant
        recorder.by_path["/v2/api/projects"] = self.projects

    def grant(self, _: Any) -> tuple[int, Any]:
        self.grants += 1
        token = {"access_token": f"token-{self.grants}", "scope": "manage", "resource_server": "auth.globus.org"}
        return 200, {**token, "expires_in": 172800, "token_type": "Bearer", "other_tokens": []}

    def projects(self, request: Any) -> tuple[int, Any]:
        right = request.headers.get("Authorization") == f"Bearer {self.valid}"
        return (200, {"projects": []}) if right else (401, DENIED)

    @property
    def calls(self) -> list[str | None]:
        return [r.headers.get("Authorization") for r in self.recorder.requests if r.path == "/v2/api/projects"]


@pytest.fixture
def service(recorder: Any) -> Service:
    return Service(recorder)


@pytest.mark.parametrize(
    ("authorizer", "header"),
    [
        (AccessTokenAuthorizer("abc"), "Bearer abc"),
        (BasicAuthorizer("näme", "pass:word"), "Basic bsOkbWU6cGFzczp3b3Jk"),
        (NullAuthorizer(), None),
        (None, None),
    ],
)
def test_authorizer_gives_the_header(authorizer: Any, header: str | None, recorder: Any, connect: Any) -> None:
    connect(recorder.url, authorizer).userinfo()
    assert recorder.requests[0].headers.get("Authorization") == header


def test_credentials_come_from_the_authorizer_only(
    recorder: Any, connect: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """T3."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    client = connect(recorder.url)
    client.userinfo()
    assert client.transport._session.trust_env is False
    connect(recorder.url, AccessTokenAuthorizer("abc")).userinfo()
    assert [request.headers.get("Authorization") for request in recorder.requests] == [None, "Bearer abc"]


def test_cookies_are_not_kept(recorder: Any, connect: Any) -> None:
    client = connect(recorder.url)
    recorder.answer(200, {}, Set_Cookie="session=1")
    client.userinfo()
    client.userinfo()
    assert "Cookie" not in recorder.requests[1].headers


def test_token_is_got_once_and_used_again(
    service: Service, recorder: Any, connect: Any, application: ConfidentialAppAuthClient
) -> None:
    seen: list[Any] = []
    client = connect(recorder.url, ClientCredentialsAuthorizer(application, "manage", on_refresh=seen.append))
    client.get_projects()
    client.get_projects()
    assert (service.grants, service.calls) == (1, ["Bearer token-1", "Bearer token-1"])
    assert [answer["access_token"] for answer in seen] == ["token-1"]
    assert recorder.requests[0].form == {"grant_type": "client_credentials", "scope": "manage"}


@pytest.mark.parametrize(("expires_at", "grants"), [(0, 1), (99_999_999_999, 0)])
def test_given_token_is_used_until_it_expires(
    expires_at: int, grants: int, service: Service, recorder: Any, connect: Any, application: ConfidentialAppAuthClient
) -> None:
    authorizer = ClientCredentialsAuthorizer(application, "m", access_token="token-1", expires_at=expires_at)
    connect(recorder.url, authorizer).get_projects()
    assert service.grants == grants


def test_rejected_token_is_renewed_once_and_the_call_made_again(
    service: Service, recorder: Any, connect: Any, application: ConfidentialAppAuthClient, sleeps: list[float]
) -> None:
    """N17."""
    client = connect(recorder.url, ClientCredentialsAuthorizer(application, "m"))
    service.valid = "token-2"
    client.get_projects()
    assert (service.grants, service.calls, sleeps) == (2, ["Bearer token-1", "Bearer token-2"], [])
    service.valid = "never"
    with pytest.raises(AuthAPIError) as caught:
        client.get_projects()
    assert (caught.value.http_status, caught.value.outcome) == (401, Outcome.NOT_DONE)
    assert (service.grants, len(service.calls)) == (3, 4)


def test_late_rejection_of_a_replaced_token_costs_no_renewal(
    service: Service, application: ConfidentialAppAuthClient
) -> None:
    authorizer = ClientCredentialsAuthorizer(application, "m")
    old = authorizer.get_authorization_header()
    assert authorizer.handle_rejected(old)
    new = authorizer.get_authorization_header()
    assert authorizer.handle_rejected(old)
    assert (old, new, authorizer.get_authorization_header()) == ("Bearer token-1", "Bearer token-2", new)
    assert authorizer.handle_missing_authorization()
    assert authorizer.get_authorization_header() == "Bearer token-3"
    assert service.grants == 3


def test_fixed_token_that_is_rejected_is_not_tried_again(service: Service, recorder: Any, connect: Any) -> None:
    with pytest.raises(AuthAPIError):
        connect(recorder.url, AccessTokenAuthorizer("old")).get_projects()
    assert service.calls == ["Bearer old"]


def test_many_threads_share_one_renewal(
    service: Service, recorder: Any, connect: Any, application: ConfidentialAppAuthClient
) -> None:
    """N17."""
    client = connect(recorder.url, ClientCredentialsAuthorizer(application, "m"))
    client.get_projects()
    # All eight calls are answered with 401 before any of them can ask for the next token.
    together = threading.Barrier(8)

    def projects(request: Any) -> tuple[int, Any]:
        recorder.lock.release()
        try:
            if request.headers["Authorization"] == "Bearer token-1":
                together.wait(10)
        finally:
            recorder.lock.acquire()
        return service.projects(request)

    recorder.by_path["/v2/api/projects"] = projects
    service.valid = "token-2"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.get_projects().http_status, range(8)))
    assert (answers, service.grants) == ([200] * 8, 2)


def test_failure_to_get_a_token_leaves_the_call_not_done(
    service: Service, recorder: Any, connect: Any, application: ConfidentialAppAuthClient
) -> None:
    recorder.by_path["/v2/oauth2/token"] = lambda _: (500, {"error": "server_error"})
    with pytest.raises(AuthAPIError) as caught:
        connect(recorder.url, ClientCredentialsAuthorizer(application, "m")).create_project("p", "e")
    assert (caught.value.http_status, caught.value.outcome) == (500, Outcome.NOT_DONE)
    assert service.calls == []


FINE = {"access_token": "hunter2", "scope": "s", "resource_server": "r", "expires_in": 9000}
MALFORMED: dict[str, Any] = {
    "nothing": {},
    "no scope": FINE | {"scope": None},
    "no token": FINE | {"access_token": 5},
    "an empty token": FINE | {"access_token": ""},
    "a token with a line break": FINE | {"access_token": "hunter2\nX-Evil: 1"},
    "no server": FINE | {"resource_server": ["hunter2"]},
    "a lifetime in words": FINE | {"expires_in": "hunter2"},
    "a lifetime that is a flag": FINE | {"expires_in": True},
    "an endless lifetime": FINE | {"expires_in": 1e300},
    "an infinite lifetime": b'{"access_token": "hunter2", "scope": "s", "resource_server": "r", "expires_in": 1e400}',
    "other tokens that are none": FINE | {"other_tokens": 5},
    "other tokens that are an object": FINE | {"other_tokens": FINE},
    "another token that is text": FINE | {"other_tokens": ["hunter2"]},
    "another token without a scope": FINE | {"other_tokens": [{"access_token": "hunter2"}]},
    "a refresh token that is a list": FINE | {"refresh_token": ["hunter2"]},
    "a kind that is a number": FINE | {"token_type": 1},
    "a list": [FINE],
}


@pytest.mark.parametrize("name", MALFORMED)
def test_token_of_another_shape_is_refused_and_the_call_not_sent(
    name: str, service: Service, recorder: Any, connect: Any, application: ConfidentialAppAuthClient
) -> None:
    recorder.by_path["/v2/oauth2/token"] = lambda _: (200, MALFORMED[name])
    with pytest.raises(InvalidResponseError) as caught:
        application.oauth2_client_credentials_tokens("m")
    assert (caught.value.http_status, caught.value.outcome) == (200, Outcome.UNKNOWN)
    with pytest.raises(InvalidResponseError) as wanted:
        connect(recorder.url, ClientCredentialsAuthorizer(application, "m")).create_project("p", "e")
    assert wanted.value.outcome is Outcome.NOT_DONE
    assert service.calls == []
    assert "hunter2" not in f"{caught.value!r} {wanted.value}"


@pytest.mark.parametrize("tokens", [{}, ["hunter2"], [FINE, {}]])
def test_dependent_tokens_of_another_shape_are_refused(
    tokens: Any, recorder: Any, application: ConfidentialAppAuthClient
) -> None:
    recorder.answer(200, tokens)
    with pytest.raises(InvalidResponseError) as caught:
        application.oauth2_get_dependent_tokens("t")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("expires_in", [None, 0, 12, 12.5])
def test_lifetime_of_a_token_may_be_absent_or_any_number(
    expires_in: Any, recorder: Any, application: ConfidentialAppAuthClient
) -> None:
    recorder.answer(200, FINE | {"expires_in": expires_in, "other_tokens": None, "refresh_token": None})
    before = int(time.time())
    found = application.oauth2_client_credentials_tokens("s").by_scopes["s"]["expires_at_seconds"]
    assert before <= found - int(expires_in or 0) <= time.time() + 1


def test_scopes_of_two_services_do_not_make_one_authorizer(
    recorder: Any, connect: Any, application: ConfidentialAppAuthClient
) -> None:
    one = {"access_token": "a", "scope": "x", "resource_server": "one"}
    recorder.answer(200, {**one, "other_tokens": [{**one, "resource_server": "two"}]})
    with pytest.raises(GlobusSDKUsageError, match="one, two"):
        connect(recorder.url, ClientCredentialsAuthorizer(application, "x y")).userinfo()


def test_nothing_secret_is_logged_or_shown(
    service: Service,
    recorder: Any,
    connect: Any,
    application: ConfidentialAppAuthClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    authorizer = ClientCredentialsAuthorizer(application, "m")
    client = connect(recorder.url, authorizer, proxy=None)
    client.get_projects()
    recorder.answer(200, {"credential": {"id": "k", "secret": "hunter2"}})
    answer = client.create_client_credential("c", "hush-hush")
    recorder.answer(400, {"errors": [{"detail": "no"}]})
    with pytest.raises(AuthAPIError) as caught:
        client.create_client_credential("c", "hush-hush")
    tokens = application.oauth2_client_credentials_tokens("m")
    shown = [caplog.text, repr(caught.value), str(caught.value)]
    shown += [f"{thing!r} {thing}" for thing in (client, application, authorizer, answer, tokens, tokens.by_scopes)]
    for secret in ("hunter2", "hush-hush", "a-secret", "YW4taWQ6", "token-1", "token-2"):
        assert secret not in "".join(shown)
    assert answer["credential"]["secret"] == "hunter2"
    assert service.grants == 2
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("reconciler.auth")]
    assert ours[1].startswith("GET /v2/api/projects: 200 in ")
