import base64
import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from reconciler.emulator import Emulator, Switches

MANAGE = "openid profile urn:globus:auth:scope:auth.globus.org:manage_projects"
Call = Callable[..., Any]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Emulator]]:
    """Start an emulator of its own with some switches."""
    with ExitStack() as stack:

        def start(name: str = "emulator.db", **switches: Any) -> Emulator:
            return stack.enter_context(Emulator(tmp_path / name, switches=Switches(**switches)))

        yield start


@pytest.fixture
def emulator(start: Callable[..., Emulator]) -> Emulator:
    return start()


@pytest.fixture
def caller() -> Callable[..., Call]:
    """Make a function that calls an emulator as somebody and checks the status of the answer."""

    def caller(emulator: Emulator, person: str | None = None, **options: Any) -> Call:
        if person is not None:
            options["headers"] = {"Authorization": f"Bearer {emulator.person_token(person)}"}

        def call(method: str, path: str, body: Any = None, *, status: int = 200, **more: Any) -> Any:
            answer = requests.request(method, emulator.base_url + path, json=body, timeout=30, **options, **more)
            assert answer.status_code == status, answer.text
            return answer.json()

        return call

    return caller


@pytest.fixture
def rosalind(emulator: Emulator, caller: Callable[..., Call]) -> Call:
    return caller(emulator, "rosalind@globusid.org")


@pytest.fixture
def barbara(emulator: Emulator, caller: Callable[..., Call]) -> Call:
    return caller(emulator, "barbara@globusid.org")


@pytest.fixture
def ada(emulator: Emulator, caller: Callable[..., Call]) -> Call:
    return caller(emulator, "ada@uni.example.org")


@pytest.fixture
def identity_of() -> Callable[[Call, str], str]:
    def identity_of(call: Call, username: str) -> str:
        found = call("GET", f"/v2/api/identities?usernames={username}")["identities"]
        return str(found[0]["id"])

    return identity_of


@pytest.fixture
def new_project() -> Callable[..., Any]:
    """Create a project that the caller administers."""

    def new_project(call: Call, **fields: Any) -> Any:
        wanted = {"display_name": "Genomics", "contact_email": "ops@example.edu", **fields}
        if not {"admin_ids", "admin_group_ids"} & set(fields):
            wanted["admin_ids"] = [call("GET", "/v2/oauth2/userinfo")["sub"]]
        return call("POST", "/v2/api/projects", {"project": wanted})["project"]

    return new_project


@pytest.fixture
def new_client(new_project: Callable[..., Any]) -> Callable[..., Any]:
    """Create a client, in a project of its own unless one is named."""

    def new_client(call: Call, **fields: Any) -> Any:
        wanted = {"name": "Portal", **fields}
        wanted.setdefault("project", None)
        wanted["project"] = wanted["project"] or new_project(call)["id"]
        if not {"client_type", "public_client"} & set(fields):
            wanted["client_type"] = "hybrid_confidential_client_resource_server"
        return call("POST", "/v2/api/clients", {"client": wanted})["client"]

    return new_client


@pytest.fixture
def new_scope() -> Callable[..., Any]:
    def new_scope(call: Call, client: str, suffix: str = "read", **fields: Any) -> Any:
        wanted = {"name": "Read", "description": "Read all", "scope_suffix": suffix, **fields}
        return call("POST", f"/v2/api/clients/{client}/scopes", {"scope": wanted})["scopes"][0]

    return new_scope


@pytest.fixture
def new_secret() -> Callable[..., Any]:
    def new_secret(call: Call, client: str, name: str = "Launch") -> Any:
        return call("POST", f"/v2/api/clients/{client}/credentials", {"credential": {"name": name}})["credential"]

    return new_secret


@pytest.fixture
def token_of() -> Callable[..., Any]:
    """Ask for a client's token; the answer is the whole response."""

    def token_of(emulator: Emulator, client: str, secret: str, scope: str = MANAGE, **form: str) -> requests.Response:
        data = {"grant_type": "client_credentials", "scope": scope, **form}
        return requests.post(f"{emulator.base_url}/v2/oauth2/token", auth=(client, secret), data=data, timeout=30)

    return token_of


@pytest.fixture
def login() -> Callable[..., Any]:
    """Log a person in with a code and PKCE; the answer is the response of the token endpoint."""

    def login(emulator: Emulator, client: Any, scope: str, **more: str) -> requests.Response:
        verifier = "v" * 43
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        ask = {
            "client_id": client["id"],
            "redirect_uri": client["redirect_uris"][0],
            "scope": scope,
            "state": "s&t",
            "response_type": "code",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "username": "ada@uni.example.org",
            "decision": "allow",
            **more,
        }
        url = f"{emulator.base_url}/v2/oauth2/authorize"
        back = requests.post(url, data=ask, timeout=30, allow_redirects=False)
        assert back.status_code == 302, back.text
        query = dict(parse_qsl(urlsplit(back.headers["Location"]).query))
        assert query["state"] == "s&t"
        form = {
            "grant_type": "authorization_code",
            "code": query["code"],
            "redirect_uri": ask["redirect_uri"],
            "client_id": client["id"],
            "code_verifier": verifier,
        }
        return requests.post(f"{emulator.base_url}/v2/oauth2/token", data=form, timeout=30)

    return login


@pytest.fixture
def application(rosalind: Call, new_client: Callable[..., Any]) -> Any:
    """Register a public client with an address to return to."""
    return new_client(rosalind, public_client=True, redirect_uris=["http://localhost:8000/callback?a=b"])


class Browser:
    """A browser as far as logins need one: it keeps cookies, reads the page, sends its form, takes the redirect."""

    verifier = "v" * 43

    def __init__(self, emulator: Emulator, client: Any) -> None:
        self.url, self.client = emulator.base_url, client
        self.cookies = requests.Session()

    def open(self, scope: str = "openid", **more: str | None) -> requests.Response:
        """Follow an application's link to the authorize endpoint."""
        hashed = hashlib.sha256(self.verifier.encode()).digest()
        asked = {
            "client_id": self.client["id"],
            "redirect_uri": self.client["redirect_uris"][0],
            "scope": scope,
            "response_type": "code",
            "code_challenge": base64.urlsafe_b64encode(hashed).decode().rstrip("="),
            "code_challenge_method": "S256",
            **more,
        }
        url = f"{self.url}/v2/oauth2/authorize"
        return self.cookies.get(url, params=asked, timeout=30, allow_redirects=False)

    def press(self, page: requests.Response, username: str, decision: str = "allow", **more: Any) -> requests.Response:
        """Send the form of a page."""
        assert page.status_code == 200, page.text
        fields = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page.text)
        form = {unescape(name): unescape(value) for name, value in fields}
        (action,) = re.findall(r'<form method="post" action="([^"]*)"', page.text)
        form |= {"username": username, "decision": decision, **more}
        return self.cookies.post(self.url + action, data=form, timeout=30, allow_redirects=False)

    def took(self, answer: requests.Response) -> dict[str, str]:
        """Return what the application got with the redirect."""
        assert answer.status_code == 302, answer.text
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))

    def exchange(self, answer: requests.Response) -> Any:
        """Return the tokens that the application got for the code of a redirect."""
        form = {
            "grant_type": "authorization_code",
            "code": self.took(answer)["code"],
            "redirect_uri": self.client["redirect_uris"][0],
            "client_id": self.client["id"],
            "code_verifier": self.verifier,
        }
        granted = requests.post(f"{self.url}/v2/oauth2/token", data=form, timeout=30)
        assert granted.status_code == 200, granted.text
        return granted.json()

    def log_in(self, username: str, scope: str = "openid", **more: Any) -> Any:
        """Log in on the page, consent, and return the tokens."""
        return self.exchange(self.press(self.open(scope, **more), username))


@pytest.fixture
def browse(caller: Callable[..., Call], new_client: Callable[..., Any]) -> Callable[..., Browser]:
    """Open a browser with links of a client, or of a public client that is registered for it."""

    def browse(emulator: Emulator, client: Any = None) -> Browser:
        if client is None:
            fields = {"public_client": True, "redirect_uris": ["https://app.example.edu/back"]}
            client = new_client(caller(emulator, "rosalind@globusid.org"), **fields)
        return Browser(emulator, client)

    return browse


@pytest.fixture
def browser(emulator: Emulator, application: Any) -> Browser:
    """Open a browser in which nobody has logged in, with links of a public client."""
    return Browser(emulator, application)


@pytest.fixture
def people_on() -> Callable[[requests.Response], list[str]]:
    """Read off a page whom one may choose."""
    return lambda page: re.findall(r"<option(?: selected)?>([^<]*)</option>", page.text)


@pytest.fixture
def clock(tmp_path: Path) -> Iterator[Callable[..., tuple[Emulator, list[float]]]]:
    """Start an emulator whose time stands in a list."""
    with ExitStack() as stack:

        def clock(**switches: Any) -> tuple[Emulator, list[float]]:
            now = [1_800_000_000.0]
            emulator = Emulator(tmp_path / "clock.db", switches=Switches(**switches), clock=lambda: now[0])
            return stack.enter_context(emulator), now

        yield clock
