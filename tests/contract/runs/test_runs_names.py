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
PROVIDERS = """\
    clients:
      web:
        name: Web
        client_type: confidential_client
        required_idp: {required}
        preselect_idp: {preselected}
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


def test_providers_are_found_by_domain_and_by_the_short_name_that_is_known(runs: Any) -> None:
    runs.write(
        PROJECT.format(other="ada@uni.example.org") + PROVIDERS.format(required="GlobusID", preselected="example.edu")
    )
    runs.settle()
    client = runs.call("GET", f"/v2/api/clients/{runs.id('client/p/web')}")["client"]
    asked = "/v2/api/identity_providers?domains=globusid.org,example.edu"
    ids = {row["domains"][0]: row["id"] for row in runs.call("GET", asked)["identity_providers"]}
    assert (client["required_idp"], client["preselect_idp"]) == (ids["globusid.org"], ids["example.edu"])


def test_other_short_names_are_a_problem_at_their_line_that_asks_for_the_domain(runs: Any) -> None:
    runs.write(
        PROJECT.format(other="ada@uni.example.org") + PROVIDERS.format(required="uniexample", preselected="no.example")
    )
    with pytest.raises(InvalidManifests) as raised:
        runs.plan()
    assert [(each.place.line, each.what, each.hint) for each in raised.value.problems if each.place] == [
        (10, "no identity provider 'uniexample' is known to the service", "write its domain"),
        (11, "no identity provider 'no.example' is known to the service", None),
    ]


def test_pinned_resource_that_is_renamed_is_bound_under_its_new_name_alone(runs: Any) -> None:
    text = "projects:\n  g: {display_name: G, contact_email: a@b.org}\n"
    runs.write(text)
    runs.settle()
    pinned = text.replace("{display_name", f"{{id: {runs.id('project/g')}, display_name")
    runs.write(pinned.replace("g:", "h:"))
    runs.settle()
    assert [*runs.entries()] == ["project/h"]
    runs.write(pinned.replace("g:", "i:").replace("{id", "{previously: [project/h], id"))
    runs.settle()
    assert [*runs.entries()] == ["project/i"]
