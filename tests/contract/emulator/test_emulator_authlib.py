"""An OAuth client that nobody of Globus wrote goes through everything, as it is, with what discovery tells it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet

from reconciler.emulator import Emulator

Make = Callable[..., Any]
CALLBACK = "https://app.example.edu/back"
ADA = "ada@uni.example.org"
MANAGE = "urn:globus:auth:scope:auth.globus.org:manage_projects"
TRANSFER = "urn:globus:auth:scope:transfer.api.globus.org:all"


@dataclass
class Site:
    """An application, and what it read at the address of the discovery document."""

    emulator: Emulator
    client: Any
    secret: str
    found: Any

    def session(self, scope: str) -> OAuth2Session:
        return OAuth2Session(
            self.client["id"], self.secret, scope=scope, redirect_uri=CALLBACK, code_challenge_method="S256"
        )

    def log_in(self, session: OAuth2Session, **more: str) -> Any:
        """Send a browser to the page and take the tokens for what comes back."""
        verifier = "w" * 48
        url, state = session.create_authorization_url(
            self.found["authorization_endpoint"], code_verifier=verifier, **more
        )
        asked = dict(parse_qsl(urlsplit(url).query))
        assert asked["code_challenge_method"] == "S256"
        form = asked | {"username": ADA, "decision": "allow"}
        endpoint = self.found["authorization_endpoint"]
        back = requests.post(endpoint, data=form, timeout=30, allow_redirects=False)
        answer = back.headers["Location"]
        assert answer.startswith(CALLBACK)
        token = session.fetch_token(
            self.found["token_endpoint"], authorization_response=answer, state=state, code_verifier=verifier
        )
        return dict(token)

    def claims(self, token: Any, **demanded: Any) -> CodeIDToken:
        """Check an ID token: signature, issuer, audience, expiry, and what else is demanded."""
        keys = KeySet.import_key_set(requests.get(self.found["jwks_uri"], timeout=30).json())
        algorithms = self.found["id_token_signing_alg_values_supported"]
        read = jwt.decode(token["id_token"], keys, algorithms=algorithms)
        options = {
            "iss": {"essential": True, "value": self.found["issuer"]},
            "aud": {"essential": True, "value": self.client["id"]},
        }
        demanded = {"client_id": self.client["id"], "access_token": token["access_token"], **demanded}
        claims = CodeIDToken(read.claims, read.header, options, demanded)
        claims.validate(leeway=5)
        return claims


@pytest.fixture
def site(start: Make, caller: Make, new_client: Make, new_secret: Make) -> Site:
    emulator = start(issuer="local")
    call = caller(emulator, "rosalind@globusid.org")
    client = new_client(call, redirect_uris=[CALLBACK])
    secret = new_secret(call, client["id"])["secret"]
    found = requests.get(get_well_known_url(emulator.base_url, external=True), timeout=30).json()
    return Site(emulator, client, secret, found)


def test_discovery_leads_back_to_the_issuer(site: Site) -> None:
    assert site.found["issuer"] == site.emulator.base_url
    assert site.found["token_endpoint_auth_methods_supported"] == ["client_secret_basic"]


def test_code_flow_with_pkce_gives_an_id_token_that_holds(site: Site) -> None:
    token = site.log_in(site.session("openid email"), nonce="n-0S6")
    claims = site.claims(token, nonce="n-0S6", max_age=60)
    assert (claims["email"], claims["aud"]) == (ADA, site.client["id"])
    assert token["expires_in"] == 172800


@pytest.mark.parametrize(
    "wrong", [{"nonce": "other"}, {"access_token": "other"}, {"issuer": "https://other"}, {"client_id": "other"}]
)
def test_id_token_does_not_hold_for_anything_else(site: Site, wrong: dict[str, str]) -> None:
    token = site.log_in(site.session("openid"), nonce="n-0S6")
    if "issuer" in wrong:
        site.found["issuer"] = wrong["issuer"]
    if "client_id" in wrong:
        site.client["id"] = wrong["client_id"]
    with pytest.raises(Exception, match=r"invalid|missing|Invalid|Missing"):
        site.claims(token, **{"nonce": "n-0S6"} | {name: one for name, one in wrong.items() if name != "issuer"})


def test_id_token_of_another_key_or_another_day_does_not_hold(site: Site) -> None:
    token = site.log_in(site.session("openid"))
    head, body, signature = token["id_token"].split(".")
    with pytest.raises(BadSignatureError):
        site.claims(token | {"id_token": f"{head}.{body}.{signature[:-8]}AAAAAAAA"})
    claims = site.claims(token)
    with pytest.raises(Exception, match="expired"):
        claims.validate(now=claims["exp"] + 1)


def test_refresh_token_renews_the_access_token(site: Site) -> None:
    session = site.session(f"openid {MANAGE}")
    token = site.log_in(session, access_type="offline")
    renewed = session.refresh_token(site.found["token_endpoint"], token["refresh_token"])
    assert renewed["access_token"] != token["access_token"]
    told = session.get(site.found["userinfo_endpoint"])
    assert told.json()["sub"] == site.claims(token)["sub"]


def test_client_credentials_are_granted_for_several_resource_servers(site: Site) -> None:
    session = site.session(f"{MANAGE} {TRANSFER}")
    token = session.fetch_token(site.found["token_endpoint"], grant_type="client_credentials")
    assert [one["resource_server"] for one in token["other_tokens"]] == ["transfer.api.globus.org"]
    assert session.get(f"{site.emulator.base_url}/v2/api/projects").json() == {"projects": []}


def test_revoked_token_is_inactive(site: Site) -> None:
    session = site.session("openid")
    token = site.log_in(session)["access_token"]
    introspection = f"{site.emulator.base_url}/v2/oauth2/token/introspect"
    assert session.introspect_token(introspection, token=token).json()["username"] == ADA
    revoked = session.revoke_token(site.found["revocation_endpoint"], token=token)  # type: ignore[no-untyped-call]
    assert revoked.json() == {"active": False}
    assert session.introspect_token(introspection, token=token).json() == {"active": False}


def test_wrong_code_is_an_error_that_it_understands(site: Site) -> None:
    session = site.session("openid")
    with pytest.raises(OAuthError) as caught:
        session.fetch_token(site.found["token_endpoint"], code="wrong", code_verifier="x" * 48)
    assert caught.value.error == "invalid_grant"
