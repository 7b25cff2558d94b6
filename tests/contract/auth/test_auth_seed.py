"""Every name of the SDK's Auth page (3.40): that it is here, with its signature, and says what it calls.

A row is the name below `reconciler.auth`, its signature, and the endpoint that its docstring names (None: no call).
What came after 3.40 stands behind `+`, and is not of that page.
"""

import inspect
import re
from typing import Any

import pytest

from reconciler import auth

CLIENT_FIELDS = (
    "public_client=MISSING, client_type=MISSING, visibility=MISSING, redirect_uris=MISSING, "
    "terms_and_conditions=MISSING, privacy_policy=MISSING, required_idp=MISSING, preselect_idp=MISSING, "
    "additional_fields=MISSING"
)
POLICY_FIELDS = "domain_constraints_include=MISSING, domain_constraints_exclude=MISSING"
SCOPE_FIELDS = "required_domains=MISSING, dependent_scopes=MISSING, advertised=MISSING, allows_refresh_token=MISSING"
WHERE = "environment=None, base_url=None"
HOW = "app_name=None, transport_params=None"

CLASSES = [
    ("AuthClient", f"client_id=None, {WHERE}, authorizer=None, {HOW}"),
    ("AuthLoginClient", f"client_id=None, {WHERE}, authorizer=None, {HOW}"),
    ("NativeAppAuthClient", f"client_id, {WHERE}, {HOW}"),
    ("ConfidentialAppAuthClient", f"client_id, client_secret, {WHERE}, {HOW}"),
    ("IdentityMap", "auth_client, identity_ids=None, *, id_batch_size=None, cache=None"),
    ("DependentScopeSpec", "scope, optional, requires_refresh_token"),
    ("OAuthTokenResponse", "*args, **kwargs"),
    ("OAuthDependentTokenResponse", "*args, **kwargs"),
    ("GetIdentitiesResponse", "response, client=None, *, iter_key=None"),
    ("GetIdentityProvidersResponse", "response, client=None, *, iter_key=None"),
    ("IterableResponse", "response, client=None, *, iter_key=None"),
    ("GlobusHTTPResponse", "response, client=None"),
    (
        "GlobusNativeAppFlowManager",
        (
            "auth_client, requested_scopes=None, redirect_uri=None, state='_default', verifier=None, "
            "refresh_tokens=False, prefill_named_grant=None"
        ),
    ),
    (
        "GlobusAuthorizationCodeFlowManager",
        "auth_client, redirect_uri, requested_scopes=None, state='_default', refresh_tokens=False",
    ),
    ("GlobusOAuthFlowManager", ""),
    ("AccessTokenAuthorizer", "access_token"),
    ("BasicAuthorizer", "username, password"),
    ("NullAuthorizer", ""),
    (
        "RefreshTokenAuthorizer",
        "refresh_token, auth_client, *, access_token=None, expires_at=None, on_refresh=None",
    ),
    (
        "ClientCredentialsAuthorizer",
        "confidential_client, scopes, *, access_token=None, expires_at=None, on_refresh=None",
    ),
    ("ScopeBuilder", "resource_server, *, known_scopes=None, known_url_scopes=None"),
]

OPENID = [
    ("get_openid_configuration", "", "GET /.well-known/openid-configuration"),
    ("get_jwk", "openid_configuration=None, *, as_pem=False", "GET the `jwks_uri`"),
]
CALLS: dict[str, list[tuple[str, str, str | None]]] = {
    "AuthClient": [
        *OPENID,
        ("userinfo", "", "GET /v2/oauth2/userinfo"),
        ("oauth2_userinfo", "", "GET /v2/oauth2/userinfo"),
        (
            "get_identities",
            "*, usernames=None, ids=None, provision=False, query_params=None",
            "GET /v2/api/identities",
        ),
        ("get_identity_providers", "*, domains=None, ids=None, query_params=None", "GET /v2/api/identity_providers"),
        ("get_consents", "identity_id, *, all=False", "GET /v2/api/identities/{identity_id}/consents"),
        ("get_project", "project_id", "GET /v2/api/projects/{project_id}"),
        ("get_projects", "", "GET /v2/api/projects"),
        (
            "create_project",
            "display_name, contact_email, *, admin_ids=None, admin_group_ids=None",
            "POST /v2/api/projects",
        ),
        (
            "update_project",
            "project_id, *, display_name=None, contact_email=None, admin_ids=None, admin_group_ids=None",
            "PUT /v2/api/projects/{project_id}",
        ),
        ("delete_project", "project_id", "DELETE /v2/api/projects/{project_id}"),
        ("get_policy", "policy_id", "GET /v2/api/policies/{policy_id}"),
        ("get_policies", "", "GET /v2/api/policies"),
        (
            "create_policy",
            (
                "*, project_id, display_name, description, high_assurance=MISSING, "
                f"authentication_assurance_timeout=MISSING, + required_mfa=MISSING, {POLICY_FIELDS}"
            ),
            "POST /v2/api/policies",
        ),
        (
            "update_policy",
            (
                "policy_id, *, project_id=MISSING, authentication_assurance_timeout=MISSING, + required_mfa=MISSING, "
                f"display_name=MISSING, description=MISSING, {POLICY_FIELDS}"
            ),
            "PUT /v2/api/policies/{policy_id}",
        ),
        ("delete_policy", "policy_id", "DELETE /v2/api/policies/{policy_id}"),
        ("get_client", "*, client_id=MISSING, fqdn=MISSING", "GET /v2/api/clients/{client_id}"),
        ("get_clients", "", "GET /v2/api/clients"),
        ("create_client", f"name, project, *, {CLIENT_FIELDS}", "POST /v2/api/clients"),
        (
            "update_client",
            f"client_id, *, name=MISSING, {CLIENT_FIELDS.partition('client_type=MISSING, ')[2]}",
            "PUT /v2/api/clients/{client_id}",
        ),
        ("delete_client", "client_id", "DELETE /v2/api/clients/{client_id}"),
        ("get_client_credentials", "client_id", "GET /v2/api/clients/{client_id}/credentials"),
        ("create_client_credential", "client_id, name", "POST /v2/api/clients/{client_id}/credentials"),
        (
            "delete_client_credential",
            "client_id, credential_id",
            "DELETE /v2/api/clients/{client_id}/credentials/{credential_id}",
        ),
        ("get_scope", "scope_id", "GET /v2/api/scopes/{scope_id}"),
        ("get_scopes", "*, scope_strings=MISSING, ids=MISSING, query_params=MISSING", "GET /v2/api/scopes"),
        (
            "create_scope",
            f"client_id, name, description, scope_suffix, *, {SCOPE_FIELDS}",
            "POST /v2/api/clients/{client_id}/scopes",
        ),
        (
            "update_scope",
            f"scope_id, *, name=MISSING, description=MISSING, scope_suffix=MISSING, {SCOPE_FIELDS}",
            "PUT /v2/api/scopes/{scope_id}",
        ),
        ("delete_scope", "scope_id", "DELETE /v2/api/scopes/{scope_id}"),
    ],
    "AuthLoginClient": [
        *OPENID,
        (
            "oauth2_get_authorize_url",
            (
                "*, session_required_identities=None, session_required_single_domain=None, "
                "session_required_policies=None, session_required_mfa=None, + session_message=None, prompt=None, "
                "query_params=None"
            ),
            "/v2/oauth2/authorize",
        ),
        ("oauth2_exchange_code_for_tokens", "auth_code", "POST /v2/oauth2/token"),
        ("oauth2_refresh_token", "refresh_token, *, body_params=None", "POST /v2/oauth2/token"),
        ("oauth2_validate_token", "token, *, body_params=None", "POST /v2/oauth2/token/validate"),
        ("oauth2_revoke_token", "token, *, body_params=None", "POST /v2/oauth2/token/revoke"),
        (
            "oauth2_token",
            "form_data, *, body_params=None, response_class=OAuthTokenResponse",
            "POST /v2/oauth2/token",
        ),
    ],
    "NativeAppAuthClient": [
        (
            "oauth2_start_flow",
            (
                "requested_scopes=None, *, redirect_uri=None, state='_default', verifier=None, refresh_tokens=False, "
                "prefill_named_grant=None"
            ),
            None,
        ),
        ("oauth2_refresh_token", "refresh_token, *, body_params=None", "POST /v2/oauth2/token"),
        ("create_native_app_instance", "template_id, name", "POST /v2/api/clients"),
    ],
    "ConfidentialAppAuthClient": [
        (
            "get_identities",
            "*, usernames=None, ids=None, provision=False, query_params=None",
            "GET /v2/api/identities",
        ),
        ("oauth2_client_credentials_tokens", "requested_scopes=None", "POST /v2/oauth2/token"),
        (
            "oauth2_start_flow",
            "redirect_uri, requested_scopes=None, *, state='_default', refresh_tokens=False",
            None,
        ),
        (
            "oauth2_get_dependent_tokens",
            "token, *, refresh_tokens=False, scope=MISSING, additional_params=None",
            "POST /v2/oauth2/token",
        ),
        ("oauth2_token_introspect", "token, *, include=None", "POST /v2/oauth2/token/introspect"),
        ("create_child_client", f"name, *, {CLIENT_FIELDS}", "POST /v2/api/clients"),
    ],
    "OAuthTokenResponse": [
        ("decode_id_token", "openid_configuration=None, jwk=None, jwt_params=None", "`jwks_uri`"),
    ],
}
PLAIN = [
    ("IdentityMap", "__getitem__", "key"),
    ("IdentityMap", "__delitem__", "key"),
    ("IdentityMap", "add", "identity_id"),
    ("IdentityMap", "get", "key, default=None"),
    ("OAuthDependentTokenResponse", "decode_id_token", "openid_configuration=None, jwk=None, jwt_params=None"),
    ("GlobusOAuthFlowManager", "get_authorize_url", "query_params=None"),
    ("GlobusOAuthFlowManager", "exchange_code_for_tokens", "auth_code"),
    ("GlobusNativeAppFlowManager", "get_authorize_url", "query_params=None"),
    ("GlobusNativeAppFlowManager", "exchange_code_for_tokens", "auth_code"),
    ("GlobusAuthorizationCodeFlowManager", "get_authorize_url", "query_params=None"),
    ("GlobusAuthorizationCodeFlowManager", "exchange_code_for_tokens", "auth_code"),
]
OTHERS = [
    ("AuthClient", "error_class", auth.AuthAPIError),
    ("AuthClient", "scopes", auth.AuthScopes),
    ("AuthLoginClient", "error_class", auth.AuthAPIError),
    ("AuthLoginClient", "scopes", auth.AuthScopes),
]
PROPERTIES = [
    ("OAuthTokenResponse", "by_resource_server"),
    ("OAuthTokenResponse", "by_scopes"),
    *(
        ("GlobusHTTPResponse", name)
        for name in ("data", "http_status", "http_reason", "headers", "content_type", "text", "binary_content")
    ),
]


def written(called: Any) -> str:
    """Write a signature as the page does: names and defaults only."""
    parts, keyword_only = [], False
    for parameter in inspect.signature(called).parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            parts.append("*")
        stars = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}.get(parameter.kind.name, "")
        default = parameter.default
        if default is parameter.empty:
            shown = ""
        elif default is auth.MISSING:
            shown = "=MISSING"
        else:
            shown = f"={default.__name__ if isinstance(default, type) else repr(default)}"
        parts.append(f"{stars}{parameter.name}{shown}")
    return ", ".join(parts)


@pytest.mark.parametrize(("name", "signature"), CLASSES)
def test_class_is_here(name: str, signature: str) -> None:
    found = getattr(auth, name)
    assert written(found) == signature
    assert inspect.getdoc(found)
    assert name in auth.__all__


@pytest.mark.parametrize(
    ("owner", "name", "signature", "endpoint"),
    [(owner, *row) for owner, rows in CALLS.items() for row in rows],
)
def test_call_is_here_and_says_what_it_does(owner: str, name: str, signature: str, endpoint: str | None) -> None:
    found = getattr(getattr(auth, owner), name)
    assert written(found) == signature.replace("+ ", "")
    told = inspect.getdoc(found) or ""
    assert "[DOC] SDK 3.4" in told, "the source"
    assert "Raises:" in told, "the errors"
    if endpoint is None:
        assert "No call is made" in told
    else:
        assert re.search(re.escape(endpoint) + r"(?![\w/{])", told), "the endpoint"


@pytest.mark.parametrize(("owner", "name", "signature"), PLAIN)
def test_method_is_here(owner: str, name: str, signature: str) -> None:
    found = getattr(getattr(auth, owner), name)
    assert written(found) == signature
    assert name.startswith("__") or inspect.getdoc(found)


@pytest.mark.parametrize(("owner", "name", "value"), OTHERS)
def test_attribute_is_here(owner: str, name: str, value: object) -> None:
    assert getattr(getattr(auth, owner), name) is value


@pytest.mark.parametrize(("owner", "name"), PROPERTIES)
def test_property_is_here(owner: str, name: str) -> None:
    found = inspect.getattr_static(getattr(auth, owner), name)
    assert isinstance(found, property)
    assert found.__doc__


def test_scopes_of_globus_auth_are_known() -> None:
    assert auth.AuthScopes.resource_server == "auth.globus.org"
    assert auth.AuthScopes.scope_names == [
        "openid",
        "email",
        "profile",
        "manage_projects",
        "view_authentications",
        "view_clients",
        "view_clients_and_scopes",
        "view_consents",
        "view_identities",
        "view_identity_set",
    ]
    for name in auth.AuthScopes.scope_names[3:]:
        assert getattr(auth.AuthScopes, name) == f"urn:globus:auth:scope:auth.globus.org:{name}"
    with pytest.raises(AttributeError):
        _ = auth.AuthScopes.nonsense
