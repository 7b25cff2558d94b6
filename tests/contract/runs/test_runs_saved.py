"""A saved plan against a service that has gone on since, and after runs of the same plan that got only so far."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from reconciler import pipeline
from reconciler.errors import StalePlan
from reconciler.manifest import load
from reconciler.model import Event, Finished, Started
from reconciler.saved import Opened

Told = Callable[[list[Event]], list[str]]
Behind = Callable[[Any], object]

ALL = """\
projects:
  p:
    display_name: P
    contact_email: p@example.org
    admin_ids: [rosalind@globusid.org, client/p/bot]
    policies:
      login: {display_name: Login, description: Who may enter}
    clients:
      api:
        name: Api
        client_type: resource_server
        scopes:
          read: {name: Read, description: Read, dependent_scopes: [scope/p/api/write]}
          write: {name: Write, description: Write, dependent_scopes: [scope/p/api/read]}
      bot: {name: Bot, client_type: client_identity}
      web: {name: Web, client_type: confidential_client, credentials: {main: {sink: {file: {path: web.json}}}}}
outputs: {SCOPE: scope/p/api/read.scope_string}
"""
EDITED = (
    ALL.replace("Who may enter", "Others")
    .replace("name: Bot", "name: Robot")
    .replace("description: Read,", "description: Reads,")
)
WRITES = ("POST", "PUT", "DELETE")


def writes(runs: Any) -> list[str]:
    return [call for call in runs.calls() if call.startswith(WRITES) and "/oauth2/" not in call]


def count(runs: Any) -> dict[str, int]:
    found = {
        name: len(runs.call("GET", f"/v2/api/{name}")[name]) for name in ("projects", "policies", "clients", "scopes")
    }
    client = next(row["id"] for row in runs.call("GET", "/v2/api/clients")["clients"] if row["name"] == "Web")
    return found | {"credentials": len(runs.call("GET", f"/v2/api/clients/{client}/credentials")["credentials"])}


WHOLE = {"projects": 1, "policies": 1, "clients": 3, "scopes": 2, "credentials": 1}


def test_saved_plan_does_all_that_the_plan_does(runs: Any, failed: Told) -> None:
    runs.write(ALL)
    planned = runs.plan()
    opened = runs.save(planned)
    runs.forget_calls()
    left = runs.follow(opened)
    assert left.plan == planned.plan
    assert writes(runs) == []
    assert failed(runs.carry_out(left)) == []
    assert len(writes(runs)) == planned.plan.calls() == len(opened.saved.plan.operations)
    assert runs.plan().plan.operations == ()
    assert count(runs) == WHOLE


def test_following_a_plan_takes_the_reads_of_planning_without_its_names(runs: Any) -> None:
    runs.write(ALL)
    runs.settle()
    runs.write(EDITED)
    opened = runs.save(runs.plan())
    runs.forget_calls()
    runs.follow(opened)
    reads = sorted(runs.calls())
    web = runs.id("client/p/web")
    lists = [f"GET /v2/api/{name}" for name in ("clients", "policies", "projects", "scopes")]
    assert reads == sorted([*lists, f"GET /v2/api/clients/{web}/credentials", "GET /v2/oauth2/userinfo"])


HOW = pytest.mark.parametrize("how", ["stopped", "killed", "killed before the answer"])


def get_so_far(runs: Any, opened: Opened, nth: int, how: str) -> int:
    """Carry out a saved plan up to its nth operation, and leave what a run leaves that ends so; count what was done."""
    stop, done, bindings = threading.Event(), 0, runs.site.bindings
    before = bindings.read_bytes() if bindings.exists() else None
    for event in runs.begin(runs.follow(opened), stop):
        done += isinstance(event, Finished)
        if done == nth:
            stop.set()
    if how == "stopped":
        return done
    if before is None:
        bindings.unlink(missing_ok=True)
    else:
        bindings.write_bytes(before)
    lines = runs.site.journal.read_text().splitlines(keepends=True)
    assert '"line":"checkpoint"' in lines.pop()
    if how == "killed before the answer" and '"line":"outcome"' in lines[-1]:
        lines.pop()
    runs.site.journal.write_text("".join(lines))
    return done


def finish(runs: Any, opened: Opened) -> list[str]:
    """Carry out what is left; then nothing is, and everything is there once."""
    left = runs.follow(opened)
    assert [each for each in runs.carry_out(left) if not isinstance(each, Started | Finished)] == []
    assert runs.plan().plan.operations == ()
    assert count(runs) == WHOLE
    (held,) = [json.loads((runs.folder / "web.json").read_text())["credential_id"]]
    assert held == runs.id("credential/p/web/main")
    assert runs.follow(opened).plan.operations == ()
    return [each.key for each in left.plan.operations]


@HOW
@pytest.mark.parametrize("nth", range(1, 11))
def test_plan_that_got_only_so_far_is_finished_by_applying_it_again(runs: Any, nth: int, how: str) -> None:
    runs.write(ALL)
    opened = runs.save(runs.plan())
    assert get_so_far(runs, opened, nth, how) == nth
    finish(runs, opened)
    assert set(pipeline.outputs(load([runs.folder]), pipeline.state(runs.site).entries)) == {"SCOPE"}


def test_plan_that_was_applied_is_done(runs: Any) -> None:
    runs.write(ALL)
    opened = runs.save(runs.plan())
    runs.carry_out(runs.follow(opened))
    before = runs.entries()
    runs.forget_calls()
    left = runs.follow(opened)
    assert left.plan.operations == ()
    runs.carry_out(left)
    assert writes(runs) == []
    assert runs.entries() == before


def test_changes_that_were_applied_in_part_are_finished(runs: Any, failed: Told, finished: Told) -> None:
    runs.write(ALL)
    runs.settle()
    runs.write(EDITED)
    opened = runs.save(runs.plan())
    runs.fault("PUT", "/v2/api/policies", 400)
    assert failed(runs.carry_out(runs.follow(opened))) == ["update policy/p/login"]
    left = runs.follow(opened)
    assert [each.key for each in left.plan.operations] == ["update policy/p/login"]
    assert finished(runs.carry_out(left)) == ["update policy/p/login"]
    assert runs.plan().plan.operations == ()


REPLACED = ALL.replace("name: Web, client_type: confidential_client", "name: Web, client_type: client_identity")


@HOW
@pytest.mark.parametrize("nth", range(1, 4))
def test_replacement_that_got_only_so_far_is_finished(runs: Any, nth: int, how: str) -> None:
    runs.write(ALL)
    runs.settle()
    runs.write(REPLACED)
    opened = runs.save(runs.plan(replace=frozenset({"all"})))
    assert len(opened.saved.plan.operations) == 3
    assert get_so_far(runs, opened, nth, how) == nth
    finish(runs, opened)


def test_secret_that_a_killed_run_has_delivered_is_kept(runs: Any) -> None:
    runs.write(ALL)
    opened = runs.save(runs.plan())
    last = next(i for i, each in enumerate(opened.saved.plan.operations, 1) if each.address.kind == "credential")
    get_so_far(runs, opened, last, "killed before the answer")
    held = json.loads((runs.folder / "web.json").read_text())["credential_id"]
    finish(runs, opened)
    assert runs.id("credential/p/web/main") == held


def test_secret_that_a_killed_run_has_lost_is_revoked(runs: Any) -> None:
    runs.write(ALL)
    opened = runs.save(runs.plan())
    last = next(i for i, each in enumerate(opened.saved.plan.operations, 1) if each.address.kind == "credential")
    get_so_far(runs, opened, last, "killed before the answer")
    held = json.loads((runs.folder / "web.json").read_text())["credential_id"]
    for name in ("web.json", "web.json.meta.json"):
        (runs.folder / name).unlink()
    done = finish(runs, opened)
    # Its sink may hold that secret all the same, so what comes in its place is delivered before.
    assert done.index("create credential/p/web/main") < done.index(f"delete credential/p/web/main {held}")


def test_deletions_that_were_applied_in_part_are_finished(runs: Any, failed: Told) -> None:
    runs.write(ALL)
    runs.settle()
    text = ALL[: ALL.index("    policies:")] + "    clients: {bot: {name: Bot, client_type: client_identity}}\n"
    text += "removed: [{address: policy/p/login}, {address: client/p/web}, {address: client/p/api}]\n"
    runs.write(text)
    opened = runs.save(runs.plan())
    assert opened.saved.plan.refusals == ()
    runs.fault("DELETE", "/v2/api/policies", 400)
    assert failed(runs.carry_out(runs.follow(opened))) == ["delete policy/p/login"]
    left = runs.follow(opened)
    assert [each.key for each in left.plan.operations] == ["delete policy/p/login"]
    assert failed(runs.carry_out(left)) == []
    assert runs.plan().plan.operations == ()
    assert runs.follow(opened).plan.operations == ()


def put(kind: str, address: str, **fields: object) -> Behind:
    section = {"client": "clients", "policy": "policies", "project": "projects", "scope": "scopes"}[kind]
    return lambda runs: runs.call("PUT", f"/v2/api/{section}/{runs.id(address)}", {kind: fields})


def make_client(runs: Any) -> None:
    runs.call(
        "POST", "/v2/api/clients", {"client": {"name": "New", "project": runs.id("project/p"), "public_client": True}}
    )


def revoke(runs: Any) -> None:
    runs.call("DELETE", f"/v2/api/clients/{runs.id('client/p/web')}/credentials/{runs.id('credential/p/web/main')}")


CHANGED: dict[str, tuple[Behind, str]] = {
    "what is updated": (put("policy", "policy/p/login", description="Theirs"), "policy/p/login: description of "),
    "another managed field of it": (
        put("policy", "policy/p/login", display_name="T"),
        "policy/p/login: display_name of ",
    ),
    "what stays as it is": (put("client", "client/p/api", name="Theirs"), "client/p/api: name of "),
    "what is gone": (
        lambda runs: runs.call("DELETE", f"/v2/api/policies/{runs.id('policy/p/login')}"),
        "policy/p/login: its object ",
    ),
    "a credential that is gone": (revoke, "credential/p/web/main: its object "),
    "a twin of what is made": (make_client, "client/p/new: "),
}


@pytest.mark.parametrize(("change", "told"), CHANGED.values(), ids=CHANGED)
def test_what_was_changed_since_is_found_before_any_write(runs: Any, change: Behind, told: str) -> None:
    runs.write(ALL)
    runs.settle()
    runs.write(EDITED.replace("    clients:\n", "    clients:\n      new: {name: New, client_type: client_identity}\n"))
    opened = runs.save(runs.plan())
    change(runs)
    runs.forget_calls()
    with pytest.raises(StalePlan) as raised:
        runs.follow(opened)
    assert writes(runs) == []
    said = str(raised.value)
    assert said.startswith(f"{runs.folder / 'plan.json'}: the plan does not fit what is there any more ({told}")
    assert said.endswith("); plan again")
    assert ";" not in said.removesuffix("; plan again")


@pytest.mark.parametrize(
    "change",
    [
        put("client", "client/p/web", visibility="public"),
        make_client,
        put("scope", "scope/p/api/write", advertised=True),
    ],
    ids=["a field that is not managed", "another client", "a field of a scope that is not managed"],
)
def test_what_the_plan_does_not_rest_on_may_change(runs: Any, failed: Told, change: Behind) -> None:
    runs.write(ALL)
    runs.settle()
    runs.write(EDITED)
    opened = runs.save(runs.plan())
    change(runs)
    assert failed(runs.carry_out(runs.follow(opened))) == []


def test_what_is_sent_along_must_not_have_changed(runs: Any) -> None:
    text = ALL.replace(", client/p/bot]", "]")
    bare = text.replace("    admin_ids: [rosalind@globusid.org]\n", "")
    runs.write(text)
    runs.settle()
    runs.write(bare.replace("p@example.org", "q@example.org"))
    opened = runs.save(runs.plan())
    who = runs.call("GET", f"/v2/api/projects/{runs.id('project/p')}")["project"]["admin_ids"]
    put("project", "project/p", admin_ids=[*who, runs.id("client/p/bot")])(runs)
    with pytest.raises(StalePlan, match="project/p: admin_ids of "):
        runs.follow(opened)


def test_what_a_plan_has_made_and_others_changed_is_not_overwritten(runs: Any) -> None:
    runs.write(ALL)
    opened = runs.save(runs.plan())
    runs.fault("POST", "/v2/api/policies", 400)
    runs.carry_out(runs.follow(opened))
    put("client", "client/p/bot", name="Theirs")(runs)
    with pytest.raises(StalePlan, match=r"client/p/bot: name of .* was changed since this plan made it"):
        runs.follow(opened)


def test_list_that_cannot_be_read_is_no_absence(runs: Any) -> None:
    runs.write(ALL)
    opened = runs.save(runs.plan())
    runs.fault("GET", "/v2/api/policies", 403)
    runs.forget_calls()
    with pytest.raises(StalePlan, match="the service, which did not list every policy"):
        runs.follow(opened)
    assert writes(runs) == []


def test_what_is_only_forgotten_may_change(runs: Any, failed: Told) -> None:
    runs.write(ALL)
    runs.settle()
    runs.write(
        ALL.replace("      login: {", "      other: {").replace("Login", "Other")
        + "removed: [{address: policy/p/login, keep: true}]\n"
    )
    opened = runs.save(runs.plan())
    put("policy", "policy/p/login", description="Theirs")(runs)
    assert failed(runs.carry_out(runs.follow(opened))) == []
    assert runs.follow(opened).plan.operations == ()


def test_bindings_must_not_be_others_or_older(runs: Any) -> None:
    runs.write(ALL)
    runs.settle()
    file = runs.site.bindings
    first = file.read_bytes()
    runs.write(EDITED)
    runs.settle()
    runs.write(ALL)
    opened = runs.save(runs.plan())
    runs.site.journal.unlink()
    file.write_bytes(first)
    with pytest.raises(StalePlan, match=r"was made from newer bindings \(serial 2\) than .* \(serial 1\)"):
        runs.follow(opened)
    file.unlink()
    with pytest.raises(StalePlan, match=r"was made from bindings \(serial 2\) that are not here"):
        runs.follow(opened)
    runs.apply(create=frozenset({"all"}))
    with pytest.raises(StalePlan, match=r"was made from bindings of another history"):
        runs.follow(opened)


def test_no_secret_is_in_a_plan(runs: Any) -> None:
    runs.write(ALL)
    runs.settle()
    secret = json.loads((runs.folder / "web.json").read_text())["client_secret"]
    runs.write(REPLACED)
    runs.save(runs.plan(replace=frozenset({"all"})))
    assert secret not in (runs.folder / "plan.json").read_text()
