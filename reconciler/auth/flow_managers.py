"""Owns logins in progress: the address that a person is sent to, and the exchange of the code that comes back."""

import hashlib
import re
import secrets
from abc import ABC, abstractmethod
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from reconciler.auth.errors import GlobusSDKUsageError
from reconciler.auth.missing import to_wire
from reconciler.auth.scopes import scopes_to_str
from reconciler.auth.tokens import OAuthTokenResponse

if TYPE_CHECKING:
    from reconciler.auth.confidential_client import ConfidentialAppAuthClient
    from reconciler.auth.native_client import NativeAppAuthClient

Scopes = str | Iterable[object] | None
_VERIFIER = re.compile(r"[A-Za-z0-9~_.-]{43,128}")


class GlobusOAuthFlowManager(ABC):
    """One login in progress. [DOC] SDK 3.40."""

    @abstractmethod
    def get_authorize_url(self, query_params: dict[str, Any] | None = None) -> str:
        """Give the address to send a person to; `query_params` go over the flow's own."""

    @abstractmethod
    def exchange_code_for_tokens(self, auth_code: str) -> OAuthTokenResponse:
        """Exchange the code that came back for tokens."""


class GlobusNativeAppFlowManager(GlobusOAuthFlowManager):
    """A login for an application that can keep no secret: PKCE (RFC 7636) ties the code to whoever began.

    Without a `redirect_uri`, the service shows the code for people to copy. `verifier` is random unless given, and
    must then be 43 to 128 letters, digits, or `~_.-`. [DOC] SDK 3.40.

    Raises:
        GlobusSDKUsageError: for a client without an id, empty scopes, or another verifier.
    """

    def __init__(  # noqa: PLR0917 - the SDK's signature
        self,
        auth_client: "NativeAppAuthClient",
        requested_scopes: Scopes = None,
        redirect_uri: str | None = None,
        state: str = "_default",
        verifier: str | None = None,
        refresh_tokens: bool = False,  # noqa: FBT001, FBT002 - the SDK's signature
        prefill_named_grant: str | None = None,
    ) -> None:
        if not auth_client.client_id:
            raise GlobusSDKUsageError("a login needs a client with an id")
        self.auth_client = auth_client
        self.client_id = auth_client.client_id
        self.requested_scopes = scopes_to_str(requested_scopes)
        self.redirect_uri = redirect_uri or f"{auth_client.base_url.rstrip('/')}/v2/web/auth-code"
        self.verifier, self.challenge = make_native_app_challenge(verifier)
        self.refresh_tokens = refresh_tokens
        self.state = state
        self.prefill_named_grant = prefill_named_grant

    def get_authorize_url(self, query_params: dict[str, Any] | None = None) -> str:
        """Give the address to send a person to: /v2/oauth2/authorize with the challenge; `query_params` go over it."""
        named = {} if self.prefill_named_grant is None else {"prefill_named_grant": self.prefill_named_grant}
        return _authorize_url(
            self.auth_client.base_url,
            {
                "client_id": self.client_id,
                "redirect_uri": self.redirect_uri,
                "scope": self.requested_scopes,
                "state": self.state,
                "response_type": "code",
                "code_challenge": self.challenge,
                "code_challenge_method": "S256",
                "access_type": "offline" if self.refresh_tokens else "online",
                **named,
                **(query_params or {}),
            },
        )

    def exchange_code_for_tokens(self, auth_code: str) -> OAuthTokenResponse:
        """Exchange the code for tokens: POST /v2/oauth2/token with the verifier, as a form.

        Raises:
            AuthAPIError: 401 if the code is refused.
            NetworkError: if there was no whole answer; the code can then be used up.
        """
        return self.auth_client.oauth2_token(
            {
                "client_id": self.client_id,
                "grant_type": "authorization_code",
                "code": auth_code,
                "code_verifier": self.verifier,
                "redirect_uri": self.redirect_uri,
            }
        )


class GlobusAuthorizationCodeFlowManager(GlobusOAuthFlowManager):
    """A login for an application with a secret, which proves by it that it began. [DOC] SDK 3.40.

    Raises:
        GlobusSDKUsageError: for empty scopes.
    """

    def __init__(
        self,
        auth_client: "ConfidentialAppAuthClient",
        redirect_uri: str,
        requested_scopes: Scopes = None,
        state: str = "_default",
        refresh_tokens: bool = False,  # noqa: FBT001, FBT002 - the SDK's signature
    ) -> None:
        self.auth_client = auth_client
        self.client_id = auth_client.client_id
        self.redirect_uri = redirect_uri
        self.requested_scopes = scopes_to_str(requested_scopes)
        self.refresh_tokens = refresh_tokens
        self.state = state

    def get_authorize_url(self, query_params: dict[str, Any] | None = None) -> str:
        """Give the address to send a person to: /v2/oauth2/authorize; `query_params` go over the flow's own."""
        return _authorize_url(
            self.auth_client.base_url,
            {
                "client_id": self.client_id,
                "redirect_uri": self.redirect_uri,
                "scope": self.requested_scopes,
                "state": self.state,
                "response_type": "code",
                "access_type": "offline" if self.refresh_tokens else "online",
                **(query_params or {}),
            },
        )

    def exchange_code_for_tokens(self, auth_code: str) -> OAuthTokenResponse:
        """Exchange the code for tokens: POST /v2/oauth2/token with the client's secret, as a form.

        Raises:
            AuthAPIError: 401 if the code or the secret is refused.
            NetworkError: if there was no whole answer; the code can then be used up.
        """
        return self.auth_client.oauth2_token(
            {"grant_type": "authorization_code", "code": auth_code, "redirect_uri": self.redirect_uri}
        )


def make_native_app_challenge(verifier: str | None = None) -> tuple[str, str]:
    """Make the verifier of PKCE, random unless given, and its challenge: the unpadded base64url of its SHA-256.

    Raises:
        GlobusSDKUsageError: unless the verifier is 43 to 128 letters, digits, or `~_.-`.
    """
    if verifier and not _VERIFIER.fullmatch(verifier):
        raise GlobusSDKUsageError("the verifier must be 43 to 128 letters, digits, or ~_.-")
    chosen = verifier or secrets.token_urlsafe(32)
    return chosen, urlsafe_b64encode(hashlib.sha256(chosen.encode()).digest()).decode().rstrip("=")


def _authorize_url(base_url: str, params: dict[str, Any]) -> str:
    try:
        query = urlencode(to_wire(params))
    except UnicodeEncodeError:
        raise GlobusSDKUsageError("half of a surrogate pair cannot be in an address") from None
    return f"{base_url.rstrip('/')}/v2/oauth2/authorize?{query}"
