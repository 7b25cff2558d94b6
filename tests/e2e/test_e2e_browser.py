"""A real browser, without JavaScript, logs in on the emulator's page and lands at a real application with a code."""

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from reconciler.auth import AccessTokenAuthorizer, AuthClient, NativeAppAuthClient, OAuthTokenResponse
from reconciler.emulator import Emulator

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--window-size=900,1100",
)
ADA, CARL = "ada@uni.example.org", "carl@example.edu"
TRANSFER = "urn:globus:auth:scope:transfer.api.globus.org:all"


@dataclass
class Application:
    """A native application: its client, its web server for the redirect, and what arrived there."""

    url: str
    client: NativeAppAuthClient
    arrived: list[dict[str, list[str]]] = field(default_factory=list)

    def link(self, *scopes: str, **more: str) -> str:
        self.client.oauth2_start_flow(list(scopes), redirect_uri=self.url, state="s&t", prefill_named_grant="My laptop")
        return self.client.oauth2_get_authorize_url(query_params=more)

    def tokens(self) -> OAuthTokenResponse:
        """Exchange the code of what arrived last."""
        assert self.arrived[-1]["state"] == ["s&t"]
        return self.client.oauth2_exchange_code_for_tokens(self.arrived[-1]["code"][0])


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Emulator]:
    with Emulator(tmp_path / "world.db") as emulator:
        yield emulator


@pytest.fixture
def application(served: Emulator) -> Iterator[Application]:
    arrived: list[dict[str, list[str]]] = []

    class Redirect(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/back"):
                arrived.append(parse_qs(urlsplit(self.path).query))
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<title>Back in the application</title>")

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("localhost", 0), Redirect) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://localhost:{server.server_port}/back"
        person = AccessTokenAuthorizer(served.person_token("rosalind@globusid.org"))
        with AuthClient(base_url=served.base_url, authorizer=person) as auth:
            me = auth.userinfo()["sub"]
            project = auth.create_project("Mine", "me@example.org", admin_ids=me)["project"]["id"]
            made = auth.create_client("Genome viewer", project, public_client=True, redirect_uris=[url])
        with NativeAppAuthClient(made["client"]["id"], base_url=served.base_url) as client:
            yield Application(url, client, arrived)
        server.shutdown()


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[Chrome]:
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.fail("There is no chromium or no chromedriver: apt-get install chromium chromium-driver (.ci/run does)")
    options = ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with Chrome(options=options, service=ChromeService(driver)) as chrome:
        chrome.set_page_load_timeout(60)
        yield chrome
        complaints = [entry["message"] for entry in chrome.get_log("browser") if "favicon" not in entry["message"]]  # type: ignore[no-untyped-call]
        assert complaints == []


@pytest.fixture
def press(chromium: Chrome) -> Callable[..., None]:
    """Choose a person, press a button with the keyboard, and wait for the next page."""

    def press(button: str, person: str | None = None) -> None:
        if person is not None:
            Select(chromium.find_element(By.ID, "username")).select_by_visible_text(person)
        old = chromium.find_element(By.TAG_NAME, "html")
        chromium.find_element(By.XPATH, f"//button[text()='{button}']").send_keys(Keys.ENTER)
        WebDriverWait(chromium, 60).until(lambda _: _is_gone(old))

    return press


def _is_gone(element: WebElement) -> bool:
    try:
        element.is_enabled()
    except Exception:  # noqa: BLE001 - the driver has several words for it
        return True
    return False


def test_login_and_consent_lead_back_with_a_code_that_buys_tokens(
    chromium: Chrome, press: Callable[..., None], application: Application, served: Emulator
) -> None:
    chromium.get(application.link("openid", "profile", TRANSFER))
    assert chromium.title == "Genome viewer asks for access"
    assert TRANSFER in chromium.find_element(By.TAG_NAME, "main").text
    press("Allow", ADA)
    assert chromium.title == "Back in the application"
    tokens = application.tokens()
    assert set(tokens.by_resource_server) == {"auth.globus.org", "transfer.api.globus.org"}
    token = tokens.by_resource_server["auth.globus.org"]["access_token"]
    with AuthClient(base_url=served.base_url, authorizer=AccessTokenAuthorizer(token)) as auth:
        assert auth.userinfo()["preferred_username"] == ADA


def test_second_login_asks_nothing_and_prompt_login_asks_again(
    chromium: Chrome, press: Callable[..., None], application: Application
) -> None:
    chromium.get(application.link("openid"))
    press("Allow", CARL)
    first = application.tokens().decode_id_token()
    chromium.get(application.link("openid"))
    assert chromium.title == "Back in the application"
    second = application.tokens().decode_id_token()
    assert (second["sub"], second["auth_time"]) == (first["sub"], first["auth_time"])
    chromium.get(application.link("openid", prompt="login"))
    assert chromium.title == "Genome viewer asks for access"
    press("Allow", ADA)
    assert application.tokens().decode_id_token()["sub"] != first["sub"]
    assert len(application.arrived) == 3


def test_denial_leads_back_with_an_error(
    chromium: Chrome, press: Callable[..., None], application: Application
) -> None:
    chromium.get(application.link("openid"))
    press("Deny")
    assert application.arrived == [{"error": ["access_denied"], "state": ["s&t"]}]


def test_page_can_be_used_with_a_screen_reader(
    chromium: Chrome, press: Callable[..., None], application: Application
) -> None:
    link = application.link("openid", session_required_mfa="true", session_message="A second factor, please.")
    chromium.get(link)
    assert chromium.find_element(By.TAG_NAME, "html").get_attribute("lang") == "en"
    controls = chromium.find_elements(By.CSS_SELECTOR, "select, button, input:not([type=hidden])")
    assert [(one.aria_role, one.accessible_name) for one in controls] == [
        ("combobox", "Identity"),
        ("checkbox", "with a second factor"),
        ("textbox", "A name by which you will know this consent"),
        ("button", "Allow"),
        ("button", "Deny"),
    ]
    assert controls[2].get_attribute("value") == "My laptop"
    press("Allow", ADA)
    assert chromium.find_element(By.CSS_SELECTOR, "[role=alert]").text == "Log in with a second factor."
