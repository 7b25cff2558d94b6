import uuid
from collections.abc import Callable
from typing import Any

import globus_sdk
import pytest

from tests.conformance.conftest import Service


def test_project_reads_back_as_written(service: Service, admin: globus_sdk.AuthClient) -> None:
    made = admin.create_project("Genomics", "ops@example.edu", admin_ids=service.client_id)["project"]
    assert admin.get_project(made["id"])["project"] == made
    assert made["id"] in [one["id"] for one in admin.get_projects()]
    assert (made["display_name"], made["contact_email"], made["admin_ids"], made["admin_group_ids"]) == (
        "Genomics",
        "ops@example.edu",
        [service.client_id],
        None,
    )
    assert [one["id"] for one in made["admins"]["identities"]] == [service.client_id]

    changed = admin.update_project(uuid.UUID(made["id"]), display_name="Genomics 2")["project"]
    assert changed == made | {"display_name": "Genomics 2", "project_name": "Genomics 2"}
    assert admin.get_project(made["id"])["project"] == changed
    assert admin.delete_project(made["id"])["project"]["id"] == made["id"]
    with pytest.raises(globus_sdk.AuthAPIError) as gone:
        admin.get_project(made["id"])
    assert (gone.value.http_status, gone.value.code) == (404, "NOT_FOUND")


def test_error_is_parsed(admin: globus_sdk.AuthClient, transport: Callable[[Any], dict[str, Any]]) -> None:
    with pytest.raises(globus_sdk.AuthAPIError) as refused:
        admin.create_project("Nobody's", "ops@example.edu", admin_ids=[])
    error, said = refused.value, "Either admin_ids or admin_group_ids has to be defined"
    assert error.http_status == 400
    assert error.messages == [said]
    assert error.message == said
    assert error.request_id == error.errors[0].raw["id"]
    assert error.raw_json is not None
    assert error.raw_json["errors"][0]["detail"] == said
    assert not error.info.authorization_parameters
    assert not error.info.consent_required
    assert transport(error)["http_reason"] == "Bad Request"


def test_call_without_token_is_unauthorized() -> None:
    with pytest.raises(globus_sdk.AuthAPIError) as refused:
        globus_sdk.AuthClient().get_projects()
    assert (refused.value.http_status, refused.value.code) == (401, "UNAUTHORIZED")
    assert refused.value.message == "Call must be authenticated"


def test_token_without_the_scope_is_forbidden(bootstrap: globus_sdk.ConfidentialAppAuthClient) -> None:
    narrow = globus_sdk.ClientCredentialsAuthorizer(bootstrap, "openid")
    with pytest.raises(globus_sdk.AuthAPIError) as refused:
        globus_sdk.AuthClient(authorizer=narrow).get_projects()
    assert (refused.value.http_status, refused.value.code) == (403, "FORBIDDEN")


def test_project_with_clients_is_not_deleted(
    admin: globus_sdk.AuthClient, project: str, native: globus_sdk.NativeAppAuthClient
) -> None:
    assert native.client_id
    with pytest.raises(globus_sdk.AuthAPIError) as refused:
        admin.delete_project(project)
    assert (refused.value.http_status, refused.value.code) == (409, "CONFLICT")


def test_policy_reads_back_as_written(admin: globus_sdk.AuthClient, project: str) -> None:
    made = admin.create_policy(
        project_id=project,
        display_name="Campus",
        description="People of example.edu",
        high_assurance=True,
        authentication_assurance_timeout=3600,
        domain_constraints_include=["example.edu"],
        domain_constraints_exclude=None,
    )["policy"]
    seen = admin.get_policy(made["id"])["policy"]
    assert seen == seen | made
    assert seen in list(admin.get_policies())
    assert (seen["high_assurance"], seen["domain_constraints_include"]) == (True, ["example.edu"])

    admin.update_policy(made["id"], authentication_assurance_timeout=60, domain_constraints_include=None)
    changed = admin.get_policy(made["id"])["policy"]
    assert changed == seen | {"authentication_assurance_timeout": 60, "domain_constraints_include": None}
    assert admin.delete_policy(made["id"])["policy"]["id"] == made["id"]
    assert made["id"] not in [one["id"] for one in admin.get_policies()]
