"""Logins and tokens put on the wire, and into addresses for people, exactly what the official SDK 3.40 does."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import pytest

from reconciler.auth import (
    MISSING,
    AccessTokenAuthorizer,
    AuthAPIError,
    AuthLoginClient,
    ConfidentialAppAuthClient,
    GlobusNativeAppFlowManager,
    GlobusSDKUsageError,
    NativeAppAuthClient,
    OAuthDependentTokenResponse,
    OAuthTokenResponse,
)

ID = "927d7238-f917-4eb2-9ace-c523fa9ba34e"
OTHER = UUID("41143743-f3c8-4d60-bbdb-eeecaba85bd9")
VERIFIER = "~_.-" + "a" * 60
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
USUAL_SCOPES = "openid profile email urn:globus:auth:scope:transfer.api.globus.org:all"
BASIC = "Basic YW4taWQ6YS1zZWNyZXQ="
TOKEN = {
    "access_token": "t",
    "scope": "openid",
    "resource_server": "auth.globus.org",
    "expires_in": 172800,
    "token_type": "Bearer",
    "other_tokens": [],
}
DEPENDENT_GRANT = "urn:globus:auth:grant_type:dependent_token"


@pytest.fixture
def native(recorder: Any) -> Iterator[NativeAppAuthClient]:
    with NativeAppAuthClient(ID, base_url=recorder.url) as found:
        yield found


def params(url: str) -> dict[str, str]:
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def started(native: NativeAppAuthClient) -> NativeAppAuthClient:
    native.oauth2_start_flow("openid", verifier=VERIFIER, redirect_uri="https://x.org/cb")
    return native


def begun(application: ConfidentialAppAuthClient) -> ConfidentialAppAuthClient:
    application.oauth2_start_flow("https://x.org/cb", "openid")
    return application


NATIVE: dict[str, tuple[Callable[[NativeAppAuthClient], Any], dict[str, str]]] = {
    "oauth2_exchange_code_for_tokens": (
        lambda c: started(c).oauth2_exchange_code_for_tokens("a-code&x"),
        {
            "client_id": ID,
            "grant_type": "authorization_code",
            "code": "a-code&x",
            "code_verifier": VERIFIER,
            "redirect_uri": "https://x.org/cb",
        },
    ),
    "oauth2_refresh_token": (
        lambda c: c.oauth2_refresh_token("r"),
        {"refresh_token": "r", "grant_type": "refresh_token", "client_id": ID},
    ),
    "oauth2_refresh_token with a parameter": (
        lambda c: c.oauth2_refresh_token("r", body_params={"client_id": "other", "x": "y"}),
        {"refresh_token": "r", "grant_type": "refresh_token", "client_id": "other", "x": "y"},
    ),
}

CONFIDENTIAL: dict[str, tuple[Callable[[ConfidentialAppAuthClient], Any], dict[str, str]]] = {
    "oauth2_exchange_code_for_tokens": (
        lambda c: begun(c).oauth2_exchange_code_for_tokens("a-code"),
        {"grant_type": "authorization_code", "code": "a-code", "redirect_uri": "https://x.org/cb"},
    ),
    "oauth2_refresh_token": (
        lambda c: c.oauth2_refresh_token("r", body_params={"x": "y"}),
        {"refresh_token": "r", "grant_type": "refresh_token", "x": "y"},
    ),
    "oauth2_client_credentials_tokens of nested scopes": (
        lambda c: c.oauth2_client_credentials_tokens([["a", ("b",)], "c d"]),
        {"grant_type": "client_credentials", "scope": "a b c d"},
    ),
    "oauth2_client_credentials_tokens of an iterator": (
        lambda c: c.oauth2_client_credentials_tokens(each for each in ("a", OTHER)),
        {"grant_type": "client_credentials", "scope": f"a {OTHER}"},
    ),
}


@pytest.mark.parametrize("name", NATIVE)
def test_application_without_a_secret_sends_its_id_in_the_form(
    name: str, recorder: Any, native: NativeAppAuthClient
) -> None:
    act, form = NATIVE[name]
    recorder.answer(200, TOKEN)
    assert isinstance(act(native), OAuthTokenResponse)
    (sent,) = recorder.requests
    assert (sent.method, sent.target, sent.form) == ("POST", "/v2/oauth2/token", form)
    assert sent.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "Authorization" not in sent.headers


@pytest.mark.parametrize("name", CONFIDENTIAL)
def test_application_with_a_secret_sends_it_as_basic(
    name: str, recorder: Any, application: ConfidentialAppAuthClient
) -> None:
    act, form = CONFIDENTIAL[name]
    recorder.answer(200, TOKEN)
    assert isinstance(act(application), OAuthTokenResponse)
    (sent,) = recorder.requests
    assert (sent.method, sent.target, sent.form) == ("POST", "/v2/oauth2/token", form)
    assert sent.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert sent.headers["Authorization"] == BASIC


@pytest.mark.parametrize(
    ("options", "form"),
    [
        ({}, {}),
        ({"refresh_tokens": True, "scope": ["a", OTHER]}, {"access_type": "offline", "scope": f"a {OTHER}"}),
        ({"scope": "a b"}, {"scope": "a b"}),
        ({"scope": MISSING}, {}),
        ({"scope": None}, {}),
        ({"additional_params": {"x": "y", "token": "other"}}, {"x": "y", "token": "other"}),
    ],
)
def test_dependent_tokens_come_as_an_array(
    options: dict[str, Any], form: dict[str, str], recorder: Any, application: ConfidentialAppAuthClient
) -> None:
    recorder.answer(200, [TOKEN, TOKEN | {"resource_server": "two", "scope": "b"}])
    found = application.oauth2_get_dependent_tokens("tok", **options)
    assert isinstance(found, OAuthDependentTokenResponse)
    assert sorted(found.by_resource_server) == ["auth.globus.org", "two"]
    assert found[1]["scope"] == "b"
    (sent,) = recorder.requests
    assert (sent.method, sent.target) == ("POST", "/v2/oauth2/token")
    assert sent.form == {"grant_type": DEPENDENT_GRANT, "token": "tok", **form}
    assert sent.headers["Authorization"] == BASIC
    with pytest.raises(NotImplementedError):
        found.decode_id_token()


def test_revocation_names_the_client_only_without_credentials(
    recorder: Any, native: NativeAppAuthClient, application: ConfidentialAppAuthClient
) -> None:
    native.oauth2_revoke_token("tok")
    application.oauth2_revoke_token("tok")
    native.oauth2_revoke_token("tok", body_params={"client_id": "other"})
    with AuthLoginClient(ID, base_url=recorder.url, authorizer=AccessTokenAuthorizer("t")) as client:
        client.oauth2_revoke_token("tok")
    with AuthLoginClient(base_url=recorder.url) as client:
        client.oauth2_revoke_token("tok")
    assert {(sent.method, sent.target) for sent in recorder.requests} == {("POST", "/v2/oauth2/token/revoke")}
    assert [sent.form for sent in recorder.requests] == [
        {"token": "tok", "client_id": ID},
        {"token": "tok"},
        {"token": "tok", "client_id": "other"},
        {"token": "tok"},
        {"token": "tok"},
    ]
    sent = [request.headers.get("Authorization") for request in recorder.requests]
    assert sent == [None, BASIC, None, "Bearer t", None]


def test_validation_of_a_token_is_deprecated(
    recorder: Any, native: NativeAppAuthClient, application: ConfidentialAppAuthClient
) -> None:
    clients: list[AuthLoginClient] = [native, application]
    for client in clients:
        with pytest.warns(DeprecationWarning, match="oauth2_validate_token") as warned:
            client.oauth2_validate_token("tok", body_params={"x": "y"})
        assert warned[0].filename == __file__
    assert {(sent.method, sent.target) for sent in recorder.requests} == {("POST", "/v2/oauth2/token/validate")}
    assert [sent.form for sent in recorder.requests] == [
        {"token": "tok", "client_id": ID, "x": "y"},
        {"token": "tok", "x": "y"},
    ]


def test_instance_of_an_application_is_registered_without_credentials(
    recorder: Any, native: NativeAppAuthClient
) -> None:
    native.create_native_app_instance(OTHER, "N")
    (sent,) = recorder.requests
    assert (sent.method, sent.target) == ("POST", "/v2/api/clients")
    assert sent.json == {"client": {"name": "N", "template_id": str(OTHER)}}
    assert "Authorization" not in sent.headers


def test_child_client_is_created_with_the_secret_of_its_parent(
    recorder: Any, application: ConfidentialAppAuthClient
) -> None:
    application.create_child_client(
        "N",
        public_client=False,
        visibility="private",
        redirect_uris=(uri for uri in ["https://x.org/cb"]),
        terms_and_conditions="https://x.org/t",
        privacy_policy="https://x.org/p",
        required_idp=OTHER,
        additional_fields={"more": 1},
    )
    (sent,) = recorder.requests
    assert (sent.method, sent.target, sent.headers["Authorization"]) == ("POST", "/v2/api/clients", BASIC)
    assert sent.json == {
        "client": {
            "name": "N",
            "public_client": False,
            "visibility": "private",
            "redirect_uris": ["https://x.org/cb"],
            "links": {"terms_and_conditions": "https://x.org/t", "privacy_policy": "https://x.org/p"},
            "required_idp": str(OTHER),
            "more": 1,
        }
    }


def test_one_redirect_uri_of_a_child_client_is_a_list(recorder: Any, application: ConfidentialAppAuthClient) -> None:
    application.create_child_client("N", client_type="resource_server", redirect_uris="https://x.org/cb")
    fields = {"name": "N", "client_type": "resource_server", "redirect_uris": ["https://x.org/cb"]}
    assert recorder.requests[0].json == {"client": fields}


def test_identities_by_the_application_itself_are_deprecated(
    recorder: Any, application: ConfidentialAppAuthClient
) -> None:
    asked: list[dict[str, Any]] = [
        {"usernames": "a@x.org"},
        {"usernames": ["a@x.org"], "provision": True},
        {"usernames": "a@x.org", "provision": "false"},
        {"ids": [ID, OTHER], "query_params": {"x": "y"}},
    ]
    for arguments in asked:
        with pytest.warns(DeprecationWarning, match="get_identities"):
            application.get_identities(**arguments)
    assert [sent.query for sent in recorder.requests] == [
        {"usernames": "a@x.org", "provision": "false"},
        {"usernames": "a@x.org", "provision": "true"},
        {"usernames": "a@x.org", "provision": "false"},
        {"ids": f"{ID},{OTHER}", "x": "y"},
    ]
    assert {sent.path for sent in recorder.requests} == {"/v2/api/identities"}
    assert {sent.headers["Authorization"] for sent in recorder.requests} == {BASIC}


def test_address_of_a_login_without_a_secret(native: NativeAppAuthClient) -> None:
    flow = native.oauth2_start_flow(
        ["openid", "a"], redirect_uri="https://x.org/cb?a=b&c", state="s t", verifier=VERIFIER, refresh_tokens=True
    )
    url = native.oauth2_get_authorize_url()
    assert url.startswith(f"{native.base_url}/v2/oauth2/authorize?")
    assert params(url) == {
        "client_id": ID,
        "redirect_uri": "https://x.org/cb?a=b&c",
        "scope": "openid a",
        "state": "s t",
        "response_type": "code",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "access_type": "offline",
    }
    assert native.current_oauth2_flow_manager is flow
    assert VERIFIER not in url


def test_address_of_a_login_has_the_usual_values(native: NativeAppAuthClient) -> None:
    flow = native.oauth2_start_flow("openid", prefill_named_grant="laptop")
    found = params(native.oauth2_get_authorize_url())
    assert found["redirect_uri"] == f"{native.base_url}/v2/web/auth-code"
    assert (found["state"], found["access_type"], found["prefill_named_grant"]) == ("_default", "online", "laptop")
    digest = hashlib.sha256(flow.verifier.encode()).digest()
    assert found["code_challenge"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert len(flow.verifier) == 43
    assert flow.verifier != native.oauth2_start_flow("openid").verifier


def test_address_of_a_login_with_a_secret(application: ConfidentialAppAuthClient) -> None:
    application.oauth2_start_flow("https://x.org/cb", "openid a", state="s", refresh_tokens=True)
    assert params(application.oauth2_get_authorize_url()) == {
        "client_id": "an-id",
        "redirect_uri": "https://x.org/cb",
        "scope": "openid a",
        "state": "s",
        "response_type": "code",
        "access_type": "offline",
    }
    begun(application)
    found = params(application.oauth2_get_authorize_url())
    assert (found["state"], found["access_type"]) == ("_default", "online")


ASKED: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"session_required_identities": [ID, OTHER]}, {"session_required_identities": f"{ID},{OTHER}"}),
    ({"session_required_identities": OTHER}, {"session_required_identities": str(OTHER)}),
    ({"session_required_single_domain": ["a.org", "b.org"]}, {"session_required_single_domain": "a.org,b.org"}),
    ({"session_required_single_domain": "a.org"}, {"session_required_single_domain": "a.org"}),
    ({"session_required_policies": (OTHER,)}, {"session_required_policies": str(OTHER)}),
    ({"session_required_mfa": True}, {"session_required_mfa": "True"}),
    ({"session_required_mfa": False}, {"session_required_mfa": "False"}),
    ({"session_message": "again, please"}, {"session_message": "again, please"}),
    ({"prompt": "login"}, {"prompt": "login"}),
    ({"prompt": "login", "query_params": {"prompt": "none", "x": "y"}}, {"prompt": "login", "x": "y"}),
    ({"query_params": {"state": "mine"}}, {"state": "mine"}),
    ({"session_required_identities": MISSING, "session_required_mfa": MISSING, "prompt": MISSING}, {}),
]


@pytest.mark.parametrize(("asked", "added"), ASKED)
def test_what_a_session_must_hold_is_in_the_address(
    asked: dict[str, Any],
    added: dict[str, str],
    native: NativeAppAuthClient,
    application: ConfidentialAppAuthClient,
) -> None:
    clients: list[AuthLoginClient] = [started(native), begun(application)]
    for client in clients:
        plain = params(client.oauth2_get_authorize_url())
        assert params(client.oauth2_get_authorize_url(**asked)) == plain | added


def test_query_of_an_address_is_not_added_to_the_callers_dictionary(native: NativeAppAuthClient) -> None:
    mine = {"x": "y"}
    started(native).oauth2_get_authorize_url(prompt="login", query_params=mine)
    assert mine == {"x": "y"}


WRONG: dict[str, Callable[[NativeAppAuthClient, ConfidentialAppAuthClient], Any]] = {
    "an address before the start": lambda n, _: n.oauth2_get_authorize_url(),
    "a code before the start": lambda _, c: c.oauth2_exchange_code_for_tokens("x"),
    "no scopes": lambda n, _: n.oauth2_start_flow(""),
    "no scopes at all": lambda _, c: c.oauth2_start_flow("https://x.org", []),
    "no scopes for the application": lambda _, c: c.oauth2_client_credentials_tokens([[]]),
    "a verifier that is too short": lambda n, _: n.oauth2_start_flow("a", verifier="a" * 42),
    "a verifier that is too long": lambda n, _: n.oauth2_start_flow("a", verifier="a" * 129),
    "a verifier with another character": lambda n, _: n.oauth2_start_flow("a", verifier="a" * 50 + "+"),
    "a verifier with a line break": lambda n, _: n.oauth2_start_flow("a", verifier="a" * 50 + "\n"),
    "an application without an id": lambda n, _: NativeAppAuthClient("", base_url=n.base_url).oauth2_start_flow("a"),
    "half a character in an address": lambda n, _: n.oauth2_start_flow("a", state="\ud800").get_authorize_url(),
    "a child of two kinds": lambda _, c: c.create_child_client("N", public_client=True, client_type="resource_server"),
    "a child of no kind": lambda _, c: c.create_child_client("N"),
    "a child with one link": lambda _, c: c.create_child_client("N", public_client=True, privacy_policy="https://x"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_use_is_refused_before_anything_is_sent(
    name: str, recorder: Any, native: NativeAppAuthClient, application: ConfidentialAppAuthClient
) -> None:
    with pytest.raises(GlobusSDKUsageError):
        WRONG[name](native, application)
    assert recorder.requests == []


@pytest.mark.parametrize("length", [43, 128])
def test_verifier_may_have_43_to_128_characters(length: int, native: NativeAppAuthClient) -> None:
    assert native.oauth2_start_flow("a", verifier="x" * length).verifier == "x" * length


def test_login_without_scopes_asks_for_the_usual_ones_and_warns(
    native: NativeAppAuthClient, application: ConfidentialAppAuthClient
) -> None:
    starts: list[Callable[[], Any]] = [
        native.oauth2_start_flow,
        lambda: application.oauth2_start_flow("https://x.org"),
        lambda: GlobusNativeAppFlowManager(native),
    ]
    for start in starts:
        with pytest.warns(DeprecationWarning, match="no scopes were requested") as warned:
            assert start().requested_scopes == USUAL_SCOPES
        assert [warning.filename for warning in warned] == [__file__]


def test_refused_grant_is_an_api_error(recorder: Any, native: NativeAppAuthClient) -> None:
    recorder.answer(401, {"error": "invalid_grant"})
    with pytest.raises(AuthAPIError) as caught:
        native.oauth2_refresh_token("hunter2")
    assert (caught.value.http_status, caught.value.code) == (401, "Error")
    assert "hunter2" not in str(caught.value)
    assert len(recorder.requests) == 1


def test_userinfo_by_its_old_name_is_deprecated(recorder: Any, client: Any) -> None:
    with pytest.warns(DeprecationWarning, match="oauth2_userinfo"):
        client.oauth2_userinfo()
    assert recorder.requests[0].target == "/v2/oauth2/userinfo"
