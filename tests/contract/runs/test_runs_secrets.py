"""Credentials whose names, places, owners or manifests change, and what killed runs left of them."""

import json
from typing import Any

import pytest

from reconciler import journal
from reconciler.errors import InvalidManifests
from reconciler.model import Address, Operation, Verb

PROJECT = """\
projects:
  g:
    display_name: G
    contact_email: a@b.org
    admin_ids: [rosalind@globusid.org]
    clients:
"""
WEB = (
    PROJECT
    + "      web: {name: Web, client_type: confidential_client, credentials: {k: {sink: {file: {path: s/k.json}}}}}\n"
)
BARE = PROJECT + "      web: {name: Web, client_type: confidential_client}\n"
REMOVED = "removed: [{address: credential/g/web/k}]\n"


def generations(runs: Any, client: str) -> list[str]:
    return [each["id"] for each in runs.call("GET", f"/v2/api/clients/{client}/credentials")["credentials"]]


def delivered(runs: Any, path: str = "s/k.json") -> dict[str, Any]:
    found = json.loads((runs.folder / path).read_text())
    assert isinstance(found, dict)
    return found


def test_credential_moves_along_with_its_client(runs: Any) -> None:
    runs.write(WEB)
    runs.settle()
    client = runs.id("client/g/web")
    runs.write(WEB.replace("      web: {", "      site: {previously: [web], "))
    runs.settle()
    assert set(runs.entries()) == {"project/g", "client/g/site", "credential/g/site/k"}
    runs.write(BARE.replace("      web: {", "      site: {") + REMOVED.replace("/web/", "/site/"))
    runs.settle()
    assert generations(runs, client) == []


def test_credential_that_leaves_together_with_a_rename_is_seen(runs: Any) -> None:
    runs.write(WEB)
    runs.settle()
    runs.write(BARE.replace("      web: {", "      site: {previously: [web], "))
    (change,) = [change for change in runs.plan().plan.changes if change.address.kind == "credential"]
    assert change.action.value == "delete"


def test_renamed_credential_keeps_its_object(runs: Any) -> None:
    runs.write(WEB)
    runs.settle()
    before = delivered(runs)["credential_id"]
    runs.write(WEB.replace("{k: {sink", "{main: {name: k, sink"))
    runs.settle()
    assert runs.id("credential/g/web/main") == before
    assert set(runs.entries()) == {"project/g", "client/g/web", "credential/g/web/main"}


def test_credential_with_another_name_is_replaced(runs: Any) -> None:
    runs.write(WEB)
    runs.settle()
    before, client = delivered(runs)["credential_id"], runs.id("client/g/web")
    runs.write(WEB.replace("{k: {sink", "{k: {name: other, sink"))
    assert [refusal.consent for refusal in runs.plan().plan.refusals] == ["--allow-replace credential/g/web/k"]
    runs.settle(replace=frozenset({"all"}))
    assert generations(runs, client) == [delivered(runs)["credential_id"]] != [before]
    assert delivered(runs)["name"].startswith("other#")


def test_other_settings_of_the_sink_are_a_new_generation(runs: Any) -> None:
    runs.write(WEB)
    runs.settle()
    before = delivered(runs)["credential_id"]
    runs.write(WEB.replace("path: s/k.json", "path: s/k.json, format: env"))
    assert any("stays where it is, and valid" in note for note in runs.plan().plan.notes)
    runs.settle()
    assert (runs.folder / "s" / "k.json").read_text().startswith("CLIENT_ID=")
    assert runs.id("credential/g/web/k") != before


def test_removal_ends_all_generations(runs: Any) -> None:
    runs.write(WEB)
    runs.settle()
    runs.write(WEB.replace("s/k.json", "s/new.json"))
    runs.settle()
    client = runs.id("client/g/web")
    assert len(generations(runs, client)) == 2
    by_hand = runs.call("POST", f"/v2/api/clients/{client}/credentials", {"credential": {"name": "k"}})
    runs.write(BARE + REMOVED)
    runs.settle()
    assert generations(runs, client) == [by_hand["credential"]["id"]]


@pytest.mark.parametrize("after", [BARE, WEB.replace("{k: {sink", "{other: {sink").replace("k.json", "other.json")])
def test_generation_of_a_killed_run_is_revoked_though_its_credential_left_or_changed_its_name(
    runs: Any, after: str
) -> None:
    runs.write(BARE)
    runs.settle()
    client = runs.id("client/g/web")
    operation = Operation("create", Verb.CREATE, Address.parse("credential/g/web/k"), fields={"name": "k"})
    facts = {"target": runs.site.target, "lineage": "l", "serial": 0}
    with journal.Journal.open(runs.site.folder, environment=None, run=facts) as record:
        record.intend(operation, parent=client, mark="1234abcd")
    stored = json.loads(runs.site.bindings.read_text())["lineage"]
    text = runs.site.journal.read_text().replace('"lineage":"l"', f'"lineage":"{stored}"')
    runs.site.journal.write_text(text)
    lost = runs.call("POST", f"/v2/api/clients/{client}/credentials", {"credential": {"name": "k#1234abcd"}})
    runs.write(after)
    runs.settle()
    assert lost["credential"]["id"] not in generations(runs, client)
    assert runs.left().open == ()


def test_sink_with_the_secret_of_another_client_is_refused(runs: Any) -> None:
    runs.write(WEB)
    runs.settle()
    before = delivered(runs)
    runs.site.bindings.unlink()
    runs.site.journal.unlink()
    runs.write(WEB.replace("display_name: G", "display_name: H").replace("  g:", "  h:"))
    with pytest.raises(InvalidManifests) as raised:
        runs.plan()
    assert [problem.what for problem in raised.value.problems] == [
        f"this place holds the secret of another client, {before['client_id']}, already"
    ]
    assert delivered(runs) == before
