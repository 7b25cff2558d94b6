from collections.abc import Callable
from typing import Any

import pytest
import requests

from reconciler.emulator import Emulator

Make = Callable[..., Any]
ADA, ADA_ID = "ada@uni.example.org", "90fad974-a18c-5eeb-bdbe-29f154c75466"
CARL, CARL_ID = "carl@example.edu", "3039551e-6358-5eb2-86d4-70cb1afa82e8"
UNIVERSITY = "a056e361-027d-5806-a324-a4d1b68c7221"


@pytest.fixture
def introspect(emulator: Emulator) -> Make:
    def introspect(token: str, *, query: Any = None, **form: Any) -> Any:
        auth, url = (emulator.client_id, emulator.client_secret), f"{emulator.base_url}/v2/oauth2/token/introspect"
        answer = requests.post(url, data={"token": token, **form}, params=query, auth=auth, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return introspect


@pytest.fixture
def token(browser: Any) -> str:
    """Log Ada in, with Carl's identity linked and in session."""
    browser.log_in(CARL)
    page = browser.open(prompt="login", session_required_mfa="true")
    return str(browser.exchange(browser.press(page, ADA, link="true", mfa="true"))["access_token"])


@pytest.mark.parametrize(
    "include",
    [
        {"include": "identity_set,session_info"},
        {"include": ["identity_set", "session_info"]},
        {"query": {"include": "identity_set, session_info,nonsense"}},
    ],
)
def test_include_adds_what_it_names_in_any_form(introspect: Make, token: str, include: Any) -> None:
    plain, told = introspect(token), introspect(token, **include)
    assert set(told) - set(plain) == {"identity_set", "session_info"}


def test_identity_set_is_ids_and_its_detail_documents(introspect: Make, token: str) -> None:
    told = introspect(token, include="identities_set,identity_set,identity_set_detail")
    assert told["identity_set"] == told["identities_set"] == [ADA_ID, CARL_ID]
    ada, carl = told["identity_set_detail"]
    assert ada == {
        "sub": ADA_ID,
        "username": ADA,
        "name": "Ada Lovelace",
        "email": ADA,
        "organization": "University of Example",
        "identity_provider": UNIVERSITY,
        "identity_provider_display_name": "University of Example",
        "identity_type": "login",
        "status": "used",
    }
    assert carl["username"] == CARL


def test_session_info_tells_each_login(introspect: Make, token: str) -> None:
    told = introspect(token, include="session_info")["session_info"]
    assert len(told["session_id"]) == 36
    ada = told["authentications"][ADA_ID]
    assert type(ada.pop("auth_time")) is int
    assert ada == {"idp": UNIVERSITY, "acr": None, "amr": ["mfa"], "custom_claims": {}}
    assert told["authentications"][CARL_ID]["amr"] is None


def test_token_of_a_client_has_no_logins(introspect: Make, emulator: Emulator, token_of: Make) -> None:
    token = token_of(emulator, emulator.client_id, emulator.client_secret, "openid").json()["access_token"]
    told = introspect(token, include="identity_set,session_info")
    assert told["session_info"]["authentications"] == {}
    assert told["identity_set"] == [emulator.client_id]


def test_policies_are_evaluated_for_the_session(
    introspect: Make, token: str, rosalind: Make, new_project: Make
) -> None:
    project = new_project(rosalind)["id"]
    ids = []
    for domain in ("uni.example.org", "globusid.org"):
        wanted = {"project_id": project, "display_name": "P", "description": "d", "high_assurance": True}
        wanted["domain_constraints_include"] = [domain]
        ids.append(rosalind("POST", "/v2/api/policies", {"policy": wanted})["policy"]["id"])
    told = introspect(token, authentication_policies=",".join([*ids, "unknown"]))["policy_evaluations"]
    assert [told[one]["evaluation"] for one in (*ids, "unknown")] == [True, False, False]


def test_switch_tells_only_the_holder_and_the_resource_servers(
    start: Make, caller: Make, new_client: Make, new_scope: Make, new_secret: Make, token_of: Make
) -> None:
    emulator = start(introspection_needs_audience=True)
    call = caller(emulator, "rosalind@globusid.org")
    service, other = (new_client(call, visibility="public")["id"] for _ in range(2))
    scope = new_scope(call, service)["scope_string"]
    own = (emulator.client_id, emulator.client_secret)
    token = token_of(emulator, *own, scope).json()["access_token"]
    for client, active in ((own, True), (service, True), (other, False)):
        auth = client if isinstance(client, tuple) else (client, new_secret(call, client)["secret"])
        url = f"{emulator.base_url}/v2/oauth2/token/introspect"
        assert requests.post(url, data={"token": token}, auth=auth, timeout=30).json()["active"] is active


def test_token_that_has_expired_is_not_active(clock: Make, browse: Make) -> None:
    emulator, now = clock()
    browser = browse(emulator)
    token = browser.log_in(ADA)["access_token"]
    auth, form = (emulator.client_id, emulator.client_secret), {"token": token, "client_id": browser.client["id"]}
    for passed, active in ((172_799, True), (1, False)):
        now[0] += passed
        url = f"{emulator.base_url}/v2/oauth2/token"
        assert requests.post(f"{url}/introspect", data=form, auth=auth, timeout=30).json()["active"] is active
        assert requests.post(f"{url}/validate", data=form, timeout=30).json() == {"active": active}
        told = requests.get(
            f"{emulator.base_url}/v2/oauth2/userinfo", headers={"Authorization": f"Bearer {token}"}, timeout=30
        )
        assert (told.status_code == 200) is active
