import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from reconciler.emulator import Emulator

Make = Callable[..., Any]
MANAGE = "urn:globus:auth:scope:auth.globus.org:manage_projects"
ADA, CARL, DOROTHY = "ada@uni.example.org", "carl@example.edu", "dorothy@example.edu"
ROSALIND = "rosalind@globusid.org"
CALLBACK = "https://app.example.edu/back"
UNIVERSITY = "a056e361-027d-5806-a324-a4d1b68c7221"


def logins(emulator: Emulator, token: str) -> Any:
    auth = (emulator.client_id, emulator.client_secret)
    form = {"token": token, "include": "session_info"}
    told = requests.post(f"{emulator.base_url}/v2/oauth2/token/introspect", data=form, auth=auth, timeout=30).json()
    return {identity: one["auth_time"] for identity, one in told["session_info"]["authentications"].items()}


def test_second_login_in_a_browser_asks_nothing_and_keeps_the_time_of_the_first(
    clock: Make, caller: Make, browse: Make
) -> None:
    emulator, now = clock()
    browser = browse(emulator)
    first = browser.log_in(ADA)
    now[0] += 3600
    second = browser.exchange(browser.open())
    assert logins(emulator, first["access_token"]) == logins(emulator, second["access_token"])
    call = caller(emulator, headers={"Authorization": f"Bearer {second['access_token']}"})
    assert call("GET", "/v2/oauth2/userinfo")["last_authentication"] == 1_800_000_000


def test_prompt_login_asks_who_has_consented_and_logged_in_already(clock: Make, browse: Make) -> None:
    emulator, now = clock()
    browser = browse(emulator)
    browser.log_in(ADA)
    now[0] += 60
    token = browser.log_in(ADA, prompt="login")["access_token"]
    assert list(logins(emulator, token).values()) == [1_800_000_060]


def test_browser_forgets_a_login_after_a_day_and_at_once_when_it_logs_out(clock: Make, browse: Make) -> None:
    emulator, now = clock()
    browser = browse(emulator)
    browser.log_in(ADA)
    now[0] += 86_399
    assert browser.open().status_code == 302
    now[0] += 1
    assert browser.open().status_code == 200
    browser.log_in(ADA)
    assert browser.open().status_code == 302
    page = browser.cookies.get(f"{emulator.base_url}/v2/web/logout", timeout=30)
    assert "Logged out" in page.text
    assert browser.open().status_code == 200


def test_cookie_is_for_this_server_only_and_not_in_the_file(browser: Any, tmp_path: Path) -> None:
    answer = browser.press(browser.open(), ADA)
    name, _, rest = answer.headers["Set-Cookie"].partition("=")
    value, *attributes = rest.split("; ")
    assert {"HttpOnly", "SameSite=Lax", "Path=/v2"} <= set(attributes)
    with closing(sqlite3.connect(tmp_path / "emulator.db")) as connection:
        dump = "\n".join(connection.iterdump())
    assert value not in dump
    stolen = requests.Session()
    stolen.cookies.set(name, value + "x", domain="127.0.0.1")
    browser.cookies = stolen
    assert browser.open().status_code == 200


def test_strange_cookies_are_no_login(browser: Any) -> None:
    name = browser.press(browser.open(), ADA).headers["Set-Cookie"].partition("=")[0]
    browser.cookies = requests.Session()
    for cookie in (name, f"{name}=", "=;;,\u00e9", f"a b=c; {name}=x"):
        browser.cookies.headers["Cookie"] = cookie.encode("latin-1")
        assert browser.open().status_code == 200


def test_login_is_found_among_the_cookies_of_others(browser: Any) -> None:
    cookie = browser.press(browser.open(), ADA).headers["Set-Cookie"].partition(";")[0]
    browser.cookies = requests.Session()
    browser.cookies.headers["Cookie"] = f'theme={{"a": [1, 2]}}; b c; {cookie}; d='
    assert browser.open().status_code == 302


def test_hint_chooses_among_those_in_session(browser: Any, emulator: Emulator, people_on: Make, caller: Make) -> None:
    browser.log_in(ADA)
    page = browser.open(login_hint=CARL)
    assert f"<option selected>{CARL}</option>" in page.text
    assert people_on(page)[0] == ADA
    token = browser.exchange(browser.open(login_hint=ADA))["access_token"]
    call = caller(emulator, headers={"Authorization": f"Bearer {token}"})
    assert call("GET", "/v2/oauth2/userinfo")["identity_set"][0]["username"] == ADA
    assert browser.open(login_hint="nobody@example.edu").status_code == 302


def test_other_person_takes_over_the_browser_unless_the_two_are_linked(
    browser: Any, emulator: Emulator, application: Any, browse: Make, caller: Make
) -> None:
    browser.log_in(ADA)
    token = browser.exchange(browser.press(browser.open(prompt="login"), CARL))["access_token"]
    assert len(logins(emulator, token)) == 1
    page = browser.open(prompt="login")
    assert f"and keep {CARL} in session" in page.text
    token = browser.exchange(browser.press(page, ADA, link="true"))["access_token"]
    assert len(logins(emulator, token)) == 2
    told = caller(emulator, headers={"Authorization": f"Bearer {token}"})("GET", "/v2/oauth2/userinfo")
    assert [one["username"] for one in told["identity_set"]] == [ADA, CARL]
    other = browse(emulator, application)
    other.log_in(CARL)
    token = other.exchange(other.press(other.open(prompt="login"), ADA))["access_token"]
    assert len(logins(emulator, token)) == 2


def test_write_works_again_after_the_login_that_its_refusal_asks_for(clock: Make, caller: Make, browse: Make) -> None:
    emulator, now = clock()
    browser = browse(emulator)
    old = browser.log_in(ROSALIND, f"openid {MANAGE}")["access_token"]
    now[0] += 1801
    body = {"project": {"display_name": "A", "contact_email": "a", "admin_ids": [browser.client["id"]]}}
    write = ("POST", "/v2/api/projects", body)
    call = caller(emulator, headers={"Authorization": f"Bearer {old}"})
    needed = call(*write, status=403)["authorization_parameters"]
    # Without them the browser's session would do, and buy nothing.
    stale = browser.exchange(browser.open(f"openid {MANAGE}"))["access_token"]
    caller(emulator, headers={"Authorization": f"Bearer {stale}"})(*write, status=403)
    policies = ",".join(needed["session_required_policies"])
    page = browser.open(
        f"openid {MANAGE}", session_required_policies=policies, session_message=needed["session_message"]
    )
    assert needed["session_message"] in page.text
    fresh = browser.exchange(browser.press(page, ROSALIND))["access_token"]
    caller(emulator, headers={"Authorization": f"Bearer {fresh}"})(*write)
    # The session of a token is that of its grant, whatever the browser does later.
    call(*write, status=403)


def test_message_of_an_application_is_text(browser: Any) -> None:
    page = browser.open(session_message="<b>&", prefill_named_grant='"><i>')
    assert '<p class="message">&lt;b&gt;&amp;</p>' in page.text
    assert 'value="&quot;&gt;&lt;i&gt;"' in page.text


def test_required_identities_must_all_be_in_session(browser: Any, emulator: Emulator, people_on: Make) -> None:
    assert people_on(browser.open(session_required_identities=CARL)) == [CARL]
    page = browser.open(session_required_identities=f"{CARL},{ADA}")
    assert "Nobody can meet what is asked for." in page.text
    browser.log_in(CARL)
    browser.exchange(browser.press(browser.open(prompt="login"), ADA, link="true"))
    browser.cookies = requests.Session()
    page = browser.open(session_required_identities=f"{CARL},{ADA}")
    assert set(people_on(page)) == {CARL, ADA}
    page = browser.press(page, CARL)
    assert f"Log in as {ADA}." in page.text
    assert len(logins(emulator, browser.exchange(browser.press(page, ADA))["access_token"])) == 2


def test_switch_lets_any_of_the_required_identities_do(start: Make, browse: Make) -> None:
    emulator = start(session_required_identities="any")
    browser = browse(emulator)
    assert browser.log_in(CARL, session_required_identities=f"{CARL},{ADA}")


def test_required_domain_limits_who_may_log_in(browser: Any, people_on: Make) -> None:
    browser.log_in(ADA)
    page = browser.open(session_required_single_domain="example.edu, other.example")
    assert people_on(page) == [CARL, DOROTHY]
    refused = browser.press(page, ADA)
    assert (refused.status_code, "Log in with an identity of example.edu or other.example." in refused.text) == (
        200,
        True,
    )
    assert "code" in browser.took(browser.press(page, CARL))


def test_second_factor_is_asked_for_and_remembered(browser: Any) -> None:
    browser.log_in(ADA)
    page = browser.open(session_required_mfa="True")
    page = browser.press(page, ADA)
    assert "Log in with a second factor." in page.text
    assert "code" in browser.took(browser.press(page, ADA, mfa="true"))
    assert browser.open(session_required_mfa="True").status_code == 302


@pytest.fixture
def policy(rosalind: Make, new_project: Make) -> Make:
    def policy(**fields: Any) -> str:
        wanted = {"project_id": new_project(rosalind)["id"], "display_name": "P", "description": "d", **fields}
        return str(rosalind("POST", "/v2/api/policies", {"policy": wanted})["policy"]["id"])

    return policy


@pytest.mark.parametrize(
    ("fields", "fitting"),
    [
        ({}, 5),
        ({"domain_constraints_include": ["Example.edu"]}, 2),
        ({"domain_constraints_exclude": ["example.edu"]}, 3),
        ({"domain_constraints_include": ["example.edu"], "domain_constraints_exclude": ["example.edu"]}, 0),
        ({"domain_constraints_include": ["example.edu"], "high_assurance": True}, 2),
    ],
)
def test_policy_limits_the_domains(browser: Any, people_on: Make, policy: Make, fields: Any, fitting: int) -> None:
    page = browser.open(session_required_policies=policy(**fields))
    assert len(people_on(page)) == fitting


def test_policy_of_high_assurance_limits_age_and_factor_of_the_login(
    clock: Make, caller: Make, new_client: Make, new_project: Make, browse: Make
) -> None:
    emulator, now = clock()
    rosalind = caller(emulator, ROSALIND)
    project = new_project(rosalind)["id"]
    client = new_client(rosalind, project=project, public_client=True, redirect_uris=[CALLBACK])

    def policy(**fields: Any) -> str:
        wanted = {"project_id": project, "display_name": "Strict", "description": "d", **fields}
        return str(rosalind("POST", "/v2/api/policies", {"policy": wanted})["policy"]["id"])

    timed = policy(high_assurance=True, authentication_assurance_timeout=600)
    lax = policy(authentication_assurance_timeout=600)
    factor = policy(high_assurance=True, required_mfa=True)
    browser = browse(emulator, client)
    browser.log_in(ADA)
    now[0] += 600
    assert browser.open(session_required_policies=timed).status_code == 302
    now[0] += 1
    assert browser.open(session_required_policies=lax).status_code == 302
    page = browser.open(session_required_policies=f"{lax},{timed}")
    assert "code" in browser.took(browser.press(page, ADA))
    page = browser.press(browser.open(session_required_policies=factor), ADA)
    assert "Log in as the policy Strict demands." in page.text
    assert "code" in browser.took(browser.press(page, ADA, mfa="true"))


def test_unknown_policy_is_an_invalid_request(browser: Any) -> None:
    back = browser.took(browser.open(session_required_policies="00000000-0000-4000-8000-000000000000"))
    assert back["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("demands", "username"),
    [
        ({}, ROSALIND),
        ({"login_hint": ADA}, ADA),
        ({"session_required_single_domain": "example.edu"}, CARL),
        ({"session_required_single_domain": "example.edu", "login_hint": ADA}, CARL),
        ({"session_required_identities": DOROTHY}, DOROTHY),
        ({"session_required_mfa": "true", "prompt": "login"}, ROSALIND),
        ({"login_hint": "nobody@example.edu"}, ROSALIND),
        ({"session_required_single_domain": "nowhere.example"}, None),
        ({"session_required_identities": f"{CARL},{DOROTHY}"}, None),
        ({"session_required_identities": "nobody@example.edu"}, None),
    ],
)
def test_switch_approves_as_somebody_who_fits(
    start: Make, caller: Make, browse: Make, demands: dict[str, str], username: str | None
) -> None:
    emulator = start(approve_without_asking=True)
    browser = browse(emulator)
    answer = browser.open("openid profile", **demands)
    if username is None:
        assert browser.took(answer)["error"] == "access_denied"
    else:
        call = caller(emulator, headers={"Authorization": f"Bearer {browser.exchange(answer)['access_token']}"})
        assert call("GET", "/v2/oauth2/userinfo")["preferred_username"] == username


@pytest.mark.parametrize("heeded", [True, False])
def test_client_sees_the_identity_of_the_provider_that_it_requires(
    start: Make, caller: Make, new_client: Make, browse: Make, people_on: Make, heeded: bool
) -> None:
    emulator = start(required_idp_selects_identity=heeded)
    rosalind = caller(emulator, ROSALIND)
    fields = {"public_client": True, "redirect_uris": [CALLBACK]}
    plain, strict = new_client(rosalind, **fields), new_client(rosalind, required_idp=UNIVERSITY, **fields)
    browser = browse(emulator, strict)
    assert people_on(browser.open()) == ([ADA] if heeded else people_on(browse(emulator, plain).open()))
    page = browser.press(browser.open(), CARL)
    assert ("requires an identity of another provider" in page.text) is heeded
    if heeded:
        assert people_on(page) == people_on(browser.open()) == [ADA]
    linking = browse(emulator, plain)
    linking.log_in(ADA)
    linking.exchange(linking.press(linking.open(prompt="login"), CARL, link="true"))
    browser.cookies = requests.Session()
    token = browser.log_in(CARL, "openid profile")["access_token"]
    told = caller(emulator, headers={"Authorization": f"Bearer {token}"})("GET", "/v2/oauth2/userinfo")
    assert told["preferred_username"] == (ADA if heeded else CARL)


def test_preselected_provider_comes_first(
    emulator: Emulator, rosalind: Make, new_client: Make, browse: Make, people_on: Make
) -> None:
    fields = {"public_client": True, "redirect_uris": [CALLBACK], "preselect_idp": UNIVERSITY}
    assert people_on(browse(emulator, new_client(rosalind, **fields)).open())[0] == ADA


def test_file_of_an_older_version_opens_and_its_tokens_still_work(tmp_path: Path, caller: Make) -> None:
    path = tmp_path / "old.db"
    with Emulator(path) as emulator:
        token = emulator.person_token(ROSALIND)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER consents_to_deleted")
        for table in ("sessions", "accounts", "consents"):
            connection.execute(f"DROP TABLE {table}")
        for table, column in (("tokens", "session"), ("tokens", "refresh"), ("refresh_tokens", "session")):
            connection.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        connection.execute("ALTER TABLE codes DROP COLUMN session")
        connection.execute("ALTER TABLE codes DROP COLUMN state")
        connection.commit()
    with Emulator(path) as emulator:
        call = caller(emulator, headers={"Authorization": f"Bearer {token}"})
        body = {"project": {"display_name": "A", "contact_email": "a", "admin_ids": [emulator.client_id]}}
        call("POST", "/v2/api/projects", body)
        assert call("GET", "/v2/oauth2/userinfo")["last_authentication"] > 0


def test_each_login_is_forgotten_after_a_day_of_its_own(clock: Make, browse: Make) -> None:
    emulator, now = clock()
    browser = browse(emulator)
    browser.log_in(ADA)
    now[0] += 86_000
    both = browser.exchange(browser.press(browser.open(prompt="login"), CARL, link="true"))
    now[0] += 400
    one = browser.exchange(browser.open())
    assert (len(logins(emulator, both["access_token"])), len(logins(emulator, one["access_token"]))) == (2, 1)
