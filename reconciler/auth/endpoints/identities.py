"""Owns the calls that tell who somebody is: identities, identity providers, and the caller."""

import logging
import warnings
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from reconciler.auth.base_client import BaseClient
from reconciler.auth.errors import GlobusSDKUsageError
from reconciler.auth.missing import MissingType, comma_separated, comma_separated_or_none, extra, flag, given, segment
from reconciler.auth.responses import (
    GetConsentsResponse,
    GetIdentitiesResponse,
    GetIdentityProvidersResponse,
    GlobusHTTPResponse,
)

log = logging.getLogger(__name__)

IDs = Iterable[UUID | str] | UUID | str | None
Names = Iterable[str] | str | None


class IdentityEndpoints(BaseClient):
    """Identities and identity providers."""

    def userinfo(self) -> GlobusHTTPResponse:
        """Ask who the caller is: GET /v2/oauth2/userinfo.

        The scope openid gives `sub`, email and profile give more. [DOC] SDK 3.40.

        Raises:
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer.
        """
        return self.get("/v2/oauth2/userinfo")

    def oauth2_userinfo(self) -> GlobusHTTPResponse:
        """Ask who the caller is: GET /v2/oauth2/userinfo. Deprecated, `userinfo` is its name. [DOC] SDK 3.40.

        Raises:
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer.
        """
        warnings.warn("oauth2_userinfo() is deprecated: it is userinfo() now", DeprecationWarning, stacklevel=2)
        return self.userinfo()

    def get_identities(
        self,
        *,
        usernames: Names = None,
        ids: IDs = None,
        provision: bool = False,
        query_params: dict[str, Any] | None = None,
    ) -> GetIdentitiesResponse:
        """Look identities up by username or by id: GET /v2/api/identities, answered with `{"identities": […]}`.

        Those that do not exist are absent from the answer; `provision` creates them, and goes with usernames only.
        The service refuses usernames together with ids. [DOC] SDK 3.40.

        Raises:
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer.
        """
        query = extra(query_params)
        if usernames:
            query["usernames"] = comma_separated(usernames)
            query["provision"] = flag(provision)
        if ids:
            query["ids"] = comma_separated(ids)
        if "usernames" in query and "ids" in query:
            log.warning("get_identities() was given usernames and ids: the service refuses that")
        return GetIdentitiesResponse(self.get("/v2/api/identities", query_params=query))

    def get_identity_providers(
        self,
        *,
        domains: Names | MissingType = None,
        ids: IDs | MissingType = None,
        query_params: dict[str, Any] | None = None,
    ) -> GetIdentityProvidersResponse:
        """Look identity providers up by domain or by id: GET /v2/api/identity_providers.

        Answered with `{"identity_providers": […]}`. [DOC] SDK 3.40.

        Raises:
            GlobusSDKUsageError: if both are given.
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer.
        """
        filters = given(domains=comma_separated_or_none(domains), ids=comma_separated_or_none(ids))
        if len(filters) > 1:
            raise GlobusSDKUsageError("domains and ids cannot be given together")
        if not filters:
            log.warning("get_identity_providers() was given neither domains nor ids")
        query = extra(query_params) | filters
        return GetIdentityProvidersResponse(self.get("/v2/api/identity_providers", query_params=query))

    def get_consents(self, identity_id: UUID | str, *, all: bool = False) -> GetConsentsResponse:
        """List consents of an identity: GET /v2/api/identities/{identity_id}/consents.

        Answered with `{"consents": […]}`: those to the calling client, and with `all`, which needs the scope
        view_consents, those to every client. [DOC] SDK 3.41.

        Raises:
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer.
        """
        path = f"/v2/api/identities/{segment(identity_id)}/consents"
        return GetConsentsResponse(self.get(path, query_params={"all": all}))
