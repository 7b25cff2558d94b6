import base64
import hashlib
import re
from collections.abc import Callable
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from reconciler.emulator import Emulator

Make = Callable[..., Any]
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # RFC 7636, appendix B
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CALLBACK = "http://localhost:8000/callback?a=b"


def request_for(client: Any, **changed: str | None) -> dict[str, str]:
    asked = {
        "client_id": client["id"],
        "redirect_uri": CALLBACK,
        "scope": "openid profile",
        "state": '"><script>',
        "response_type": "code",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changed,
    }
    return {name: value for name, value in asked.items() if value is not None}


def ask(emulator: Emulator, asked: dict[str, str]) -> requests.Response:
    url = f"{emulator.base_url}/v2/oauth2/authorize"
    return requests.get(url, params=asked, timeout=30, allow_redirects=False)


def came_back(answer: requests.Response) -> dict[str, str]:
    assert answer.status_code == 302, answer.text
    assert answer.headers["Location"].startswith("http://localhost:8000/callback?a=b&")
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def exchange(emulator: Emulator, client: Any, code: str, /, **changed: str) -> requests.Response:
    form = {
        "grant_type": "authorization_code",
        "client_id": client["id"],
        "code": code,
        "code_verifier": VERIFIER,
        "redirect_uri": CALLBACK,
    }
    return requests.post(f"{emulator.base_url}/v2/oauth2/token", data=form | changed, timeout=30)


@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_page_repeats_the_request_and_sends_the_person_back(
    emulator: Emulator, application: Any, decision: str
) -> None:
    page = ask(emulator, request_for(application))
    assert page.headers["Content-Type"].startswith("text/html")
    assert "<script>" not in page.text
    fields = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page.text)
    form = {unescape(name): unescape(value) for name, value in fields}
    assert form == request_for(application)
    assert "<option>ada@uni.example.org</option>" in page.text
    (action,) = re.findall(r'action="([^"]*)"', page.text)
    form |= {"username": "ada@uni.example.org", "decision": decision}
    back = came_back(requests.post(emulator.base_url + action, data=form, timeout=30, allow_redirects=False))
    assert back["state"] == '"><script>'
    if decision == "deny":
        assert back["error"] == "access_denied"
    else:
        assert exchange(emulator, application, back["code"]).status_code == 200


@pytest.mark.parametrize(
    ("hint", "name"),
    [
        ({}, "Rosalind Franklin"),
        ({"login_hint": "ada@uni.example.org"}, "Ada Lovelace"),
        ({"session_required_identities": "d1c4870c-fc05-58f4-9cdc-1628966479e7"}, "Dorothy Hodgkin"),
    ],
)
def test_switch_approves_without_a_page(
    start: Make, caller: Make, new_client: Make, hint: dict[str, str], name: str
) -> None:
    emulator = start(approve_without_asking=True)
    client = new_client(caller(emulator, "rosalind@globusid.org"), public_client=True, redirect_uris=[CALLBACK])
    back = came_back(ask(emulator, request_for(client, **hint)))
    token = exchange(emulator, client, back["code"]).json()["access_token"]
    call = caller(emulator, headers={"Authorization": f"Bearer {token}"})
    assert call("GET", "/v2/oauth2/userinfo")["name"] == name


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"scope": "urn:globus:auth:scope:nowhere:all"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
    ],
)
def test_wrong_request_is_told_to_the_application(
    emulator: Emulator, application: Any, changed: dict[str, Any], error: str
) -> None:
    back = came_back(ask(emulator, request_for(application, **changed)))
    assert (back["error"], back["state"]) == (error, '"><script>')


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "nobody"},
        {"client_id": None},
        {"redirect_uri": "https://evil.example"},
        {"redirect_uri": "http://[::1].evil.example"},
        {"redirect_uri": None},
    ],
)
def test_browser_is_never_sent_to_an_unregistered_address(
    emulator: Emulator, application: Any, changed: dict[str, Any]
) -> None:
    assert ask(emulator, request_for(application, **changed)).status_code == 400


@pytest.mark.parametrize("address", ["http://[", "http://localhost/\u00e9\u2028\r\nX: y"])
def test_strange_registered_address_is_never_a_500(start: Make, caller: Make, new_client: Make, address: str) -> None:
    emulator = start(approve_without_asking=True)
    client = new_client(caller(emulator, "rosalind@globusid.org"), public_client=True, redirect_uris=[address])
    answer = ask(emulator, request_for(client, redirect_uri=address))
    assert answer.status_code in (302, 400)
    assert "X" not in answer.headers


@pytest.mark.parametrize(
    "wrong", [{"code_verifier": "w" * 43}, {"redirect_uri": "http://localhost"}, {"code": "x"}, {"code_verifier": ""}]
)
def test_exchange_has_to_repeat_the_request_and_works_once(
    start: Make, caller: Make, new_client: Make, wrong: dict[str, str]
) -> None:
    emulator = start(approve_without_asking=True)
    client = new_client(caller(emulator, "rosalind@globusid.org"), public_client=True, redirect_uris=[CALLBACK])
    code = came_back(ask(emulator, request_for(client)))["code"]
    refused = exchange(emulator, client, code, **wrong)
    assert (refused.status_code, refused.json()) == (401, {"error": "invalid_grant"})
    assert exchange(emulator, client, code).status_code == 200
    again = exchange(emulator, client, code)
    assert (again.status_code, again.json()) == (401, {"error": "invalid_grant"})


def test_code_expires_and_belongs_to_its_client(tmp_path: Any, caller: Make, new_client: Make) -> None:
    now = [1_800_000_000.0]
    with Emulator(tmp_path / "emulator.db", clock=lambda: now[0]) as emulator:
        call = caller(emulator, "rosalind@globusid.org")
        client, other = (new_client(call, public_client=True, redirect_uris=[CALLBACK]) for _ in range(2))
        form = request_for(client, username="ada@uni.example.org", decision="allow")
        url = f"{emulator.base_url}/v2/oauth2/authorize"
        codes = [came_back(requests.post(url, data=form, timeout=30, allow_redirects=False))["code"] for _ in range(2)]
        assert exchange(emulator, other, codes[0]).status_code == 401
        now[0] += 599
        assert exchange(emulator, client, codes[0]).status_code == 200
        now[0] += 1
        assert exchange(emulator, client, codes[1]).status_code == 401


def test_private_client_needs_its_secret_but_no_challenge(
    emulator: Emulator, rosalind: Make, new_client: Make, new_secret: Make
) -> None:
    client = new_client(rosalind, redirect_uris=[CALLBACK])
    secret = new_secret(rosalind, client["id"])["secret"]
    asked = request_for(client, code_challenge=None, code_challenge_method=None)
    url = f"{emulator.base_url}/v2/oauth2/authorize"
    form = asked | {"username": "ada@uni.example.org", "decision": "allow"}
    code = came_back(requests.post(url, data=form, timeout=30, allow_redirects=False))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "client_id": client["id"]}
    token = f"{emulator.base_url}/v2/oauth2/token"
    assert requests.post(token, data=form, timeout=30).status_code == 401
    assert requests.post(token, data=form, auth=(client["id"], secret), timeout=30).status_code == 200


def test_program_without_an_address_uses_the_page_that_shows_the_code(emulator: Emulator, application: Any) -> None:
    address = f"{emulator.base_url}/v2/web/auth-code"
    assert ask(emulator, request_for(application, redirect_uri=address)).status_code == 200
    page = requests.get(address, params={"code": "<b>"}, timeout=30)
    assert "<code>&lt;b&gt;</code>" in page.text


def test_page_may_load_and_run_nothing(browser: Any) -> None:
    page = browser.open()
    policy = page.headers["Content-Security-Policy"].split("; ")
    (style,) = re.findall(r"<style>(.*?)</style>", page.text)
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == ["default-src 'none'", f"style-src 'sha256-{hashed}'", "base-uri 'none'", "frame-ancestors 'none'"]
    assert page.headers["Cache-Control"] == "no-store"
    assert "<script" not in page.text


def test_page_links_to_the_applications_terms_unless_they_are_no_page(
    emulator: Emulator, rosalind: Make, new_client: Make, browse: Make
) -> None:
    links = {"terms_and_conditions": "javascript:alert(1)", "privacy_policy": 'https://a.example/?"'}
    client = new_client(rosalind, public_client=True, redirect_uris=[CALLBACK], links=links)
    page = browse(emulator, client).open()
    assert '<a href="https://a.example/?&quot;" rel="noreferrer">' in page.text
    assert "javascript" not in page.text


def test_page_that_shows_the_code_shows_a_refusal_too(emulator: Emulator) -> None:
    page = requests.get(f"{emulator.base_url}/v2/web/auth-code", params={"error": "access_<denied>"}, timeout=30)
    assert "<code>access_&lt;denied&gt;</code>" in page.text
