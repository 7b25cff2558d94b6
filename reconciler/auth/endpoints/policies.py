"""Owns the calls for authentication policies."""

import functools
import warnings
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast
from uuid import UUID

from reconciler.auth.base_client import BaseClient
from reconciler.auth.missing import MISSING, MissingType, segment
from reconciler.auth.responses import GetPoliciesResponse, GlobusHTTPResponse

_PATH = "/v2/api/policies"
Domains = Iterable[str] | MissingType | None


F = TypeVar("F", bound=Callable[..., Any])
_POSITIONS = ("project_id", "high_assurance", "authentication_assurance_timeout", "display_name", "description")


def _positions_allowed(method: F) -> F:
    """Let old programs give the first arguments by position, in the order that the SDK once had."""

    @functools.wraps(method)
    def accept(self: Any, *args: Any, **fields: Any) -> Any:
        if not args:
            return method(self, **fields)
        if len(args) > len(_POSITIONS):
            raise TypeError(f"create_policy() takes 5 positional arguments but {len(args)} were given")
        placed = dict(zip(_POSITIONS, args, strict=False))
        if twice := sorted(placed.keys() & fields.keys()):
            raise TypeError(f"create_policy() got multiple values for argument {twice[0]!r}")
        what = "create_policy() was given arguments by position: name them, since the order means nothing"
        warnings.warn(what, DeprecationWarning, stacklevel=2)
        return method(self, **placed, **fields)

    return cast("F", accept)


def _domains(value: Domains) -> Any:
    return [value] if isinstance(value, str) else value


class PolicyEndpoints(BaseClient):
    """Authentication policies of projects. All methods need the manage_projects scope."""

    def get_policy(self, policy_id: UUID | str) -> GlobusHTTPResponse:
        """Look a policy up: GET /v2/api/policies/{policy_id}, answered with `{"policy": …}`.

        [DOC] SDK 3.40.

        Raises:
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer.
        """
        return self.get(f"{_PATH}/{segment(policy_id)}")

    def get_policies(self) -> GetPoliciesResponse:
        """List the policies of the caller's projects: GET /v2/api/policies, answered with `{"policies": […]}`.

        [DOC] SDK 3.40.

        Raises:
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer.
        """
        return GetPoliciesResponse(self.get(_PATH))

    @_positions_allowed
    def create_policy(
        self,
        *,
        project_id: UUID | str,
        display_name: str,
        description: str,
        high_assurance: bool | MissingType = MISSING,
        authentication_assurance_timeout: int | MissingType = MISSING,
        required_mfa: bool | MissingType = MISSING,
        domain_constraints_include: Domains = MISSING,
        domain_constraints_exclude: Domains = MISSING,
    ) -> GlobusHTTPResponse:
        """Create a policy: POST /v2/api/policies, answered with `{"policy": …}`.

        The answer may lack fields that were not given. The timeout is in seconds. `required_mfa` needs
        `high_assurance`. None is sent as null, and one domain as a list of it, as SDK 4 does. Arguments by position
        are deprecated: project_id, high_assurance, authentication_assurance_timeout, display_name, description.
        [DOC] SDK 3.40; `required_mfa` 3.54.

        Raises:
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer; the policy may have been created.
        """
        fields = {
            "project_id": project_id,
            "high_assurance": high_assurance,
            "authentication_assurance_timeout": authentication_assurance_timeout,
            "required_mfa": required_mfa,
            "display_name": display_name,
            "description": description,
            "domain_constraints_include": _domains(domain_constraints_include),
            "domain_constraints_exclude": _domains(domain_constraints_exclude),
        }
        return self.post(_PATH, data={"policy": fields})

    def update_policy(
        self,
        policy_id: UUID | str,
        *,
        project_id: UUID | str | MissingType = MISSING,
        authentication_assurance_timeout: int | MissingType = MISSING,
        required_mfa: bool | MissingType = MISSING,
        display_name: str | MissingType = MISSING,
        description: str | MissingType = MISSING,
        domain_constraints_include: Domains = MISSING,
        domain_constraints_exclude: Domains = MISSING,
    ) -> GlobusHTTPResponse:
        """Change the given fields of a policy: PUT /v2/api/policies/{policy_id}, answered with `{"policy": …}`.

        None clears, an empty list is something else; one domain is sent as a list of it, as SDK 4 does.
        `high_assurance` cannot be changed. [DOC] SDK 3.40; `required_mfa` 3.54.

        Raises:
            AuthAPIError: if the service refuses.
            NetworkError: if there was no whole answer.
        """
        fields = {
            "project_id": project_id,
            "authentication_assurance_timeout": authentication_assurance_timeout,
            "required_mfa": required_mfa,
            "display_name": display_name,
            "description": description,
            "domain_constraints_include": _domains(domain_constraints_include),
            "domain_constraints_exclude": _domains(domain_constraints_exclude),
        }
        return self.put(f"{_PATH}/{segment(policy_id)}", data={"policy": fields})

    def delete_policy(self, policy_id: UUID | str) -> GlobusHTTPResponse:
        """Delete a policy: DELETE /v2/api/policies/{policy_id}, answered with what was deleted.

        [DOC] SDK 3.40.

        Raises:
            AuthAPIError: if the service refuses; the outcome of a 404 is "done".
            NetworkError: if there was no whole answer.
        """
        return self.delete(f"{_PATH}/{segment(policy_id)}")
