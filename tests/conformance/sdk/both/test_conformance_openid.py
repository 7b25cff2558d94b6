import json
import uuid

import globus_sdk
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.conformance.browser import Browser
from tests.conformance.conftest import Service
from tests.conformance.sdk.conftest import Tokens

Login = globus_sdk.AuthClient | globus_sdk.NativeAppAuthClient | globus_sdk.ConfidentialAppAuthClient


@pytest.fixture
def clients(
    bootstrap: globus_sdk.ConfidentialAppAuthClient,
) -> tuple[globus_sdk.AuthClient, globus_sdk.NativeAppAuthClient, globus_sdk.ConfidentialAppAuthClient]:
    return globus_sdk.AuthClient(), globus_sdk.NativeAppAuthClient(str(uuid.uuid4())), bootstrap


def test_discovery_names_this_server(service: Service, clients: tuple[Login, ...]) -> None:
    for client in clients:
        found = client.get_openid_configuration()
        assert found["jwks_uri"] == f"{service.base_url}/jwk.json"
        assert found["token_endpoint"] == f"{service.base_url}/v2/oauth2/token"
        assert found["issuer"] == "https://auth.globus.org"
        assert found["id_token_signing_alg_values_supported"] == ["RS512"]


def test_key_is_an_rsa_key(clients: tuple[Login, ...]) -> None:
    for client in clients:
        found = client.get_openid_configuration()
        (key,) = client.get_jwk(found, as_pem=False)["keys"]
        assert (key["alg"], key["kty"], key["use"]) == ("RS512", "RSA", "sig")
        made = client.get_jwk(found, as_pem=True)
        assert made.public_numbers() == jwt.PyJWK(key).key.public_numbers()


def test_id_token_is_of_the_person(native: globus_sdk.NativeAppAuthClient, tokens_of: Tokens, ada: Browser) -> None:
    tokens = tokens_of(ada)
    claims = tokens.decode_id_token()
    assert claims["sub"] == "90fad974-a18c-5eeb-bdbe-29f154c75466"
    assert (claims["aud"], claims["iss"]) == (native.client_id, "https://auth.globus.org")
    assert (claims["preferred_username"], claims["email"]) == ("ada@uni.example.org", "ada@uni.example.org")
    assert (claims["name"], claims["organization"]) == ("Ada Lovelace", "University of Example")
    found = native.get_openid_configuration()
    key = native.get_jwk(found, as_pem=True)
    assert tokens.decode_id_token(found, key, {"verify_aud": True}) == claims
    with pytest.raises(jwt.InvalidSignatureError):
        tokens.decode_id_token(found, rsa.generate_private_key(65537, 2048).public_key())


def test_userinfo_tells_what_the_scopes_allow(tokens_of: Tokens, ada: Browser) -> None:
    def told(scopes: str) -> set[str]:
        token = tokens_of(ada, scopes).by_resource_server["auth.globus.org"]["access_token"]
        answer = globus_sdk.AuthClient(authorizer=globus_sdk.AccessTokenAuthorizer(token)).userinfo()
        assert answer["sub"] == "90fad974-a18c-5eeb-bdbe-29f154c75466"
        return set(json.loads(answer.text))

    assert "email" not in told("openid")
    assert "email" in told("openid email")
    assert {"name", "preferred_username", "identity_provider"} <= told("openid profile")
    assert "identity_set" in told("openid urn:globus:auth:scope:auth.globus.org:view_identity_set")


def test_raw_calls(clients: tuple[Login, ...], service: Service) -> None:
    nowhere = "/v2/api/nowhere"
    for client in clients:
        assert client.app_name is None
        assert client.get("/jwk.json").http_status == 200
        assert client.request("GET", "/jwk.json").http_status == 200
        service.called()
        for verb in (client.post, client.put, client.patch, client.delete):
            with pytest.raises(globus_sdk.AuthAPIError) as refused:
                verb(nowhere)
            assert (refused.value.http_status, refused.value.code) == (404, "NOT_FOUND")
        assert service.called() == [(verb, nowhere, 404) for verb in ("POST", "PUT", "PATCH", "DELETE")]
        client.app_name = "conformance"
        assert client.app_name == "conformance"
