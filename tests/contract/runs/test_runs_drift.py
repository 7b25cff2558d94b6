"""Drift between what was applied and the service, without and with trouble on the way."""

from typing import Any

HEAD = "display_name: G, contact_email: a@b.org, admin_ids: [rosalind@globusid.org]"
WEB = "name: Web, client_type: confidential_client, credentials: {k: {sink: {file: {path: k.json}}}}"
POLICY = "policies: {login: {display_name: Login, description: Login}}"
MANIFEST = f"projects: {{g: {{{HEAD}, {POLICY}, clients: {{web: {{{WEB}}}}}}}}}\n"


def found(runs: Any) -> dict[str, Any]:
    return {str(drift.address): drift for drift in runs.drift().found}


def test_drift_reads_and_writes_nothing(runs: Any) -> None:
    runs.write(MANIFEST)
    runs.settle()
    runs.call("PUT", f"/v2/api/policies/{runs.id('policy/g/login')}", {"policy": {"description": "Theirs"}})
    before = runs.site.bindings.read_bytes(), runs.site.journal.read_bytes()
    runs.forget_calls()
    (field,) = found(runs)["policy/g/login"].fields
    assert (field.name, field.applied, field.live) == ("description", "Login", "Theirs")
    assert {call.split(" ")[0] for call in runs.calls()} == {"GET"}
    assert (runs.site.bindings.read_bytes(), runs.site.journal.read_bytes()) == before


def test_people_are_compared_by_id_and_shown_by_name(runs: Any) -> None:
    runs.write(MANIFEST)
    runs.settle()
    (barbara,) = runs.call("GET", "/v2/api/identities?usernames=barbara@globusid.org")["identities"]
    project, path = runs.id("project/g"), "/v2/api/projects"
    there = runs.call("GET", f"{path}/{project}")["project"]["admin_ids"]
    runs.call("PUT", f"{path}/{project}", {"project": {"admin_ids": [*there, barbara["id"]]}})
    drifts = runs.drift()
    (field,) = drifts.found[0].fields
    assert (field.name, field.known, field.applied) == ("admin_ids", True, there)
    assert sorted(field.live) == sorted([*there, barbara["id"]])
    assert drifts.names[there[0]] == "rosalind@globusid.org"


def test_client_that_is_gone_is_gone_with_its_credentials(runs: Any) -> None:
    runs.write(MANIFEST)
    runs.settle()
    runs.call("DELETE", f"/v2/api/clients/{runs.id('client/g/web')}")
    assert {address: drift.gone for address, drift in found(runs).items()} == {
        "client/g/web": True,
        "credential/g/web/k": True,
    }


def test_list_that_was_not_read_is_told_and_not_taken_for_absence(runs: Any) -> None:
    runs.write(MANIFEST)
    runs.settle()
    runs.fault("GET", "/v2/api/policies", 403, times=9)
    drifts = runs.drift()
    assert drifts.found == ()
    assert [str(address) for address in drifts.unread] == ["policy/g/login"]
    assert drifts.compared == 3


def test_rename_that_is_still_to_be_applied_is_no_drift(runs: Any) -> None:
    runs.write(MANIFEST)
    runs.settle()
    runs.write(MANIFEST.replace("web: {", "site: {previously: [web], "))
    assert found(runs) == {}
    runs.call("PUT", f"/v2/api/clients/{runs.id('client/g/web')}", {"client": {"name": "Theirs"}})
    assert list(found(runs)) == ["client/g/site"]


def test_after_an_apply_there_is_no_drift(runs: Any) -> None:
    runs.write(MANIFEST)
    runs.settle()
    runs.call("PUT", f"/v2/api/clients/{runs.id('client/g/web')}", {"client": {"name": "Theirs"}})
    assert found(runs)
    runs.settle()
    assert found(runs) == {}
