"""Owns `AuthClient`: one class, put together from a family of endpoints each."""

from typing import Any
from uuid import UUID

from reconciler.auth.authorizers import GlobusAuthorizer
from reconciler.auth.endpoints.clients import ClientEndpoints
from reconciler.auth.endpoints.credentials import CredentialEndpoints
from reconciler.auth.endpoints.identities import IdentityEndpoints
from reconciler.auth.endpoints.openid import OpenIDEndpoints
from reconciler.auth.endpoints.policies import PolicyEndpoints
from reconciler.auth.endpoints.projects import ProjectEndpoints
from reconciler.auth.endpoints.scopes import ScopeEndpoints


class AuthClient(
    ProjectEndpoints,
    PolicyEndpoints,
    ClientEndpoints,
    CredentialEndpoints,
    ScopeEndpoints,
    IdentityEndpoints,
    OpenIDEndpoints,
):
    """The Globus Auth API, on behalf of whom the authorizer stands for. Safe for threads.

    `base_url` goes before `GLOBUS_SDK_SERVICE_URL_AUTH`, and that before `environment` and `GLOBUS_SDK_ENVIRONMENT`.
    `transport_params` are those of `settings.read_settings`: `pool_size`, `proxy`, `ca_bundle`, `http_timeout` and
    others.

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
