"""Owns the calls by which a relying party learns how the provider signs: discovery and keys."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, cast, overload

from reconciler.auth.base_client import BaseClient
from reconciler.auth.errors import InvalidResponseError, Outcome
from reconciler.auth.responses import GlobusHTTPResponse

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

Document = dict[str, Any]
Configuration = GlobusHTTPResponse | dict[str, Any] | None


class OpenIDEndpoints(BaseClient):
    """OpenID Connect: what the provider says of itself."""

    def get_openid_configuration(self) -> GlobusHTTPResponse:
        """Fetch the discovery document: GET /.well-known/openid-configuration.

        [DOC] SDK 3.40.

        Raises:
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer.
        """
        return self.get("/.well-known/openid-configuration")

    @overload
    def get_jwk(self, openid_configuration: Configuration = None, *, as_pem: Literal[True]) -> "RSAPublicKey": ...

    @overload
    def get_jwk(
        self, openid_configuration: Configuration = None, *, as_pem: Literal[False] = False
    ) -> dict[str, Any]: ...

    def get_jwk(
        self, openid_configuration: Configuration = None, *, as_pem: bool = False
    ) -> "RSAPublicKey | dict[str, Any]":
        """Fetch the provider's keys: GET the `jwks_uri` of the discovery document, which is fetched if not given.

        The answer is the document `{"keys": […]}`, or with `as_pem` the first key as an object of `cryptography`.
        [DOC] SDK 3.40.

        Raises:
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer, or no key in it.
            GlobusSDKUsageError: if the keys are of another origin than the client's.
        """
        found = self.get_openid_configuration() if openid_configuration is None else openid_configuration
        where = found.get("jwks_uri")
        if not isinstance(where, str):
            raise _malformed("the discovery document has no jwks_uri")
        document: dict[str, Any] = self.get(where).data
        if not as_pem:
            return document
        keys = public_keys(document)
        if not keys:
            raise _malformed("the provider has no RSA key for signatures")
        return keys[0]


def _malformed(what: str) -> InvalidResponseError:
    return InvalidResponseError(what, http_status=200, permanent=True, outcome=Outcome.NOT_DONE)


def public_keys(document: Mapping[str, Any], kid: str | None = None) -> list["RSAPublicKey"]:
    """Read the RSA keys for signatures; with `kid`, only the one of that name, if names are used.

    Raises:
        InvalidResponseError: if there are no keys in the document, or one cannot be read.
    """
    from jwt import PyJWTError  # noqa: PLC0415 - a tenth of a second that few callers need
    from jwt.algorithms import RSAAlgorithm  # noqa: PLC0415 - likewise

    keys = document.get("keys")
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise _malformed("the document of the provider's keys has no keys")
    signing = [key for key in keys if key.get("kty") == "RSA" and key.get("use", "sig") == "sig"]
    named = [key for key in signing if kid is None or key.get("kid") in (None, kid)]
    try:
        return [cast("RSAPublicKey", RSAAlgorithm.from_jwk(json.dumps(key))) for key in named]
    except (PyJWTError, ValueError, TypeError, AttributeError, KeyError):
        raise _malformed("a key of the provider cannot be read") from None
