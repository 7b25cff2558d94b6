"""Owns `NativeAppAuthClient`: an application on people's own machines, which can keep no secret."""

from typing import Any
from uuid import UUID

from reconciler.auth.authorizers import NullAuthorizer
from reconciler.auth.flow_managers import GlobusNativeAppFlowManager, Scopes
from reconciler.auth.login_client import AuthLoginClient
from reconciler.auth.responses import GlobusHTTPResponse
from reconciler.auth.scopes import scopes_to_str
from reconciler.auth.tokens import OAuthTokenResponse


class NativeAppAuthClient(AuthLoginClient):
    """An application without a secret: its calls carry no credentials, its forms its id.

    Raises:
        GlobusSDKUsageError: for an unknown environment, an address that calls are not sent to, or unknown
        `transport_params`.
    """

    def __init__(
        self,
        client_id: UUID | str,
        environment: str | None = None,
        base_url: str | None = None,
        app_name: str | None = None,
        transport_params: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            client_id=client_id,
            environment=environment,
            base_url=base_url,
            authorizer=NullAuthorizer(),
            app_name=app_name,
            transport_params=transport_params,
        )

    def oauth2_start_flow(
        self,
        requested_scopes: Scopes = None,
        *,
        redirect_uri: str | None = None,
        state: str = "_default",
        verifier: str | None = None,
        refresh_tokens: bool = False,
        prefill_named_grant: str | None = None,
    ) -> GlobusNativeAppFlowManager:
        """Begin a login with PKCE, in place of one that was begun before. No call is made.

        Without a `redirect_uri`, the service shows the code for people to copy. [DOC] SDK 3.40.

        Raises:
            GlobusSDKUsageError: for empty scopes, or a verifier that is not 43 to 128 letters, digits, or `~_.-`.
        """
        flow = GlobusNativeAppFlowManager(
            self,
            requested_scopes=scopes_to_str(requested_scopes),
            redirect_uri=redirect_uri,
            state=state,
            verifier=verifier,
            refresh_tokens=refresh_tokens,
            prefill_named_grant=prefill_named_grant,
        )
        self.current_oauth2_flow_manager = flow
        return flow

    def oauth2_refresh_token(
        self, refresh_token: str, *, body_params: dict[str, Any] | None = None
    ) -> OAuthTokenResponse:
        """Get new access tokens: POST /v2/oauth2/token with `grant_type=refresh_token` and the client's id, as a form.

        [DOC] SDK 3.40.

        Raises:
            AuthAPIError: 401 if the refresh token was revoked.
            NetworkError: if there was no whole answer.
        """
        form = {"refresh_token": refresh_token, "grant_type": "refresh_token", "client_id": self.client_id}
        return self.oauth2_token(form, body_params=body_params)

    def create_native_app_instance(self, template_id: UUID | str, name: str) -> GlobusHTTPResponse:
        """Register an instance of an application, with a secret of its own: POST /v2/api/clients without credentials.

        Answered with `{"client": …, "included": {"client_credential": …}}`, the secret in it. [DOC] SDK 3.40.

        Raises:
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer; the instance may have been created.
        """
        return self.post("/v2/api/clients", data={"client": {"name": name, "template_id": template_id}})
