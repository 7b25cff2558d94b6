import base64
import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
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
