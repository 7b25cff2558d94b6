from collections.abc import Callable
from typing import Any

import pytest

from reconciler.emulator import Emulator

Make = Callable[..., Any]
GLOBUS_ID = "41143743-f3c8-4d60-bbdb-eeecaba85bd9"
PEOPLE = [
    "rosalind@globusid.org",
    "barbara@globusid.org",
    "carl@example.edu",
    "dorothy@example.edu",
    "ada@uni.example.org",
]


def test_documented_people_have_the_same_ids_in_every_world(start: Make, caller: Make) -> None:
    calls = [caller(start(name), "ada@uni.example.org") for name in ("one.db", "two.db")]
    path = "/v2/api/identities?usernames=" + ",".join(PEOPLE)
    first, second = (call("GET", path)["identities"] for call in calls)
    assert [person["username"] for person in first] == PEOPLE
    assert first == second


def test_identity_has_the_documented_fields(rosalind: Make) -> None:
    identity = rosalind("GET", "/v2/api/identities?usernames=ROSALIND@GlobusID.org&provision=false")["identities"][0]
    assert rosalind("GET", f"/v2/api/identities?ids={identity['id'].upper()}")["identities"] == [identity]
    assert (identity["username"], identity["status"]) == ("rosalind@globusid.org", "used")
    assert set(identity) == {
        "id",
        "username",
        "email",
        "name",
        "organization",
        "identity_provider",
        "identity_type",
        "status",
    }


def test_one_identity_is_shown_with_its_provider_on_demand(rosalind: Make) -> None:
    me = rosalind("GET", "/v2/oauth2/userinfo")["sub"]
    shown = rosalind("GET", f"/v2/api/identities/{me}?include=identity_provider")
    assert shown["identity"]["id"] == me
    assert [provider["id"] for provider in shown["included"]["identity_providers"]] == [GLOBUS_ID]
    rosalind("GET", "/v2/api/identities/nobody", status=404)


def test_unknown_people_are_absent_and_looking_does_not_make_them(rosalind: Make) -> None:
    path = "/v2/api/identities?usernames=new@example.edu,carl@example.edu&provision=false"
    for _ in range(2):
        assert [one["username"] for one in rosalind("GET", path)["identities"]] == ["carl@example.edu"]


def test_provision_makes_an_unused_identity_once(rosalind: Make) -> None:
    path = "/v2/api/identities?usernames=new@example.edu"
    made = rosalind("GET", path + "&provision=true")["identities"]
    assert (made[0]["status"], made[0]["email"]) == ("unused", None)
    assert (
        made[0]["identity_provider"]
        == rosalind("GET", "/v2/api/identity_providers?domains=example.edu")["identity_providers"][0]["id"]
    )
    assert rosalind("GET", path)["identities"] == made
    assert rosalind("GET", path.replace("new", "NEW") + "&provision=True")["identities"] == made


@pytest.mark.parametrize("username", ["nobody", "@example.edu", "a@", "a b@example.edu", "x@clients.auth.globus.org"])
def test_what_is_no_username_is_not_provisioned(rosalind: Make, username: str) -> None:
    assert rosalind("GET", f"/v2/api/identities?provision=true&usernames={username}")["identities"] == []


def test_client_is_an_identity_by_id_and_by_username(rosalind: Make, new_client: Make) -> None:
    client = new_client(rosalind)["id"]
    by_id = rosalind("GET", f"/v2/api/identities?ids={client}")["identities"]
    assert by_id[0]["username"] == f"{client}@clients.auth.globus.org"
    assert rosalind("GET", f"/v2/api/identities?usernames={by_id[0]['username']}")["identities"] == by_id


@pytest.mark.parametrize("query", ["", "?usernames=a@b.org&ids=" + GLOBUS_ID, "?ids=rosalind@globusid.org"])
def test_wrong_look_ups_of_identities_are_refused(rosalind: Make, query: str) -> None:
    rosalind("GET", "/v2/api/identities" + query, status=400)


def test_identity_providers_are_found_by_domain_or_id(rosalind: Make) -> None:
    path = "/v2/api/identity_providers?"
    found = rosalind("GET", path + "domains=globusid.org,nowhere.example")["identity_providers"]
    assert found == [
        {
            "id": GLOBUS_ID,
            "name": "Globus ID",
            "short_name": "globusid",
            "alternative_names": [],
            "domains": ["globusid.org"],
        }
    ]
    assert rosalind("GET", path + f"ids={GLOBUS_ID}")["identity_providers"] == found
    for query in ("", f"ids={GLOBUS_ID}&domains=globusid.org"):
        rosalind("GET", path + query, status=400)


def test_identities_need_a_caller_and_by_switch_a_scope(start: Make, caller: Make, token_of: Make) -> None:
    strict = start(identities_need_view_identities=True)
    token = token_of(strict, strict.client_id, strict.client_secret).json()["access_token"]
    path = "/v2/api/identities?usernames=ada@uni.example.org"
    caller(strict)("GET", path, status=401)
    caller(strict, headers={"Authorization": f"Bearer {token}"})("GET", path, status=403)
    caller(strict, "ada@uni.example.org")("GET", path)


def test_client_looks_identities_up_with_basic(emulator: Emulator, caller: Make) -> None:
    call = caller(emulator, auth=(emulator.client_id, emulator.client_secret))
    shown = call("GET", f"/v2/api/identities/{emulator.client_id}?include=identity_provider")
    assert (shown["identity"]["name"], shown["identity"]["identity_type"]) == ("Bootstrap", "service")
    assert [provider["domains"] for provider in shown["included"]["identity_providers"]] == [
        ["clients.auth.globus.org"]
    ]
    assert call("GET", f"/v2/api/identities/{emulator.client_id.upper()}") == {"identity": shown["identity"]}


@pytest.mark.parametrize("allowed", [True, False])
def test_switch_provisions_known_domains_only(start: Make, caller: Make, *, allowed: bool) -> None:
    call = caller(start(provision_any_domain=allowed), "rosalind@globusid.org")
    usernames = "new@example.edu,new@nowhere.example"
    found = call("GET", f"/v2/api/identities?provision=true&usernames={usernames}")["identities"]
    assert [one["username"] for one in found] == usernames.split(",")[: 2 if allowed else 1]
