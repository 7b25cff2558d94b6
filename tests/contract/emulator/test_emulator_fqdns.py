from collections.abc import Callable
from typing import Any

import pytest
import requests

from reconciler.emulator import Emulator

Make = Callable[..., Any]
GROUPS = "73320ffe-4cb4-4b25-a0a3-83d53d59ce4f"
HOST = "data.example.edu"


def add(call: Make, client: str, fqdn: object = HOST, **more: Any) -> Any:
    return call("POST", f"/v2/api/clients/{client}/fqdns", {"fqdn": fqdn}, **more)


def strings(client: str, *hosts: str, suffix: str = "read") -> list[str]:
    return [f"https://auth.globus.org/scopes/{host}/{suffix}" for host in (client, *hosts)]


def test_client_itself_adds_an_fqdn_by_which_it_is_found(
    emulator: Emulator, rosalind: Make, caller: Make, new_client: Make, new_secret: Make
) -> None:
    client = new_client(rosalind)
    own = caller(emulator, auth=(client["id"], new_secret(rosalind, client["id"])["secret"]))
    changed = add(own, client["id"], "Data.Example.EDU")
    assert changed == {"client": client | {"fqdns": [HOST]}}
    assert add(rosalind, client["id"], "www.example.edu")["client"]["fqdns"] == [HOST, "www.example.edu"]
    assert rosalind("GET", f"/v2/api/clients?fqdn={HOST.upper()}")["client"]["id"] == client["id"]


def test_fqdn_is_added_by_nobody_else(rosalind: Make, ada: Make, emulator: Emulator, new_client: Make) -> None:
    client = new_client(rosalind)["id"]
    add(ada, client, status=403)
    anonymous = requests.post(f"{emulator.base_url}/v2/api/clients/{client}/fqdns", json={"fqdn": HOST}, timeout=30)
    assert anonymous.status_code == 401
    add(rosalind, "00000000-0000-4000-8000-000000000000", status=404)
    assert rosalind("GET", f"/v2/api/clients/{client}")["client"]["fqdns"] == []


def test_stale_session_adds_no_fqdn(emulator: Emulator, rosalind: Make, caller: Make, new_client: Make) -> None:
    token = emulator.person_token("rosalind@globusid.org", session_age=1801)
    stale = caller(emulator, headers={"Authorization": f"Bearer {token}"})
    assert "authorization_parameters" in add(stale, new_client(rosalind)["id"], status=403)


@pytest.mark.parametrize(
    "wrong",
    [
        *(None, 1, {"fqdn": HOST}, "", "localhost", "127.0.0.1", "https://a.example.edu", "ä.example.edu"),
        *("a b.example.edu", "-a.example.edu", "a..b", "a" * 64 + ".edu", "a.b\n", ".".join(["a" * 60] * 5)),
    ],
)
def test_what_is_no_domain_name_is_refused(rosalind: Make, new_client: Make, wrong: object) -> None:
    client = new_client(rosalind)["id"]
    add(rosalind, client, wrong, status=400)
    rosalind("POST", f"/v2/api/clients/{client}/fqdns", [HOST], status=400)


def test_fqdn_belongs_to_one_client_until_that_is_deleted(rosalind: Make, new_client: Make) -> None:
    first, second = new_client(rosalind)["id"], new_client(rosalind)["id"]
    kept = add(rosalind, first)
    assert add(rosalind, first) == kept
    add(rosalind, second, status=409)
    add(rosalind, second, "transfer.api.globus.org", status=409)
    rosalind("PUT", f"/v2/api/clients/{first}", {"client": {"fqdns": []}})
    rosalind("DELETE", f"/v2/api/clients/{first}/fqdns", status=405)
    assert rosalind("GET", f"/v2/api/clients/{first}") == kept
    rosalind("DELETE", f"/v2/api/clients/{first}")
    add(rosalind, second)


def test_switch_asks_for_a_txt_record(start: Make, caller: Make, new_client: Make) -> None:
    call = caller(start(fqdn_proof="announced"), "rosalind@globusid.org")
    client, other = new_client(call)["id"], new_client(call)["id"]
    add(call, client, status=403)
    record = {"fqdn": HOST.upper(), "text": client}
    for _ in range(2):
        assert call("POST", "/_emulator/dns", record) == {"fqdn": HOST, "text": client}
    add(call, other, status=403)
    add(call, client, "www.example.edu", status=403)
    add(call, client)
    wrong: tuple[Any, ...] = ([], {}, {"fqdn": HOST}, {"fqdn": HOST, "text": "nobody"}, {"fqdn": 1, "text": client})
    for body in wrong:
        call("POST", "/_emulator/dns", body, status=400)


def test_switch_answers_with_the_fqdn(start: Make, caller: Make, new_client: Make) -> None:
    call = caller(start(fqdn_answer="fqdn", client_by_fqdn_envelope="clients"), "rosalind@globusid.org")
    client = new_client(call)["id"]
    add(call, client, "www.example.edu")
    for _ in range(2):
        assert add(call, client) == {"fqdn": HOST}
    assert add(call, client, "www.example.edu") == {"fqdn": "www.example.edu"}
    assert [one["id"] for one in call("GET", f"/v2/api/clients?fqdn={HOST}")["clients"]] == [client]


@pytest.mark.parametrize("first", [False, True])
def test_scope_is_made_once_for_each_host(start: Make, caller: Make, new_client: Make, *, first: bool) -> None:
    call = caller(start(fqdn_scopes_first=first), "rosalind@globusid.org")
    client = new_client(call)["id"]
    add(call, client)
    body = {"scope": {"name": "Read", "description": "Read all", "scope_suffix": "read"}}
    made = call("POST", f"/v2/api/clients/{client}/scopes", body)["scopes"]
    expected = strings(client, HOST)
    assert [scope["scope_string"] for scope in made] == (expected[::-1] if first else expected)
    assert len({scope["id"] for scope in made}) == 2
    assert {(scope["name"], scope["client"]) for scope in made} == {("Read", client)}
    assert call("GET", f"/v2/api/clients/{client}")["client"]["scopes"] == [scope["id"] for scope in made]
    for scope in made:
        assert call("GET", f"/v2/api/scopes?scope_strings={scope['scope_string']}")["scopes"] == [scope]
    call("POST", f"/v2/api/clients/{client}/scopes", body, status=409)


@pytest.mark.parametrize("choice", ["bare", "copy", "none"])
def test_new_fqdn_brings_siblings_of_the_scopes_as_the_switch_says(
    start: Make, caller: Make, new_client: Make, new_scope: Make, choice: str
) -> None:
    call = caller(start(scopes_of_new_fqdn=choice), "rosalind@globusid.org")
    client = new_client(call)["id"]
    dependent = [{"scope": GROUPS, "optional": False, "requires_refresh_token": False}]
    old = [new_scope(call, client, suffix, advertised=True, dependent_scopes=dependent) for suffix in ("read", "write")]
    add(call, client)
    siblings = call("GET", "/v2/api/scopes")["scopes"][2:]
    expected = []
    for scope, sibling in zip(old, siblings, strict=False):
        string = scope["scope_string"].replace(client, HOST)
        bare = {"name": string, "description": string, "advertised": False, "dependent_scopes": []}
        own = {"id": sibling["id"], "scope_string": string}
        expected.append(scope | (bare if choice == "bare" else {}) | own)
    assert len(siblings) == (0 if choice == "none" else 2)
    assert siblings == expected
    assert call("GET", "/v2/api/scopes")["scopes"][:2] == old
    add(call, client, "www.example.edu")
    hosts = [client] if choice == "none" else [client, HOST, "www.example.edu"]
    found = [scope["scope_string"] for scope in call("GET", "/v2/api/scopes")["scopes"]]
    assert found == [
        f"https://auth.globus.org/scopes/{host}/{suffix}" for host in hosts for suffix in ("read", "write")
    ]


def test_scope_is_made_for_the_hosts_that_miss_it(start: Make, caller: Make, new_client: Make, new_scope: Make) -> None:
    call = caller(start(scopes_of_new_fqdn="none"), "rosalind@globusid.org")
    client = new_client(call)["id"]
    kept = new_scope(call, client)
    add(call, client)
    assert new_scope(call, client)["scope_string"] == strings(HOST)[0]
    assert call("GET", f"/v2/api/scopes/{kept['id']}")["scope"] == kept


@pytest.mark.parametrize("choice", ["apart", "together"])
def test_siblings_change_and_go_as_the_switch_says(
    start: Make, caller: Make, new_client: Make, new_scope: Make, choice: str
) -> None:
    call = caller(start(scope_siblings=choice), "rosalind@globusid.org")
    client = new_client(call)["id"]
    add(call, client)
    scope, other = new_scope(call, client), new_scope(call, client, "other")
    path = f"/v2/api/scopes/{scope['id']}"
    renamed = call("PUT", path, {"scope": {"scope_suffix": "list", "name": "List"}})["scope"]
    assert renamed == scope | {"name": "List", "scope_string": strings(client, suffix="list")[0]}
    hosts = {one["scope_string"]: one["name"] for one in call("GET", "/v2/api/scopes")["scopes"]}
    sibling = strings(HOST, suffix="list" if choice == "together" else "read")[0]
    assert hosts[sibling] == ("List" if choice == "together" else "Read")
    assert call("DELETE", path)["scope"] == renamed
    left = [one["scope_string"] for one in call("GET", "/v2/api/scopes")["scopes"]]
    assert sorted(left) == sorted([*strings(client, HOST, suffix="other"), *([sibling] if choice == "apart" else [])])
    assert call("GET", f"/v2/api/scopes/{other['id']}")["scope"] == other


def test_suffix_of_a_sibling_changes_below_its_own_host(rosalind: Make, new_client: Make, new_scope: Make) -> None:
    client = new_client(rosalind)["id"]
    new_scope(rosalind, client)
    add(rosalind, client)
    sibling = rosalind("GET", f"/v2/api/scopes?scope_strings={strings(HOST)[0]}")["scopes"][0]
    renamed = rosalind("PUT", f"/v2/api/scopes/{sibling['id']}", {"scope": {"scope_suffix": "list"}})["scope"]
    assert renamed["scope_string"] == strings(HOST, suffix="list")[0]


def test_deleted_client_takes_the_scopes_of_all_hosts_along(rosalind: Make, new_client: Make, new_scope: Make) -> None:
    client = new_client(rosalind)["id"]
    add(rosalind, client)
    new_scope(rosalind, client, advertised=True)
    rosalind("DELETE", f"/v2/api/clients/{client}")
    assert rosalind("GET", f"/v2/api/scopes?scope_strings={','.join(strings(client, HOST))}")["scopes"] == []
    rosalind("GET", f"/v2/api/clients?fqdn={HOST}", status=404)


def test_token_for_a_scope_of_an_fqdn_is_for_that_resource_server(
    emulator: Emulator, rosalind: Make, new_client: Make, new_scope: Make, new_secret: Make, token_of: Make
) -> None:
    client = new_client(rosalind)["id"]
    add(rosalind, client)
    new_scope(rosalind, client)
    secret = new_secret(rosalind, client)["secret"]
    granted = token_of(emulator, client, secret, strings(HOST)[0]).json()
    assert (granted["resource_server"], granted["scope"]) == (HOST, strings(HOST)[0])


@pytest.mark.parametrize(("choice", "status"), [("allow", 200), ("refuse", 400)])
def test_scopes_in_a_circle_are_what_the_switch_says(
    start: Make, caller: Make, new_client: Make, new_scope: Make, choice: str, status: int
) -> None:
    call = caller(start(scope_circles=choice), "rosalind@globusid.org")
    client = new_client(call)["id"]
    scopes = [new_scope(call, client, suffix)["id"] for suffix in ("a", "b", "c")]

    def depend(source: int, target: int, status: int) -> None:
        dependent = {"scope": scopes[target], "optional": False, "requires_refresh_token": False}
        call("PUT", f"/v2/api/scopes/{scopes[source]}", {"scope": {"dependent_scopes": [dependent]}}, status=status)

    depend(0, 1, 200)
    depend(1, 2, 200)
    depend(2, 0, status)
    depend(2, 2, status)


def test_copied_sibling_loses_a_dependent_that_is_deleted(
    start: Make, caller: Make, new_client: Make, new_scope: Make
) -> None:
    call = caller(start(scopes_of_new_fqdn="copy"), "rosalind@globusid.org")
    client, other = new_client(call)["id"], new_client(call, visibility="public")["id"]
    used = new_scope(call, other)["id"]
    new_scope(call, client, dependent_scopes=[{"scope": used, "optional": True, "requires_refresh_token": False}])
    add(call, client)
    call("DELETE", f"/v2/api/scopes/{used}")
    assert [scope["dependent_scopes"] for scope in call("GET", "/v2/api/scopes")["scopes"]] == [[], []]
