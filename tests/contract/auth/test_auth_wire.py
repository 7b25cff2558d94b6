"""Every method puts on the wire exactly what the official SDK 3.40 does."""

import inspect
from collections.abc import Callable
from typing import Any, cast
from uuid import UUID

import pytest

from reconciler.auth import (
    MISSING,
    AuthClient,
    ConfidentialAppAuthClient,
    DependentScopeSpec,
    GetIdentitiesResponse,
    GetIdentityProvidersResponse,
    IterableResponse,
)

ID = "927d7238-f917-4eb2-9ace-c523fa9ba34e"
OTHER = UUID("41143743-f3c8-4d60-bbdb-eeecaba85bd9")

Act = Callable[[AuthClient], Any]

READS: dict[str, tuple[Act, str, dict[str, str]]] = {
    "userinfo": (lambda c: c.userinfo(), "/v2/oauth2/userinfo", {}),
    "get_project": (lambda c: c.get_project(ID), f"/v2/api/projects/{ID}", {}),
    "get_project with a UUID": (lambda c: c.get_project(OTHER), f"/v2/api/projects/{OTHER}", {}),
    "get_projects": (lambda c: c.get_projects(), "/v2/api/projects", {}),
    "get_policy": (lambda c: c.get_policy(ID), f"/v2/api/policies/{ID}", {}),
    "get_policies": (lambda c: c.get_policies(), "/v2/api/policies", {}),
    "get_client by id": (lambda c: c.get_client(client_id=ID), f"/v2/api/clients/{ID}", {}),
    "get_client by fqdn": (lambda c: c.get_client(fqdn="a.example"), "/v2/api/clients", {"fqdn": "a.example"}),
    "get_clients": (lambda c: c.get_clients(), "/v2/api/clients", {}),
    "get_client_credentials": (lambda c: c.get_client_credentials(ID), f"/v2/api/clients/{ID}/credentials", {}),
    "get_scope": (lambda c: c.get_scope(ID), f"/v2/api/scopes/{ID}", {}),
    "get_scopes": (lambda c: c.get_scopes(), "/v2/api/scopes", {}),
    "get_scopes by string": (
        lambda c: c.get_scopes(scope_strings=["urn:a", "https://b/c"]),
        "/v2/api/scopes",
        {"scope_strings": "urn:a,https://b/c"},
    ),
    "get_scopes by id": (lambda c: c.get_scopes(ids=OTHER), "/v2/api/scopes", {"ids": str(OTHER)}),
    "get_scopes by nothing": (lambda c: c.get_scopes(ids=None, scope_strings=None), "/v2/api/scopes", {}),
    "get_scopes by no string": (
        lambda c: c.get_scopes(ids="a", scope_strings=None),
        "/v2/api/scopes",
        {"ids": "a"},
    ),
    "get_scopes by no id": (lambda c: c.get_scopes(ids=[]), "/v2/api/scopes", {"ids": ""}),
    "get_scopes with a parameter": (
        lambda c: c.get_scopes(ids=[ID, OTHER], query_params={"x": 1}),
        "/v2/api/scopes",
        {"x": "1", "ids": f"{ID},{OTHER}"},
    ),
    "get_identities by name": (
        lambda c: c.get_identities(usernames=["a+b@x.org", "c@y.org"]),
        "/v2/api/identities",
        {"usernames": "a+b@x.org,c@y.org", "provision": "false"},
    ),
    "get_identities provisioning": (
        lambda c: c.get_identities(usernames="a@x.org", provision=True),
        "/v2/api/identities",
        {"usernames": "a@x.org", "provision": "true"},
    ),
    "get_identities by id": (
        lambda c: c.get_identities(ids=(OTHER, ID), provision=True),
        "/v2/api/identities",
        {"ids": f"{OTHER},{ID}"},
    ),
    "get_identity_providers by domain": (
        lambda c: c.get_identity_providers(domains=["a.org", "b.org"]),
        "/v2/api/identity_providers",
        {"domains": "a.org,b.org"},
    ),
    "get_identity_providers by nothing": (
        lambda c: c.get_identity_providers(ids=MISSING, domains=None),
        "/v2/api/identity_providers",
        {},
    ),
    "get_identity_providers by no domain": (
        lambda c: c.get_identity_providers(ids=ID, domains=MISSING),
        "/v2/api/identity_providers",
        {"ids": ID},
    ),
    "get_identity_providers by id": (
        lambda c: c.get_identity_providers(ids=OTHER, query_params={"x": None, "y": "z"}),
        "/v2/api/identity_providers",
        {"ids": str(OTHER), "y": "z"},
    ),
}

SCOPE = DependentScopeSpec(OTHER, optional=True, requires_refresh_token=False)
SCOPE_JSON = {"scope": str(OTHER), "optional": True, "requires_refresh_token": False}

WRITES: dict[str, tuple[Act, str, str, Any]] = {
    "create_project": (
        lambda c: c.create_project("P", "p@x.org", admin_ids=OTHER),
        "POST",
        "/v2/api/projects",
        {"project": {"display_name": "P", "contact_email": "p@x.org", "admin_ids": [str(OTHER)]}},
    ),
    "create_project with groups": (
        lambda c: c.create_project("P", contact_email="p@x.org", admin_group_ids=(ID, OTHER)),
        "POST",
        "/v2/api/projects",
        {"project": {"display_name": "P", "contact_email": "p@x.org", "admin_group_ids": [ID, str(OTHER)]}},
    ),
    "create_project with nulls": (
        lambda c: c.create_project(None, None),  # type: ignore[arg-type]
        "POST",
        "/v2/api/projects",
        {"project": {"display_name": None, "contact_email": None}},
    ),
    "update_project": (
        lambda c: c.update_project(ID, display_name="Q", admin_ids=[]),
        "PUT",
        f"/v2/api/projects/{ID}",
        {"project": {"display_name": "Q", "admin_ids": []}},
    ),
    "create_policy": (
        lambda c: c.create_policy(
            project_id=OTHER,
            display_name="D",
            description="E",
            high_assurance=True,
            authentication_assurance_timeout=35,
            required_mfa=True,
            domain_constraints_include=["x.org"],
            domain_constraints_exclude=None,
        ),
        "POST",
        "/v2/api/policies",
        {
            "policy": {
                "project_id": str(OTHER),
                "high_assurance": True,
                "authentication_assurance_timeout": 35,
                "required_mfa": True,
                "display_name": "D",
                "description": "E",
                "domain_constraints_include": ["x.org"],
                "domain_constraints_exclude": None,
            }
        },
    ),
    "create_policy without options": (
        lambda c: c.create_policy(project_id=ID, display_name="D", description="E"),
        "POST",
        "/v2/api/policies",
        {"policy": {"project_id": ID, "display_name": "D", "description": "E"}},
    ),
    "update_policy": (
        lambda c: c.update_policy(ID, project_id=OTHER, required_mfa=False, domain_constraints_include=[]),
        "PUT",
        f"/v2/api/policies/{ID}",
        {"policy": {"project_id": str(OTHER), "required_mfa": False, "domain_constraints_include": []}},
    ),
    "create_client": (
        lambda c: c.create_client(
            "N",
            OTHER,
            client_type="resource_server",
            visibility="public",
            redirect_uris=(uri for uri in ["https://x.org/cb"]),
            terms_and_conditions="https://x.org/t",
            privacy_policy="https://x.org/p",
            required_idp=OTHER,
            preselect_idp=ID,
            additional_fields={"name": "Over", "more": 1},
        ),
        "POST",
        "/v2/api/clients",
        {
            "client": {
                "name": "Over",
                "project": str(OTHER),
                "client_type": "resource_server",
                "visibility": "public",
                "redirect_uris": ["https://x.org/cb"],
                "links": {"terms_and_conditions": "https://x.org/t", "privacy_policy": "https://x.org/p"},
                "required_idp": str(OTHER),
                "preselect_idp": ID,
                "more": 1,
            }
        },
    ),
    "create_client public": (
        lambda c: c.create_client("N", ID, public_client=False),
        "POST",
        "/v2/api/clients",
        {"client": {"name": "N", "project": ID, "public_client": False}},
    ),
    "update_client": (
        lambda c: c.update_client(ID, name="M", required_idp=None, redirect_uris=[]),
        "PUT",
        f"/v2/api/clients/{ID}",
        {"client": {"name": "M", "required_idp": None, "redirect_uris": []}},
    ),
    "update_client clearing links": (
        lambda c: c.update_client(ID, terms_and_conditions=None, privacy_policy=None),
        "PUT",
        f"/v2/api/clients/{ID}",
        {"client": {"links": {"terms_and_conditions": None, "privacy_policy": None}}},
    ),
    "create_client_credential": (
        lambda c: c.create_client_credential(ID, "K"),
        "POST",
        f"/v2/api/clients/{ID}/credentials",
        {"credential": {"name": "K"}},
    ),
    "create_scope": (
        lambda c: c.create_scope(
            ID,
            "N",
            "D",
            "read_all",
            required_domains=["x.org"],
            dependent_scopes=[SCOPE],
            advertised=True,
            allows_refresh_token=False,
        ),
        "POST",
        f"/v2/api/clients/{ID}/scopes",
        {
            "scope": {
                "name": "N",
                "description": "D",
                "scope_suffix": "read_all",
                "required_domains": ["x.org"],
                "dependent_scopes": [SCOPE_JSON],
                "advertised": True,
                "allows_refresh_token": False,
            }
        },
    ),
    "update_scope": (
        lambda c: c.update_scope(ID, scope_suffix="other", dependent_scopes=[]),
        "PUT",
        f"/v2/api/scopes/{ID}",
        {"scope": {"scope_suffix": "other", "dependent_scopes": []}},
    ),
    "delete_project": (lambda c: c.delete_project(ID), "DELETE", f"/v2/api/projects/{ID}", None),
    "delete_policy": (lambda c: c.delete_policy(OTHER), "DELETE", f"/v2/api/policies/{OTHER}", None),
    "delete_client": (lambda c: c.delete_client(ID), "DELETE", f"/v2/api/clients/{ID}", None),
    "delete_client_credential": (
        lambda c: c.delete_client_credential(ID, OTHER),
        "DELETE",
        f"/v2/api/clients/{ID}/credentials/{OTHER}",
        None,
    ),
    "delete_scope": (lambda c: c.delete_scope(ID), "DELETE", f"/v2/api/scopes/{ID}", None),
}


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_policy_takes_its_first_arguments_by_position_with_a_warning(
    count: int, recorder: Any, client: AuthClient
) -> None:
    fields = {
        "project_id": ID,
        "high_assurance": True,
        "authentication_assurance_timeout": 35,
        "display_name": "D",
        "description": "E",
    }
    first, others = list(fields.values())[:count], dict(list(fields.items())[count:])
    create: Any = client.create_policy
    with pytest.warns(DeprecationWarning, match="by position") as warned:
        create(*first, **others)
    assert warned[0].filename == __file__
    assert recorder.requests[0].json == {"policy": fields}


def test_policy_takes_no_argument_twice_and_no_more_by_position(recorder: Any, client: AuthClient) -> None:
    create: Any = client.create_policy
    with pytest.raises(TypeError, match="5 positional arguments but 6"):
        create(ID, True, 35, "D", "E", False)
    with pytest.raises(TypeError, match="multiple values for argument 'high_assurance'"):
        create(ID, True, high_assurance=True, display_name="D", description="E")
    kinds = {parameter.kind for parameter in inspect.signature(create).parameters.values()}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}
    assert recorder.requests == []


@pytest.mark.parametrize("name", READS)
def test_read_sends_path_and_query(name: str, recorder: Any, client: AuthClient) -> None:
    act, path, query = READS[name]
    act(client)
    (sent,) = recorder.requests
    assert (sent.method, sent.path, sent.query, sent.body) == ("GET", path, query, b"")
    assert sent.headers["Accept"] == "application/json"
    assert "Authorization" not in sent.headers


@pytest.mark.parametrize("name", WRITES)
def test_write_sends_method_path_and_body(name: str, recorder: Any, client: AuthClient) -> None:
    act, method, path, body = WRITES[name]
    act(client)
    (sent,) = recorder.requests
    assert (sent.method, sent.target, sent.json) == (method, path, body)
    assert sent.headers.get("Content-Type") == (None if body is None else "application/json")


def test_query_is_not_added_to_the_callers_dictionary(recorder: Any, client: AuthClient) -> None:
    mine = {"x": "y"}
    client.get_identities(ids=ID, query_params=mine)
    client.get_scopes(ids=ID, query_params=mine)
    client.get_identity_providers(ids=ID, query_params=mine)
    assert mine == {"x": "y"}
    assert len(recorder.requests) == 3


@pytest.mark.parametrize(
    ("method", "key"),
    [
        ("get_projects", "projects"),
        ("get_policies", "policies"),
        ("get_clients", "clients"),
        ("get_scopes", "scopes"),
    ],
)
@pytest.mark.parametrize("items", [[{"id": "1"}, {"id": "2"}], [], None])
def test_list_iterates_over_its_items(method: str, key: str, items: Any, recorder: Any, client: AuthClient) -> None:
    recorder.answer(200, {key: items})
    answer = getattr(client, method)()
    assert isinstance(answer, IterableResponse)
    assert list(answer) == (items or [])
    assert answer[key] == items


def test_credentials_and_identities_iterate_over_their_items(recorder: Any, client: AuthClient) -> None:
    recorder.answer(200, {"credentials": [{"id": "k"}]})
    recorder.answer(200, {"identities": [{"id": "i"}]})
    recorder.answer(200, {"identity_providers": [{"id": "p"}]})
    assert [item["id"] for item in client.get_client_credentials(ID)] == ["k"]
    identities = client.get_identities(ids=ID)
    providers = client.get_identity_providers(ids=ID)
    assert isinstance(identities, GetIdentitiesResponse)
    assert isinstance(providers, GetIdentityProvidersResponse)
    assert [item["id"] for item in (*identities, *providers)] == ["i", "p"]


TOKEN = {"access_token": "t", "scope": "openid", "resource_server": "auth.globus.org", "other_tokens": []}


@pytest.mark.parametrize(
    ("scopes", "sent_scopes"),
    [
        ("a b", "a b"),
        (["a", "b"], "a b"),
    ],
)
def test_client_credentials_are_a_form_with_basic(
    scopes: Any, sent_scopes: str, recorder: Any, application: ConfidentialAppAuthClient
) -> None:
    recorder.answer(200, TOKEN)
    tokens = application.oauth2_client_credentials_tokens(scopes)
    (sent,) = recorder.requests
    assert (sent.method, sent.target) == ("POST", "/v2/oauth2/token")
    assert sent.form == {"grant_type": "client_credentials", "scope": sent_scopes}
    assert sent.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert sent.headers["Authorization"] == "Basic YW4taWQ6YS1zZWNyZXQ="
    assert tokens.by_resource_server["auth.globus.org"]["access_token"] == "t"


def test_client_credentials_without_scopes_ask_for_the_usual_ones_and_warn(
    recorder: Any, application: ConfidentialAppAuthClient
) -> None:
    recorder.answer(200, TOKEN)
    with pytest.warns(DeprecationWarning, match="no scopes were requested"):
        application.oauth2_client_credentials_tokens()
    assert recorder.requests[0].form["scope"] == (
        "openid profile email urn:globus:auth:scope:transfer.api.globus.org:all"
    )


def test_token_grant_merges_its_parameters(recorder: Any, application: ConfidentialAppAuthClient) -> None:
    recorder.answer(200, TOKEN)
    application.oauth2_token({"grant_type": "x", "a": "1"}, body_params={"a": "2"})
    assert recorder.requests[0].form == {"grant_type": "x", "a": "2"}


@pytest.mark.parametrize("include", [None, "identity_set,session_info"])
def test_introspection_is_a_form(include: str | None, recorder: Any, application: ConfidentialAppAuthClient) -> None:
    recorder.answer(200, {"active": False})
    assert application.oauth2_token_introspect("tok", include=include)["active"] is False
    (sent,) = recorder.requests
    assert (sent.method, sent.target) == ("POST", "/v2/oauth2/token/introspect")
    assert sent.form == {"token": "tok"} | ({"include": include} if include else {})


WRONG: dict[str, Act] = {
    "client by nothing": lambda c: c.get_client(),
    "client by both": lambda c: c.get_client(client_id=ID, fqdn="x.org"),
    "client without kind": lambda c: c.create_client("N", ID),
    "client with two kinds": lambda c: c.create_client("N", ID, public_client=True, client_type="resource_server"),
    "new client with one link": lambda c: c.create_client("N", ID, public_client=True, privacy_policy="https://x"),
    "client with one link": lambda c: c.update_client(ID, terms_and_conditions="https://x"),
    "client with text and null": lambda c: c.update_client(ID, terms_and_conditions="https://x", privacy_policy=None),
    "scopes by both": lambda c: c.get_scopes(ids=ID, scope_strings="a"),
    "providers by both": lambda c: c.get_identity_providers(ids=ID, domains="x.org"),
    "an id with a slash": lambda c: c.delete_client("x/credentials/y"),
    "an empty id": lambda c: c.delete_project(""),
    "a dot segment": lambda c: c.get_scope(".."),
    "a foreign URL": lambda c: c.get("https://elsewhere.example/v2/api/projects"),
    "an unknown encoding": lambda c: c.post("/x", data={}, encoding="xml"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_refused_before_anything_is_sent(name: str, recorder: Any, client: AuthClient) -> None:
    with pytest.raises(ValueError) as caught:
        WRONG[name](client)
    assert type(caught.value).__name__ == "GlobusSDKUsageError"
    assert recorder.requests == []


def test_low_level_methods_quote_paths_and_encode_bodies(recorder: Any, client: AuthClient) -> None:
    client.get("/a b/ü?", query_params={"q": "1 2"}, headers={"X-Mine": "yes"})
    client.post("v2/x", data={"a": "b c"}, encoding="form")
    client.put("/v2/x", data="words")
    client.delete(recorder.url + "/v2/whole")
    first, second, third, fourth = recorder.requests
    assert first.target == "/a%20b/%C3%BC%3F?q=1+2"
    assert first.headers["X-Mine"] == "yes"
    assert (second.path, second.body) == ("/v2/x", b"a=b+c")
    assert third.body == b"words"
    assert (fourth.method, fourth.path) == ("DELETE", "/v2/whole")


def test_user_agent_names_the_application(recorder: Any) -> None:
    with AuthClient(base_url=recorder.url, app_name="my-portal") as client:
        client.get_projects()
        assert client.app_name == "my-portal"
    agent = cast("str", recorder.requests[0].headers["User-Agent"])
    assert agent.startswith("globus-auth-reconciler/")
    assert agent.endswith(" my-portal")
