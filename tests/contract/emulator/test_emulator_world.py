import ast
import dataclasses
import inspect
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator import CannotServe, Emulator, Switches, switches, switches_from
from reconciler.emulator.wellknown import SERVICES, resource_server
from reconciler.emulator.world import GROUPS, PEOPLE, PROVIDERS, group_id

Make = Callable[..., Any]
DOCS = Path(__file__).parents[3] / "docs" / "emulator.md"


def test_page_lists_every_switch_with_its_default() -> None:
    page = DOCS.read_text(encoding="utf-8")
    for field in dataclasses.fields(Switches):
        assert f"| `{field.name}` | `{field.default!r}` | " in page


def test_every_switch_states_its_grade() -> None:
    (body,) = (node.body for node in ast.parse(inspect.getsource(switches)).body if isinstance(node, ast.ClassDef))
    notes = [ast.literal_eval(node.value) for node in body if isinstance(node, ast.Expr)][1:]
    assert len(notes) == len(dataclasses.fields(Switches))
    assert all(note.startswith(("[UNK] ", "[INF] ", "[OBS", "[FIX] ", "[DOC] ")) for note in notes)


def test_page_lists_the_people_groups_and_providers_with_their_ids() -> None:
    page = DOCS.read_text(encoding="utf-8")
    rows = [(person.username, person.id) for person in PEOPLE]
    rows += [(name, group_id(name)) for name in GROUPS]
    rows += [(provider["name"], provider["id"]) for provider in PROVIDERS]
    for name, identifier in rows:
        assert any(name in line and f"`{identifier}`" in line for line in page.splitlines())


def test_scopes_of_globus_services_are_advertised_in_a_new_world(
    rosalind: Make, token_of: Make, emulator: Emulator
) -> None:
    strings = [service.prefix + name for service in SERVICES for name in service.scopes]
    found = rosalind("GET", "/v2/api/scopes", params={"scope_strings": ",".join(strings)})["scopes"]
    assert [scope["scope_string"] for scope in found] == strings
    assert all(scope["advertised"] for scope in found)
    assert len({scope["id"] for scope in found}) == len(strings)
    granted = token_of(emulator, emulator.client_id, emulator.client_secret, " ".join(strings)).json()
    servers = {token["resource_server"] for token in [granted, *granted["other_tokens"]]}
    assert servers == {resource_server(string) for string in strings}


@pytest.mark.parametrize(
    ("chosen", "body"),
    [
        ({"links_both_or_neither": False}, {"links": {"privacy_policy": "https://example.edu"}}),
        ({"unknown_idp_is_refused": False}, {"required_idp": "00000000-0000-4000-8000-000000000000"}),
    ],
)
def test_switches_loosen_the_rules_of_clients(
    start: Make, caller: Make, new_client: Make, chosen: dict[str, Any], body: dict[str, Any]
) -> None:
    new_client(caller(start(**chosen), "rosalind@globusid.org"), **body)


def test_switch_sets_the_status_for_no_administrator(start: Make, caller: Make) -> None:
    call = caller(start(no_admin_status=422), "rosalind@globusid.org")
    body = {"project": {"display_name": "A", "contact_email": "a@example.edu"}}
    assert call("POST", "/v2/api/projects", body, status=422)["errors"][0]["code"] == "UNPROCESSABLE_ENTITY"


def test_file_that_cannot_be_used_is_a_503(rosalind: Make, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "emulator.db")
    connection.execute("DROP TABLE links")
    connection.close()
    rosalind("GET", "/v2/api/projects", status=503)
    rosalind("GET", "/v2/oauth2/userinfo")


def test_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "emulator.db"
    path.write_text("something else entirely, and long enough to be looked at" * 20)
    with pytest.raises(CannotServe, match="is not a database"), Emulator(path):
        pass


def test_switches_are_read_from_text() -> None:
    stated = ["foreign_status=404", "session_gate=false", "session_seconds=60", "issuer=service", "issuer=local"]
    expected = Switches(foreign_status=404, session_gate=False, session_seconds=60, issuer="local")
    assert switches_from(stated) == expected
    with pytest.raises(ValueError, match="foreign_status is one of 403, 404, not '500'"):
        switches_from(["foreign_status=500"])
