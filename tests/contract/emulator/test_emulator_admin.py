"""The clock, the requests and the load, the world as a document: by HTTP and from Python."""

import json
import sqlite3
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from reconciler.emulator import Emulator
from reconciler.emulator.callers import TOKEN_SECONDS, digest

Make = Callable[..., Any]
PROJECTS = "/v2/api/projects"
WORLD = "/_emulator/world"


@pytest.fixture
def admin(emulator: Emulator, caller: Make) -> Make:
    call: Make = caller(emulator)
    return call


def test_tokens_expire_by_the_clock(emulator: Emulator, admin: Make, rosalind: Make) -> None:
    admin("POST", "/_emulator/clock", {"advance": TOKEN_SECONDS - 60})
    rosalind("GET", PROJECTS)
    admin("POST", "/_emulator/clock", {"advance": 61})
    rosalind("GET", PROJECTS, status=401)
    admin("DELETE", "/_emulator/clock")
    rosalind("GET", PROJECTS)
    assert emulator.clock.offset == 0


def test_sessions_age_by_the_clock(admin: Make, rosalind: Make, new_project: Make) -> None:
    new_project(rosalind)
    admin("POST", "/_emulator/clock", {"advance": 1801})
    project = rosalind("GET", PROJECTS)["projects"][0]["id"]
    rosalind("DELETE", f"{PROJECTS}/{project}", status=403)


def test_credentials_are_created_and_answers_dated_by_the_clock(
    emulator: Emulator, admin: Make, rosalind: Make, new_client: Make
) -> None:
    client = new_client(rosalind)["id"]
    admin("POST", "/_emulator/clock", {"set": "2031-05-06T07:08:09Z"})
    fresh = {"Authorization": f"Bearer {emulator.person_token('rosalind@globusid.org')}"}
    answer = requests.get(emulator.base_url + PROJECTS, headers=fresh, timeout=20)
    assert parsedate_to_datetime(answer.headers["Date"]).year == 2031
    now = admin("GET", "/_emulator/clock")["now"]
    admin("POST", "/_emulator/clock", {"set": now})
    body = {"credential": {"name": "Later"}}
    path = f"{emulator.base_url}/v2/api/clients/{client}/credentials"
    made = requests.post(path, json=body, headers=fresh, timeout=20).json()["credential"]
    assert made["created"].startswith("2031-05-06T07:0")


@pytest.mark.parametrize(
    "order",
    [[], {}, {"advance": "1"}, {"advance": True}, {"set": "soon"}, {"advance": 1, "set": 2}, {"advance": 1e300},
     {"set": -1}, {"advance": -1e11}, {"set": 10**400}],
)  # fmt: skip
def test_orders_for_the_clock_that_make_no_sense_are_refused(emulator: Emulator, admin: Make, order: Any) -> None:
    admin("POST", "/_emulator/clock", order, status=400)
    assert emulator.clock.offset == 0


def test_clock_and_faults_of_another_process_on_the_same_file_are_its_own(
    emulator: Emulator, caller: Make, tmp_path: Path
) -> None:
    emulator.clock.advance(TOKEN_SECONDS * 2)
    emulator.add_fault({"status": 500, "times": None})
    with Emulator(tmp_path / "emulator.db") as other:
        caller(other, "rosalind@globusid.org")("GET", PROJECTS)
        assert other.clock.offset == 0


def test_load_says_how_many_were_in_flight_at_most(emulator: Emulator, admin: Make, rosalind: Make) -> None:
    rosalind("GET", PROJECTS)
    assert admin("GET", "/_emulator/load") == {"in_flight": 0, "most_in_flight": 1, "requests": 1}
    with closing(sqlite3.connect(emulator._db or "", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # so that no request gets on
        with ThreadPoolExecutor(6) as pool:
            waiting = [pool.submit(rosalind, "GET", PROJECTS) for _ in range(6)]
            while emulator.load["in_flight"] < 6:
                threading.Event().wait(0.01)
            other.execute("ROLLBACK")
            assert [one.result() for one in waiting] == [{"projects": []}] * 6
    rosalind("GET", PROJECTS)
    assert admin("GET", "/_emulator/load") == {"in_flight": 0, "most_in_flight": 6, "requests": 8}
    admin("DELETE", "/_emulator/load")
    assert emulator.load == {"in_flight": 0, "most_in_flight": 0, "requests": 0}


@pytest.fixture
def tokens(emulator: Emulator, application: Any, login: Make) -> Any:
    """Log a person in who stays logged in."""
    return login(emulator, application, "openid email", access_type="offline").json()


@pytest.fixture
def full(emulator: Emulator, rosalind: Make, new_client: Make, new_scope: Make, new_secret: Make, tokens: Any) -> Any:
    """Fill the world with something of every kind."""
    client = new_client(rosalind)
    read = new_scope(rosalind, client["id"])
    dependent = [{"scope": read["id"], "optional": True, "requires_refresh_token": False}]
    write = new_scope(rosalind, client["id"], "write", dependent_scopes=dependent)
    policy = {"project_id": client["project"], "display_name": "P", "description": "D"}
    rosalind("POST", "/v2/api/policies", {"policy": policy})
    rosalind("GET", "/v2/api/identities?usernames=new@example.edu&provision=true")
    assert emulator.client_secret
    return {
        "client": client,
        "scopes": [read, write],
        "secret": new_secret(rosalind, client["id"]),
        "tokens": tokens,
    }


def test_export_import_export_is_identical_also_elsewhere(
    emulator: Emulator, admin: Make, full: Any, token_of: Make, caller: Make
) -> None:
    document = admin("GET", WORLD)
    assert {name for name in document if not document[name]} <= {"others"}
    assert all(document["tables"][table] for table in ("tokens", "refresh_tokens"))
    admin("PUT", WORLD, document)
    assert admin("GET", WORLD) == document
    with Emulator() as other:
        caller(other)("PUT", WORLD, document)
        assert other.export_world() == document
        assert other.world_id == emulator.world_id
        client, secret = full["client"]["id"], full["secret"]["secret"]
        assert token_of(other, client, secret, "openid").status_code == 200
        headers = {"Authorization": f"Bearer {full['tokens']['access_token']}"}
        assert requests.get(f"{other.base_url}/v2/oauth2/userinfo", headers=headers, timeout=20).status_code == 200
        assert token_of(other, other.client_id, other.client_secret).status_code == 200


def test_export_holds_hashes_and_no_secret_in_clear(emulator: Emulator, full: Any) -> None:
    text = json.dumps(emulator.export_world())
    clear = [emulator.client_secret, full["secret"]["secret"], full["tokens"]["access_token"],
             full["tokens"]["refresh_token"], "PRIVATE KEY"]  # fmt: skip
    assert not [secret for secret in clear if secret in text]
    assert digest(full["secret"]["secret"]) in text


def test_objects_are_imported_in_the_form_in_which_the_api_shows_them(rosalind: Make, full: Any, caller: Make) -> None:
    """What a rehearsal does: live objects into a new world, with the people that they name."""
    client, project = full["client"]["id"], full["client"]["project"]
    shown = {
        "projects": [rosalind("GET", f"{PROJECTS}/{project}")["project"]],
        "policies": rosalind("GET", "/v2/api/policies")["policies"],
        "clients": [rosalind("GET", f"/v2/api/clients/{client}")["client"]],
        "scopes": rosalind("GET", f"/v2/api/clients/{client}/scopes")["scopes"],
        "credentials": rosalind("GET", f"/v2/api/clients/{client}/credentials")["credentials"],
    }
    person = {"id": "11111111-2222-4333-8444-555555555555", "username": "maria@uni.example.org"}
    group = {"id": "aaaaaaaa-2222-4333-8444-555555555555", "name": "Physics", "members": [person["id"]]}
    shown["projects"][0] |= {"admin_ids": None, "admin_group_ids": [group["id"]]}
    with Emulator() as other:
        world = other.export_world()
        for section, objects in {**shown, "identities": [person], "groups": [group]}.items():
            world[section] += objects
        other.import_world(world)
        maria = caller(other, "maria@uni.example.org")
        seen = maria("GET", PROJECTS)["projects"][0]
        assert seen["admins"] == {"identities": [], "groups": [{"id": group["id"], "name": "Physics"}]}
        assert seen | {"admins": None} == shown["projects"][0] | {"admins": None}
        for kind in ("policies", "clients", "scopes"):
            assert maria("GET", f"/v2/api/{kind}")[kind] == shown[kind]
        assert maria("GET", f"/v2/api/clients/{client}/credentials")["credentials"] == shown["credentials"]
        maria("PUT", f"/v2/api/clients/{client}", {"client": {"name": "Renamed"}})
        maria("DELETE", f"/v2/api/clients/{client}")
        world = other.export_world()
        assert not {"project_name", "admins"} & set(world["projects"][0])
        other.import_world(world | {"clients": world["clients"] + shown["clients"]})
        assert not {"scopes", "grant_types"} & set(other.export_world()["clients"][-1])


RECORD: dict[str, Any] = {"kind": "txt_record", "parent": None, "key": "a", "links": [], "document": {"id": "a"}}


def last(world: Any, section: str, **changes: Any) -> Any:
    """Change the last object of a section, in the world or its tables."""
    changed = world | {section: [*world[section][:-1], world[section][-1] | changes]}
    return changed if "format" in world else {"format": 1, "settings": {"world": str(uuid.uuid4())}, "tables": changed}


def wrong(**changes: Any) -> Callable[[Any], Any]:
    return lambda world: world | changes


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda _: [], "format: expected"),
        (wrong(format=2), "format: expected"),
        (wrong(people=[]), "people: there is no such section"),
        (wrong(settings={}), "settings: expected"),
        (wrong(settings={"world": "no id"}), "settings.world: expected a UUID"),
        (lambda w: w | {"settings": w["settings"] | {"bootstrap_credentials": "[5]"}}, "settings.bootstrap_cred"),
        (lambda w: w | {"identities": [w["identities"][0] | {"identity_provider": []}]}, "[0].identity_provider: exp"),
        (wrong(projects={}), "projects: expected a list"),
        (wrong(projects=[1]), "projects[0]: expected an object"),
        (wrong(projects=[{"id": "a"}]), "projects[0].contact_email: is missing"),
        (wrong(identities=[{"id": "A", "username": "a@b"}]), "identities[0].id: expected a UUID"),
        (wrong(identities=[{"id": "11111111-2222-4333-8444-555555555555", "username": 5}]), "identities[0].username"),
        (wrong(clients=[]), "scopes[0].client: no client with id"),
        (lambda w: w | {"clients": [*w["clients"], w["clients"][0]]}, "another client has the id"),
        (lambda w: w | {"scopes": [*w["scopes"], w["scopes"][0]]}, "another scope has the id"),
        (lambda w: w | {"clients": [w["clients"][0] | {"visibility": "hidden"}]}, "clients[0]: client.visibility"),
        (lambda w: w | {"clients": [w["clients"][0] | {"project": 5}]}, "clients[0]: client.project"),
        (lambda w: w | {"credentials": [w["credentials"][0] | {"secret": "s"}]}, "credentials[0].secret: a secret"),
        (wrong(tables={"objects": []}), "tables: expected an object with some of"),
        (wrong(tables={"tokens": [{"hash": "a"}]}), "tables.tokens[0]: expected hash, identity"),
        (lambda w: w | {"tables": {"tokens": [w["tables"]["tokens"][0] | {"expires": "never"}]}}, "[0].expires: exp"),
        (lambda w: w | {"tables": {"tokens": [w["tables"]["tokens"][0] | {"client": None}]}}, "NOT NULL"),
        (lambda w: w | {"tables": {"tokens": w["tables"]["tokens"] * 2}}, "UNIQUE"),
        (wrong(others=[{"kind": "x"}]), "others[0]: expected kind, parent"),
        (wrong(groups=[{"id": "11111111-2222-4333-8444-555555555555", "name": "G", "members": "a"}]), "members: exp"),
        (wrong(others=[RECORD | {"links": None}]), "others[0]: kind, parent, key and links are texts"),
        (wrong(others=[RECORD | {"key": []}]), "others[0]: kind, parent, key and links are texts"),
        (wrong(others=[RECORD | {"kind": "client"}]), "others[0].kind: a client has a section of its own"),
        (lambda w: last(w, "clients", fqdns="a.example"), ".fqdns: expected a list of texts"),
        (lambda w: last(w, "clients", fqdns=None), ".fqdns: expected a list of texts"),
        (lambda w: last(w, "clients", fqdns=["transfer.api.globus.org"]), "another client has transfer.api.globus.org"),
        (lambda w: last(w, "clients", parent_client=[]), ".parent_client: expected a UUID"),
        (lambda w: last(w, "clients", parent_client=w["clients"][-1]["id"]), "the client is above itself"),
        (lambda w: last(w, "scopes", scope_string="a b"), ".scope_string: expected a text without"),
        (lambda w: last(w["tables"], "tokens", session="{}"), "[0].session: expected a session"),
    ],
)
def test_malformed_world_is_refused_with_its_place_and_changes_nothing(
    emulator: Emulator, admin: Make, change: Callable[[Any], Any], why: str
) -> None:
    assert emulator.client_secret
    assert emulator.person_token("rosalind@globusid.org")
    world = emulator.export_world()
    refusal = admin("PUT", WORLD, change(world), status=400)
    assert why in refusal["errors"][0]["detail"]
    assert emulator.export_world() == world
    with pytest.raises(ValueError, match="format: expected"):
        emulator.import_world({})


def test_world_with_numbers_that_no_answer_could_hold_is_refused(emulator: Emulator) -> None:
    text = json.dumps(emulator.export_world()).replace('"status": "used"', '"status": 1e400', 1)
    refused = requests.put(emulator.base_url + WORLD, data=text, timeout=30)
    assert (refused.status_code, "1e400 is no JSON" in refused.text) == (400, True)


def test_person_is_provisioned_under_a_username_that_an_imported_one_had_once(
    emulator: Emulator, rosalind: Make
) -> None:
    world = emulator.export_world()
    renamed = [one | {"username": f"formerly-{one['username']}"} for one in world["identities"]]
    emulator.import_world(world | {"identities": renamed})
    query = {"usernames": "carl@example.edu", "provision": "true"}
    (made,) = rosalind("GET", "/v2/api/identities", params=query)["identities"]
    assert made["id"] not in {one["id"] for one in renamed}


def test_child_far_below_is_managed_and_deleted_from_above(emulator: Emulator, rosalind: Make, full: Any) -> None:
    world, above = emulator.export_world(), full["client"]["id"]
    (first,) = (one for one in world["clients"] if one["id"] == above)
    for _ in range(1100):
        child = first | {"id": str(uuid.uuid4()), "project": None, "parent_client": above, "fqdns": []}
        world["clients"].append(child)
        above = child["id"]
    emulator.import_world(world)
    rosalind("PUT", f"/v2/api/clients/{above}", {"client": {"name": "The last"}})
    rosalind("DELETE", f"/v2/api/clients/{first['id']}")
    rosalind("GET", f"/v2/api/clients/{above}", status=404)


def test_imported_scope_of_globus_own_form_can_be_renamed(emulator: Emulator, rosalind: Make, full: Any) -> None:
    string = "urn:globus:auth:scope:genomics.example.edu:read"
    scope = {"id": str(uuid.uuid4()), "client": full["client"]["id"], "name": "R", "description": "R"}
    world = emulator.export_world()
    emulator.import_world(world | {"scopes": [*world["scopes"], scope | {"scope_string": string}]})
    renamed = rosalind("PUT", f"/v2/api/scopes/{scope['id']}", {"scope": {"scope_suffix": "write"}})["scope"]
    assert renamed["scope_string"] == "urn:globus:auth:scope:genomics.example.edu:write"


@pytest.mark.parametrize("value", [None, 5, "x", []])
def test_world_that_is_accepted_can_be_used(emulator: Emulator, full: Any, caller: Make, value: Any) -> None:
    """Replace each value of the last object of each section: refused at its place, or no request is a 500."""
    assert full
    world, refused = emulator.export_world(), dict[str, str]()
    sections = [name for name, section in world.items() if isinstance(section, list) and section]
    with Emulator() as other:
        for section, field in [(name, field) for name in sections for field in world[name][-1]]:
            objects = [*world[section][:-1], world[section][-1] | {field: value}]
            try:
                other.import_world(world | {section: objects})
            except ValueError as error:
                refused[section] = str(error)
                continue
            call = caller(other, "rosalind@globusid.org")
            for path in ("projects", "clients", "scopes", "identities?usernames=new@example.edu"):
                call("GET", f"/v2/api/{path}")
            assert other.client_secret
    assert set(refused) == set(sections)


def test_reset_makes_a_new_world_in_which_bootstrap_keeps_its_secrets(
    emulator: Emulator, admin: Make, full: Any, token_of: Make, caller: Make
) -> None:
    world, client, secret = emulator.world_id, emulator.client_id, emulator.client_secret
    person = emulator.person_token("rosalind@globusid.org")
    assert admin("DELETE", WORLD)["bootstrap"] == client
    assert emulator.world_id != world
    assert (emulator.client_id, emulator.client_secret) == (client, secret)
    assert token_of(emulator, client, secret).status_code == 200
    bootstrap = caller(emulator, auth=(client, secret))
    assert len(bootstrap("GET", f"/v2/api/clients/{client}/credentials")["credentials"]) == 1
    caller(emulator, headers={"Authorization": f"Bearer {person}"})("GET", PROJECTS, status=401)
    fresh = caller(emulator, "rosalind@globusid.org")
    assert fresh("GET", PROJECTS) == {"projects": []}
    assert token_of(emulator, full["client"]["id"], full["secret"]["secret"]).status_code == 401
    path = f"/v2/api/scopes?ids={full['scopes'][0]['id']}"
    assert fresh("GET", path) == {"scopes": []}


def test_emulator_without_a_file_keeps_nothing(caller: Make, new_project: Make) -> None:
    with Emulator() as emulator:
        new_project(caller(emulator, "rosalind@globusid.org"))
        world = emulator.world_id
    with Emulator() as emulator:
        assert emulator.world_id != world
        assert caller(emulator, "rosalind@globusid.org")("GET", PROJECTS) == {"projects": []}
