"""The client layer and the official SDK 3.40 side by side: what each sends, and what each makes of the answer.

Both call one recording server with the same arguments. Where this layer differs on purpose, a test below says so by
name, and the strategies keep out of its way.
"""

import json
import threading
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import globus_sdk
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler import auth

OMITTED = object()
Strategy = st.SearchStrategy[Any]

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
IDS = st.uuids() | st.text("abc-09é %?#&+~", min_size=1, max_size=8)
NAMES = st.text("abc.@é %,&+", min_size=1, max_size=8)
FLAGS = st.booleans()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def maybe(*strategies: Strategy) -> Strategy:
    return st.one_of(st.just(OMITTED), *strategies)


def one_or_more(strategy: Strategy) -> Strategy:
    return strategy | st.lists(strategy, min_size=1, max_size=3) | st.lists(strategy, min_size=1, max_size=3).map(tuple)


NONE = st.none()
ADMINS = {name: maybe(NONE, one_or_more(IDS)) for name in ("admin_ids", "admin_group_ids")}
POLICY = {
    "authentication_assurance_timeout": maybe(st.integers(0, 10**6)),
    "domain_constraints_include": maybe(NONE, st.lists(NAMES, max_size=2)),
    "domain_constraints_exclude": maybe(NONE, st.lists(NAMES, max_size=2)),
}
CLIENT = {
    "public_client": maybe(FLAGS),
    "client_type": maybe(st.sampled_from(["client_identity", "resource_server"])),
    "visibility": maybe(st.sampled_from(["public", "private"])),
    "redirect_uris": maybe(st.lists(NAMES, max_size=2)),
    "terms_and_conditions": maybe(TEXT),
    "privacy_policy": maybe(TEXT),
    "required_idp": maybe(IDS),
    "preselect_idp": maybe(IDS),
    "additional_fields": maybe(st.dictionaries(st.sampled_from(["name", "x"]), JSON, max_size=2)),
}
CHANGED_CLIENT = {
    "name": maybe(TEXT),
    **{name: values for name, values in CLIENT.items() if name not in ("public_client", "client_type")},
    "terms_and_conditions": maybe(NONE, TEXT),
    "privacy_policy": maybe(NONE, TEXT),
    "required_idp": maybe(NONE, IDS),
    "preselect_idp": maybe(NONE, IDS),
}
DEPENDENTS = st.lists(st.tuples(IDS, FLAGS, FLAGS), max_size=2)
SCOPE = {
    "required_domains": maybe(st.lists(NAMES, max_size=2)),
    "dependent_scopes": maybe(DEPENDENTS),
    "advertised": maybe(FLAGS),
    "allows_refresh_token": maybe(FLAGS),
}
MORE = st.dictionaries(st.sampled_from(["x", "include"]), TEXT, max_size=2)
IDENTITIES = {
    "usernames": maybe(NONE, one_or_more(NAMES)),
    "ids": maybe(NONE, one_or_more(IDS)),
    "provision": maybe(FLAGS),
    "query_params": maybe(NONE, MORE),
}
SCOPES = st.just("openid email") | st.lists(st.sampled_from(["openid", "email", "a"]), min_size=1, max_size=3)

SERVICE: dict[str, Mapping[str, Strategy]] = {
    "get_openid_configuration": {},
    "userinfo": {},
    "oauth2_userinfo": {},
    "get_identities": IDENTITIES,
    "get_identity_providers": {
        "domains": maybe(NONE, one_or_more(NAMES)),
        "ids": maybe(NONE, one_or_more(IDS)),
        "query_params": maybe(NONE, MORE),
    },
    "get_project": {"project_id": IDS},
    "get_projects": {},
    "create_project": {"display_name": TEXT, "contact_email": TEXT, **ADMINS},
    "update_project": {
        "project_id": IDS,
        "display_name": maybe(NONE, TEXT),
        "contact_email": maybe(NONE, TEXT),
        **ADMINS,
    },
    "delete_project": {"project_id": IDS},
    "get_policy": {"policy_id": IDS},
    "get_policies": {},
    "create_policy": {
        "project_id": IDS,
        "display_name": TEXT,
        "description": TEXT,
        "high_assurance": maybe(FLAGS),
        **POLICY,
    },
    "update_policy": {
        "policy_id": IDS,
        "project_id": maybe(IDS),
        "display_name": maybe(TEXT),
        "description": maybe(TEXT),
        **POLICY,
    },
    "delete_policy": {"policy_id": IDS},
    "get_client": {"client_id": maybe(IDS), "fqdn": maybe(NAMES)},
    "get_clients": {},
    "create_client": {"name": TEXT, "project": IDS, **CLIENT},
    "update_client": {"client_id": IDS, **CHANGED_CLIENT},
    "delete_client": {"client_id": IDS},
    "get_client_credentials": {"client_id": IDS},
    "create_client_credential": {"client_id": IDS, "name": TEXT},
    "delete_client_credential": {"client_id": IDS, "credential_id": IDS},
    "get_scope": {"scope_id": IDS},
    "get_scopes": {
        "scope_strings": maybe(one_or_more(NAMES)),
        "ids": maybe(one_or_more(IDS)),
        "query_params": maybe(MORE),
    },
    "create_scope": {"client_id": IDS, "name": TEXT, "description": TEXT, "scope_suffix": TEXT, **SCOPE},
    "update_scope": {
        "scope_id": IDS,
        "name": maybe(TEXT),
        "description": maybe(TEXT),
        "scope_suffix": maybe(TEXT),
        **SCOPE,
    },
    "delete_scope": {"scope_id": IDS},
}
LOGIN: dict[str, Mapping[str, Strategy]] = {
    "oauth2_refresh_token": {"refresh_token": TEXT, "body_params": maybe(NONE, MORE)},
    "oauth2_validate_token": {"token": TEXT, "body_params": maybe(NONE, MORE)},
    "oauth2_revoke_token": {"token": TEXT, "body_params": maybe(NONE, MORE)},
    "oauth2_token": {"form_data": MORE, "body_params": maybe(NONE, MORE)},
}
NATIVE = {**LOGIN, "create_native_app_instance": {"template_id": IDS, "name": TEXT}}
CONFIDENTIAL = {
    **LOGIN,
    "get_identities": IDENTITIES,
    "oauth2_client_credentials_tokens": {"requested_scopes": maybe(NONE, SCOPES, st.just(""), st.just([]))},
    "oauth2_token_introspect": {"token": TEXT, "include": maybe(NONE, TEXT)},
    "create_child_client": {"name": TEXT, **CLIENT},
}
TOKEN_CALLS = {"oauth2_refresh_token", "oauth2_token", "oauth2_client_credentials_tokens"}
TOKENS = st.fixed_dictionaries(
    {
        "access_token": st.text("abcXYZ019-_", min_size=1, max_size=8),
        "scope": st.sampled_from(["openid", "a b", ""]),
        "resource_server": st.sampled_from(["auth.globus.org", "r"]),
        "expires_in": st.integers(0, 10**6),
        "token_type": st.just("Bearer"),
    },
    optional={"refresh_token": TEXT, "id_token": TEXT},
)
TOKEN_ANSWERS = st.tuples(TOKENS, st.lists(TOKENS, max_size=2)).map(lambda each: each[0] | {"other_tokens": each[1]})


@dataclass
class Server:
    """Answers everything with one document, and remembers what it was asked."""

    url: str = ""
    status: int = 200
    answer: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[Any, ...]] = field(default_factory=list)


def body_of(kind: str, content: bytes) -> Any:
    if kind.startswith("application/json"):
        return json.loads(content)
    return sorted(parse_qsl(content.decode(), keep_blank_values=True)) if content else None


def handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kind = self.headers.get("Content-Type") or ""
            parts = urlsplit(self.path)
            query = sorted(parse_qsl(parts.query, keep_blank_values=True))
            seen = (self.headers.get("Authorization"), self.headers.get("Accept"), kind)
            server.asked.append((self.command, parts.path, query, body_of(kind, content), *seen))
            body = server.answer if isinstance(server.answer, bytes) else json.dumps(server.answer).encode()
            self.send_response(server.status)
            for name, value in {"Content-Type": "application/json", **server.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_DELETE = do_GET

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's signature
            pass

    return Handler


@pytest.fixture(scope="module")
def server() -> Any:
    found = Server()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler(found)) as listening:
        found.url = f"http://127.0.0.1:{listening.server_port}"
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield found
        listening.shutdown()
        thread.join()


def library(module: Any, url: str, kind: str) -> Any:
    """Make a client of one of the two libraries."""
    if kind == "service":
        return module.AuthClient(base_url=url, authorizer=module.AccessTokenAuthorizer("a-token"))
    if kind == "native":
        return module.NativeAppAuthClient("an-id", base_url=url)
    return module.ConfidentialAppAuthClient("an-id", "a-secret", base_url=url)


@pytest.fixture(scope="module")
def pairs(server: Server) -> Any:
    with ExitStack() as stack:
        found = {}
        for kind in ("service", "native", "confidential"):
            ours = stack.enter_context(library(auth, server.url, kind))
            found[kind] = (ours, library(globus_sdk, server.url, kind))
        yield found


def argument(module: Any, name: str, value: Any) -> Any:
    if name == "dependent_scopes":
        return [module.DependentScopeSpec(*each) for each in value]
    return value.copy() if isinstance(value, dict) else value


def ended(server: Server, module: Any, client: Any, method: str, arguments: Mapping[str, Any]) -> Any:
    """Make a call; tell what was sent, and what came of it."""
    server.asked.clear()
    given_ = {name: argument(module, name, value) for name, value in arguments.items() if value is not OMITTED}
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            answer = getattr(client, method)(**given_)
    except module.GlobusSDKUsageError:
        return list(server.asked), "usage error"
    except module.AuthAPIError as error:
        told = (error.http_status, error.http_reason, error.code, error.message, error.messages, error.request_id)
        info = (bool(error.info.consent_required), bool(error.info.authorization_parameters))
        return list(server.asked), (told, error.raw_json, [each.raw for each in error.errors], info)
    deprecated = any(issubclass(each.category, DeprecationWarning) for each in warned)
    extra: Any = list(answer) if hasattr(type(answer), "__iter__") and answer.data.get(answer.iter_key) else None
    if hasattr(answer, "by_resource_server"):
        extra = {
            name: {key: item for key, item in token.items() if key != "expires_at_seconds"}
            for name, token in answer.by_resource_server.items()
        }
    return list(server.asked), (answer.http_status, answer.data, extra, deprecated)


def rows() -> list[tuple[str, str]]:
    tables = {"service": SERVICE, "native": NATIVE, "confidential": CONFIDENTIAL}
    return [(kind, method) for kind, table in tables.items() for method in table]


@pytest.mark.parametrize(("kind", "method"), rows())
def test_calls_are_the_same(kind: str, method: str, server: Server, pairs: Any) -> None:
    table: Mapping[str, Strategy] = {"service": SERVICE, "native": NATIVE, "confidential": CONFIDENTIAL}[kind][method]
    ours, theirs = pairs[kind]
    lists = getattr(auth, "".join(each.title() for each in method.split("_")) + "Response", None)
    key = getattr(lists, "default_iter_key", "x")
    answers = TOKEN_ANSWERS if method in TOKEN_CALLS else st.dictionaries(st.just(key), st.lists(JSON, max_size=2))

    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(arguments=st.fixed_dictionaries(dict(table)), answer=answers)
    def compare(arguments: Mapping[str, Any], answer: Any) -> None:
        server.status, server.answer, server.headers = 200, answer, {}
        assert ended(server, auth, ours, method, arguments) == ended(server, globus_sdk, theirs, method, arguments)

    compare()


ERRORS = st.fixed_dictionaries(
    {},
    optional={
        "errors": st.lists(
            st.fixed_dictionaries(
                {}, optional={"code": TEXT, "detail": TEXT, "title": TEXT, "message": TEXT, "id": TEXT, "status": TEXT}
            ),
            max_size=3,
        ),
        "code": TEXT,
        "error": TEXT,
        "message": TEXT,
        "error_description": TEXT,
        "request_id": TEXT,
        "authorization_parameters": st.fixed_dictionaries({"session_message": TEXT}),
        "required_scopes": st.lists(TEXT, max_size=2),
    },
)


def test_errors_are_read_the_same(server: Server, pairs: Any) -> None:
    ours, theirs = pairs["service"]

    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(status=st.sampled_from([400, 403, 404, 409, 422]), document=ERRORS | JSON)
    def compare(status: int, document: Any) -> None:
        if isinstance(document, dict) and not document.keys() >= {"code", "message"}:
            document.pop("request_id", None)  # see test_difference_a_request_id_is_read_wherever_it_is
        server.status, server.answer, server.headers = status, document, {}
        ours_ended = ended(server, auth, ours, "get_projects", {})
        assert ours_ended == ended(server, globus_sdk, theirs, "get_projects", {})

    compare()


SESSION = {
    "session_required_identities": maybe(NONE, one_or_more(IDS)),
    "session_required_single_domain": maybe(NONE, one_or_more(NAMES)),
    "session_required_policies": maybe(NONE, one_or_more(IDS)),
    "session_required_mfa": maybe(NONE, FLAGS),
    "prompt": maybe(NONE, st.just("login")),
    "query_params": maybe(NONE, MORE),
}
FLOWS: dict[str, Mapping[str, Strategy]] = {
    "native": {
        "requested_scopes": SCOPES,
        "redirect_uri": maybe(NONE, NAMES),
        "state": maybe(TEXT),
        "verifier": st.text("abcXYZ09~_.-", min_size=43, max_size=60),
        "refresh_tokens": maybe(FLAGS),
        "prefill_named_grant": maybe(NONE, TEXT),
    },
    "confidential": {
        "redirect_uri": NAMES,
        "requested_scopes": SCOPES,
        "state": maybe(TEXT),
        "refresh_tokens": maybe(FLAGS),
    },
}


@pytest.mark.parametrize("kind", FLOWS)
def test_logins_are_the_same(kind: str, server: Server, pairs: Any) -> None:
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        flow=st.fixed_dictionaries(dict(FLOWS[kind])),
        session=st.fixed_dictionaries(SESSION),
        code=TEXT,
        answer=TOKEN_ANSWERS,
    )
    def compare(flow: Mapping[str, Any], session: Mapping[str, Any], code: str, answer: Any) -> None:
        server.status, server.answer, server.headers = 200, answer, {}
        found = []
        for module, client in zip((auth, globus_sdk), pairs[kind], strict=True):
            client.oauth2_start_flow(**{name: value for name, value in flow.items() if value is not OMITTED})
            asked = {name: argument(module, name, value) for name, value in session.items() if value is not OMITTED}
            url = urlsplit(client.oauth2_get_authorize_url(**asked))
            address = (url.netloc, url.path, sorted(parse_qsl(url.query, keep_blank_values=True)))
            exchanged = ended(server, module, client, "oauth2_exchange_code_for_tokens", {"auth_code": code})
            found.append((address, exchanged))
        assert found[0] == found[1]

    compare()


def test_dependent_tokens_are_the_same(server: Server, pairs: Any) -> None:
    arguments = {
        "token": TEXT,
        "refresh_tokens": maybe(FLAGS),
        "scope": maybe(SCOPES),
        "additional_params": maybe(NONE, MORE),
    }

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(arguments=st.fixed_dictionaries(arguments), answer=st.lists(TOKENS, max_size=3))
    def compare(arguments: Mapping[str, Any], answer: Any) -> None:
        server.status, server.answer, server.headers = 200, answer, {}
        found = [
            ended(server, module, client, "oauth2_get_dependent_tokens", arguments)
            for module, client in zip((auth, globus_sdk), pairs["confidential"], strict=True)
        ]
        assert found[0] == found[1]

    compare()


def calls(server: Server, call: Callable[[], object]) -> int:
    server.asked.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with suppress(auth.GlobusError, globus_sdk.GlobusError):
            call()
    return len(server.asked)


@pytest.fixture
def impatient(server: Server, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Both libraries, neither of which waits between attempts."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    params = {"sleep": lambda _: None}
    token = "a-token"
    with auth.AuthClient(
        base_url=server.url, authorizer=auth.AccessTokenAuthorizer(token), transport_params=params
    ) as ours:
        yield ours, globus_sdk.AuthClient(base_url=server.url, authorizer=globus_sdk.AccessTokenAuthorizer(token))


def test_difference_a_post_that_may_have_been_processed_is_not_sent_again(server: Server, impatient: Any) -> None:
    server.status, server.answer, server.headers = 503, {}, {}
    ours, theirs = (calls(server, lambda c=c: c.create_project("p", "e", admin_ids="a")) for c in impatient)  # type: ignore[misc]
    assert (ours, theirs) == (1, 6)


def test_difference_a_redirect_is_an_error_and_not_followed(server: Server, impatient: Any) -> None:
    server.status, server.answer, server.headers = 302, {}, {"Location": f"{server.url}/elsewhere"}
    ours, theirs = impatient
    assert calls(server, ours.get_projects) == 1
    assert calls(server, theirs.get_projects) > 1
    with pytest.raises(auth.AuthAPIError):
        ours.get_projects()


def test_netrc_is_not_read(server: Server, impatient: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server.status, server.answer, server.headers = 200, {}, {}
    for client in impatient:
        calls(server, client.get_openid_configuration)
        assert server.asked[0][4] == "Bearer a-token"


def test_difference_a_request_id_is_read_wherever_it_is(server: Server, impatient: Any) -> None:
    server.status, server.answer, server.headers = 400, {"error": "x", "request_id": "r"}, {}
    ours, theirs = impatient
    with pytest.raises(auth.AuthAPIError) as caught:
        ours.get_projects()
    with pytest.raises(globus_sdk.AuthAPIError) as theirs_caught:
        theirs.get_projects()
    assert (caught.value.request_id, theirs_caught.value.request_id) == ("r", None)


@pytest.mark.parametrize("token", ["", "a\nb", "é"])
def test_difference_a_token_that_no_header_can_hold_is_an_invalid_answer(token: str, server: Server) -> None:
    one = {"access_token": token, "scope": "s", "resource_server": "r", "expires_in": 1, "other_tokens": []}
    server.status, server.answer, server.headers = 200, one, {}
    with library(auth, server.url, "native") as ours, pytest.raises(auth.InvalidResponseError):
        ours.oauth2_refresh_token("r")
    theirs = library(globus_sdk, server.url, "native")
    assert theirs.oauth2_refresh_token("r").by_resource_server["r"]["access_token"] == token


@pytest.mark.parametrize("identifier", ["", ".", "..", "a/b", "a\\b"])
def test_difference_an_id_that_would_name_something_else_is_refused(
    identifier: str, server: Server, impatient: Any
) -> None:
    server.status, server.answer, server.headers = 200, {}, {}
    ours, theirs = impatient
    with pytest.raises(auth.GlobusSDKUsageError):
        ours.delete_client(identifier)
    assert calls(server, lambda: theirs.delete_client(identifier)) == 1


def test_difference_one_domain_is_sent_as_a_list_as_the_sdk_does_since_4(server: Server, impatient: Any) -> None:
    server.status, server.answer, server.headers = 200, {}, {}
    sent = []
    for client in impatient:
        calls(server, lambda c=client: c.update_policy("p", domain_constraints_include="a.org"))  # type: ignore[misc]
        sent.append(server.asked[0][3]["policy"]["domain_constraints_include"])
    assert sent == [["a.org"], "a.org"]
