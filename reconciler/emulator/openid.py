"""Owns what OpenID Connect adds: the discovery document, the signing key, ID tokens, and what userinfo tells."""

import base64
import hashlib
import json

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from reconciler.emulator.accounts import identity_set
from reconciler.emulator.callers import TOKEN_SECONDS, Caller, require_scope
from reconciler.emulator.calls import Answer, Call, Service, caller_of
from reconciler.emulator.errors import ApiError
from reconciler.emulator.identities import identity_by_id
from reconciler.emulator.store import Document, Store
from reconciler.emulator.wellknown import AUTH

GLOBUS = "https://auth.globus.org"
_ALGORITHM = "RS512"
_PROFILE = ("name", "organization", "identity_provider", "identity_provider_display_name")
_KEY = "signing_key"


def issuer(service: Service, call: Call) -> str:
    """Return the issuer that ID tokens and the discovery document name."""
    return GLOBUS if service.switches.issuer == "service" else call.base_url


def configuration(service: Service, call: Call) -> Answer:
    """Answer the discovery document, whose addresses are those of this server."""
    base = call.base_url
    return Answer(
        {
            "issuer": issuer(service, call),
            "authorization_endpoint": f"{base}/v2/oauth2/authorize",
            "token_endpoint": f"{base}/v2/oauth2/token",
            "revocation_endpoint": f"{base}/v2/oauth2/token/revoke",
            "userinfo_endpoint": f"{base}/v2/oauth2/userinfo",
            "jwks_uri": f"{base}/jwk.json",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [_ALGORITHM],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "scopes_supported": ["openid", "email", "profile"],
        }
    )


def keys(service: Service, _call: Call) -> Answer:
    """Answer the public half of the signing key."""
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(_key(service.store).public_key()))
    return Answer({"keys": [{"alg": _ALGORITHM, "e": public["e"], "kty": "RSA", "n": public["n"], "use": "sig"}]})


def id_token(service: Service, call: Call, caller: Caller, access_token: str, nonce: str | None) -> str:
    """Sign what a client may know about a person, bound to the access token that goes with it."""
    now = int(service.clock())
    half = hashlib.sha512(access_token.encode()).digest()[:32]
    claims = {"iss": issuer(service, call), "aud": caller.client, "exp": now + TOKEN_SECONDS, "iat": now}
    claims["at_hash"] = base64.urlsafe_b64encode(half).decode().rstrip("=")
    claims |= {} if nonce is None else {"nonce": nonce}
    claims |= {} if caller.authenticated is None else {"auth_time": int(caller.authenticated)}
    return jwt.encode(claims | _claims(service, caller), _key(service.store), _ALGORITHM)


def userinfo(service: Service, call: Call) -> Answer:
    """Tell the caller about itself, as far as the scopes of its token go."""
    caller = caller_of(service, call)
    require_scope(caller, "openid")
    if caller.basic or identity_by_id(service.store, caller.identity) is None:
        raise ApiError(401, "Call must be authenticated")
    return Answer(_claims(service, caller))


def described(store: Store, identity: Document) -> Document:
    """Describe an identity of an identity set, as userinfo and introspection do [OBS]."""
    provider = store.find("identity_provider", identity["identity_provider"]) or {}
    return {
        "sub": identity["id"],
        "username": identity["username"],
        "name": identity["name"],
        "email": identity["email"],
        "organization": identity["organization"],
        "identity_provider": identity["identity_provider"],
        "identity_provider_display_name": provider.get("name"),
        "identity_type": identity["identity_type"],
        "status": identity["status"],
    }


def _claims(service: Service, caller: Caller) -> Document:
    store = service.store
    claims: Document = {"sub": caller.identity}
    if caller.authenticated is not None:
        claims["last_authentication"] = int(caller.authenticated)
    known = described(store, identity_by_id(store, caller.identity) or {})
    if "email" in caller.scopes:
        claims["email"] = known["email"]
    if "profile" in caller.scopes:
        claims |= {name: known[name] for name in _PROFILE} | {"preferred_username": known["username"]}
    scope = "openid" if service.switches.userinfo_identity_set == "openid" else f"{AUTH}view_identity_set"
    if scope in caller.scopes:
        claims["identity_set"] = [_member(store, caller, one) for one in identity_set(store, caller.identity)]
    return claims


def _member(store: Store, caller: Caller, identity: Document) -> Document:
    """Describe an identity as far as the scopes go, with its own login."""
    member, hidden = described(store, identity), set[str]()
    hidden |= set() if "email" in caller.scopes else {"email"}
    hidden |= set() if "profile" in caller.scopes else {"name", "organization"}
    login = None if caller.session is None else caller.session.authenticated(identity["id"])
    shown = {name: value for name, value in member.items() if name not in hidden}
    return shown | {"last_authentication": None if login is None else int(login)}


def _key(store: Store) -> RSAPrivateKey:
    """Return the world's key, made when it is first needed: most tests need none, and making one takes a while."""
    kept = store.setting(_KEY)
    if kept is not None:
        key = serialization.load_pem_private_key(kept.encode(), None)
        assert isinstance(key, RSAPrivateKey)
        return key
    made = generate_private_key(65537, 2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    store.set_setting(_KEY, made.private_bytes(*form).decode())
    return made
