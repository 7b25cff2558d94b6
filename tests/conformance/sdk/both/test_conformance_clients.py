import uuid

import globus_sdk
import pytest

from tests.conformance.sdk.conftest import GROUPS_VIEW

TYPES = (
    "client_identity",
    "confidential_client",
    "hybrid_confidential_client_resource_server",
    "public_installed_client",
    "resource_server",
)


def test_client_reads_back_as_written(admin: globus_sdk.AuthClient, project: str) -> None:
    made = admin.create_client(
        "Portal",
        project,
        public_client=False,
        visibility="public",
        redirect_uris=["https://app.example.edu/callback"],
        terms_and_conditions="https://app.example.edu/terms",
        privacy_policy="https://app.example.edu/privacy",
        additional_fields={"userinfo_from_effective_identity": False},
    )["client"]
    assert admin.get_client(client_id=made["id"])["client"] == made
    assert made in list(admin.get_clients())
    assert made["client_type"] == "hybrid_confidential_client_resource_server"
    assert (made["project"], made["visibility"], made["public_client"]) == (project, "public", False)
    assert (made["parent_client"], made["fqdns"], made["scopes"]) == (None, [], [])
    assert made["userinfo_from_effective_identity"] is False

    admin.update_client(
        uuid.UUID(made["id"]), name="Portal 2", visibility="private", terms_and_conditions=None, privacy_policy=None
    )
    assert admin.get_client(client_id=made["id"])["client"] == made | {
        "name": "Portal 2",
        "visibility": "private",
        "links": {"terms_and_conditions": None, "privacy_policy": None},
    }
    assert admin.delete_client(made["id"])["client"]["id"] == made["id"]
    with pytest.raises(globus_sdk.AuthAPIError) as gone:
        admin.get_client(client_id=made["id"])
    assert gone.value.http_status == 404


@pytest.mark.parametrize("client_type", TYPES)
def test_client_of_each_type(admin: globus_sdk.AuthClient, project: str, client_type: str) -> None:
    # The literal of the parameter has one type less than the fixtures of the SDK.
    made = admin.create_client("One", project, client_type=client_type)["client"]  # type: ignore[arg-type]
    assert made["client_type"] == client_type
    assert made["public_client"] is (client_type == "public_installed_client")
    assert "authorization_code" in made["grant_types"]


def test_client_is_found_by_its_domain(
    admin: globus_sdk.AuthClient, portal: globus_sdk.ConfidentialAppAuthClient
) -> None:
    host = f"{uuid.uuid4()}.example.edu"
    portal.post(f"/v2/api/clients/{portal.client_id}/fqdns", data={"fqdn": host})
    found = admin.get_client(fqdn=host)["client"]
    assert (found["id"], found["fqdns"]) == (portal.client_id, [host])
    scopes = admin.create_scope(str(portal.client_id), "Read", "Read all", "read")["scopes"]
    ours = sorted(one["scope_string"] for one in scopes)
    hosts = sorted((host, str(portal.client_id)))
    assert ours == [f"https://auth.globus.org/scopes/{one}/read" for one in hosts]


def test_child_client_belongs_to_its_parent(portal: globus_sdk.ConfidentialAppAuthClient) -> None:
    made = portal.create_child_client("Child", public_client=True, redirect_uris=["https://app.example.edu/child"])
    assert made["client"]["parent_client"] == portal.client_id
    assert made["client"]["redirect_uris"] == ["https://app.example.edu/child"]
    assert made["client"]["client_type"] == "public_installed_client"


def test_native_instance_has_a_secret_that_works(native: globus_sdk.NativeAppAuthClient) -> None:
    assert native.client_id is not None
    made = native.create_native_app_instance(native.client_id, "Laptop")
    credential = made["included"]["client_credential"]
    assert (made["client"]["name"], made["client"]["project"]) == ("Laptop", None)
    assert credential["client"] == made["client"]["id"]
    assert credential["name"] == "Auto-created at client creation"
    instance = globus_sdk.ConfidentialAppAuthClient(credential["client"], credential["secret"])
    assert instance.delete(f"/v2/api/clients/{credential['client']}")["client"]["id"] == credential["client"]
    with pytest.raises(globus_sdk.AuthAPIError) as gone:
        instance.oauth2_token_introspect("token")
    assert (gone.value.http_status, gone.value.message) == (401, "Basic auth failed")


def test_credential_shows_its_secret_once(admin: globus_sdk.AuthClient, native: globus_sdk.NativeAppAuthClient) -> None:
    client = str(native.client_id)
    made = admin.create_client_credential(client, "Deployed")["credential"]
    assert made["secret"]
    assert list(admin.get_client_credentials(client)) == [made | {"secret": None}]
    assert admin.delete_client_credential(client, made["id"])["credential"] == made | {"secret": None}
    assert list(admin.get_client_credentials(client)) == []


def test_secret_works_until_its_credential_is_deleted(
    admin: globus_sdk.AuthClient, portal: globus_sdk.ConfidentialAppAuthClient
) -> None:
    token = portal.oauth2_client_credentials_tokens("openid").by_resource_server["auth.globus.org"]["access_token"]
    (only,) = admin.get_client_credentials(str(portal.client_id))
    admin.delete_client_credential(str(portal.client_id), only["id"])
    with pytest.raises(globus_sdk.AuthAPIError) as refused:
        portal.oauth2_client_credentials_tokens("openid")
    assert (refused.value.http_status, refused.value.message) == (401, "Basic auth failed")
    holder = globus_sdk.AuthClient(authorizer=globus_sdk.AccessTokenAuthorizer(token))
    assert holder.userinfo()["sub"] == portal.client_id


def test_scope_reads_back_as_written(admin: globus_sdk.AuthClient, native: globus_sdk.NativeAppAuthClient) -> None:
    client = str(native.client_id)
    (groups,) = admin.get_scopes(scope_strings=[GROUPS_VIEW])
    depends = globus_sdk.DependentScopeSpec(groups["id"], optional=True, requires_refresh_token=False)
    (made,) = admin.create_scope(
        client,
        "Read",
        "Read all",
        "read",
        required_domains=["example.edu"],
        dependent_scopes=[depends],
        advertised=True,
        allows_refresh_token=False,
    )["scopes"]
    assert made["scope_string"] == f"https://auth.globus.org/scopes/{client}/read"
    assert made["dependent_scopes"] == [{"scope": groups["id"], "optional": True, "requires_refresh_token": False}]
    assert made["required_domains"] == ["example.edu"]
    assert (made["advertised"], made["allows_refresh_token"]) == (True, False)
    assert admin.get_scope(made["id"])["scope"] == made
    assert list(admin.get_scopes(ids=made["id"])) == [made]
    assert made in list(admin.get_scopes())
    assert admin.get_client(client_id=client)["client"]["scopes"] == [made["id"]]

    renamed = admin.update_scope(made["id"], name="Read 2", scope_suffix="read_2", dependent_scopes=[])["scope"]
    assert renamed == made | {
        "name": "Read 2",
        "scope_string": f"https://auth.globus.org/scopes/{client}/read_2",
        "dependent_scopes": [],
    }
    assert admin.get_scope(made["id"])["scope"] == renamed
    assert admin.delete_scope(made["id"])["scope"]["id"] == made["id"]
    assert list(admin.get_scopes(ids=[made["id"]])) == []
