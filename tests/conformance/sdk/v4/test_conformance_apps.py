import threading
from collections.abc import Callable
from pathlib import Path

import globus_sdk
import pytest
from globus_sdk import GlobusAppConfig, gare
from globus_sdk.gare import GlobusAuthorizationParameters
from globus_sdk.login_flows import (
    CommandLineLoginFlowManager,
    LocalServerLoginError,
    LocalServerLoginFlowManager,
)
from globus_sdk.scopes import AuthScopes, TransferScopes
from globus_sdk.token_storage import TokenValidationError

from tests.conformance.browser import Browser
from tests.conformance.conftest import Service
from tests.conformance.sdk.conftest import CALLBACK

AUTH = "auth.globus.org"
TRANSFER = "transfer.api.globus.org"
TWO_DAYS = 172800
ROSALIND = "rosalind@globusid.org"
SitDown = Callable[[Browser], list[str]]


def test_client_app_gets_tokens_by_itself(service: Service) -> None:
    app = globus_sdk.ClientApp("conformance", client_id=service.client_id, client_secret=service.client_secret)
    client = globus_sdk.AuthClient(app=app, app_scopes=[AuthScopes.manage_projects])
    client.get_projects()
    assert not app.login_required()
    assert app.get_client_retry_checks() == []
    service.called()
    app.login()
    assert service.called() == []
    app.login(force=True)
    assert [path for _, path, _ in service.called()] == ["/v2/oauth2/token"]
    token = app.get_authorizer(AUTH).get_authorization_header()
    app.logout()
    assert token != app.get_authorizer(AUTH).get_authorization_header()
    app.close()


def test_client_app_asks_for_what_clients_need(service: Service) -> None:
    config = GlobusAppConfig(token_storage="memory")
    with globus_sdk.ClientApp(
        "conformance", client_id=service.client_id, client_secret=service.client_secret, config=config
    ) as app:
        client = globus_sdk.AuthClient()
        client.attach_globus_app(app, [AuthScopes.openid])
        with pytest.raises(globus_sdk.AuthAPIError) as refused:
            client.get_projects()
        assert refused.value.http_status == 403
        client.add_app_scope(AuthScopes.manage_projects)
        client.get_projects()
        app.add_scope_requirements({TRANSFER: TransferScopes.all})
        assert set(app.scope_requirements) == {AUTH, TRANSFER}
        app.login(force=True)
        assert app.token_storage.get_token_data(TRANSFER).scope == str(TransferScopes.all)


def test_client_app_renews_an_expired_token(serve: Callable[..., Service], use: Callable[[Service], None]) -> None:
    own = serve()
    use(own)
    app = globus_sdk.ClientApp("conformance", client_id=own.client_id, client_secret=own.client_secret)
    client = globus_sdk.AuthClient(app=app, app_scopes=[AuthScopes.manage_projects])
    client.get_projects()
    own.called()
    own.advance(TWO_DAYS + 60)
    client.get_projects()
    assert [status for _, path, status in own.called() if path == "/v2/api/projects"] == [401, 200]


def test_user_app_asks_at_the_prompt(
    service: Service, native: globus_sdk.NativeAppAuthClient, home: Path, ada: Browser, sit_down: SitDown
) -> None:
    asked = sit_down(ada)
    config = GlobusAppConfig(request_refresh_tokens=True)
    app = globus_sdk.UserApp("conformance", login_client=native, config=config)
    assert app.login_required()
    client = globus_sdk.AuthClient(app=app)
    assert client.userinfo()["email"] == "ada@uni.example.org"
    assert len(asked) == 1
    assert list(home.rglob("tokens.json"))

    later = globus_sdk.UserApp("conformance", client_id=native.client_id, config=config)
    assert globus_sdk.AuthClient(app=later).userinfo()["email"] == "ada@uni.example.org"
    assert len(asked) == 1
    kept = later.token_storage.get_token_data(AUTH)
    service.called()
    later.logout(sweep=True)
    assert [path for _, path, _ in service.called()] == ["/v2/oauth2/token/revoke"] * 2
    assert later.login_required()
    with pytest.raises(globus_sdk.AuthAPIError):
        native.oauth2_refresh_token(str(kept.refresh_token))


def test_user_app_of_a_confidential_client(
    portal: globus_sdk.ConfidentialAppAuthClient, ada: Browser, sit_down: SitDown
) -> None:
    sit_down(ada)
    config = GlobusAppConfig(login_redirect_uri=CALLBACK, token_storage="memory")
    app = globus_sdk.UserApp("conformance", login_client=portal, config=config)
    assert globus_sdk.AuthClient(app=app).userinfo()["email"] == "ada@uni.example.org"


def test_user_app_waits_for_the_browser(
    native: globus_sdk.NativeAppAuthClient, ada: Browser, desktop: Callable[[Browser], None]
) -> None:
    desktop(ada)
    config = GlobusAppConfig(login_flow_manager="local-server", token_storage="memory")
    app = globus_sdk.UserApp("conformance", login_client=native, config=config)
    app.login()
    assert globus_sdk.AuthClient(app=app).userinfo()["email"] == "ada@uni.example.org"
    assert not app.login_required()
    assert app.get_client_retry_checks() == []
    app.close()


def test_user_app_refuses_another_person(
    native: globus_sdk.NativeAppAuthClient, ada: Browser, rosalind: Browser, sit_down: SitDown
) -> None:
    app = globus_sdk.UserApp("conformance", login_client=native, config=GlobusAppConfig(token_storage="memory"))
    sit_down(ada)
    app.login()
    sit_down(rosalind)
    with pytest.raises(TokenValidationError, match="identity"):
        app.login(force=True)


def test_user_app_asks_for_more_scopes(native: globus_sdk.NativeAppAuthClient, ada: Browser, sit_down: SitDown) -> None:
    asked = sit_down(ada)
    app = globus_sdk.UserApp("conformance", login_client=native, config=GlobusAppConfig(token_storage="memory"))
    app.login()
    app.add_scope_requirements({TRANSFER: TransferScopes.all})
    assert set(app.scope_requirements) == {AUTH, TRANSFER}
    assert app.get_authorizer(TRANSFER).get_authorization_header()
    assert len(asked) == 2


def test_login_flow_of_the_command_line(
    native: globus_sdk.NativeAppAuthClient,
    ada: Browser,
    sit_down: SitDown,
) -> None:
    asked = sit_down(ada)
    manager = CommandLineLoginFlowManager.for_globus_app("conformance", native, GlobusAppConfig())
    wanted = GlobusAuthorizationParameters(required_scopes=["openid"], session_message="Once more", prompt="login")
    assert manager.run_login_flow(wanted)["scope"] == "openid"
    assert any("Once more" in page for page in ada.read)
    native.oauth2_start_flow("openid", redirect_uri=manager.redirect_uri)
    address = native.oauth2_get_authorize_url()
    manager.print_authorize_url(address)
    code = manager.prompt_for_code()
    assert asked[-1] == address
    assert native.oauth2_exchange_code_for_tokens(code)["scope"] == "openid"


def test_login_flow_of_the_local_server(
    native: globus_sdk.NativeAppAuthClient, ada: Browser, desktop: Callable[[Browser], None]
) -> None:
    desktop(ada)
    manager = LocalServerLoginFlowManager.for_globus_app("conformance", native, GlobusAppConfig())
    wanted = GlobusAuthorizationParameters(required_scopes=["openid"])
    assert manager.run_login_flow(wanted)["scope"] == "openid"


def test_local_server_hears_of_a_refusal(native: globus_sdk.NativeAppAuthClient) -> None:
    manager = LocalServerLoginFlowManager(native)
    with manager.background_local_server() as server:
        host, port = server.socket.getsockname()
        native.oauth2_start_flow("openid", redirect_uri=f"http://{host}:{port}")
        person = Browser("ada@uni.example.org", decision="deny")
        visit = threading.Thread(target=person.visit, args=(native.oauth2_get_authorize_url(),))
        visit.start()
        heard = server.wait_for_code()
        visit.join()
    assert isinstance(heard, LocalServerLoginError)
    assert "access_denied" in str(heard)


@pytest.fixture
def stale(
    serve: Callable[..., Service], use: Callable[[Service], None]
) -> tuple[Service, globus_sdk.NativeAppAuthClient, str]:
    """Have an emulator whose clock is behind, so that a login of now is soon too old; a native client, a project."""
    own = serve()
    use(own)
    login = globus_sdk.ConfidentialAppAuthClient(own.client_id, own.client_secret)
    authorizer = globus_sdk.ClientCredentialsAuthorizer(login, AuthScopes.manage_projects)
    admin = globus_sdk.AuthClient(authorizer=authorizer)
    (person,) = admin.get_identities(usernames=ROSALIND)
    made = admin.create_project("Gated", "ops@example.edu", admin_ids=[own.client_id, person["id"]])["project"]
    client = admin.create_client("Native", made["id"], public_client=True, visibility="public")["client"]
    own.advance(-3600)
    return own, globus_sdk.NativeAppAuthClient(client["id"]), made["id"]


def test_gate_is_a_gare(
    stale: tuple[Service, globus_sdk.NativeAppAuthClient, str], rosalind: Browser, sit_down: SitDown
) -> None:
    own, native, project = stale
    asked = sit_down(rosalind)
    app = globus_sdk.UserApp("conformance", login_client=native, config=GlobusAppConfig(token_storage="memory"))
    client = globus_sdk.AuthClient(app=app, app_scopes=[AuthScopes.manage_projects])
    client.update_project(project, display_name="Gated 2")
    own.advance(3600)
    assert client.get_project(project)["project"]["display_name"] == "Gated 2"
    with pytest.raises(globus_sdk.AuthAPIError) as refused:
        client.update_project(project, display_name="Gated 3")
    error = refused.value
    assert (error.http_status, error.code) == (403, "FORBIDDEN")
    assert "in session within the last 30 minutes" in str(error.message)
    parameters = error.info.authorization_parameters
    assert parameters.session_required_policies == ["5f2a2ac1-6f1b-5f5e-9a3e-6d2f3c3b7a10"]
    assert gare.is_gare(error)
    assert gare.has_gares([error])
    (found,) = gare.to_gares([error])
    first = gare.to_gare(error)
    assert first is not None
    assert first.authorization_parameters.session_required_policies == parameters.session_required_policies
    assert found.to_dict() == first.to_dict()

    app.login(auth_params=first.authorization_parameters)
    client.update_project(project, display_name="Gated 3")
    assert client.get_project(project)["project"]["display_name"] == "Gated 3"
    assert len(asked) == 2
    assert "session_required_policies" in asked[1]


def test_app_redrives_the_gate(
    stale: tuple[Service, globus_sdk.NativeAppAuthClient, str], rosalind: Browser, sit_down: SitDown
) -> None:
    own, native, project = stale
    asked = sit_down(rosalind)
    config = GlobusAppConfig(token_storage="memory", auto_redrive_gares=True)
    app = globus_sdk.UserApp("conformance", login_client=native, config=config)
    assert len(app.get_client_retry_checks()) == 1
    client = globus_sdk.AuthClient(app=app, app_scopes=[AuthScopes.manage_projects])
    client.update_project(project, display_name="Gated 2")
    own.advance(3600)
    own.called()
    changed = client.update_project(project, display_name="Gated 3")
    assert changed["project"]["display_name"] == "Gated 3"
    assert [status for method, _, status in own.called() if method == "PUT"] == [403, 200]
    assert len(asked) == 2


def test_expired_token_is_refreshed(
    serve: Callable[..., Service], use: Callable[[Service], None], ada: Browser, sit_down: SitDown
) -> None:
    own = serve()
    use(own)
    login = globus_sdk.ConfidentialAppAuthClient(own.client_id, own.client_secret)
    authorizer = globus_sdk.ClientCredentialsAuthorizer(login, AuthScopes.manage_projects)
    admin = globus_sdk.AuthClient(authorizer=authorizer)
    made = admin.create_project("Any", "ops@example.edu", admin_ids=[own.client_id])["project"]
    client = admin.create_client("Native", made["id"], public_client=True)["client"]
    asked = sit_down(ada)
    config = GlobusAppConfig(token_storage="memory", request_refresh_tokens=True)
    app = globus_sdk.UserApp("conformance", client_id=client["id"], config=config)
    service = globus_sdk.AuthClient(app=app)
    service.userinfo()
    own.advance(TWO_DAYS + 60)
    own.called()
    assert service.userinfo()["email"] == "ada@uni.example.org"
    assert [(path, status) for _, path, status in own.called()] == [
        ("/v2/oauth2/userinfo", 401),
        ("/v2/oauth2/token", 200),
        ("/v2/oauth2/userinfo", 200),
    ]
    assert len(asked) == 1
