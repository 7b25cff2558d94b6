import time
from collections.abc import Callable
from typing import Any

import globus_sdk
import pytest
from globus_sdk.services.auth import GlobusAuthorizationCodeFlowManager, GlobusNativeAppFlowManager

from tests.conformance.browser import Browser
from tests.conformance.sdk.conftest import CALLBACK, GROUPS_VIEW, MANAGE, PERSONAL, Tokens

AUTH = "auth.globus.org"
TRANSFER = "urn:globus:auth:scope:transfer.api.globus.org:all"
TWO_DAYS = 172800
Transport = Callable[[Any], dict[str, Any]]


def test_tokens_are_read_by_server_and_by_scope(tokens_of: Tokens, ada: Browser, transport: Transport) -> None:
    tokens = tokens_of(ada, f"openid email {TRANSFER}")
    assert set(tokens.by_resource_server) == {AUTH, "transfer.api.globus.org"}
    transfer = tokens.by_resource_server["transfer.api.globus.org"]
    assert (transfer["scope"], transfer["token_type"], transfer["refresh_token"]) == (TRANSFER, "Bearer", None)
    assert abs(transfer["expires_at_seconds"] - time.time() - TWO_DAYS) < 600
    assert tokens.by_scopes[TRANSFER] == transfer
    assert tokens.by_scopes["email openid"] == tokens.by_resource_server[AUTH]
    assert (tokens.http_status, transport(tokens)["http_reason"]) == (200, "OK")
    assert tokens.get("token_type") == tokens.data["token_type"] == "Bearer"


def test_code_is_good_for_one_exchange(native: globus_sdk.NativeAppAuthClient, ada: Browser) -> None:
    flow = native.oauth2_start_flow("openid", redirect_uri=CALLBACK, state="s&t", prefill_named_grant="Laptop")
    assert isinstance(flow, GlobusNativeAppFlowManager)
    code = ada.code(flow.get_authorize_url({"prompt": "login"}))
    assert flow.exchange_code_for_tokens(code)["resource_server"] == AUTH
    with pytest.raises(globus_sdk.AuthAPIError) as refused:
        flow.exchange_code_for_tokens(code)
    assert (refused.value.http_status, refused.value.raw_json) == (401, {"error": "invalid_grant"})


def test_code_needs_its_verifier(native: globus_sdk.NativeAppAuthClient, ada: Browser) -> None:
    native.oauth2_start_flow("openid", redirect_uri=CALLBACK)
    code = ada.code(native.oauth2_get_authorize_url())
    native.oauth2_start_flow("openid", redirect_uri=CALLBACK)
    with pytest.raises(globus_sdk.AuthAPIError) as refused:
        native.oauth2_exchange_code_for_tokens(code)
    assert (refused.value.http_status, refused.value.raw_json) == (401, {"error": "invalid_grant"})


def test_person_may_refuse(native: globus_sdk.NativeAppAuthClient) -> None:
    native.oauth2_start_flow("openid", redirect_uri=CALLBACK, state="abc")
    location = Browser("ada@uni.example.org", decision="deny").location(native.oauth2_get_authorize_url())
    assert location.startswith(f"{CALLBACK}?")
    assert "error=access_denied" in location
    assert "state=abc" in location


def test_login_may_demand_more_of_the_session(
    admin: globus_sdk.AuthClient,
    project: str,
    native: globus_sdk.NativeAppAuthClient,
    bootstrap: globus_sdk.ConfidentialAppAuthClient,
) -> None:
    (carl,) = admin.get_identities(usernames="carl@example.edu")
    policy = admin.create_policy(
        project_id=project,
        display_name="Campus",
        description="People of example.edu",
        high_assurance=True,
        authentication_assurance_timeout=60,
        domain_constraints_include=["example.edu"],
    )["policy"]
    native.oauth2_start_flow("openid", redirect_uri=CALLBACK)
    address = native.oauth2_get_authorize_url(
        session_required_identities=[carl["id"]],
        session_required_single_domain=["example.edu"],
        session_required_policies=[policy["id"]],
        session_required_mfa=True,
        prompt="login",
    )
    person = Browser("carl@example.edu", ticks=("mfa",))
    tokens = native.oauth2_exchange_code_for_tokens(person.code(address))
    session = bootstrap.oauth2_token_introspect(tokens["access_token"], include="session_info")["session_info"]
    assert list(session["authentications"]) == [carl["id"]]
    told = session["authentications"][carl["id"]]
    assert told["idp"] == carl["identity_provider"]
    assert abs(told["auth_time"] - time.time()) < 600


def test_code_of_the_page_of_the_service(native: globus_sdk.NativeAppAuthClient, ada: Browser) -> None:
    native.oauth2_start_flow("openid email")
    tokens = native.oauth2_exchange_code_for_tokens(ada.code(native.oauth2_get_authorize_url()))
    assert tokens.decode_id_token()["email"] == "ada@uni.example.org"


def test_confidential_client_logs_a_person_in(portal: globus_sdk.ConfidentialAppAuthClient, ada: Browser) -> None:
    flow = portal.oauth2_start_flow(CALLBACK, "openid email", state="abc", refresh_tokens=True)
    assert isinstance(flow, GlobusAuthorizationCodeFlowManager)
    tokens = portal.oauth2_exchange_code_for_tokens(ada.code(portal.oauth2_get_authorize_url()))
    assert tokens.decode_id_token()["email"] == "ada@uni.example.org"
    assert flow.exchange_code_for_tokens(ada.code(flow.get_authorize_url()))["scope"] == "openid email"
    refresh = tokens.by_resource_server[AUTH]["refresh_token"]
    assert portal.oauth2_refresh_token(refresh)["access_token"] != tokens["access_token"]


def test_refresh_token_renews_one_server(
    native: globus_sdk.NativeAppAuthClient, tokens_of: Tokens, ada: Browser, transport: Transport
) -> None:
    tokens = tokens_of(ada, f"openid {TRANSFER}", refresh_tokens=True)
    refresh = tokens.by_resource_server["transfer.api.globus.org"]["refresh_token"]
    renewed = native.oauth2_refresh_token(refresh)
    assert list(renewed.by_resource_server) == ["transfer.api.globus.org"]
    assert renewed.by_scopes[TRANSFER]["refresh_token"]
    assert renewed.get("access_token") not in (None, tokens.by_scopes[TRANSFER]["access_token"])
    assert renewed.data["resource_server"] == "transfer.api.globus.org"
    assert (renewed.http_status, transport(renewed)["http_reason"]) == (200, "OK")
    with pytest.raises(globus_sdk.AuthAPIError) as refused:
        native.oauth2_refresh_token("of nobody")
    assert (refused.value.http_status, refused.value.raw_json) == (401, {"error": "invalid_grant"})


def test_revoked_tokens_are_dead(native: globus_sdk.NativeAppAuthClient, tokens_of: Tokens, ada: Browser) -> None:
    ours = tokens_of(ada, PERSONAL, refresh_tokens=True).by_resource_server[AUTH]
    holder = globus_sdk.AuthClient(authorizer=globus_sdk.AccessTokenAuthorizer(ours["access_token"]))
    assert holder.userinfo()["email"] == "ada@uni.example.org"
    assert native.oauth2_revoke_token(ours["access_token"])["active"] is False
    with pytest.raises(globus_sdk.AuthAPIError) as refused:
        holder.userinfo()
    assert refused.value.http_status == 401
    assert native.oauth2_revoke_token(ours["refresh_token"])["active"] is False
    with pytest.raises(globus_sdk.AuthAPIError):
        native.oauth2_refresh_token(ours["refresh_token"])


def test_client_gets_tokens_for_itself(bootstrap: globus_sdk.ConfidentialAppAuthClient, transport: Transport) -> None:
    tokens = bootstrap.oauth2_client_credentials_tokens(f"{MANAGE} {TRANSFER}")
    assert tokens.by_scopes[MANAGE]["refresh_token"] is None
    assert set(tokens.by_resource_server) == {AUTH, "transfer.api.globus.org"}
    assert tokens.get("scope") == tokens.data["scope"] == MANAGE
    assert (tokens.http_status, transport(tokens)["http_reason"]) == (200, "OK")
    assert bootstrap.oauth2_token_introspect(tokens["access_token"])["sub"] == bootstrap.client_id
    assert bootstrap.oauth2_revoke_token(tokens["access_token"])["active"] is False
    assert bootstrap.oauth2_token_introspect(tokens["access_token"]).data == {"active": False}


def test_grant_may_be_written_by_hand(
    native: globus_sdk.NativeAppAuthClient,
    bootstrap: globus_sdk.ConfidentialAppAuthClient,
    transport: Transport,
) -> None:
    tokens = bootstrap.oauth2_token({"grant_type": "client_credentials"}, body_params={"scope": MANAGE})
    assert type(tokens) is globus_sdk.OAuthTokenResponse
    assert tokens.by_scopes[MANAGE] == tokens.by_resource_server[AUTH]
    assert tokens.get("scope") == tokens.data["scope"] == MANAGE
    assert (tokens.http_status, transport(tokens)["http_reason"]) == (200, "OK")
    with pytest.raises(globus_sdk.AuthAPIError) as refused:
        native.oauth2_token({"grant_type": "client_credentials", "scope": MANAGE, "client_id": str(native.client_id)})
    assert refused.value.http_status in (400, 401)


def test_unknown_scope_is_refused(bootstrap: globus_sdk.ConfidentialAppAuthClient) -> None:
    with pytest.raises(globus_sdk.AuthAPIError) as refused:
        bootstrap.oauth2_client_credentials_tokens("urn:globus:auth:scope:nowhere.example.org:all")
    assert refused.value.http_status == 400
    assert refused.value.raw_json is not None
    assert refused.value.raw_json["error"] == "invalid_scope"


def test_wrong_secret_is_refused(bootstrap: globus_sdk.ConfidentialAppAuthClient) -> None:
    wrong = globus_sdk.ConfidentialAppAuthClient(str(bootstrap.client_id), "wrong")
    with pytest.raises(globus_sdk.AuthAPIError) as refused:
        wrong.oauth2_client_credentials_tokens("openid")
    assert (refused.value.http_status, refused.value.code) == (401, "UNAUTHORIZED")
    assert refused.value.message == "Basic auth failed"


@pytest.fixture
def presented(portal: globus_sdk.ConfidentialAppAuthClient, run_scope: str, tokens_of: Tokens, ada: Browser) -> str:
    """Have a token of ada for the scope of a service that depends on another one."""
    return str(tokens_of(ada, run_scope).by_resource_server[str(portal.client_id)]["access_token"])


def test_service_exchanges_a_token_for_dependent_ones(
    portal: globus_sdk.ConfidentialAppAuthClient, presented: str, transport: Transport
) -> None:
    tokens = portal.oauth2_get_dependent_tokens(presented, refresh_tokens=True, scope=GROUPS_VIEW)
    assert isinstance(tokens, globus_sdk.OAuthDependentTokenResponse)
    assert set(tokens.by_resource_server) == {"groups.api.globus.org"}
    assert tokens.by_scopes[GROUPS_VIEW]["refresh_token"]
    assert tokens.get("access_token") is None
    assert [one["scope"] for one in tokens.data] == [GROUPS_VIEW]
    assert (tokens.http_status, transport(tokens)["http_reason"]) == (200, "OK")
    with pytest.raises(NotImplementedError):
        tokens.decode_id_token()


def test_dependent_token_needs_consent(portal: globus_sdk.ConfidentialAppAuthClient, presented: str) -> None:
    with pytest.raises(globus_sdk.AuthAPIError) as refused:
        portal.oauth2_get_dependent_tokens(presented, scope=TRANSFER)
    error = refused.value
    assert (error.http_status, error.code) == (403, "DEPENDENT_CONSENT_REQUIRED")
    assert error.errors[0].raw["unapproved_scopes"] == [TRANSFER]


def test_service_introspects_a_token(portal: globus_sdk.ConfidentialAppAuthClient, presented: str) -> None:
    told = portal.oauth2_token_introspect(presented, include="identity_set,identity_set_detail,session_info")
    assert (told["active"], told["username"]) == (True, "ada@uni.example.org")
    assert told["scope"] == f"https://auth.globus.org/scopes/{portal.client_id}/run"
    assert portal.client_id in told["aud"]
    assert (told["exp"] - told["iat"], told["token_type"]) == (TWO_DAYS, "Bearer")
    assert told["identity_set"] == [told["sub"]]
    assert [one["sub"] for one in told["identity_set_detail"]] == [told["sub"]]
    assert list(told["session_info"]["authentications"]) == [told["sub"]]


def test_refresh_token_authorizer_renews(
    native: globus_sdk.NativeAppAuthClient, tokens_of: Tokens, ada: Browser
) -> None:
    ours = tokens_of(ada, PERSONAL, refresh_tokens=True).by_resource_server[AUTH]
    renewed: list[globus_sdk.OAuthTokenResponse] = []
    authorizer = globus_sdk.RefreshTokenAuthorizer(
        ours["refresh_token"], native, access_token=ours["access_token"], expires_at=0, on_refresh=renewed.append
    )
    client = globus_sdk.AuthClient(authorizer=authorizer)
    assert client.userinfo()["email"] == "ada@uni.example.org"
    assert [one["access_token"] for one in renewed] == [authorizer.access_token]
    assert authorizer.get_authorization_header() == f"Bearer {authorizer.access_token}"

    native.oauth2_revoke_token(str(authorizer.access_token))
    assert client.userinfo()["email"] == "ada@uni.example.org"
    assert len(renewed) == 2
    assert authorizer.handle_missing_authorization()
    authorizer.ensure_valid_token()
    assert len(renewed) == 3


def test_client_credentials_authorizer_renews(bootstrap: globus_sdk.ConfidentialAppAuthClient) -> None:
    renewed: list[globus_sdk.OAuthTokenResponse] = []
    authorizer = globus_sdk.ClientCredentialsAuthorizer(bootstrap, MANAGE, on_refresh=renewed.append)
    client = globus_sdk.AuthClient(authorizer=authorizer)
    client.get_projects()
    bootstrap.oauth2_revoke_token(str(authorizer.access_token))
    client.get_projects()
    assert len(renewed) == 2
    assert authorizer.get_authorization_header() == f"Bearer {renewed[-1]['access_token']}"
    assert authorizer.handle_missing_authorization()
    authorizer.ensure_valid_token()
    assert authorizer.access_token == renewed[-1]["access_token"]
    assert len(renewed) == 3


def test_fixed_authorizers_do_not_renew(bootstrap: globus_sdk.ConfidentialAppAuthClient) -> None:
    fixed = globus_sdk.AccessTokenAuthorizer("of nobody")
    basic = globus_sdk.BasicAuthorizer(str(bootstrap.client_id), "wrong")
    nobody: globus_sdk.authorizers.GlobusAuthorizer = globus_sdk.NullAuthorizer()
    for authorizer in (fixed, basic, nobody):
        assert not authorizer.handle_missing_authorization()
        with pytest.raises(globus_sdk.AuthAPIError) as refused:
            globus_sdk.AuthClient(authorizer=authorizer).get_projects()
        assert refused.value.http_status == 401
    assert fixed.get_authorization_header() == "Bearer of nobody"
    assert str(basic.get_authorization_header()).startswith("Basic ")
    assert nobody.get_authorization_header() is None
