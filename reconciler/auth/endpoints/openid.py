"""Owns the calls by which a relying party learns how the provider signs: discovery and keys."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, cast, overload

from reconciler.auth.base_client import BaseClient
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
            NetworkError: if there was no whole answer.
            GlobusSDKUsageError: if the keys are of another origin than the client's.
        """
        found = self.get_openid_configuration() if openid_configuration is None else openid_configuration
        document: dict[str, Any] = self.get(found["jwks_uri"]).data
        return public_keys(document)[0] if as_pem else document


def public_keys(document: Mapping[str, Any], kid: str | None = None) -> list["RSAPublicKey"]:
    """Read the keys of a document `{"keys": […]}`; with `kid`, only the one of that name, if names are used."""
    from jwt.algorithms import RSAAlgorithm  # noqa: PLC0415 - a tenth of a second that few callers need

    keys = [key for key in document["keys"] if kid is None or key.get("kid") in (None, kid)]
    return [cast("RSAPublicKey", RSAAlgorithm.from_jwk(json.dumps(key))) for key in keys]
