"""What is fetched to believe an ID token: the discovery document, and the keys that it names."""

import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from reconciler.auth import (
    AuthClient,
    ConfidentialAppAuthClient,
    GlobusSDKUsageError,
    InvalidResponseError,
    OAuthTokenResponse,
    Outcome,
)

DISCOVERY = "/.well-known/openid-configuration"
OLD = rsa.generate_private_key(public_exponent=65537, key_size=2048)
NEW = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(key: rsa.RSAPrivateKey, **fields: Any) -> dict[str, Any]:
    return {**json.loads(RSAAlgorithm.to_jwk(key.public_key())), **fields}


class Provider:
    """A provider that signs with RS512, beside the token endpoint of a recorder."""

    def __init__(self, recorder: Any) -> None:
        self.recorder = recorder
        self.keys: Any = {"keys": [jwk(OLD, kid="old"), jwk(NEW, kid="new")]}
        self.configuration: dict[str, Any] = {
            "issuer": recorder.url,
            "jwks_uri": f"{recorder.url}/jwk.json",
            "id_token_signing_alg_values_supported": ["RS512"],
        }
        recorder.by_path[DISCOVERY] = lambda _: (200, self.configuration)
        recorder.by_path["/jwk.json"] = lambda _: (200, self.keys)

    def login(self, application: ConfidentialAppAuthClient, key: Any, **headers: str) -> OAuthTokenResponse:
        claims = {"iss": self.recorder.url, "aud": "an-id", "sub": "a-person", "exp": int(time.time()) + 60}
        token = jwt.encode(claims, key, "RS512", headers=headers)
        data = {"access_token": "t", "scope": "openid", "resource_server": "auth.globus.org", "id_token": token}
        self.recorder.answer(200, data)
        return application.oauth2_token({"grant_type": "x"})

    @property
    def fetched(self) -> list[str]:
        return [request.target for request in self.recorder.requests if request.method == "GET"]


@pytest.fixture
def provider(recorder: Any) -> Provider:
    return Provider(recorder)


@pytest.mark.parametrize(
    ("key", "headers"), [(OLD, {"kid": "old"}), (NEW, {"kid": "new"}), (NEW, {})], ids=["old", "new", "unnamed"]
)
def test_token_is_believed_by_whichever_key_of_the_provider_signed_it(
    key: Any, headers: dict[str, str], provider: Provider, application: ConfidentialAppAuthClient
) -> None:
    assert provider.login(application, key, **headers).decode_id_token()["sub"] == "a-person"
    assert provider.fetched == [DISCOVERY, "/jwk.json"]


@pytest.mark.parametrize(
    ("key", "headers"), [(OLD, {"kid": "new"}), (NEW, {"kid": "unknown"})], ids=["of another name", "of no name"]
)
def test_key_of_another_name_is_not_tried(
    key: Any, headers: dict[str, str], provider: Provider, application: ConfidentialAppAuthClient
) -> None:
    with pytest.raises(jwt.InvalidSignatureError):
        provider.login(application, key, **headers).decode_id_token()


def test_what_is_given_is_not_fetched(provider: Provider, application: ConfidentialAppAuthClient) -> None:
    found = provider.login(application, NEW)
    assert found.decode_id_token(provider.configuration, NEW.public_key())["sub"] == "a-person"
    assert provider.fetched == []
    assert found.decode_id_token(application.get_openid_configuration())["sub"] == "a-person"
    assert provider.fetched == [DISCOVERY, "/jwk.json"]


def test_keys_are_fetched_as_a_document_or_as_a_key(provider: Provider, client: AuthClient) -> None:
    assert client.get_jwk() == provider.keys
    assert client.get_jwk(provider.configuration) == provider.keys
    first = client.get_jwk(client.get_openid_configuration(), as_pem=True)
    assert first.public_numbers() == OLD.public_key().public_numbers()
    assert provider.fetched == [DISCOVERY, "/jwk.json", "/jwk.json", DISCOVERY, "/jwk.json"]


def test_keys_of_another_origin_are_refused(provider: Provider, client: AuthClient) -> None:
    with pytest.raises(GlobusSDKUsageError, match="another origin"):
        client.get_jwk({"jwks_uri": "https://elsewhere.example/jwk.json"})
    assert provider.fetched == []


@pytest.mark.parametrize("configuration", [{}, {"jwks_uri": 5}])
def test_discovery_without_keys_is_an_invalid_answer(
    configuration: Any, provider: Provider, client: AuthClient
) -> None:
    provider.configuration = configuration
    with pytest.raises(InvalidResponseError, match="jwks_uri") as caught:
        client.get_jwk()
    assert caught.value.outcome is Outcome.NOT_DONE


@pytest.mark.parametrize("keys", [{}, {"keys": []}, {"keys": [{"kty": "EC"}]}, {"keys": [{"kty": "RSA", "n": "x"}]}])
def test_answer_without_a_key_is_invalid(keys: Any, provider: Provider, client: AuthClient) -> None:
    provider.keys = keys
    with pytest.raises(InvalidResponseError, match="key"):
        client.get_jwk(as_pem=True)
