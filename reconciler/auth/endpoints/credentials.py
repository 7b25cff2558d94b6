"""Owns the calls for clients' credentials."""

from uuid import UUID

from reconciler.auth.base_client import BaseClient
from reconciler.auth.missing import segment
from reconciler.auth.responses import GetClientCredentialsResponse, GlobusHTTPResponse


def _path(client_id: UUID | str) -> str:
    return f"/v2/api/clients/{segment(client_id)}/credentials"


class CredentialEndpoints(BaseClient):
    """Secrets of clients. All methods need the manage_projects scope."""

    def get_client_credentials(self, client_id: UUID | str) -> GetClientCredentialsResponse:
        """List a client's credentials: GET /v2/api/clients/{client_id}/credentials.

        Answered with `{"credentials": […]}`. The secrets are null. [DOC] SDK 3.40.

        Raises:
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer.
        """
        return GetClientCredentialsResponse(self.get(_path(client_id)))

    def create_client_credential(self, client_id: UUID | str, name: str) -> GlobusHTTPResponse:
        """Create a credential: POST /v2/api/clients/{client_id}/credentials, answered with `{"credential": …}`.

        This answer is the only one that ever holds the secret. Names need not be unique. [DOC] SDK 3.40.

        Raises:
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer; the credential may have been created, and its secret is lost.
        """
        return self.post(_path(client_id), data={"credential": {"name": name}})

    def delete_client_credential(self, client_id: UUID | str, credential_id: UUID | str) -> GlobusHTTPResponse:
        """Delete a credential: DELETE /v2/api/clients/{client_id}/credentials/{credential_id}.

        Answered with what was deleted. Tokens that it got before stay valid until they expire. [DOC] SDK 3.40.

        Raises:
            AuthAPIError: if the service refuses; the outcome of a 404 is "done".
            NetworkError: if there was no whole answer.
        """
        return self.delete(f"{_path(client_id)}/{segment(credential_id)}")
