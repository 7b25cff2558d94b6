"""Owns `ConfidentialAppAuthClient`: an application with a secret, as itself and on behalf of others."""

import warnings
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from reconciler.auth.authorizers import BasicAuthorizer
from reconciler.auth.endpoints.clients import ClientType, Visibility, new_client
from reconciler.auth.endpoints.identities import IDs, Names
from reconciler.auth.flow_managers import GlobusAuthorizationCodeFlowManager, Scopes
from reconciler.auth.login_client import AuthLoginClient
from reconciler.auth.missing import MISSING, MissingType, comma_separated, extra, flag, given, strings
from reconciler.auth.responses import GetIdentitiesResponse, GlobusHTTPResponse
from reconciler.auth.scopes import scopes_to_str
from reconciler.auth.tokens import OAuthDependentTokenResponse, OAuthTokenResponse


class ConfidentialAppAuthClient(AuthLoginClient):
    """An application with a client id and a secret, which it sends in the Basic scheme.

    Safe for threads, but for its one login in progress.

    Raises:
        GlobusSDKUsageError: for an unknown environment, an address that calls are not sent to, or unknown
        `transport_params`.
    """

    client_id: str

    def __init__(
        self,
        client_id: UUID | str,
        client_secret: str,
        environment: str | None = None,
        base_url: str | None = None,
        app_name: str | None = None,
        transport_params: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            client_id=client_id,
            environment=environment,
            base_url=base_url,
            authorizer=BasicAuthorizer(str(client_id), client_secret),
            app_name=app_name,
            transport_params=transport_params,
        )

    def oauth2_start_flow(
        self,
        redirect_uri: str,
        requested_scopes: Scopes = None,
        *,
        state: str = "_default",
        refresh_tokens: bool = False,
    ) -> GlobusAuthorizationCodeFlowManager:
        """Begin a login, in place of one that was begun before. No call is made. [DOC] SDK 3.40.

        Raises:
            GlobusSDKUsageError: for empty scopes.
        """
        flow = GlobusAuthorizationCodeFlowManager(
            self,
            redirect_uri,
            requested_scopes=scopes_to_str(requested_scopes),
            state=state,
            refresh_tokens=refresh_tokens,
        )
        self.current_oauth2_flow_manager = flow
        return flow

    def oauth2_client_credentials_tokens(self, requested_scopes: Scopes = None) -> OAuthTokenResponse:
        """Get tokens for the application itself: POST /v2/oauth2/token with `grant_type=client_credentials`.

        Without scopes it asks for openid, profile, email and all of Transfer, and warns. [DOC] SDK 3.40.

        Raises:
            GlobusSDKUsageError: if the scopes are empty.
            AuthAPIError: 401 if the secret is wrong or was deleted; tokens that it got before stay valid.
            NetworkError: if there was no whole answer.
        """
        form = {"grant_type": "client_credentials", "scope": scopes_to_str(requested_scopes)}
        return self.oauth2_token(form)

    def oauth2_get_dependent_tokens(
        self,
        token: str,
        *,
        refresh_tokens: bool = False,
        scope: Iterable[str] | str | MissingType | None = MISSING,
        additional_params: dict[str, Any] | None = None,
    ) -> OAuthDependentTokenResponse:
        """Get tokens for other services on behalf of whoever sent a token: POST /v2/oauth2/token, as a form.

        The grant is `urn:globus:auth:grant_type:dependent_token`; `scope` is for what is expected, and without it
        everything that the token's scopes depend on is given. `additional_params` go over the form. [DOC] SDK 3.40.

        Raises:
            AuthAPIError: 401 if the token or the client is refused.
            NetworkError: if there was no whole answer.
        """
        form: dict[str, Any] = {"grant_type": "urn:globus:auth:grant_type:dependent_token", "token": token}
        if refresh_tokens:
            form["access_type"] = "offline"
        if scope is not None and not isinstance(scope, MissingType):
            form["scope"] = scope if isinstance(scope, str) else " ".join(str(each) for each in scope)
        return self.oauth2_token(form, body_params=additional_params, response_class=OAuthDependentTokenResponse)

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

    def create_child_client(
        self,
        name: str,
        *,
        public_client: bool | MissingType = MISSING,
        client_type: ClientType | MissingType = MISSING,
        visibility: Visibility | MissingType = MISSING,
        redirect_uris: Iterable[str] | MissingType = MISSING,
        terms_and_conditions: str | MissingType = MISSING,
        privacy_policy: str | MissingType = MISSING,
        required_idp: UUID | str | MissingType = MISSING,
        preselect_idp: UUID | str | MissingType = MISSING,
        additional_fields: dict[str, Any] | MissingType = MISSING,
    ) -> GlobusHTTPResponse:
        """Create a client below this one: POST /v2/api/clients with its secret, answered with `{"client": …}`.

        It belongs to no project. One redirect URI may be text. The other arguments are those of
        `AuthClient.create_client`. [DOC] SDK 3.40.

        Raises:
            GlobusSDKUsageError: unless exactly one of public_client and client_type is given, and both links or
            neither. AuthAPIError: if the service refuses. NetworkError: if there was no whole answer; the client may
            have been created.
        """
        fields = new_client(
            name=name,
            public_client=public_client,
            client_type=client_type,
            visibility=visibility,
            redirect_uris=strings(redirect_uris),
            links=(terms_and_conditions, privacy_policy),
            required_idp=required_idp,
            preselect_idp=preselect_idp,
        )
        return self.post("/v2/api/clients", data={"client": fields | extra(additional_fields)})

    def get_identities(
        self,
        *,
        usernames: Names = None,
        ids: IDs = None,
        provision: bool = False,
        query_params: dict[str, Any] | None = None,
    ) -> GetIdentitiesResponse:
        """Look identities up as the application itself: GET /v2/api/identities.

        Deprecated: get a token by `oauth2_client_credentials_tokens`, for an `AuthClient`. [DOC] SDK 3.40.

        Raises:
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer.
        """
        what = "ConfidentialAppAuthClient.get_identities() is deprecated: get a token, for AuthClient.get_identities()"
        warnings.warn(what, DeprecationWarning, stacklevel=2)
        query = extra(query_params)
        if usernames is not None:
            query |= {"usernames": comma_separated(usernames), "provision": flag(provision)}
        if ids is not None:
            query["ids"] = comma_separated(ids)
        return GetIdentitiesResponse(self.get("/v2/api/identities", query_params=query))
