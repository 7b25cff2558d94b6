import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests

from reconciler.emulator import Emulator

Make = Callable[..., Any]
ADA = "90fad974-a18c-5eeb-bdbe-29f154c75466"


def test_discovery_names_addresses_that_are_served(emulator: Emulator) -> None:
    found = requests.get(f"{emulator.base_url}/.well-known/openid-configuration", timeout=30).json()
    assert found["issuer"] == "https://auth.globus.org"
    assert found["id_token_signing_alg_values_supported"] == ["RS512"]
    for name in ("authorization_endpoint", "token_endpoint", "revocation_endpoint", "userinfo_endpoint", "jwks_uri"):
        assert found[name].startswith(f"{emulator.base_url}/")
        assert requests.options(found[name], timeout=30).status_code == 405  # not 404


def test_switch_makes_the_server_its_own_issuer(start: Make, caller: Make, new_client: Make, login: Make) -> None:
    emulator = start(issuer="local")
    found = requests.get(f"{emulator.base_url}/.well-known/openid-configuration", timeout=30).json()
    client = new_client(caller(emulator, "rosalind@globusid.org"), public_client=True, redirect_uris=["https://a"])
    token = login(emulator, client, "openid").json()["id_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert found["issuer"] == claims["iss"] == emulator.base_url


@pytest.mark.parametrize("nonce", [{}, {"nonce": "n-0S6"}])
def test_id_token_is_signed_for_its_client(
    emulator: Emulator, application: Any, login: Make, nonce: dict[str, str]
) -> None:
    token = login(emulator, application, "openid email", **nonce).json()["id_token"]
    (key,) = requests.get(f"{emulator.base_url}/jwk.json", timeout=30).json()["keys"]
    assert (key["alg"], key["kty"], key["use"]) == ("RS512", "RSA", "sig")
    assert set(key) == {"alg", "e", "n", "kty", "use"}
    claims = jwt.decode(token, jwt.PyJWK(key), ["RS512"], audience=application["id"], issuer="https://auth.globus.org")
    assert (claims["sub"], claims["email"]) == (ADA, "ada@uni.example.org")
    assert claims["exp"] - claims["iat"] == 172800
    assert claims.get("nonce") == nonce.get("nonce")
    assert "name" not in claims


def test_without_the_scope_there_is_no_id_token(emulator: Emulator, application: Any, login: Make) -> None:
    assert "id_token" not in login(emulator, application, "email").json()


def test_key_outlives_a_restart_and_is_that_of_one_world(tmp_path: Path) -> None:
    def key(name: str) -> Any:
        with Emulator(tmp_path / name) as emulator:
            return requests.get(f"{emulator.base_url}/jwk.json", timeout=30).json()

    first = key("first.db")
    assert key("first.db") == first
    assert key("second.db") != first


def test_userinfo_of_a_login_goes_by_post_too(emulator: Emulator, application: Any, login: Make, caller: Make) -> None:
    token = login(emulator, application, "openid profile").json()["access_token"]
    call = caller(emulator, headers={"Authorization": f"Bearer {token}"})
    told = call("POST", "/v2/oauth2/userinfo")
    assert (told["sub"], told["name"], "email" in told) == (ADA, "Ada Lovelace", False)
    assert told["last_authentication"] > 0


def test_id_token_is_bound_to_its_access_token_and_login(browser: Any) -> None:
    granted = browser.log_in("ada@uni.example.org", "openid")
    claims = jwt.decode(granted["id_token"], options={"verify_signature": False})
    half = hashlib.sha512(granted["access_token"].encode()).digest()[:32]
    assert claims["at_hash"] == base64.urlsafe_b64encode(half).decode().rstrip("=")
    assert claims["auth_time"] == claims["last_authentication"] <= claims["iat"]


@pytest.mark.parametrize(
    ("scope", "shown"),
    [
        ("openid", set[str]()),
        ("openid email", {"email"}),
        ("openid profile", {"name", "organization"}),
        ("openid email profile", {"email", "name", "organization"}),
    ],
)
def test_identity_set_goes_as_far_as_the_scopes(
    browser: Any, caller: Make, emulator: Emulator, scope: str, shown: set[str]
) -> None:
    granted = browser.log_in("ada@uni.example.org", scope)
    call = caller(emulator, headers={"Authorization": f"Bearer {granted['access_token']}"})
    (one,) = call("GET", "/v2/oauth2/userinfo")["identity_set"]
    assert {"email", "name", "organization"} & set(one) == shown
    assert (one["sub"], one["username"], one["last_authentication"] > 0) == (ADA, "ada@uni.example.org", True)
    claims = jwt.decode(granted["id_token"], options={"verify_signature": False})
    assert claims["identity_set"] == [one]


def test_switch_hides_the_identity_set_without_its_scope(start: Make, caller: Make) -> None:
    emulator = start(userinfo_identity_set="view_identity_set")
    everything = caller(emulator, "rosalind@globusid.org")("GET", "/v2/oauth2/userinfo")
    assert len(everything["identity_set"]) == 1
    own = {"grant_type": "client_credentials", "scope": "openid"}
    auth = (emulator.client_id, emulator.client_secret)
    token = requests.post(f"{emulator.base_url}/v2/oauth2/token", data=own, auth=auth, timeout=30).json()
    call = caller(emulator, headers={"Authorization": f"Bearer {token['access_token']}"})
    assert "identity_set" not in call("GET", "/v2/oauth2/userinfo")
