"""Which ID tokens are believed: the provider's, for this client, and in time."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from reconciler.auth import (
    AuthClient,
    AuthLoginClient,
    GlobusSDKUsageError,
    InvalidResponseError,
    NativeAppAuthClient,
    OAuthTokenResponse,
    Outcome,
)
from reconciler.auth.endpoints.openid import public_keys
from reconciler.auth.reply import Reply

CLIENT = "927d7238-f917-4eb2-9ace-c523fa9ba34e"
ISSUER = "https://auth.globus.org"
CONFIGURATION = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwk.json", "id_token_signing_alg_values_supported": ["RS512"]}
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    usual = {"iss": ISSUER, "aud": CLIENT, "sub": "a-person", "iat": now, "exp": now + 3600, "email": "a@x.org"}
    return {name: value for name, value in {**usual, **changed}.items() if value is not None}


def signed(key: Any = KEY, algorithm: str = "RS512", kid: str | None = None, **changed: Any) -> str:
    return jwt.encode(claims(**changed), key, algorithm, headers=None if kid is None else {"kid": kid})


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def response(token: Any, client: Any = None) -> OAuthTokenResponse:
    data = {"access_token": "t", "scope": "openid", "resource_server": "auth.globus.org", "id_token": token}
    reply = Reply("POST", "https://x", 200, "OK", {"Content-Type": "application/json"}, b"", data=data)
    return OAuthTokenResponse(reply, client or NativeAppAuthClient(CLIENT))


def decode(token: Any, key: Any = KEY, configuration: Any = None, **options: Any) -> dict[str, Any]:
    return response(token).decode_id_token(configuration or CONFIGURATION, key.public_key(), options or None)


def jwk(key: Any = KEY, **fields: Any) -> dict[str, Any]:
    return {**json.loads(RSAAlgorithm.to_jwk(key.public_key())), **fields}


def test_token_of_the_provider_for_this_client_gives_its_claims() -> None:
    found = decode(signed())
    assert (found["sub"], found["email"]) == ("a-person", "a@x.org")
    assert decode(signed(aud=[CLIENT, "another"]))["aud"] == [CLIENT, "another"]


def without_signature() -> str:
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims())}."


def with_the_public_key_as_secret() -> str:
    pem = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    text = f"{part({'alg': 'HS512', 'typ': 'JWT'})}.{part(claims())}"
    mac = hmac.new(pem, text.encode(), hashlib.sha512).digest()
    return f"{text}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def with_other_claims() -> str:
    head, _, signature = signed().split(".")
    return f"{head}.{part(claims(sub='somebody-else'))}.{signature}"


DISBELIEVED: dict[str, tuple[Any, type[Exception]]] = {
    "another key": (lambda: signed(OTHER_KEY), jwt.InvalidSignatureError),
    "other claims": (with_other_claims, jwt.InvalidSignatureError),
    "no signature": (without_signature, jwt.InvalidAlgorithmError),
    "the public key as a shared secret": (with_the_public_key_as_secret, jwt.InvalidAlgorithmError),
    "an algorithm that the provider does not use": (lambda: signed(algorithm="RS256"), jwt.InvalidAlgorithmError),
    "another client's": (lambda: signed(aud="another"), jwt.InvalidAudienceError),
    "nobody's": (lambda: signed(aud=None), jwt.MissingRequiredClaimError),
    "another provider's": (lambda: signed(iss="https://auth.globus.org.example"), jwt.InvalidIssuerError),
    "no provider's": (lambda: signed(iss=None), jwt.MissingRequiredClaimError),
    "expired": (lambda: signed(exp=int(time.time()) - 5), jwt.ExpiredSignatureError),
    "never expiring": (lambda: signed(exp=None), jwt.MissingRequiredClaimError),
    "about nobody": (lambda: signed(sub=None), jwt.MissingRequiredClaimError),
    "not valid yet": (lambda: signed(nbf=int(time.time()) + 100), jwt.ImmatureSignatureError),
    "no token": (lambda: "hunter2", jwt.DecodeError),
    "a number": (lambda: 5, jwt.DecodeError),
}


@pytest.mark.parametrize("name", DISBELIEVED)
def test_other_token_is_not_believed(name: str) -> None:
    make, kind = DISBELIEVED[name]
    with pytest.raises(kind) as caught:
        decode(make())
    assert isinstance(caught.value, jwt.InvalidTokenError)


@pytest.mark.parametrize("offered", [["none"], ["HS512"], ["none", "HS512", "RS512"], [], None])
def test_provider_that_offers_unsafe_algorithms_is_not_followed(offered: Any) -> None:
    configuration = CONFIGURATION | {"id_token_signing_alg_values_supported": offered}
    for make in (without_signature, with_the_public_key_as_secret):
        with pytest.raises(jwt.InvalidTokenError):
            decode(make(), configuration=configuration)


def test_clocks_may_differ_by_the_leeway() -> None:
    late = signed(exp=int(time.time()) - 5)
    mine: dict[str, Any] = {"leeway": 60}
    found = response(late).decode_id_token(CONFIGURATION, KEY.public_key(), mine)
    assert found["sub"] == "a-person"
    assert mine == {"leeway": 60}
    with pytest.raises(jwt.ExpiredSignatureError):
        decode(late, leeway=2)


def test_options_of_the_library_are_passed_on() -> None:
    assert decode(signed(exp=1), verify_exp=False)["exp"] == 1
    assert decode(signed(aud="another"), verify_aud=False)["aud"] == "another"
    assert decode(signed(iss="https://x"), verify_iss=False)["iss"] == "https://x"


def test_key_needs_the_discovery_document() -> None:
    with pytest.raises(GlobusSDKUsageError, match="together"):
        response(signed()).decode_id_token(jwk=KEY.public_key())


@pytest.mark.parametrize("client", ["no client", object()])
def test_client_must_know_how_the_provider_signs(client: Any) -> None:
    with pytest.raises(GlobusSDKUsageError, match="client"):
        response(signed(), client).decode_id_token()


def test_client_without_an_id_is_nobodys_audience() -> None:
    clients: list[Any] = [AuthClient(), AuthLoginClient()]
    for client in clients:
        with pytest.raises(jwt.InvalidAudienceError):
            response(signed(), client).decode_id_token(CONFIGURATION, KEY.public_key())


def test_keys_are_chosen_by_their_name() -> None:
    document = {"keys": [jwk(OTHER_KEY, kid="old"), jwk(kid="new")]}
    numbers = KEY.public_key().public_numbers()
    assert [key.public_numbers() for key in public_keys(document, "new")] == [numbers]
    assert public_keys(document, "unknown") == []
    assert len(public_keys(document)) == 2
    assert len(public_keys({"keys": [jwk(OTHER_KEY), jwk(kid="new")]}, "new")) == 2


def test_keys_for_other_purposes_are_passed_over() -> None:
    curve: Any = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key()))
    found = public_keys({"keys": [curve, jwk(OTHER_KEY, use="enc"), jwk(use="sig", alg="RS512")]})
    assert [key.public_numbers() for key in found] == [KEY.public_key().public_numbers()]


@pytest.mark.parametrize(
    "document",
    [{}, {"keys": None}, {"keys": {}}, {"keys": ["x"]}, {"keys": [{"kty": "RSA"}]}, {"keys": [jwk(n=5)]}],
    ids=["none", "null", "object", "text", "empty", "number"],
)
def test_keys_that_are_none_are_an_invalid_answer(document: Any) -> None:
    with pytest.raises(InvalidResponseError) as caught:
        public_keys(document)
    assert (caught.value.outcome, caught.value.permanent) == (Outcome.NOT_DONE, True)
