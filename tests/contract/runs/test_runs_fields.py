"""Fields that are only set once, owners that change, and what is listed without being managed."""

from typing import Any

from reconciler.model import Action, Reason
from reconciler.render.plan import text
from reconciler.render.style import Style

PROJECT = """\
projects:
  g:
    display_name: G
    contact_email: a@b.org
    admin_ids: [rosalind@globusid.org]
"""


def test_what_is_ignored_is_set_at_the_creation_and_then_left_alone(runs: Any) -> None:
    runs.write(
        PROJECT
        + "    clients:\n      web:\n        name: Web\n        client_type: confidential_client\n"
        + "        visibility: public\n        redirect_uris: ['https://a.example.org/back']\n"
        + "        lifecycle: {ignore: [name, visibility, redirect_uris]}\n"
    )
    runs.settle()
    path = f"/v2/api/clients/{runs.id('client/g/web')}"
    client = runs.call("GET", path)["client"]
    assert (client["name"], client["visibility"]) == ("Web", "public")
    assert client["redirect_uris"] == ["https://a.example.org/back"]
    runs.call("PUT", path, {"client": {"visibility": "private", "name": "Other"}})
    assert runs.plan().plan.operations == ()


def test_listed_credential_that_is_not_there_is_told_and_no_change(runs: Any) -> None:
    runs.write(PROJECT + "    clients: {web: {name: Web, client_type: confidential_client, credentials: {hand: {}}}}\n")
    runs.settle()
    shown = text(runs.plan().plan, Style(colour=False, ascii=True))
    assert "credential/g/web/hand" in shown
    assert "it is only looked for, and was not found" in shown
    assert shown.endswith("No changes. The service is as the manifests say.")


def test_policy_that_was_moved_behind_its_back_has_drifted(runs: Any) -> None:
    policy = "    policies: {login: {display_name: Login, description: Who}}\n"
    other = PROJECT.removeprefix("projects:\n").replace("  g:", "  h:").replace("G", "H")
    runs.write(PROJECT + policy + other)
    runs.settle()
    path, body = f"/v2/api/policies/{runs.id('policy/g/login')}", {"policy": {"project_id": runs.id("project/h")}}
    runs.call("PUT", path, body)
    (change,) = [change for change in runs.plan().plan.changes if change.action is not Action.NO_OP]
    assert [(field.name, field.reason) for field in change.fields] == [("project_id", Reason.DRIFT)]
    runs.settle()


def test_project_that_was_taken_away_is_not_told_to_be_gone(runs: Any) -> None:
    two = PROJECT + PROJECT.removeprefix("projects:\n").replace("  g:", "  h:").replace("G", "H")
    runs.write(two)
    runs.settle()
    other = runs.call("GET", "/v2/api/identities?usernames=barbara@globusid.org")["identities"][0]["id"]
    runs.call("PUT", f"/v2/api/projects/{runs.id('project/g')}", {"project": {"admin_ids": [other]}})
    planned = runs.plan(replace=frozenset({"all"})).plan
    assert not planned.applyable
    assert {refusal.consent for refusal in planned.refusals} == {None}
    assert "is gone" not in text(planned, Style(colour=False, ascii=True))
