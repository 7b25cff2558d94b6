"""Owns the calls for projects."""

from collections.abc import Iterable
from uuid import UUID

from reconciler.auth.base_client import BaseClient
from reconciler.auth.missing import given, segment, strings
from reconciler.auth.responses import GetProjectsResponse, GlobusHTTPResponse

_PATH = "/v2/api/projects"
IDs = Iterable[UUID | str] | UUID | str | None


class ProjectEndpoints(BaseClient):
    """Projects, by callers who administer them. All methods need the manage_projects scope."""

    def get_project(self, project_id: UUID | str) -> GlobusHTTPResponse:
        """Look a project up: GET /v2/api/projects/{project_id}, answered with `{"project": …}`.

        [DOC] SDK 3.40.

        Raises:
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer.
        """
        return self.get(f"{_PATH}/{segment(project_id)}")

    def get_projects(self) -> GetProjectsResponse:
        """List the projects that the caller administers: GET /v2/api/projects, answered with `{"projects": […]}`.

        There are no pages. [DOC] SDK 3.40.

        Raises:
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer.
        """
        return GetProjectsResponse(self.get(_PATH))

    def create_project(
        self,
        display_name: str,
        contact_email: str,
        *,
        admin_ids: IDs = None,
        admin_group_ids: IDs = None,
    ) -> GlobusHTTPResponse:
        """Create a project: POST /v2/api/projects, answered with `{"project": …}`.

        The service wants administrators or administrator groups. The caller is not added to them. [DOC] SDK 3.40.

        Raises:
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer; the project may have been created.
        """
        fields = {
            "display_name": display_name,
            "contact_email": contact_email,
            **given(admin_ids=strings(admin_ids), admin_group_ids=strings(admin_group_ids)),
        }
        return self.post(_PATH, data={"project": fields})

    def update_project(
        self,
        project_id: UUID | str,
        *,
        display_name: str | None = None,
        contact_email: str | None = None,
        admin_ids: IDs = None,
        admin_group_ids: IDs = None,
    ) -> GlobusHTTPResponse:
        """Change the given fields of a project: PUT /v2/api/projects/{project_id}, answered with `{"project": …}`.

        A list replaces the whole list before. [DOC] SDK 3.40.

        Raises:
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer.
        """
        fields = given(
            display_name=display_name,
            contact_email=contact_email,
            admin_ids=strings(admin_ids),
            admin_group_ids=strings(admin_group_ids),
        )
        return self.put(f"{_PATH}/{segment(project_id)}", data={"project": fields})

    def delete_project(self, project_id: UUID | str) -> GlobusHTTPResponse:
        """Delete a project: DELETE /v2/api/projects/{project_id}, answered with what was deleted.

        The service refuses while the project has clients. [DOC] SDK 3.40.

        Raises:
            AuthAPIError: if the service refuses; the outcome of a 404 is "done".
            NetworkError: if there was no whole answer.
        """
        return self.delete(f"{_PATH}/{segment(project_id)}")
