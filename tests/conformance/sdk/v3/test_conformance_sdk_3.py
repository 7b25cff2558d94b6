import globus_sdk
import pytest

from tests.conformance.browser import Browser
from tests.conformance.sdk.conftest import CALLBACK, Tokens

AUTH = "auth.globus.org"


def test_deprecated_userinfo(as_rosalind: globus_sdk.AuthClient) -> None:
    with pytest.warns(globus_sdk.RemovedInV4Warning):
        answer = as_rosalind.oauth2_userinfo()
    assert answer.data == as_rosalind.userinfo().data
    with pytest.warns(globus_sdk.RemovedInV4Warning):
        assert as_rosalind.client_id is None


def test_token_is_validated(
    native: globus_sdk.NativeAppAuthClient,
    bootstrap: globus_sdk.ConfidentialAppAuthClient,
    tokens_of: Tokens,
    ada: Browser,
) -> None:
    tokens = tokens_of(ada, "openid", refresh_tokens=True).by_resource_server[AUTH]
    own = bootstrap.oauth2_client_credentials_tokens("openid").by_resource_server[AUTH]
    for client, token, active in (
        (native, tokens["access_token"], True),
        (native, tokens["refresh_token"], True),
        (native, "of nobody", False),
        (bootstrap, own["access_token"], True),
    ):
        with pytest.warns(globus_sdk.RemovedInV4Warning):
            assert client.oauth2_validate_token(token)["active"] is active


def test_client_looks_up_identities(bootstrap: globus_sdk.ConfidentialAppAuthClient) -> None:
    with pytest.warns(globus_sdk.RemovedInV4Warning):
        (found,) = bootstrap.get_identities(usernames="ada@uni.example.org")
    assert found["name"] == "Ada Lovelace"
    known = globus_sdk.IdentityMap(bootstrap, ["carl@example.edu"])
    with pytest.warns(globus_sdk.RemovedInV4Warning):
        assert known["carl@example.edu"]["name"] == "Carl Woese"


def test_scopes_by_default(native: globus_sdk.NativeAppAuthClient, ada: Browser) -> None:
    with pytest.warns(globus_sdk.RemovedInV4Warning):
        native.oauth2_start_flow(redirect_uri=CALLBACK)
    tokens = native.oauth2_exchange_code_for_tokens(ada.code(native.oauth2_get_authorize_url()))
    assert set(tokens.by_resource_server) == {AUTH, "transfer.api.globus.org"}
    assert set(tokens["scope"].split()) == {"openid", "profile", "email"}


def test_policy_is_created_by_position(admin: globus_sdk.AuthClient, project: str) -> None:
    with pytest.warns(globus_sdk.RemovedInV4Warning):
        made = admin.create_policy(project, True, 60, "Campus", "People")  # type: ignore[call-arg,arg-type]
    seen = admin.get_policy(made["policy"]["id"])["policy"]
    assert (seen["high_assurance"], seen["authentication_assurance_timeout"]) == (True, 60)


def test_error_text_has_two_names() -> None:
    with pytest.raises(globus_sdk.AuthAPIError) as refused:
        globus_sdk.AuthClient().get_projects()
    with pytest.warns(globus_sdk.RemovedInV4Warning):
        assert refused.value.raw_text == refused.value.text
