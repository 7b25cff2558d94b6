"""Owns `ConfidentialAppAuthClient`: an application with a secret, acting as itself at the token endpoint."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar
from uuid import UUID

from reconciler.auth.authorizers import BasicAuthorizer
from reconciler.auth.base_client import BaseClient
from reconciler.auth.missing import given
from reconciler.auth.responses import GlobusHTTPResponse
from reconciler.auth.scopes import scopes_to_str
from reconciler.auth.tokens import OAuthTokenResponse

R = TypeVar("R", bound=GlobusHTTPResponse)


class ConfidentialAppAuthClient(BaseClient):
    """An application with a client id and a secret, which it sends in the Basic scheme. Safe for threads.

    Raises:
        GlobusSDKUsageError: for an unknown environment, an address that calls are not sent to, or unknown
        `transport_params`.
    """

    def __init__(
        self,
        client_id: UUID | str,
        client_secret: str,
        environment: str | None = None,
        base_url: str | None = None,
        app_name: str | None = None,
        transport_params: dict[str, Any] | None = None,
    ) -> None:
        self.client_id = str(client_id)
        super().__init__(
            environment=environment,
            base_url=base_url,
            authorizer=BasicAuthorizer(self.client_id, client_secret),
            app_name=app_name,
            transport_params=transport_params,
        )

    def oauth2_token(
        self,
        form_data: Mapping[str, Any],
        *,
        body_params: Mapping[str, Any] | None = None,
        response_class: type[R] = OAuthTokenResponse,  # type: ignore[assignment]
    ) -> R:
        """Ask for tokens by any grant: POST /v2/oauth2/token, as a form.

        `body_params` go over `form_data`. [DOC] SDK 3.40.

        Raises:
            AuthAPIError: 401 if the client or the grant is refused.
            NetworkError: if there was no whole answer.
        """
        form = {**form_data, **(body_params or {})}
        return response_class(self.post("/v2/oauth2/token", data=form, encoding="form"))

    def oauth2_client_credentials_tokens(
        self, requested_scopes: str | Iterable[object] | None = None
    ) -> OAuthTokenResponse:
        """Get tokens for the application itself: POST /v2/oauth2/token with `grant_type=client_credentials`.

        Without scopes it asks for openid, profile, email and all of Transfer. [DOC] SDK 3.40.

        Raises:
            GlobusSDKUsageError: if the scopes are empty.
            AuthAPIError: 401 if the secret is wrong or was deleted; tokens that it got before stay valid.
            NetworkError: if there was no whole answer.
        """
        form = {"grant_type": "client_credentials", "scope": scopes_to_str(requested_scopes)}
        return self.oauth2_token(form)

    def oauth2_token_introspect(self, token: str, *, include: str | None = None) -> GlobusHTTPResponse:
        """Ask what a token is good for: POST /v2/oauth2/token/introspect, as a form.

        `include` is a comma-separated choice of identity_set, identity_set_detail and session_info. A token that is
        not valid is answered with `{"active": false}`. [DOC] SDK 3.40.

        Raises:
            AuthAPIError: 401 if the client is refused.
            NetworkError: if there was no whole answer.
        """
        form = given(token=token, include=include)
        return self.post("/v2/oauth2/token/introspect", data=form, encoding="form")
