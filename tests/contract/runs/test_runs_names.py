from typing import Any

import pytest

from reconciler.errors import InvalidManifests

PROJECT = """\
projects:
  p:
    display_name: P
    contact_email: p@example.org
    admin_ids: [rosalind@globusid.org, {other}]
"""
SCOPES = """\
    clients:
      api:
        name: Api
        client_type: resource_server
        scopes:
          read:
            name: Read
            description: Read
            dependent_scopes: [globus/transfer/all, {other}]
"""


def complaints(runs: Any) -> list[str]:
    with pytest.raises(InvalidManifests) as raised:
        runs.plan()
    return [f"{problem.place}: {problem.what}" for problem in raised.value.problems]


def test_person_under_two_names_is_refused_once_the_names_are_known(runs: Any) -> None:
    person = runs.call("GET", "/v2/api/identities?usernames=rosalind@globusid.org")["identities"][0]["id"]
    runs.write(PROJECT.format(other=person))
    (complaint,) = complaints(runs)
    assert complaint.endswith("a.yaml:5:40: this is what element 1 of `admin_ids` is, under another name")


def test_scope_under_two_names_is_refused_once_the_names_are_known(runs: Any) -> None:
    string = "urn:globus:auth:scope:transfer.api.globus.org:all"
    scope = runs.call("GET", f"/v2/api/scopes?scope_strings={string}")["scopes"][0]["id"]
    runs.write(PROJECT.format(other="ada@globusid.org") + SCOPES.format(other=f"{{scope: {scope}, optional: true}}"))
    assert len(complaints(runs)) == 1


def test_client_under_its_address_and_its_id_is_refused_once_it_exists(runs: Any) -> None:
    made = PROJECT.format(other="client/./app") + ("    clients: {app: {name: App, client_type: client_identity}}\n")
    runs.write(made)
    runs.settle()
    runs.write(made.replace("client/./app]", f"client/./app, {runs.id('client/p/app')}]"))
    assert "element 2 of `admin_ids`" in complaints(runs)[0]
