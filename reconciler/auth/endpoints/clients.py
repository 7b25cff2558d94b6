"""Owns the calls for clients."""

from collections.abc import Iterable
from typing import Any, Literal
from uuid import UUID

from reconciler.auth.base_client import BaseClient
from reconciler.auth.errors import GlobusSDKUsageError
from reconciler.auth.missing import MISSING, MissingType, extra, segment
from reconciler.auth.responses import GetClientsResponse, GlobusHTTPResponse

_PATH = "/v2/api/clients"

ClientType = Literal[
    "client_identity",
    "confidential_client",
    "globus_connect_server",
    "public_installed_client",
    "hybrid_confidential_client_resource_server",
    "resource_server",
]
Visibility = Literal["public", "private"]


def new_client(*, links: tuple[Any, Any], **fields: Any) -> dict[str, Any]:
    """Put the fields of a new client together; `links` are the terms and conditions, and the privacy policy.

    Raises:
        GlobusSDKUsageError: unless exactly one of public_client and client_type is given, and both links or neither.
    """
    if (fields["public_client"] is MISSING) == (fields["client_type"] is MISSING):
        raise GlobusSDKUsageError("exactly one of public_client and client_type must be given")
    return fields | {"links": _links_of_new(*links)}


def _links_of_new(terms_and_conditions: Any, privacy_policy: Any) -> Any:
    if bool(terms_and_conditions) != bool(privacy_policy):
        raise GlobusSDKUsageError("terms_and_conditions and privacy_policy are given together or not at all")
    return (
        {"terms_and_conditions": terms_and_conditions, "privacy_policy": privacy_policy} if privacy_policy else MISSING
    )


def _links_of_changed(terms_and_conditions: Any, privacy_policy: Any) -> Any:
    if type(terms_and_conditions) is not type(privacy_policy):
        raise GlobusSDKUsageError("terms_and_conditions and privacy_policy are both given, both None or both left out")
    if terms_and_conditions is MISSING:
        return MISSING
    return {"terms_and_conditions": terms_and_conditions, "privacy_policy": privacy_policy}


class ClientEndpoints(BaseClient):
    """Clients of the caller's projects. All methods need the manage_projects scope."""

    def get_client(
        self, *, client_id: UUID | str | MissingType = MISSING, fqdn: str | MissingType = MISSING
    ) -> GlobusHTTPResponse:
        """Look a client up by id or by domain name: GET /v2/api/clients/{client_id} or GET /v2/api/clients?fqdn=….

        Answered with `{"client": …}`. [DOC] SDK 3.40.

        Raises:
            GlobusSDKUsageError: unless exactly one is given.
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer.
        """
        if isinstance(client_id, MissingType) == isinstance(fqdn, MissingType):
            raise GlobusSDKUsageError("exactly one of client_id and fqdn must be given")
        if isinstance(client_id, MissingType):
            return self.get(_PATH, query_params={"fqdn": fqdn})
        return self.get(f"{_PATH}/{segment(client_id)}")

    def get_clients(self) -> GetClientsResponse:
        """List the clients of the caller's projects: GET /v2/api/clients, answered with `{"clients": […]}`.

        [DOC] SDK 3.40.

        Raises:
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer.
        """
        return GetClientsResponse(self.get(_PATH))

    def create_client(
        self,
        name: str,
        project: UUID | str,
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
        """Create a client: POST /v2/api/clients, answered with `{"client": …}`.

        Its project, `public_client` and `client_type` can never be changed. The two links are sent as `links`.
        `additional_fields` go over all others. [DOC] SDK 3.40.

        Raises:
            GlobusSDKUsageError: unless exactly one of public_client and client_type is given, and both links or
            neither. AuthAPIError: if the service refuses. NetworkError: if there was no whole answer; the client may
            have been created.
        """
        fields = new_client(
            name=name,
            project=project,
            public_client=public_client,
            client_type=client_type,
            visibility=visibility,
            redirect_uris=redirect_uris,
            links=(terms_and_conditions, privacy_policy),
            required_idp=required_idp,
            preselect_idp=preselect_idp,
        )
        return self.post(_PATH, data={"client": fields | extra(additional_fields)})

    def update_client(
        self,
        client_id: UUID | str,
        *,
        name: str | MissingType = MISSING,
        visibility: Visibility | MissingType = MISSING,
        redirect_uris: Iterable[str] | MissingType = MISSING,
        terms_and_conditions: str | MissingType | None = MISSING,
        privacy_policy: str | MissingType | None = MISSING,
        required_idp: UUID | str | MissingType | None = MISSING,
        preselect_idp: UUID | str | MissingType | None = MISSING,
        additional_fields: dict[str, Any] | MissingType = MISSING,
    ) -> GlobusHTTPResponse:
        """Change the given fields of a client: PUT /v2/api/clients/{client_id}, answered with `{"client": …}`.

        None clears; redirect URIs replace all before; the two links go together. [DOC] SDK 3.40.

        Raises:
            GlobusSDKUsageError: if one link is text and the other is None or left out.
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer.
        """
        fields = {
            "name": name,
            "visibility": visibility,
            "redirect_uris": redirect_uris,
            "required_idp": required_idp,
            "preselect_idp": preselect_idp,
            "links": _links_of_changed(terms_and_conditions, privacy_policy),
            **extra(additional_fields),
        }
        return self.put(f"{_PATH}/{segment(client_id)}", data={"client": fields})

    def delete_client(self, client_id: UUID | str) -> GlobusHTTPResponse:
        """Delete a client: DELETE /v2/api/clients/{client_id}, answered with what was deleted.

        Its scopes and credentials go with it. [DOC] SDK 3.40.

        Raises:
            AuthAPIError: if the service refuses; the outcome of a 404 is "done".
            NetworkError: if there was no whole answer.
        """
        return self.delete(f"{_PATH}/{segment(client_id)}")
