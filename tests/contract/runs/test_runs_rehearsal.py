"""A plan tried on a copy of the service: it does there what it then does here, and leaves no trace of the trial."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.auth import AccessTokenAuthorizer
from reconciler.errors import ReconcilerError
from reconciler.manifest import load
from reconciler.model import EVERYTHING, Address, Aim, Event, Rehearsal
from reconciler.pipeline import Means, Planned
from reconciler.rehearse import rehearse
from reconciler.render import rehearsal
from reconciler.render.style import Style

FIRST = """\
projects:
  p:
    display_name: P
    contact_email: p@example.org
    admin_ids: [rosalind@globusid.org, barbara@globusid.org, client/p/bot]
    policies:
      login: {display_name: Login, description: Who may enter, domain_constraints_include: [example.edu]}
    clients:
      api:
        name: Api
        client_type: resource_server
        required_idp: example.edu
        links: {terms_and_conditions: https://e.org/t, privacy_policy: https://e.org/p}
        scopes:
          read:
            name: Read
            description: Read
            dependent_scopes: [scope/p/api/write, globus/transfer/all]
          write: {name: Write, description: Write, dependent_scopes: [scope/p/api/read]}
      bot: {name: Bot, client_type: client_identity}
      old: {name: Old, client_type: client_identity}
      web:
        name: Web
        client_type: confidential_client
        credentials: {main: {rotate_after: 90d, overlap: 14d, sink: {file: {path: web.json}}}}
      job:
        name: Job
        client_type: confidential_client
        credentials: {main: {sink: {file: {path: job.json}}}}
"""
CHANGED = (
    FIRST.replace("Who may enter", "Others")
    .replace("      bot: {name: Bot", "      robot: {previously: [bot], name: Robot")
    .replace("client/p/bot", "client/p/robot")
    .replace("      old: {name: Old, client_type: client_identity}\n", "")
    .replace("name: Job\n        client_type: confidential_client", "name: Job\n        client_type: resource_server")
    .replace("globus/transfer/all", "globus/groups/view_my_groups_and_memberships")
    .replace("description: Write,", "description: Writes,")
)
BARBARA = "barbara@globusid.org"
ONE = """\
projects:
  p:
    display_name: P
    contact_email: p@example.org
    admin_ids: [rosalind@globusid.org]
    clients:
      here:
        name: Here
        client_type: resource_server
        scopes: {{ask: {{name: Ask, description: Ask, dependent_scopes: {}}}}}
"""
TWO = (
    ONE.format("[]")
    + """\
  q:
    display_name: Q
    contact_email: q@example.org
    admin_ids: [rosalind@globusid.org]
    clients:
      there:
        name: There
        client_type: resource_server
        scopes: {ask: {name: Ask, description: Ask, dependent_scopes: [scope/p/here/ask]}}
"""
)
KEEPER = """\
#!/usr/bin/env python3
import json, sys

question = json.load(sys.stdin)
with open("../asked.txt", "a") as file:
    file.write(question["action"] + "\\n")
json.dump({"metadata": None} if question["action"] == "head" else {}, sys.stdout)
"""
CONSENTS = {"delete": frozenset({"all"}), "replace": frozenset({"all"})}
Told = Callable[[list[Event]], list[str]]


def tried(runs: Any, planned: Planned, aim: Aim = EVERYTHING) -> Rehearsal:
    """Rehearse; the service is only read, and neither it nor the root is changed by that."""
    runs.forget_calls()
    before, files = runs.emulator.export_world(), contents(runs)
    found = rehearse(planned, load([runs.folder]), runs.client, runs.site, Means(4, aim))
    assert [call for call in runs.calls() if not call.startswith("GET ")] == []
    assert shown(runs.emulator.export_world()) == shown(before)
    assert contents(runs) == files
    return found


def shown(world: dict[str, Any]) -> str:
    """Write a world without the tokens that the test itself asked for."""
    tables = {name: rows for name, rows in world["tables"].items() if name != "tokens"}
    return json.dumps({**world, "tables": tables}, sort_keys=True)


def contents(runs: Any) -> dict[Path, str]:
    state = [each for each in runs.site.folder.rglob("*") if not each.name.startswith("emulator.db")]
    files = (*runs.folder.rglob("*"), *state)
    return {each: hashlib.sha256(each.read_bytes()).hexdigest() if each.is_file() else "" for each in files}


def asked(found: Rehearsal) -> list[str]:
    requests = [*(each for one in found.tried for each in one.requests), *found.looks]
    return [f"{each.method} {named(each.path, found)}" for each in requests]


def named(path: str, found: Rehearsal) -> str:
    for identifier, name in found.names.items():
        path = path.replace(identifier, name)
    return path


def test_rehearsal_of_a_first_plan_makes_everything_in_the_copy_alone(runs: Any) -> None:
    runs.write(FIRST)
    planned = runs.plan()
    found = tried(runs, planned)
    assert found.failed == ()
    assert found.well
    assert len(found.tried) == len(planned.plan.operations)
    assert not (runs.folder / "web.json").exists()
    assert runs.call("GET", "/v2/api/projects")["projects"] == []


def test_rehearsal_of_a_change_of_everything_does_what_the_apply_then_does(runs: Any) -> None:
    runs.write(FIRST)
    runs.settle()
    pass_by(runs, 91)
    runs.write(CHANGED)
    planned = runs.plan(**CONSENTS)
    assert planned.plan.refusals == ()
    found = tried(runs, planned)
    assert found.failed == ()
    assert found.left == ()
    assert found.well
    runs.forget_calls()
    runs.carry_out(planned)
    ids = {runs.id(name): name for name in found.names.values()}
    done = runs.calls()
    for identifier, name in ids.items():
        done = [call.replace(identifier, name) for call in done]
    assert done == asked(found)
    assert runs.plan().plan.operations == ()


def test_rehearsal_tells_what_the_service_would_refuse(runs: Any, failed: Told) -> None:
    """The guards do not know whose scopes a scope may depend on; the emulator does."""
    runs.write(TWO)
    planned = runs.plan()
    assert planned.plan.refusals == ()
    found = tried(runs, planned)
    assert not found.well
    assert [each.operation.key for each in found.failed] == ["create scope/q/there/ask"]
    assert "no scope with id" in str(found.failed[0].error)
    assert [each.operation.key for each in found.skipped] == []
    assert failed(runs.carry_out(planned)) == ["create scope/q/there/ask"]


def test_rehearsal_knows_the_scopes_of_others_that_are_in_sight(runs: Any) -> None:
    theirs = of_barbara(runs, visibility="public")
    runs.write(ONE.format(f"[{theirs['scope_string']}, globus/transfer/all]"))
    assert tried(runs, runs.plan()).well
    runs.write(ONE.format(f"[{theirs['id']}]"))
    assert tried(runs, runs.plan()).well


def test_rehearsal_refuses_the_scopes_of_others_that_are_not(runs: Any) -> None:
    theirs = of_barbara(runs, visibility="private")
    runs.write(ONE.format(f"[{theirs['id']}]"))
    found = tried(runs, runs.plan())
    assert [str(each.operation.address) for each in found.failed] == ["scope/p/here/ask"]


def test_rehearsal_lets_a_scope_keep_what_it_depends_on_and_nobody_sees(runs: Any) -> None:
    theirs = of_barbara(runs, visibility="public")
    runs.write(ONE.format(f"[{theirs['id']}]"))
    runs.settle()
    runs.call("PUT", f"/v2/api/clients/{theirs['client']}", {"client": {"visibility": "private"}}, person=BARBARA)
    runs.write(ONE.format(f"[{theirs['id']}]").replace("description: Ask", "description: Asks"))
    assert tried(runs, runs.plan()).well


def test_rehearsal_as_a_client_identity(runs: Any) -> None:
    caller = runs.emulator.client_id
    runs.client.authorizer = AccessTokenAuthorizer(runs.emulator.identity_token(caller))
    runs.write(ONE.format("[]").replace("rosalind@globusid.org", caller))
    assert tried(runs, runs.plan()).well
    runs.settle()
    runs.write(ONE.format("[]").replace("rosalind@globusid.org", caller).replace("name: Here", "name: There"))
    assert tried(runs, runs.plan()).well


def test_rehearsal_by_a_member_of_a_group_that_administers(runs: Any) -> None:
    group = runs.emulator.export_world()["groups"][0]["id"]
    by_group = ONE.format("[]").replace("[rosalind@globusid.org]", f"[{BARBARA}]\n    admin_group_ids: [{group}]")
    runs.write(by_group)
    runs.settle()
    runs.write(by_group.replace("name: Here", "name: There"))
    found = tried(runs, runs.plan())
    assert [each.ended.operation.key for each in found.tried] == ["update client/p/here"]
    assert found.well


def test_rehearsal_knows_the_domains_of_a_client(runs: Any) -> None:
    runs.write(ONE.format("[]"))
    runs.settle()
    domain = {"fqdn": "data.example.edu"}
    runs.call("POST", "/_emulator/dns", {**domain, "text": runs.id("client/p/here")})
    runs.call("POST", f"/v2/api/clients/{runs.id('client/p/here')}/fqdns", domain)
    more = "get: {name: Get, description: Get, fqdn: data.example.edu}"
    runs.write(ONE.format("[]").replace("scopes: {ask", f"scopes: {{{more}, ask"))
    assert tried(runs, runs.plan(create=frozenset({"all"}))).well


def test_rehearsal_of_a_part_says_nothing_of_the_rest(runs: Any) -> None:
    runs.write(FIRST)
    aim = Aim(targets=(Address("client", ("p", "web")),))
    planned = runs.plan(aim=aim)
    assert tried(runs, planned, aim).well
    assert tried(runs, runs.follow(runs.save(planned))).well


def test_rehearsal_of_the_end_of_everything(runs: Any) -> None:
    runs.write(FIRST)
    runs.settle()
    aim = Aim(destroy=True)
    planned = runs.plan(aim=aim, **CONSENTS)
    found = tried(runs, planned, aim)
    assert found.well
    assert len(found.tried) == len(planned.plan.operations)


def test_rehearsal_of_a_replacement_and_a_rotation_that_were_asked_for(runs: Any) -> None:
    runs.write(FIRST)
    runs.settle()
    main = Address("credential", ("p", "job", "main"))
    aim = Aim(replace=(Address("client", ("p", "web")),), rotate=(main,), revoke=True)
    planned = runs.plan(aim=aim, **CONSENTS)
    assert planned.plan.refusals == ()
    before = json.loads((runs.folder / "job.json").read_text())
    assert tried(runs, planned, aim).well
    assert json.loads((runs.folder / "job.json").read_text()) == before


def test_rehearsal_has_the_time_of_the_service(runs: Any) -> None:
    pass_by(runs, -200)
    runs.write(FIRST)
    runs.settle()
    runs.write(FIRST.replace("name: Old", "name: Older"))
    assert tried(runs, runs.plan()).well


def test_rehearsal_of_a_retirement_alone_which_changes_no_binding(runs: Any) -> None:
    runs.write(FIRST)
    runs.settle()
    pass_by(runs, 91)
    runs.settle()
    pass_by(runs, 15)
    planned = runs.plan()
    assert [each.verb for each in planned.plan.operations] == ["delete"]
    assert tried(runs, planned).well


def test_rehearsal_of_an_old_plan_looks_at_nothing_again(runs: Any, aged: Callable[[Planned], Planned]) -> None:
    runs.write(FIRST)
    runs.settle()
    runs.write(FIRST.replace("name: Old", "name: Older"))
    found = tried(runs, aged(runs.plan()))
    assert asked(found) == [f"PUT /v2/api/clients/{runs.id('client/p/old')}"]


def test_rehearsal_of_an_adoption_after_the_bindings_were_lost(runs: Any) -> None:
    runs.write(FIRST)
    runs.settle()
    runs.site.bindings.unlink()
    runs.site.journal.unlink()
    runs.write(FIRST.replace("Who may enter", "Others"))
    planned = runs.plan()
    assert "bind" in {each.verb for each in planned.plan.operations}
    assert tried(runs, planned).well


def pass_by(runs: Any, days: int) -> None:
    runs.emulator.clock.advance(days * 86_400)
    runs.client.authorizer = AccessTokenAuthorizer(runs.emulator.person_token("rosalind@globusid.org"))


def test_rehearsal_of_what_is_left_of_a_saved_plan(runs: Any) -> None:
    runs.write(FIRST)
    opened = runs.save(runs.plan())
    events = runs.begin(runs.follow(opened))
    while not str(next(events)).startswith("Finished(operation=Operation(key='create client/p/web'"):
        pass
    events.close()
    left = runs.follow(opened)
    assert 0 < len(left.plan.operations) < len(opened.saved.plan.operations)
    found = tried(runs, left)
    assert len(found.tried) == len(left.plan.operations)
    assert found.well


def test_rehearsal_after_a_run_that_was_killed_with_a_secret_on_its_way(runs: Any) -> None:
    runs.write(FIRST)
    runs.settle("a.yaml")
    (runs.folder / "web.json").unlink()
    bindings = runs.site.bindings.read_bytes()
    list(runs.begin(runs.plan()))
    runs.site.bindings.write_bytes(bindings)
    lines = runs.site.journal.read_text().splitlines(keepends=True)
    runs.site.journal.write_text("".join(lines[:-2]))
    (runs.folder / "web.json").unlink()
    planned = runs.plan()
    assert planned.state.undelivered()
    assert tried(runs, planned).well


def test_rehearsal_finds_what_a_plan_forgot(runs: Any) -> None:
    runs.write(FIRST)
    planned = runs.plan()
    forgetful = replace(planned.plan, operations=planned.plan.operations[:-1])
    found = tried(runs, replace(planned, plan=forgetful))
    assert found.carried_out
    assert not found.well
    assert [each.key for each in found.left] == [planned.plan.operations[-1].key]


def test_rehearsal_cannot_see_the_end_of_what_locks_the_caller_out(runs: Any) -> None:
    runs.write(ONE.format("[]"))
    runs.settle()
    runs.write(ONE.format("[]").replace("[rosalind@globusid.org]", "[barbara@globusid.org]"))
    found = tried(runs, runs.plan(lockout=frozenset({"all"})))
    assert found.carried_out
    assert not found.well
    assert "project" in found.unread


def test_rehearsal_needs_whole_lists(runs: Any) -> None:
    runs.write(ONE.format("[]"))
    runs.fault("GET", "/v2/api/policies", 403)
    planned = runs.plan()
    assert planned.plan.refusals == ()
    with pytest.raises(ReconcilerError, match=r"not all could be listed \(policy: "):
        tried(runs, planned)


def test_sink_elsewhere_is_asked_whether_it_would_take_a_secret_and_given_none(runs: Any) -> None:
    keeper = runs.folder / "keep.py"
    keeper.write_text(KEEPER)
    keeper.chmod(0o755)
    runs.write(FIRST.replace("file: {path: web.json}", "exec: {command: [./keep.py], readable: true}"))
    planned = runs.plan()
    (runs.folder.parent / "asked.txt").unlink()
    assert tried(runs, planned).well
    assert set((runs.folder.parent / "asked.txt").read_text().split()) == {"head", "preflight"}


def test_rehearsal_shows_requests_by_addresses_and_no_secret(runs: Any) -> None:
    runs.write(ONE.format("[]"))
    found = tried(runs, runs.plan())
    assert (
        rehearsal.text(found, runs.site.target, Style())
        == f"""
Rehearsal on a copy of {runs.site.target}, in memory:
  create project/p
    POST /v2/api/projects 200
  create client/p/here
    POST /v2/api/clients 200
  create scope/p/here/ask
    POST /v2/api/clients/{{client/p/here}}/scopes 200
  look once more
    GET /v2/api/projects 200
    GET /v2/api/clients 200

Rehearsal complete: 5 requests; the plan after it is empty."""
    )


def of_barbara(runs: Any, *, visibility: str) -> dict[str, Any]:
    """Make a scope of somebody else, which is not advertised."""
    project = {"display_name": "Hers", "contact_email": "b@example.org", "admin_ids": [barbara(runs)]}
    made = runs.call("POST", "/v2/api/projects", {"project": project}, person=BARBARA)["project"]["id"]
    client = {"name": "Hers", "project": made, "client_type": "resource_server", "visibility": visibility}
    made = runs.call("POST", "/v2/api/clients", {"client": client}, person=BARBARA)["client"]["id"]
    scope = {"name": "Hers", "description": "Hers", "scope_suffix": "hers"}
    made = runs.call("POST", f"/v2/api/clients/{made}/scopes", {"scope": scope}, person=BARBARA)
    return dict(made["scopes"][0])


def barbara(runs: Any) -> str:
    found = runs.call("GET", f"/v2/api/identities?usernames={BARBARA}")["identities"]
    return str(found[0]["id"])
