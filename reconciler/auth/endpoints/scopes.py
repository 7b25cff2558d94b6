"""Owns the calls for scopes."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from reconciler.auth.base_client import BaseClient
from reconciler.auth.errors import GlobusSDKUsageError
from reconciler.auth.missing import MISSING, MissingType, comma_separated_or_none, extra, given, segment
from reconciler.auth.responses import GetScopesResponse, GlobusHTTPResponse

_PATH = "/v2/api/scopes"


class DependentScopeSpec(dict[str, Any]):
    """A scope that another one needs, as `create_scope` and `update_scope` take it.

    `scope` is the id, not the scope string. A user can decline an `optional` one. [DOC] SDK 3.40.
    """

    def __init__(self, scope: UUID | str, optional: bool, requires_refresh_token: bool) -> None:  # noqa: FBT001 - the SDK's signature
        super().__init__(scope=str(scope), optional=optional, requires_refresh_token=requires_refresh_token)


class ScopeEndpoints(BaseClient):
    """Scopes of the caller's clients. All methods need the manage_projects scope."""

    def get_scope(self, scope_id: UUID | str) -> GlobusHTTPResponse:
        """Look a scope up: GET /v2/api/scopes/{scope_id}, answered with `{"scope": …}`.

        [DOC] SDK 3.40.

        Raises:
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer.
        """
        return self.get(f"{_PATH}/{segment(scope_id)}")

    def get_scopes(
        self,
        *,
        scope_strings: Iterable[str] | str | MissingType | None = MISSING,
        ids: Iterable[UUID | str] | UUID | str | MissingType | None = MISSING,
        query_params: dict[str, Any] | MissingType = MISSING,
    ) -> GetScopesResponse:
        """List scopes: GET /v2/api/scopes, `?scope_strings=…` or `?ids=…`, answered with `{"scopes": […]}`.

        By string it also finds other people's scopes that are visible. [DOC] SDK 3.40.

        Raises:
            GlobusSDKUsageError: if both are given.
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer.
        """
        filters = given(scope_strings=comma_separated_or_none(scope_strings), ids=comma_separated_or_none(ids))
        if len(filters) > 1:
            raise GlobusSDKUsageError("scope_strings and ids cannot be given together")
        return GetScopesResponse(self.get(_PATH, query_params=extra(query_params) | filters))

    def create_scope(
        self,
        client_id: UUID | str,
        name: str,
        description: str,
        scope_suffix: str,
        *,
        required_domains: Iterable[str] | MissingType = MISSING,
        dependent_scopes: Iterable[DependentScopeSpec] | MissingType = MISSING,
        advertised: bool | MissingType = MISSING,
        allows_refresh_token: bool | MissingType = MISSING,
    ) -> GlobusHTTPResponse:
        """Create a scope: POST /v2/api/clients/{client_id}/scopes, answered with `{"scopes": […]}`, or `{"scope": …}`.

        There is one for the client's id and one for each of its domain names; only some servers answer with the
        single form. The suffix is lowercase letters, digits and underscores. [DOC] SDK 3.40; the list [OBS].

        Raises:
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer; the scope may have been created.
        """
        fields = {
            "name": name,
            "description": description,
            "scope_suffix": scope_suffix,
            "advertised": advertised,
            "allows_refresh_token": allows_refresh_token,
            "required_domains": required_domains,
            "dependent_scopes": dependent_scopes,
        }
        return self.post(f"/v2/api/clients/{segment(client_id)}/scopes", data={"scope": fields})

    def update_scope(
        self,
        scope_id: UUID | str,
        *,
        name: str | MissingType = MISSING,
        description: str | MissingType = MISSING,
        scope_suffix: str | MissingType = MISSING,
        required_domains: Iterable[str] | MissingType = MISSING,
        dependent_scopes: Iterable[DependentScopeSpec] | MissingType = MISSING,
        advertised: bool | MissingType = MISSING,
        allows_refresh_token: bool | MissingType = MISSING,
    ) -> GlobusHTTPResponse:
        """Change the given fields of a scope: PUT /v2/api/scopes/{scope_id}, answered with `{"scope": …}`.

        Lists replace those before. Another suffix is another scope string: it breaks everybody who asks for the old
        one. [DOC] SDK 3.40.

        Raises:
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer.
        """
        fields = {
            "name": name,
            "description": description,
            "scope_suffix": scope_suffix,
            "advertised": advertised,
            "allows_refresh_token": allows_refresh_token,
            "required_domains": required_domains,
            "dependent_scopes": dependent_scopes,
        }
        return self.put(f"{_PATH}/{segment(scope_id)}", data={"scope": fields})

    def delete_scope(self, scope_id: UUID | str) -> GlobusHTTPResponse:
        """Delete a scope: DELETE /v2/api/scopes/{scope_id}, answered with what was deleted.

        [DOC] SDK 3.40.

        Raises:
            AuthAPIError: if the service refuses; the outcome of a 404 is "done".
            NetworkError: if there was no whole answer.
        """
        return self.delete(f"{_PATH}/{segment(scope_id)}")
