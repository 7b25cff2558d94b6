"""The official SDK, told of the emulator only by the environment; what it must cover is read from itself."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import globus_sdk
import pytest
from globus_sdk import authorizers
from globus_sdk.services import auth

from tests.conformance.browser import Browser
from tests.conformance.conftest import Service
from tests.conformance.ledger import Ledger, Methods

MANAGE = "urn:globus:auth:scope:auth.globus.org:manage_projects"
PERSONAL = f"openid profile email {MANAGE} urn:globus:auth:scope:auth.globus.org:view_identity_set"
GROUPS_VIEW = "urn:globus:auth:scope:groups.api.globus.org:view_my_groups_and_memberships"
CALLBACK = "https://app.example.edu/callback"

Tokens = Callable[..., globus_sdk.OAuthTokenResponse]


@pytest.fixture(scope="session")
def methods(enter_ledger: Callable[[Ledger], None]) -> Methods:
    """List what the SDK offers for Auth."""
    ledger = Methods(f"globus-sdk {globus_sdk.__version__}", "globus_sdk", str(Path(__file__).parent))
    ledger.add(getattr(auth, name) for name in auth.__all__)
    ledger.add(getattr(authorizers, name) for name in authorizers.__all__)
    enter_ledger(ledger)
    return ledger


@pytest.fixture(autouse=True)
def environment(methods: Methods, service: Service, home: Path, use: Callable[[Service], None]) -> None:
    assert methods.wanted
    assert home.is_dir()
    use(service)


@pytest.fixture
def bootstrap(service: Service, environment: None) -> globus_sdk.ConfidentialAppAuthClient:
    """Be the client identity that the emulator made."""
    assert environment is None
    return globus_sdk.ConfidentialAppAuthClient(service.client_id, service.client_secret)


@pytest.fixture
def admin(bootstrap: globus_sdk.ConfidentialAppAuthClient) -> globus_sdk.AuthClient:
    """Manage projects as that client identity."""
    return globus_sdk.AuthClient(authorizer=globus_sdk.ClientCredentialsAuthorizer(bootstrap, MANAGE))


@pytest.fixture
def project(service: Service, admin: globus_sdk.AuthClient) -> Iterator[str]:
    """Have a project whose administrators are the client identity and rosalind."""
    people = admin.get_identities(usernames="rosalind@globusid.org")["identities"]
    made = admin.create_project("Conformance", "ops@example.edu", admin_ids=[service.client_id, people[0]["id"]])
    yield made["project"]["id"]
    for client in admin.get_clients():
        if client["project"] == made["project"]["id"]:
            admin.delete_client(client["id"])
    for policy in admin.get_policies():
        if policy["project_id"] == made["project"]["id"]:
            admin.delete_policy(policy["id"])
    admin.delete_project(made["project"]["id"])


@pytest.fixture
def native(admin: globus_sdk.AuthClient, project: str) -> globus_sdk.NativeAppAuthClient:
    """Register a public client."""
    made = admin.create_client("Native", project, public_client=True, redirect_uris=[CALLBACK], visibility="public")
    return globus_sdk.NativeAppAuthClient(made["client"]["id"])


@pytest.fixture
def portal(admin: globus_sdk.AuthClient, project: str) -> globus_sdk.ConfidentialAppAuthClient:
    """Register a confidential client with a scope of its own."""
    made = admin.create_client("Portal", project, public_client=False, redirect_uris=[CALLBACK], visibility="public")
    secret = admin.create_client_credential(made["client"]["id"], "Deployed")["credential"]["secret"]
    return globus_sdk.ConfidentialAppAuthClient(made["client"]["id"], secret)


@pytest.fixture
def run_scope(admin: globus_sdk.AuthClient, portal: globus_sdk.ConfidentialAppAuthClient) -> str:
    """Give the confidential client a scope that depends on one of Groups."""
    (groups,) = admin.get_scopes(scope_strings=[GROUPS_VIEW])
    needs = globus_sdk.DependentScopeSpec(groups["id"], optional=False, requires_refresh_token=True)
    (scope,) = admin.create_scope(
        str(portal.client_id), "Run", "Run it all", "run", dependent_scopes=[needs], advertised=True
    )["scopes"]
    return str(scope["scope_string"])


@pytest.fixture
def tokens_of(native: globus_sdk.NativeAppAuthClient) -> Tokens:
    """Log a person in, through the pages, and exchange the code."""

    def tokens_of(person: Browser, scopes: str = PERSONAL, **options: Any) -> globus_sdk.OAuthTokenResponse:
        native.oauth2_start_flow(scopes, redirect_uri=CALLBACK, **options)
        return native.oauth2_exchange_code_for_tokens(person.code(native.oauth2_get_authorize_url()))

    return tokens_of


@pytest.fixture
def as_rosalind(tokens_of: Tokens, rosalind: Browser) -> globus_sdk.AuthClient:
    token = tokens_of(rosalind).by_resource_server["auth.globus.org"]["access_token"]
    return globus_sdk.AuthClient(authorizer=globus_sdk.AccessTokenAuthorizer(token))


@pytest.fixture
def transport() -> Callable[[Any], dict[str, Any]]:
    """Read all that an answer, or an error, tells of its transport."""

    def transport(response: Any) -> dict[str, Any]:
        read = {
            "http_reason": response.http_reason,
            "headers": response.headers,
            "content_type": response.content_type,
            "text": response.text,
            "binary_content": response.binary_content,
        }
        assert read["content_type"] == response.headers["Content-Type"] == "application/json"
        assert read["text"].encode() == read["binary_content"]
        return read

    return transport
