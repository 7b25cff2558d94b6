"""The scenarios that a reviewer asks about, each from the manifests to the service and back."""

from typing import Any

import pytest

from reconciler.errors import InvalidManifests
from reconciler.model import Action, Aim, Failed, Skipped

HEAD = "display_name: G, contact_email: a@b.org, admin_ids: [rosalind@globusid.org]"
WEB = "web: {name: Web, client_type: confidential_client}"
SCOPED = """\
projects:
  g:
    display_name: G
    contact_email: a@b.org
    admin_ids: [rosalind@globusid.org]
    clients:
      api:
        name: Api
        client_type: resource_server
        scopes: {{read: {{name: Read, description: Read, dependent_scopes: [{needs}]}}}}
{index}"""
INDEX = """\
      index:
        name: Index
        client_type: {kind}
        scopes: {{query: {{name: Query, description: Query}}}}
        credentials: {{main: {{sink: {{file: {{path: main.json}}}}}}}}
"""


def project(*clients: str, head: str = HEAD, key: str = "g") -> str:
    return f"projects: {{{key}: {{{head}, clients: {{{', '.join(clients)}}}}}}}\n"


def lose_bindings(runs: Any) -> None:
    runs.site.bindings.unlink()
    runs.site.journal.unlink()


def actions(runs: Any, *files: str, **given: Any) -> dict[str, Action]:
    plan = runs.plan(*files, **given).plan
    return {str(change.address): change.action for change in plan.changes if change.action is not Action.NO_OP}


def clients(runs: Any) -> dict[str, str]:
    return {each["name"]: each["id"] for each in runs.call("GET", "/v2/api/clients")["clients"]}


def fails(events: list[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, Failed | Skipped)]


def test_lost_bindings_and_a_renamed_client_cost_a_question_and_no_object(runs: Any) -> None:
    runs.write(project(WEB))
    runs.settle()
    before = clients(runs)
    lose_bindings(runs)
    runs.write(project("web: {name: Site, client_type: confidential_client}"))
    (refusal,) = runs.plan().plan.refusals
    assert str(refusal.address) == "client/g/web"
    assert f"Web ({before['Web']})" in refusal.reason
    assert refusal.consent == "write `id:`, or give --allow-create client/g/web"
    runs.write(project(f"web: {{name: Site, client_type: confidential_client, id: {before['Web']}}}"))
    runs.settle()
    assert clients(runs) == {"Site": before["Web"]}


def test_key_renamed_with_previously_keeps_its_object(runs: Any) -> None:
    runs.write(project(WEB))
    runs.settle()
    before = clients(runs)
    runs.write(project("site: {previously: [web], name: Site, client_type: confidential_client}"))
    runs.settle()
    assert clients(runs) == {"Site": before["Web"]}
    assert set(runs.entries()) == {"project/g", "client/g/site"}


def test_key_renamed_without_previously_keeps_its_object_while_the_name_stays(runs: Any) -> None:
    runs.write(project(WEB))
    runs.settle()
    before = clients(runs)
    runs.write(project("site: {name: Web, client_type: confidential_client}"))
    (change,) = (each for each in runs.plan().plan.changes if each.address.kind == "client")
    assert (change.action, str(change.previous)) == (Action.NO_OP, "client/g/web")
    runs.settle()
    assert clients(runs) == before
    assert set(runs.entries()) == {"project/g", "client/g/site"}


def test_key_and_name_renamed_without_previously_is_a_deletion_that_is_asked_about(runs: Any) -> None:
    runs.write(project(WEB))
    runs.settle()
    runs.write(project("site: {name: Site, client_type: confidential_client}"))
    planned = runs.plan()
    assert actions(runs) == {"client/g/site": Action.CREATE, "client/g/web": Action.DELETE}
    (refusal,) = planned.plan.refusals
    assert refusal.consent == "add it to `removed`, or give --allow-delete client/g/web"


def test_pinned_id_that_is_gone_is_an_error_at_its_line_and_no_create(runs: Any) -> None:
    runs.write(project(WEB))
    runs.settle()
    identifier = runs.id("client/g/web")
    text = project(f"web: {{name: Web, client_type: confidential_client, id: {identifier}}}")
    runs.write(text)
    runs.settle()
    runs.call("DELETE", f"/v2/api/clients/{identifier}")
    with pytest.raises(InvalidManifests) as caught:
        runs.plan()
    (problem,) = caught.value.problems
    assert problem.what == f"no client has the id {identifier}, or it is not yours"
    assert str(problem.place).endswith(f"/a.yaml:1:{text.index(identifier) + 1}")
    assert clients(runs) == {}


def test_client_is_removed_after_the_scope_that_depends_on_it_has_let_go(runs: Any) -> None:
    index = INDEX.format(kind="confidential_client")
    runs.write(SCOPED.format(needs="scope/./index/query", index=index))
    runs.settle()
    runs.write(SCOPED.format(needs="", index="") + "removed: [{address: client/g/index}]\n")
    planned = runs.plan()
    (change,) = (each for each in planned.plan.changes if str(each.address) == "scope/g/index/query")
    assert "scope/g/api/read depends on it, and is changed along" in change.consequences
    runs.forget_calls()
    assert not fails(runs.carry_out(planned))
    writes = [call for call in runs.calls() if not call.startswith("GET")]
    assert [call.split(" ")[0] for call in writes] == ["PUT", "DELETE"]
    assert runs.plan().plan.operations == ()


def test_client_that_is_removed_while_a_scope_still_names_its_scope_is_an_error_at_that_line(runs: Any) -> None:
    runs.write(SCOPED.format(needs="scope/./index/query", index=INDEX.format(kind="confidential_client")))
    runs.settle()
    runs.write(SCOPED.format(needs="scope/./index/query", index="") + "removed: [{address: client/g/index}]\n")
    with pytest.raises(InvalidManifests) as caught:
        runs.plan()
    assert ["scope/g/index/query" in problem.what for problem in caught.value.problems] == [True]


def test_policy_that_is_moved_to_another_project_keeps_its_id(runs: Any) -> None:
    policy = "policies: {login: {PREVIOUSLY display_name: Login, description: Login}}"
    other = "h: {display_name: H, contact_email: a@b.org, admin_ids: [rosalind@globusid.org]"
    runs.write(f"projects: {{g: {{{HEAD}, {policy.replace('PREVIOUSLY ', '')}}}, {other}}}}}\n")
    runs.settle()
    identifier = runs.id("policy/g/login")
    moved = policy.replace("PREVIOUSLY", "previously: [policy/g/login],")
    runs.write(f"projects: {{g: {{{HEAD}}}, {other}, {moved}}}}}\n")
    (change,) = (each for each in runs.plan().plan.changes if each.action is not Action.NO_OP)
    assert (change.action, [field.name for field in change.fields]) == (Action.UPDATE, ["project_id"])
    runs.settle()
    assert runs.id("policy/h/login") == identifier
    assert runs.call("GET", f"/v2/api/policies/{identifier}")["policy"]["project_id"] == runs.id("project/h")


def test_replaced_client_takes_its_scopes_and_secrets_along_and_its_dependents_are_pointed_to_the_new_one(
    runs: Any,
) -> None:
    runs.write(SCOPED.format(needs="scope/./index/query", index=INDEX.format(kind="confidential_client")))
    runs.settle()
    old = {address: binding.id for address, binding in runs.entries().items()}
    runs.write(SCOPED.format(needs="scope/./index/query", index=INDEX.format(kind="resource_server")))
    planned = runs.plan(replace=frozenset({"client/g/index"}))
    assert [str(each.address) for each in planned.plan.changes if each.action is Action.REPLACE] == [
        "client/g/index",
        "scope/g/index/query",
        "credential/g/index/main",
    ]
    assert not fails(runs.carry_out(planned))
    new = {address: binding.id for address, binding in runs.entries().items()}
    assert {address for address in old if old[address] != new[address]} == {
        "client/g/index",
        "scope/g/index/query",
        "credential/g/index/main",
    }
    read = runs.call("GET", f"/v2/api/scopes/{new['scope/g/api/read']}")["scope"]
    assert [each["scope"] for each in read["dependent_scopes"]] == [new["scope/g/index/query"]]
    assert old["client/g/index"] not in clients(runs).values()
    assert new["credential/g/index/main"] in (runs.folder / "main.json").read_text()
    assert runs.plan().plan.operations == ()


def test_two_roots_share_a_project(runs: Any) -> None:
    runs.write(project(WEB))
    runs.settle()
    owner, shared = runs.folder, runs.id("project/g")
    theirs = runs.folder.parent / "theirs"
    theirs.mkdir()
    (runs.site.folder / "theirs").mkdir()
    first, second = (
        runs.site,
        runs.site.__class__(runs.site.target, runs.site.folder / "theirs", None, theirs / "reconciler.bindings.json"),
    )
    runs.folder, runs.site = theirs, second
    runs.write(
        f"projects: {{shared: {{id: {shared}, clients: {{kiosk: {{name: Kiosk, client_type: client_identity}}}}}}}}\n"
    )
    (refusal,) = runs.plan().plan.refusals
    assert "Web" in refusal.reason
    runs.settle(create=frozenset({"client/shared/kiosk"}))
    runs.folder, runs.site = owner, first
    assert runs.plan().plan.operations == ()
    runs.folder, runs.site = theirs, second
    assert not fails(runs.apply(aim=Aim(destroy=True)))
    assert runs.entries() == {}
    assert list(clients(runs)) == ["Web"]
    assert runs.call("GET", f"/v2/api/projects/{shared}")["project"]["display_name"] == "G"


def test_single_files_of_a_root_leave_the_rest_alone(runs: Any) -> None:
    runs.write(project(WEB), "web.yaml")
    runs.write(
        f"projects: {{g: {{{HEAD}, clients: {{api: {{name: Api, client_type: resource_server}}}}}}}}\n", "api.yaml"
    )
    with pytest.raises(InvalidManifests):
        runs.plan()
    runs.write("projects: {g: {clients: {api: {name: Api, client_type: resource_server}}}}\n", "api.yaml")
    runs.settle()
    runs.write(project("web: {name: Site, client_type: confidential_client}"), "web.yaml")
    planned = runs.plan("web.yaml")
    assert not planned.plan.complete
    assert actions(runs, "web.yaml") == {"client/g/web": Action.UPDATE}
    runs.settle("web.yaml")
    assert set(runs.entries()) == {"project/g", "client/g/web", "client/g/api"}
    runs.settle()


def test_pipeline_that_keeps_no_bindings_adopts_renames_and_deletes_by_id(runs: Any) -> None:
    runs.write(project(WEB, "old: {name: Old, client_type: client_identity}"))
    runs.settle()
    there = clients(runs)
    lose_bindings(runs)
    adopted = runs.plan()
    assert {str(change.address): change.action for change in adopted.plan.changes} == {
        "project/g": Action.ADOPT,
        "client/g/web": Action.ADOPT,
        "client/g/old": Action.ADOPT,
    }
    assert adopted.plan.calls() == 0
    renamed = (
        f"previously: [{{address: client/g/web, id: {there['Web']}}}], name: Site, client_type: confidential_client"
    )
    runs.write(project(f"site: {{{renamed}}}") + f"removed: [{{address: client/g/old, id: {there['Old']}}}]\n")
    runs.settle()
    assert clients(runs) == {"Site": there["Web"]}
    lose_bindings(runs)
    runs.settle()
    assert clients(runs) == {"Site": there["Web"]}


def test_pipeline_that_keeps_no_bindings_deletes_nothing_that_left_the_manifests(runs: Any) -> None:
    runs.write(project(WEB, "old: {name: Old, client_type: client_identity}"))
    runs.settle()
    lose_bindings(runs)
    runs.write(project(WEB) + "removed: [{address: client/g/old}]\n")
    runs.settle()
    assert set(clients(runs)) == {"Web", "Old"}
