"""Owns `AuthLoginClient`: what applications with and without a secret do alike, as drivers of logins and tokens."""

import warnings
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar
from uuid import UUID

from reconciler.auth.authorizers import GlobusAuthorizer, NullAuthorizer
from reconciler.auth.endpoints.openid import OpenIDEndpoints
from reconciler.auth.errors import GlobusSDKUsageError
from reconciler.auth.flow_managers import GlobusOAuthFlowManager
from reconciler.auth.missing import comma_separated_or_none, given
from reconciler.auth.responses import GlobusHTTPResponse
from reconciler.auth.tokens import OAuthTokenResponse

IDs = Iterable[UUID | str] | UUID | str | None
R = TypeVar("R", bound=GlobusHTTPResponse)


class AuthLoginClient(OpenIDEndpoints):
    """An application at the authorize and token endpoints. Safe for threads, but for its one login in progress.

    Raises:
        GlobusSDKUsageError: for an unknown environment, an address that calls are not sent to, or unknown
        `transport_params`.
    """

    def __init__(
        self,
        client_id: UUID | str | None = None,
        environment: str | None = None,
        base_url: str | None = None,
        authorizer: GlobusAuthorizer | None = None,
        app_name: str | None = None,
        transport_params: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            environment=environment,
            base_url=base_url,
            authorizer=authorizer,
            app_name=app_name,
            transport_params=transport_params,
        )
        self.client_id = None if client_id is None else str(client_id)
        self.current_oauth2_flow_manager: GlobusOAuthFlowManager | None = None

    def oauth2_get_authorize_url(
        self,
        *,
        session_required_identities: IDs = None,
        session_required_single_domain: Iterable[str] | str | None = None,
        session_required_policies: IDs = None,
        session_required_mfa: bool | None = None,
        session_message: str | None = None,
        prompt: Literal["login"] | None = None,
        query_params: dict[str, Any] | None = None,
    ) -> str:
        """Give the address to send a person to: /v2/oauth2/authorize, of the login that was started.

        What the session must hold is asked for by `session_required_…`, several values with commas between;
        `prompt="login"` asks for a new login in any case. No call is made. [DOC] SDK 3.40; `session_message` 3.56.

        Raises:
            GlobusSDKUsageError: before `oauth2_start_flow`.
        """
        asked = given(
            session_required_identities=comma_separated_or_none(session_required_identities),
            session_required_single_domain=comma_separated_or_none(session_required_single_domain),
            session_required_policies=comma_separated_or_none(session_required_policies),
            session_required_mfa=session_required_mfa,
            session_message=session_message,
            prompt=prompt,
        )
        return self._flow().get_authorize_url({**(query_params or {}), **asked})

    def oauth2_exchange_code_for_tokens(self, auth_code: str) -> OAuthTokenResponse:
        """Exchange the code that came back for tokens: POST /v2/oauth2/token, as a form.

        [DOC] SDK 3.40.

        Raises:
            GlobusSDKUsageError: before `oauth2_start_flow`.
            AuthAPIError: 401 if the code or the client is refused.
            NetworkError: if there was no whole answer; the code can then be used up.
        """
        return self._flow().exchange_code_for_tokens(auth_code)

    def oauth2_refresh_token(
        self, refresh_token: str, *, body_params: dict[str, Any] | None = None
    ) -> OAuthTokenResponse:
        """Get new access tokens: POST /v2/oauth2/token with `grant_type=refresh_token`, as a form.

        [DOC] SDK 3.40.

        Raises:
            AuthAPIError: 401 if the refresh token was revoked, or the client is refused.
            NetworkError: if there was no whole answer.
        """
        form = {"refresh_token": refresh_token, "grant_type": "refresh_token"}
        return self.oauth2_token(form, body_params=body_params)

    def oauth2_validate_token(self, token: str, *, body_params: dict[str, Any] | None = None) -> GlobusHTTPResponse:
        """Ask whether a token is valid: POST /v2/oauth2/token/validate, as a form.

        Deprecated: whether a call is allowed also depends on policies, so it takes the call to find out. A client
        without credentials sends its id. [DOC] SDK 3.40.

        Raises:
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer.
        """
        what = "oauth2_validate_token() is deprecated: take a token to be valid until it is refused"
        warnings.warn(what, DeprecationWarning, stacklevel=2)
        return self._with_token("/v2/oauth2/token/validate", token, body_params)

    def oauth2_revoke_token(self, token: str, *, body_params: dict[str, Any] | None = None) -> GlobusHTTPResponse:
        """Revoke an access or refresh token: POST /v2/oauth2/token/revoke, as a form.

        A client without credentials sends its id. Answered with `{"active": false}`. [DOC] SDK 3.40.

        Raises:
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer; the token may be valid still.
        """
        return self._with_token("/v2/oauth2/token/revoke", token, body_params)

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
        return response_class(
            self._request("POST", "/v2/oauth2/token", data=form, encoding="form", arrays=response_class.is_array)
        )

    def _flow(self) -> GlobusOAuthFlowManager:
        if self.current_oauth2_flow_manager is None:
            raise GlobusSDKUsageError("no login was started: call oauth2_start_flow() first")
        return self.current_oauth2_flow_manager

    def _with_token(self, path: str, token: str, body_params: Mapping[str, Any] | None) -> GlobusHTTPResponse:
        anonymous = self.authorizer is None or isinstance(self.authorizer, NullAuthorizer)
        who = {"client_id": self.client_id} if anonymous and self.client_id else {}
        return self.post(path, data={"token": token, **who, **(body_params or {})}, encoding="form")
