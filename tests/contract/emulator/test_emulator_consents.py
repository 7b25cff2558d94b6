import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
import requests

from reconciler.emulator import Emulator
from reconciler.emulator.requested import Asked, base_scopes, parsed

Make = Callable[..., Any]
AUTH = "urn:globus:auth:scope:auth.globus.org:"
GROUPS = "urn:globus:auth:scope:groups.api.globus.org:view_my_groups_and_memberships"
GROUPS_ID = "73320ffe-4cb4-4b25-a0a3-83d53d59ce4f"
NEXUS = "urn:globus:auth:scope:nexus.api.globus.org:groups"
NEXUS_ID = "69a73d8f-cd45-4e37-bb3b-43678424aeb7"
TRANSFER = "urn:globus:auth:scope:transfer.api.globus.org:all"
TRANSFER_ID = "89ecabba-4acf-4e2e-a98d-ce592ccc2818"
ADA, ADA_ID = "ada@uni.example.org", "90fad974-a18c-5eeb-bdbe-29f154c75466"
DEPENDENT = "urn:globus:auth:grant_type:dependent_token"
SEEING = f"openid {AUTH}view_consents"


def dependent(identifier: str, *, optional: bool = False, refresh: bool = False) -> dict[str, Any]:
    return {"scope": identifier, "optional": optional, "requires_refresh_token": refresh}


@pytest.fixture
def service(rosalind: Make, new_client: Make, new_scope: Make, new_secret: Make) -> Any:
    """Register a service whose scope needs Groups and may use Nexus."""
    client = new_client(rosalind, visibility="public")["id"]
    scope = new_scope(rosalind, client, dependent_scopes=[dependent(GROUPS_ID), dependent(NEXUS_ID, optional=True)])
    return {"client": client, "auth": (client, new_secret(rosalind, client)["secret"]), "scope": scope}


@pytest.fixture
def consents(emulator: Emulator, caller: Make) -> Make:
    """List a person's consents with a token."""

    def consents(token: str, *, everything: bool = True, identity: str = ADA_ID, status: int = 200) -> Any:
        call = caller(emulator, headers={"Authorization": f"Bearer {token}"})
        answer = call("GET", f"/v2/api/identities/{identity}/consents?all={everything}", status=status)
        return answer["consents"] if status == 200 else answer

    return consents


@pytest.fixture
def exchanged(emulator: Emulator, service: Any) -> Make:
    """Exchange a token for the service's dependent tokens."""

    def exchanged(token: str, **form: str) -> requests.Response:
        data = {"grant_type": DEPENDENT, "token": token, **form}
        return requests.post(f"{emulator.base_url}/v2/oauth2/token", data=data, auth=service["auth"], timeout=30)

    return exchanged


def by_name(consents: Any) -> dict[str, Any]:
    return {one["scope_name"]: one for one in consents}


def test_consents_have_the_recorded_shape_and_hang_below_each_other(
    browser: Any, application: Any, service: Any, consents: Make
) -> None:
    scope = service["scope"]
    asked = f"{SEEING} {scope['scope_string']}"
    token = browser.log_in(ADA, asked, access_type="offline")["access_token"]
    found = by_name(consents(token))
    assert list(found) == ["openid", f"{AUTH}view_consents", scope["scope_string"], GROUPS]
    root, below = found[scope["scope_string"]], found[GROUPS]
    times = [dt.datetime.fromisoformat(below.pop(name)) for name in ("created", "updated", "last_used")]
    assert all(time.tzinfo is not None for time in times)
    assert below == {
        "id": below["id"],
        "client": service["client"],
        "scope": GROUPS_ID,
        "scope_name": GROUPS,
        "effective_identity": ADA_ID,
        "status": "approved",
        "allows_refresh": True,
        "auto_approved": False,
        "atomically_revocable": False,
        "dependency_path": [root["id"], below["id"]],
    }
    assert (root["client"], root["dependency_path"]) == (application["id"], [root["id"]])
    assert type(root["id"]) is int


def test_only_what_is_new_is_asked_for(
    browser: Any, emulator: Emulator, application: Any, service: Any, browse: Make
) -> None:
    browser.log_in(ADA, f"openid {GROUPS}")
    assert browser.open(GROUPS).status_code == 302
    assert browser.open(f"openid {TRANSFER}").status_code == 200
    assert browser.open(GROUPS, access_type="offline").status_code == 200
    browser.exchange(browser.press(browser.open(GROUPS, access_type="offline"), ADA))
    assert browser.open(GROUPS, access_type="offline").status_code == 302
    assert browser.open(GROUPS).status_code == 302
    other = browse(emulator, {**application, "id": service["client"]})
    other.cookies = browser.cookies
    assert other.open(GROUPS).status_code == 400


def test_denied_request_leaves_no_consent(browser: Any, consents: Make) -> None:
    back = browser.took(browser.press(browser.open(GROUPS, state="s"), ADA, "deny"))
    assert (back["error"], back["state"], "code" in back) == ("access_denied", "s", False)
    token = browser.log_in(ADA, SEEING)["access_token"]
    assert GROUPS not in by_name(consents(token))


def test_consents_are_asked_for_again_when_a_scope_needs_more(
    browser: Any, service: Any, rosalind: Make, exchanged: Make
) -> None:
    scope = service["scope"]
    token = browser.log_in(ADA, scope["scope_string"])["access_token"]
    more = {"scope": {"dependent_scopes": [dependent(GROUPS_ID), dependent(TRANSFER_ID)]}}
    rosalind("PUT", f"/v2/api/scopes/{scope['id']}", more)
    refused = exchanged(token)
    (error,) = refused.json()["errors"]
    assert (refused.status_code, error["code"], error["unapproved_scopes"]) == (
        403,
        "DEPENDENT_CONSENT_REQUIRED",
        [TRANSFER],
    )
    assert exchanged(token, scope=GROUPS).status_code == 200
    page = browser.open(scope["scope_string"])
    assert TRANSFER in page.text
    browser.exchange(browser.press(page, ADA))
    assert len(exchanged(token).json()) == 2


def test_optional_scope_is_an_offer(browser: Any, service: Any, exchanged: Make) -> None:
    scope = service["scope"]
    page = browser.open(scope["scope_string"])
    assert f'<input type="checkbox" name="optional" value="{scope["id"]} {NEXUS_ID}">' in page.text
    token = browser.exchange(browser.press(page, ADA))["access_token"]
    assert [one["scope"] for one in exchanged(token).json()] == [GROUPS]
    assert exchanged(token, scope=NEXUS).json()["errors"][0]["unapproved_scopes"] == [NEXUS]
    assert browser.open(scope["scope_string"]).status_code == 302
    page = browser.open(scope["scope_string"], prompt="login")
    browser.exchange(browser.press(page, ADA, optional=f"{scope['id']} {NEXUS_ID}"))
    assert {one["scope"] for one in exchanged(token).json()} == {GROUPS, NEXUS}


def test_optional_scope_in_brackets_is_part_of_the_request(
    browser: Any, service: Any, exchanged: Make, consents: Make
) -> None:
    asked = f"{service['scope']['scope_string']}[*{NEXUS}] {SEEING}"
    page = browser.open(asked)
    assert 'name="optional"' not in page.text
    granted = browser.exchange(browser.press(page, ADA))
    token = granted["other_tokens"][0]["access_token"]
    assert {one["scope"] for one in exchanged(token).json()} == {GROUPS, NEXUS}
    found = by_name(consents(granted["access_token"]))
    assert (found[NEXUS]["atomically_revocable"], found[GROUPS]["atomically_revocable"]) == (True, False)


def test_bracket_below_a_scope_of_globus_may_name_any_scope(browser: Any, service: Any, consents: Make) -> None:
    below = service["scope"]["scope_string"]
    token = browser.log_in(ADA, f"{SEEING} {TRANSFER}[{below}] {GROUPS}")["access_token"]
    found = by_name(consents(token))
    assert found[below]["dependency_path"] == [found[TRANSFER]["id"], found[below]["id"]]


def test_dependent_scope_that_needs_a_refresh_token_may_be_refreshed_of_an_online_login(
    browser: Any, service: Any, rosalind: Make, consents: Make
) -> None:
    scope = service["scope"]
    body = {"scope": {"dependent_scopes": [dependent(GROUPS_ID, refresh=True), dependent(TRANSFER_ID)]}}
    rosalind("PUT", f"/v2/api/scopes/{scope['id']}", body)
    token = browser.log_in(ADA, f"{SEEING} {scope['scope_string']}")["access_token"]
    refresh = {name: one["allows_refresh"] for name, one in by_name(consents(token)).items()}
    assert (refresh[GROUPS], refresh[TRANSFER], refresh[scope["scope_string"]]) == (True, False, False)


def test_scope_that_allows_no_refresh_token_gets_none(browser: Any, service: Any, rosalind: Make) -> None:
    scope = service["scope"]
    rosalind("PUT", f"/v2/api/scopes/{scope['id']}", {"scope": {"allows_refresh_token": False}})
    granted = browser.log_in(ADA, f"openid {scope['scope_string']}", access_type="offline")
    assert "refresh_token" in granted
    assert "refresh_token" not in granted["other_tokens"][0]


def test_switch_gives_dependent_refresh_tokens_only_where_the_consent_does(
    start: Make, caller: Make, new_client: Make, new_scope: Make, new_secret: Make, browse: Make
) -> None:
    emulator = start(dependent_refresh_needs_consent=True)
    call = caller(emulator, "rosalind@globusid.org")
    fields = {"public_client": True, "redirect_uris": ["https://app.example.edu/"]}
    application, client = new_client(call, **fields), new_client(call, visibility="public")["id"]
    scope = new_scope(call, client, dependent_scopes=[dependent(GROUPS_ID)])["scope_string"]
    auth = (client, new_secret(call, client)["secret"])
    for access, given in (("online", False), ("offline", True)):
        token = browse(emulator, application).log_in(ADA, scope, access_type=access)["access_token"]
        form = {"grant_type": DEPENDENT, "token": token, "access_type": "offline"}
        answer = requests.post(f"{emulator.base_url}/v2/oauth2/token", data=form, auth=auth, timeout=30)
        assert ("refresh_token" in answer.json()[0]) is given


def test_chain_of_services_is_consented_to_as_a_whole(
    browser: Any, emulator: Emulator, service: Any, rosalind: Make, new_client: Make
) -> None:
    front = new_client(rosalind, visibility="public")["id"]
    needs = {
        "name": "F",
        "description": "d",
        "scope_suffix": "f",
        "dependent_scopes": [dependent(service["scope"]["id"])],
    }
    scope = rosalind("POST", f"/v2/api/clients/{front}/scopes", {"scope": needs})["scopes"][0]["scope_string"]
    secret = rosalind("POST", f"/v2/api/clients/{front}/credentials", {"credential": {"name": "S"}})["credential"]
    token = browser.log_in(ADA, scope)["access_token"]
    url, form = f"{emulator.base_url}/v2/oauth2/token", {"grant_type": DEPENDENT, "token": token}
    (middle,) = requests.post(url, data=form, auth=(front, secret["secret"]), timeout=30).json()
    form["token"] = middle["access_token"]
    (last,) = requests.post(url, data=form, auth=service["auth"], timeout=30).json()
    assert (middle["scope"], last["scope"]) == (service["scope"]["scope_string"], GROUPS)


def test_circle_of_scopes_is_consented_to_once(browser: Any, service: Any, rosalind: Make, consents: Make) -> None:
    scope = service["scope"]
    body = {"scope": {"dependent_scopes": [dependent(scope["id"]), dependent(GROUPS_ID)]}}
    rosalind("PUT", f"/v2/api/scopes/{scope['id']}", body)
    token = browser.log_in(ADA, f"{SEEING} {scope['scope_string']}")["access_token"]
    assert len(consents(token)) == 4


def test_own_consents_are_listed_and_those_to_the_calling_client_unless_all_are_wanted(
    browser: Any, emulator: Emulator, rosalind: Make, new_client: Make, browse: Make, consents: Make
) -> None:
    other = new_client(rosalind, public_client=True, redirect_uris=["https://other.example.edu/"])
    browse(emulator, other).log_in(ADA, GROUPS)
    token = browser.log_in(ADA, SEEING)["access_token"]
    assert {one["client"] for one in consents(token)} == {browser.client["id"], other["id"]}
    assert {one["client"] for one in consents(token, everything=False)} == {browser.client["id"]}
    plain = browser.exchange(browser.open("openid"))["access_token"]
    assert len(consents(plain, everything=False)) == 2
    consents(plain, status=403)
    consents(token, identity="bf343d4f-ffd7-5990-ba1c-5c0d84132398", status=403)
    url = f"{emulator.base_url}/v2/api/identities/{ADA_ID}/consents"
    assert requests.get(url, timeout=30).status_code == 401


@pytest.mark.parametrize("path", ["scopes/{scope[id]}", "clients/{client}"])
def test_deleted_scope_or_its_client_takes_the_consents_to_it_along(
    browser: Any, service: Any, consents: Make, rosalind: Make, path: str
) -> None:
    asked = f"{SEEING} {service['scope']['scope_string']}"
    token = browser.log_in(ADA, asked)["access_token"]
    assert len(consents(token)) == 4
    rosalind("DELETE", "/v2/api/" + path.format(**service))
    assert list(by_name(consents(token))) == ["openid", f"{AUTH}view_consents"]


def test_deleted_application_takes_the_consents_to_it_along(
    browser: Any, emulator: Emulator, rosalind: Make, new_client: Make, browse: Make, consents: Make
) -> None:
    other = new_client(rosalind, public_client=True, redirect_uris=["https://other.example.edu/"])
    browse(emulator, other).log_in(ADA, GROUPS)
    token = browser.log_in(ADA, SEEING)["access_token"]
    rosalind("DELETE", f"/v2/api/clients/{other['id']}")
    assert GROUPS not in by_name(consents(token))


def test_use_of_a_consent_is_noted(clock: Make, caller: Make, browse: Make) -> None:
    emulator, now = clock()
    browser = browse(emulator)
    browser.log_in(ADA, SEEING)
    now[0] += 60
    token = browser.exchange(browser.open(SEEING))["access_token"]
    call = caller(emulator, headers={"Authorization": f"Bearer {token}"})
    for one in call("GET", f"/v2/api/identities/{ADA_ID}/consents")["consents"]:
        created, used = (dt.datetime.fromisoformat(one[name]) for name in ("created", "last_used"))
        assert (used - created).total_seconds() == 60


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a  b a", (Asked("a"), Asked("b"), Asked("a"))),
        ("a[b *c[d]] *e", (Asked("a", (Asked("b"), Asked("c", (Asked("d"),), revocable=True))), Asked("e", (), True))),
        ("a [b", (Asked("a", (Asked("b"),)),)),
        ("]] a ] [", (Asked("a"),)),
        ("[a] *", ()),
        ("", ()),
    ],
)
def test_scopes_of_a_request_are_read_with_their_brackets(text: str, read: tuple[Asked, ...]) -> None:
    assert parsed(text) == read


def test_deep_brackets_are_read_without_harm() -> None:
    assert base_scopes("a[" * 20_000) == ["a"]
