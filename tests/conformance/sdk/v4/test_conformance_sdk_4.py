import uuid
from collections.abc import Callable
from typing import Any

import globus_sdk
import pytest
from globus_sdk.scopes import AuthScopes, Scope, TransferScopes

from tests.conformance.browser import Browser
from tests.conformance.sdk.conftest import CALLBACK, GROUPS_VIEW, MANAGE, Tokens

AUTH = "auth.globus.org"
VIEW_CONSENTS = str(AuthScopes.view_consents)


@pytest.fixture
def clients(
    bootstrap: globus_sdk.ConfidentialAppAuthClient,
) -> tuple[globus_sdk.AuthClient | globus_sdk.AuthLoginClient, ...]:
    return globus_sdk.AuthClient(), globus_sdk.NativeAppAuthClient(str(uuid.uuid4())), bootstrap


def test_answers_have_the_type_of_their_grant(
    native: globus_sdk.NativeAppAuthClient,
    bootstrap: globus_sdk.ConfidentialAppAuthClient,
    tokens_of: Tokens,
    ada: Browser,
) -> None:
    code = tokens_of(ada, "openid", refresh_tokens=True)
    renewed = native.oauth2_refresh_token(str(code.by_resource_server[AUTH]["refresh_token"]))
    own = bootstrap.oauth2_client_credentials_tokens(MANAGE)
    assert type(code) is globus_sdk.OAuthAuthorizationCodeResponse
    assert type(renewed) is globus_sdk.OAuthRefreshTokenResponse
    assert type(own) is globus_sdk.OAuthClientCredentialsResponse
    for without in (renewed, own):
        with pytest.raises(KeyError, match="id_token"):
            without.decode_id_token()


def test_scopes_are_objects(bootstrap: globus_sdk.ConfidentialAppAuthClient) -> None:
    tokens = bootstrap.oauth2_client_credentials_tokens([AuthScopes.manage_projects, TransferScopes.all])
    assert set(tokens.by_resource_server) == {AUTH, "transfer.api.globus.org"}
    told = bootstrap.oauth2_token_introspect(tokens["access_token"], query_params={"a": "b"})
    assert told["scope"] == MANAGE


def test_decoder_keeps_what_it_fetched(native: globus_sdk.NativeAppAuthClient, tokens_of: Tokens, ada: Browser) -> None:
    tokens = tokens_of(ada)
    app = globus_sdk.UserApp("conformance", login_client=native, config=globus_sdk.GlobusAppConfig("command-line"))
    decoder = globus_sdk.IDTokenDecoder.for_globus_app(app_name=app.app_name, config=app.config, login_client=native)
    assert decoder.get_jwt_audience() == native.client_id
    assert decoder.decode(tokens["id_token"]) == tokens.decode_id_token()
    offline = globus_sdk.IDTokenDecoder(
        globus_sdk.NativeAppAuthClient(str(native.client_id), base_url="http://nowhere")
    )
    offline.store_openid_configuration(decoder.get_openid_configuration())
    offline.store_jwk(decoder.get_jwk())
    assert offline.decode(tokens["id_token"])["email"] == "ada@uni.example.org"


def test_policy_with_a_second_factor(admin: globus_sdk.AuthClient, project: str) -> None:
    made = admin.create_policy(
        project_id=project, display_name="Campus", description="MFA", high_assurance=True, required_mfa=True
    )["policy"]
    assert admin.get_policy(made["id"])["policy"]["required_mfa"] is True
    admin.update_policy(made["id"], required_mfa=False)
    assert admin.get_policy(made["id"])["policy"]["required_mfa"] is False
    with pytest.raises(globus_sdk.AuthAPIError) as refused:
        admin.create_policy(project_id=project, display_name="Campus", description="MFA", required_mfa=True)
    assert refused.value.http_status == 400
    assert refused.value.code == "BAD_REQUEST"


def test_unknown_code_is_none(native: globus_sdk.NativeAppAuthClient) -> None:
    with pytest.raises(globus_sdk.AuthAPIError) as refused:
        native.oauth2_refresh_token("of nobody")
    assert (refused.value.http_status, refused.value.code) == (401, None)


def test_consents_are_a_forest(
    native: globus_sdk.NativeAppAuthClient,
    run_scope: str,
    tokens_of: Tokens,
    transport: Callable[[Any], dict[str, Any]],
) -> None:
    tokens = tokens_of(Browser("dorothy@example.edu"), f"openid {VIEW_CONSENTS} {run_scope}")
    person = tokens.decode_id_token()["sub"]
    holder = globus_sdk.AuthClient(
        authorizer=globus_sdk.AccessTokenAuthorizer(tokens.by_resource_server[AUTH]["access_token"])
    )
    told = holder.get_consents(person)
    assert type(told) is globus_sdk.GetConsentsResponse
    assert (told.http_status, transport(told)["http_reason"]) == (200, "OK")
    assert told.get("consents") == told.data["consents"]
    forest = told.to_forest()
    run = Scope(run_scope)
    assert forest.meets_scope_requirements([run, Scope("openid")])
    assert forest.meets_scope_requirements([run.with_dependency(Scope(GROUPS_VIEW))])
    assert not forest.meets_scope_requirements([run.with_dependency(TransferScopes.all)])
    assert not forest.meets_scope_requirements([TransferScopes.all])
    assert {one["effective_identity"] for one in told["consents"]} == {person}
    roots = [one for one in told["consents"] if len(one["dependency_path"]) == 1]
    assert {one["client"] for one in roots} == {native.client_id}
    everywhere = holder.get_consents(uuid.UUID(person), all=True)
    assert {one["id"] for one in told["consents"]} <= {one["id"] for one in everywhere["consents"]}


def test_clients_can_be_closed(clients: tuple[globus_sdk.AuthClient | globus_sdk.AuthLoginClient, ...]) -> None:
    for client in clients:
        with client as entered:
            entered.get_openid_configuration()
        client.close()


def test_login_clients_take_no_app(
    bootstrap: globus_sdk.ConfidentialAppAuthClient, native: globus_sdk.NativeAppAuthClient
) -> None:
    app = globus_sdk.ClientApp("conformance", login_client=bootstrap)
    for client in (bootstrap, native):
        with pytest.raises(globus_sdk.GlobusSDKUsageError):
            client.attach_globus_app(app)
        with pytest.raises(globus_sdk.GlobusSDKUsageError):
            client.add_app_scope("openid")
        with pytest.raises(globus_sdk.GlobusSDKUsageError):
            _ = client.default_scope_requirements


def test_message_of_a_login_is_shown(native: globus_sdk.NativeAppAuthClient, ada: Browser) -> None:
    native.oauth2_start_flow("openid", redirect_uri=CALLBACK)
    ada.code(native.oauth2_get_authorize_url(session_message="Log in for the audit", prompt="login"))
    assert any("Log in for the audit" in page for page in ada.read)
