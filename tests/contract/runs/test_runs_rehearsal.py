"""A plan tried on a copy of the service: it does there what it then does here, and leaves no trace of the trial."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler import pipeline
from reconciler.auth import AccessTokenAuthorizer
from reconciler.errors import ReconcilerError
from reconciler.manifest import load
from reconciler.model import EVERYTHING, Address, Aim, Event, Rehearsal
from reconciler.pipeline import Means, Planned
from reconciler.rehearse import rehearse

WEEK = 7 * 86_400
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
    files = [each for each in (*runs.folder.rglob("*"), *state)]
    return {each: hashlib.sha256(each.read_bytes()).hexdigest() if each.is_file() else "" for each in files}


def asked(found: Rehearsal) -> list[str]:
    return [f"{each.method} {named(each.path, found)}" for one in found.tried for each in one.requests]


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
    runs.emulator.clock.advance(91 * 86_400)
    runs.client.authorizer = AccessTokenAuthorizer(runs.emulator.person_token("rosalind@globusid.org"))
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
