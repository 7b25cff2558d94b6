"""Where calls may go, and through what: TLS, proxies, addresses, threads, and other people's mocks."""

import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
import requests_mock
import responses

from reconciler.auth import (
    AuthClient,
    GlobusConnectionError,
    GlobusTimeoutError,
    GlobusTLSError,
    IdentityMap,
    NativeAppAuthClient,
    Outcome,
)


@pytest.fixture
def secure(serve: Any, certificate: Path) -> Any:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return serve(context)


def test_certificate_that_is_not_trusted_ends_the_call_at_once(secure: Any, connect: Any, sleeps: list[float]) -> None:
    """N7, T4."""
    with pytest.raises(GlobusTLSError, match="certificate verify failed") as caught:
        connect(secure.url).create_project("p", "e")
    assert caught.value.outcome is Outcome.NOT_DONE
    assert (secure.requests, sleeps) == ([], [])


def test_server_without_a_safe_tls_ends_the_call_at_once(raw: Any, connect: Any, sleeps: list[float]) -> None:
    alert = b"\x15\x03\x01\x00\x02\x02\x46"  # fatal, protocol_version: as a server of TLS 1.1 says to 1.2
    script = raw(lambda conn: conn.sendall(alert), hello=True)
    with pytest.raises(GlobusTLSError, match=r"(?i)protocol.version") as caught:
        connect(script.url.replace("http:", "https:")).create_project("p", "e")
    assert (caught.value.outcome, caught.value.permanent) == (Outcome.NOT_DONE, True)
    assert (len(script.requests), sleeps) == (1, [])


def test_server_that_speaks_no_tls_ends_the_call_at_once(raw: Any, connect: Any, sleeps: list[float]) -> None:
    script = raw(b"HTTP/1.1 400 Bad Request\r\n\r\n", hello=True)
    with pytest.raises(GlobusTLSError):
        connect(script.url.replace("http:", "https:")).get_projects()
    assert sleeps == []


def test_ca_bundle_can_be_named_by_argument_or_variable(
    secure: Any, connect: Any, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(secure.url, ca_bundle=str(certificate)).userinfo()
    connect(secure.url, verify_ssl=certificate).userinfo()
    monkeypatch.setenv("GLOBUS_SDK_VERIFY_SSL", str(certificate))
    connect(secure.url).userinfo()
    assert len(secure.requests) == 3


def test_other_variables_name_no_ca_bundle(
    secure: Any, connect: Any, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    monkeypatch.setenv("CURL_CA_BUNDLE", str(certificate))
    with pytest.raises(GlobusTLSError):
        connect(secure.url).userinfo()


def test_connection_lost_during_the_handshake_is_not_done(raw: Any, connect: Any) -> None:
    script = raw("hang up")
    with pytest.raises(GlobusConnectionError) as caught:
        connect(script.url.replace("http:", "https:"), max_retries=0).create_project("p", "e")
    assert caught.value.outcome is Outcome.NOT_DONE


def test_proxy_is_used_when_it_is_given(recorder: Any, connect: Any) -> None:
    connect("http://127.0.0.1:9", proxy=recorder.url).userinfo()
    assert recorder.requests[0].target == "http://127.0.0.1:9/v2/oauth2/userinfo"


def test_service_address_comes_from_the_variable(recorder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOBUS_SDK_SERVICE_URL_AUTH", recorder.url)
    with AuthClient() as client:
        client.userinfo()
    assert len(recorder.requests) == 1


def test_client_serves_many_threads_at_once(recorder: Any, connect: Any) -> None:
    recorder.by_path = {f"/v2/api/scopes/{n}": lambda r: (200, {"path": r.path}) for n in range(64)}
    client = connect(recorder.url, pool_size=8)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: client.get_scope(str(n))["path"], range(64)))
    assert answers == [f"/v2/api/scopes/{n}" for n in range(64)]


@pytest.mark.parametrize(
    ("raised", "kind", "outcome"),
    [
        (requests.ConnectionError("gone"), GlobusConnectionError, Outcome.UNKNOWN),
        (requests.ReadTimeout("slow"), GlobusTimeoutError, Outcome.UNKNOWN),
        (requests.ConnectTimeout("far"), GlobusTimeoutError, Outcome.NOT_DONE),
    ],
)
def test_libraries_that_replace_the_adapter_work(
    raised: Exception, kind: Any, outcome: Outcome, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[requests.PreparedRequest] = []

    def send(_: Any, request: requests.PreparedRequest, **__: Any) -> requests.Response:
        sent.append(request)
        if request.method == "POST":
            raise raised
        answer = requests.Response()
        answer.status_code = 200
        answer.headers["Content-Type"] = "application/json"
        answer._content = b'{"projects": [1]}'
        answer.request = request
        return answer

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    client = connect("https://auth.example.org", max_retries=0)
    assert list(client.get_projects()) == [1]
    with pytest.raises(kind) as caught:
        client.create_project("p", "e")
    assert caught.value.outcome is outcome
    assert sent[0].url == "https://auth.example.org/v2/api/projects"


def test_mocking_libraries_of_users_work() -> None:
    with responses.RequestsMock() as mocked:
        mocked.get("https://auth.globus.org/v2/api/projects", json={"projects": [{"id": "x"}]})
        with AuthClient() as client:
            assert list(client.get_projects()) == [{"id": "x"}]
    with requests_mock.Mocker() as mocker, NativeAppAuthClient("an-id") as app:
        mocker.post("https://auth.globus.org/v2/oauth2/token/revoke", json={"active": False})
        assert app.oauth2_revoke_token("t").data == {"active": False}
        assert mocker.last_request.text == "token=t&client_id=an-id"


class World:
    """Identities that a recorder serves, and the look-ups that it saw."""

    def __init__(self, recorder: Any) -> None:
        self.people = {f"{n:08d}-0000-0000-0000-000000000000": f"user{n}@x.org" for n in range(5)}
        self.asked: list[dict[str, str]] = []
        recorder.by_path["/v2/api/identities"] = self.find

    def find(self, request: Any) -> tuple[int, Any]:
        self.asked.append({key: value for key, value in request.query.items() if key != "provision"})
        wanted = set(request.query.get("ids", "").split(",")) | set(request.query.get("usernames", "").split(","))
        found = [{"id": i, "username": u} for i, u in self.people.items() if wanted & {i, u}]
        return 200, {"identities": found}


def test_identity_map_looks_up_in_batches_of_one_kind(recorder: Any, client: AuthClient) -> None:
    world = World(recorder)
    ids = list(world.people)
    people = IdentityMap(client, [ids[0], "user3@x.org", ids[1], ids[2]], id_batch_size=2)
    assert people.add("user4@x.org")
    assert not people.add(ids[0])
    assert people[ids[1]]["username"] == "user1@x.org"
    assert people["user1@x.org"]["id"] == ids[1]
    assert people["user3@x.org"]["id"] == ids[3]
    assert people[ids[4]]["username"] == "user4@x.org"
    assert world.asked == [{"ids": f"{ids[1]},{ids[0]}"}, {"usernames": "user3@x.org,user4@x.org"}]
    assert not people.add(ids[3])


def test_identity_map_says_what_it_does_not_find(recorder: Any, client: AuthClient) -> None:
    world = World(recorder)
    people = IdentityMap(client)
    with pytest.raises(KeyError):
        people["nobody@x.org"]
    assert people.get("nobody@x.org") is None
    assert people.get("nobody@x.org", "?") == "?"
    assert len(world.asked) == 3


def test_identity_map_shares_and_forgets(recorder: Any, client: AuthClient) -> None:
    world = World(recorder)
    cache: dict[str, Any] = {}
    IdentityMap(client, cache=cache)["user1@x.org"]
    other = IdentityMap(client, cache=cache)
    assert other["user1@x.org"]["username"] == "user1@x.org"
    assert len(world.asked) == 1
    del other["user1@x.org"]
    assert other["user1@x.org"]
    assert len(world.asked) == 2
