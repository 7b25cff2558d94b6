"""Owns the answers of the token endpoint: one answer holds a token for each resource server."""

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from reconciler.auth import id_token
from reconciler.auth.endpoints.openid import Configuration, OpenIDEndpoints, public_keys
from reconciler.auth.errors import GlobusSDKUsageError, InvalidResponseError
from reconciler.auth.responses import GlobusHTTPResponse, redacted

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

# In seconds: longer ones than a thousand years are no lifetimes.
_LONGEST = 4e10


class _MalformedError(Exception):
    """An answer that is not what the token endpoint gives."""


def _token(item: Any) -> dict[str, Any]:
    """Read one token.

    Raises:
        _MalformedError: saying what is wrong, without the token.
    """
    if not isinstance(item, dict):
        raise _MalformedError("a token that is no object")
    for name in ("scope", "access_token", "resource_server"):
        if not isinstance(item.get(name), str):
            raise _MalformedError(f"a token without {name}")
    token = item["access_token"]
    if not token or not token.isascii() or not token.isprintable():
        raise _MalformedError("an access_token that no header can hold")
    for name in ("refresh_token", "token_type"):
        if not isinstance(item.get(name), str | None):
            raise _MalformedError(f"a {name} that is no text")
    lifetime = item.get("expires_in") or 0
    if isinstance(lifetime, bool) or not isinstance(lifetime, int | float) or not abs(lifetime) < _LONGEST:
        raise _MalformedError("an expires_in that is no number of seconds")
    return {
        "scope": item["scope"],
        "access_token": token,
        "refresh_token": item.get("refresh_token"),
        "token_type": item.get("token_type"),
        "expires_at_seconds": int(time.time() + lifetime),
        "resource_server": item["resource_server"],
    }


class TokensByScope:
    """Tokens by scope. Several scopes with spaces between are one key if one token has them all."""

    def __init__(self, scope_map: dict[str, dict[str, Any]]) -> None:
        self.scope_map = scope_map

    def __getitem__(self, scope: str) -> dict[str, Any]:
        if not isinstance(scope, str):
            raise KeyError(f"a scope is text, not {type(scope).__name__}")
        names = scope.split()
        if unknown := [name for name in names if name not in self.scope_map]:
            raise KeyError(f"no token has the scope {unknown[0]!r}")
        found = {self.scope_map[name]["resource_server"]: self.scope_map[name] for name in names}
        if len(found) != 1:
            raise KeyError(f"{scope!r} does not belong to exactly one token")
        return found.popitem()[1]

    def __contains__(self, scope: object) -> bool:
        try:
            self[scope]  # type: ignore[index]
        except KeyError:
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self.scope_map)

    def __str__(self) -> str:
        return json.dumps(redacted(self.scope_map))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {list(self.scope_map)}>"


class OAuthTokenResponse(GlobusHTTPResponse):
    """Tokens that a grant returned.

    Raises:
        InvalidResponseError: if the answer is of another shape.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        try:
            tokens = [_token(item) for item in self._items()]
        except _MalformedError as error:
            raise InvalidResponseError(
                f"the token endpoint answered with {self.http_status} and {error}",
                http_status=self.http_status,
                permanent=True,
            ) from None
        self._by_resource_server = {token["resource_server"]: token for token in tokens}
        self._by_scopes = TokensByScope(
            {scope: token for token in self._by_resource_server.values() for scope in token["scope"].split()}
        )

    def _items(self) -> list[Any]:
        others = self.get("other_tokens") or []
        if not isinstance(others, list):
            raise _MalformedError("other_tokens that are no list")
        return [self.data, *others]

    @property
    def by_resource_server(self) -> dict[str, dict[str, Any]]:
        """The tokens by resource server.

        Each has scope, access_token, refresh_token, token_type, expires_at_seconds and resource_server.
        """
        return self._by_resource_server

    @property
    def by_scopes(self) -> TokensByScope:
        """The tokens by scope."""
        return self._by_scopes

    def decode_id_token(
        self,
        openid_configuration: Configuration = None,
        jwk: "RSAPublicKey | None" = None,
        jwt_params: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Validate the ID token that came with the tokens, and give its claims.

        What is not given is fetched: the discovery document and its `jwks_uri`. The signature must be the provider's
        (RS512 for Globus Auth), the audience this client, the issuer the provider, and the time not over. In
        `jwt_params`, `leeway` is in seconds (0.5 by default), the others are options of PyJWT. [DOC] SDK 3.40.

        Raises:
            GlobusSDKUsageError: if a key is given without the discovery document, or the answer has no client.
            jwt.InvalidTokenError: if the token is not valid, by classes that say why.
            AuthAPIError: if the service refuses to say how it signs.
            NetworkError: if there was no whole answer.
        """
        if not isinstance(self.client, OpenIDEndpoints):
            raise GlobusSDKUsageError("the client of this answer cannot tell how the provider signs")
        if jwk is not None and not openid_configuration:
            raise GlobusSDKUsageError("jwk is given together with openid_configuration")
        found = openid_configuration or self.client.get_openid_configuration()
        token = self["id_token"]
        keys = [jwk] if jwk else public_keys(self.client.get_jwk(found), id_token.key_name(token))
        audience = getattr(self.client, "client_id", None)
        return id_token.decode(token, keys, found, audience=audience, params=jwt_params)


class OAuthDependentTokenResponse(OAuthTokenResponse):
    """Tokens that a resource server got, to call others on behalf of its caller. The answer is a JSON array."""

    is_array: ClassVar[bool] = True

    def _items(self) -> list[Any]:
        if not isinstance(self.data, list):
            raise _MalformedError("JSON that is no list")
        return self.data

    def decode_id_token(
        self,
        openid_configuration: Configuration = None,
        jwk: "RSAPublicKey | None" = None,
        jwt_params: dict[str, Any] | None = None,
    ) -> NoReturn:
        """Raise NotImplementedError: dependent tokens come without an ID token."""
        raise NotImplementedError("dependent tokens come without an ID token")
