"""Owns the credentials of calls: what goes into the Authorization header, and what follows a rejection."""

import threading
import time
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import TYPE_CHECKING

from reconciler.auth.errors import GlobusSDKUsageError

if TYPE_CHECKING:
    from reconciler.auth.confidential_client import ConfidentialAppAuthClient
    from reconciler.auth.login_client import AuthLoginClient
    from reconciler.auth.tokens import OAuthTokenResponse

# A token this close to its end is renewed before it is used, so that it does not end on the way.
EXPIRES_EARLY = 60


class GlobusAuthorizer(ABC):
    """Gives each call its Authorization header."""

    @abstractmethod
    def get_authorization_header(self) -> str | None:
        """Give the value of the header, or None for none."""

    def handle_missing_authorization(self) -> bool:
        """Prepare other credentials after a 401, if there can be any, and say whether a second try makes sense."""
        return False

    def handle_rejected(self, authorization: str | None) -> bool:  # noqa: ARG002 - for those who have several
        """Do the same, knowing which header was rejected: another thread may have replaced it already."""
        return self.handle_missing_authorization()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class NullAuthorizer(GlobusAuthorizer):
    """Sends no credentials."""

    def get_authorization_header(self) -> None:
        """Give no header."""


def _header_value(scheme: str, text: object) -> str:
    if not isinstance(text, str) or not text.isascii() or not text.isprintable():
        raise GlobusSDKUsageError("credentials may hold printable ASCII characters only")
    return f"{scheme} {text}"


class AccessTokenAuthorizer(GlobusAuthorizer):
    """Sends one access token for as long as it lives."""

    def __init__(self, access_token: str) -> None:
        self.access_token = access_token

    def get_authorization_header(self) -> str:
        """Give the token as a bearer token."""
        return _header_value("Bearer", self.access_token)


class BasicAuthorizer(GlobusAuthorizer):
    """Sends a name and a password; for Globus Auth, a client's id and secret."""

    def __init__(self, username: str, password: str) -> None:
        self.username = username
        self.password = password

    def get_authorization_header(self) -> str:
        """Give name and password in the Basic scheme."""
        try:
            both = f"{self.username}:{self.password}".encode()
        except UnicodeEncodeError:
            both = None
        if both is None:  # outside of the handler: the exception holds the password
            raise GlobusSDKUsageError("a name or password has half of a surrogate pair in it")
        return "Basic " + b64encode(both).decode("ascii")


class RenewingAuthorizer(GlobusAuthorizer):
    """Gets access tokens when they are needed. However many threads need one at once, one of them asks for it."""

    def __init__(
        self,
        access_token: str | None = None,
        expires_at: int | None = None,
        on_refresh: "Callable[[OAuthTokenResponse], object] | None" = None,
    ) -> None:
        if (access_token is None) != (expires_at is None):
            raise GlobusSDKUsageError("access_token and expires_at are given together or not at all")
        self.access_token = access_token
        self.expires_at = expires_at
        self.on_refresh = on_refresh
        self._lock = threading.Lock()
        self._renewal: Future[str] | None = None

    @abstractmethod
    def _request_tokens(self) -> "OAuthTokenResponse":
        """Get new tokens from the service."""

    def get_authorization_header(self) -> str:
        """Give a token that has not expired, getting one first if need be.

        Raises:
            AuthAPIError: if the service refused a new token.
            NetworkError: if it could not be reached.
        """
        with self._lock:
            if self.access_token and self.expires_at is not None and time.time() < self.expires_at - EXPIRES_EARLY:
                return _header_value("Bearer", self.access_token)
            renewal, leads = self._renewal, self._renewal is None
            if renewal is None:
                renewal = self._renewal = Future()
        if leads:
            self._renew(renewal)
        return _header_value("Bearer", renewal.result())

    def _renew(self, renewal: "Future[str]") -> None:
        """Get a token for everybody who waits; those who wait share a failure too."""
        try:
            response = self._request_tokens()
            token = self._only_token(response)
            with self._lock:
                self.access_token, self.expires_at = token
                self._renewal = None
        except BaseException as error:  # noqa: BLE001 - those who wait must not wait for ever
            with self._lock:
                self._renewal = None
            renewal.set_exception(error)
            return
        renewal.set_result(token[0])
        if self.on_refresh is not None:
            self.on_refresh(response)

    def _only_token(self, response: "OAuthTokenResponse") -> tuple[str, int]:
        found = list(response.by_resource_server.values())
        if len(found) != 1:
            servers = ", ".join(sorted(response.by_resource_server))
            raise GlobusSDKUsageError(f"an authorizer needs scopes of one resource server, these are of {servers}")
        return found[0]["access_token"], found[0]["expires_at_seconds"]

    def handle_missing_authorization(self) -> bool:
        """Forget the token, so that the next call gets another."""
        with self._lock:
            self.access_token = self.expires_at = None
        return True

    def handle_rejected(self, authorization: str | None) -> bool:
        """Forget the token, unless it was replaced since the rejected call was made."""
        with self._lock:
            if self.access_token is not None and authorization == f"Bearer {self.access_token}":
                self.access_token = self.expires_at = None
        return True


class ClientCredentialsAuthorizer(RenewingAuthorizer):
    """Acts as a client itself, by the client-credentials grant. The scopes are those of one resource server."""

    def __init__(
        self,
        confidential_client: "ConfidentialAppAuthClient",
        scopes: str | Iterable[object],
        *,
        access_token: str | None = None,
        expires_at: int | None = None,
        on_refresh: "Callable[[OAuthTokenResponse], object] | None" = None,
    ) -> None:
        super().__init__(access_token, expires_at, on_refresh)
        self.confidential_client = confidential_client
        self.scopes = scopes

    def _request_tokens(self) -> "OAuthTokenResponse":
        return self.confidential_client.oauth2_client_credentials_tokens(self.scopes)


class RefreshTokenAuthorizer(RenewingAuthorizer):
    """Acts on behalf of a person for as long as the refresh token is good. Its scopes are of one resource server."""

    def __init__(
        self,
        refresh_token: str,
        auth_client: "AuthLoginClient",
        *,
        access_token: str | None = None,
        expires_at: int | None = None,
        on_refresh: "Callable[[OAuthTokenResponse], object] | None" = None,
    ) -> None:
        super().__init__(access_token, expires_at, on_refresh)
        self.refresh_token = refresh_token
        self.auth_client = auth_client

    def _request_tokens(self) -> "OAuthTokenResponse":
        return self.auth_client.oauth2_refresh_token(self.refresh_token)

    def _only_token(self, response: "OAuthTokenResponse") -> tuple[str, int]:
        token = super()._only_token(response)
        renewed = next(iter(response.by_resource_server.values()))["refresh_token"]
        if renewed:
            self.refresh_token = renewed
        return token
