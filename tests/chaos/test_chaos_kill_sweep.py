"""The program is killed at every request and every step on the disk, and run once more: nothing is lost or doubled."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.model import digest

pytestmark = pytest.mark.chaos

FIRST = """\
version: 1
projects:
  g:
    display_name: Genomics
    contact_email: ops@example.edu
    admin_ids: [BOOTSTRAP, rosalind@globusid.org, client/./deployer]
    policies:
      campus: {display_name: Campus, description: Only us, domain_constraints_include: [example.edu]}
    clients:
      deployer: {name: Deployer, client_type: client_identity}
      web:
        name: Web
        client_type: confidential_client
        redirect_uris: ["https://example.edu/callback"]
        credentials:
          django: {sink: {file: {path: secrets/web.env, format: env}}}
      api:
        name: API
        client_type: resource_server
        scopes:
          read: {name: Read, description: Read, dependent_scopes: [scope/./index/query]}
        credentials:
          flask: {sink: {file: {path: secrets/api.json}}}
      index:
        name: Index
        client_type: resource_server
        scopes:
          query: {name: Query, description: Query, dependent_scopes: [scope/./api/read]}
          ask: {name: Ask, description: Ask}
"""
SECOND = (
    FIRST.replace("display_name: Genomics", "display_name: Genomics Portal")
    .replace("client_type: confidential_client", "client_type: hybrid_confidential_client_resource_server")
    .replace("          ask: {name: Ask, description: Ask}\n", "          tell: {name: Tell, description: Tell}\n")
    .replace("      index:\n", "      search:\n        previously: [index]\n")
    .replace("scope/./index/query", "scope/./search/query")
    .replace("path: secrets/api.json", "path: secrets/service.json")
    .replace("description: Only us", "description: Only we")
)
APPLY = ("apply", "--auto-approve", "--allow-replace", "all", "--allow-delete", "all")


@pytest.mark.parametrize("parallelism", ["1", "6"])
def test_first_apply_survives_a_kill_at_any_point(sweep: Any, sample: Any, tmp_path: Path, parallelism: str) -> None:
    with sweep.ground("start") as ground:
        ground.write(FIRST)
        _foreign(ground)
    _swept(sweep, sample, tmp_path / "start", (*APPLY, "--parallelism", parallelism))


@pytest.mark.parametrize("parallelism", ["1", "6"])
def test_change_of_everything_survives_a_kill_at_any_point(
    sweep: Any, sample: Any, tmp_path: Path, parallelism: str
) -> None:
    with sweep.ground("start") as ground:
        ground.write(FIRST)
        _foreign(ground)
        first = ground.run(*APPLY)
        assert first.code == 0, first.said
        (project,) = (row["id"] for row in ground.documents()["projects"])
        stranger = {"name": "Stranger", "project": project, "client_type": "client_identity"}
        client = ground.api("POST", "/v2/api/clients", {"client": stranger})["client"]["id"]
        ground.api("POST", f"/v2/api/clients/{client}/credentials", {"credential": {"name": "by hand"}})
        ground.write(SECOND)
    _swept(sweep, sample, tmp_path / "start", (*APPLY, "--parallelism", parallelism))


def _foreign(ground: Any) -> None:
    """Make what belongs to somebody else."""
    me = ground.api("GET", "/v2/oauth2/userinfo", person="barbara@globusid.org")["sub"]
    project = {"display_name": "Genomics", "contact_email": "b@example.edu", "admin_ids": [me]}
    made = ground.api("POST", "/v2/api/projects", {"project": project}, person="barbara@globusid.org")["project"]["id"]
    client = {"name": "Web", "project": made, "client_type": "client_identity"}
    ground.api("POST", "/v2/api/clients", {"client": client}, person="barbara@globusid.org")


def test_first_apply_survives_a_kill_at_the_system_calls(sweep: Any, sample: Any, tmp_path: Path) -> None:
    """Traced threads are counted one by one: those of one worker. Where nobody may trace, the fail points do it."""
    with sweep.ground("start") as ground:
        ground.write(FIRST)
        _foreign(ground)
    arguments = (*APPLY, "--parallelism", "1")
    points, shape = sweep.points(tmp_path / "start", arguments)
    traced = _may_trace()
    names = {"fsync": "fsync", "rename": "renameat"}
    mine = [
        replace(each, what=names[each.what] if traced else each.what, traced=traced)
        for each in points
        if each.what in names and not each.done
    ]
    _kill_at(sweep, sample(mine, 3), len(mine), shape, tmp_path / "start", arguments)


def _may_trace() -> bool:
    return (
        subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], check=False, capture_output=True).returncode == 0
    )


def _swept(sweep: Any, sample: Callable[[list[Any], int], list[Any]], start: Path, arguments: tuple[str, ...]) -> None:
    points, shape = sweep.points(start, arguments)
    reached = _kill_at(sweep, sample(points, 5), len(points), shape, start, arguments)
    assert reached >= len(sample(points, 5)) * 0.8


def _kill_at(sweep: Any, chosen: list[Any], count: int, shape: Any, start: Path, arguments: tuple[str, ...]) -> int:
    """Kill at each point and go on from there; return how many were reached."""
    violations, reached = [], 0
    for point in chosen:
        with sweep.ground("point", start) as ground:
            foreign = ground.documents("barbara@globusid.org"), _by_hand(ground)
            killed = ground.run(*arguments, point=point)
            reached += killed.code == -signal.SIGKILL
            violations += [f"{point}: {each}" for each in _broken(ground, shape, foreign, killed.said, arguments)]
        shutil.rmtree(ground.folder)
    sys.stdout.write(f"\nkilled at {reached} of {count} points ({len(chosen)} tried), {len(violations)} violations\n")
    assert violations == []
    return reached


def _by_hand(ground: Any) -> list[Any]:
    rows = ground.documents()
    clients = [row for row in rows["clients"] if row["name"] == "Stranger"]
    ids = {row["id"] for row in clients}
    return [*clients, *(row for row in rows["credentials"] if row["client"] in ids)]


def _broken(ground: Any, shape: Any, foreign: Any, said: str, arguments: tuple[str, ...]) -> Any:
    """Run once more, and find which invariants do not hold: I1 to I7 of the catalogue of faults."""
    again = ground.run(*arguments)
    after = ground.run("plan", "--detailed-exitcode")
    if (again.code, after.code) != (0, 0):
        yield f"I6: exits {again.code} and {after.code}: {again.said}{after.said}"
    now = ground.shape()
    if now != shape:
        differing = {kind: (now[kind], shape[kind]) for kind in shape if now[kind] != shape[kind]}
        yield f"I1: there is {differing}"
    if (ground.documents("barbara@globusid.org"), _by_hand(ground)) != foreign:
        yield "I2: what is not ours was touched"
    yield from _misplaced_secrets(ground)
    yield from ground.leaks(said + again.said + after.said)
    stored = json.loads((ground.root / "reconciler.bindings.json").read_text())
    if stored["checksum"] != digest({name: each for name, each in stored.items() if name != "checksum"}):
        yield "I5: the bindings are damaged"
    if left := [file.name for file in ground.root.rglob("*.tmp.*")]:
        yield f"I7: {left} are left over"


def _misplaced_secrets(ground: Any) -> Any:
    """See that each sink holds the secret of a live credential, and that it works."""
    live = {row["id"]: row for row in ground.documents()["credentials"] if "#" in row["name"]}
    for file in sorted((ground.root / "secrets").iterdir()):
        if file.name.endswith((".meta.json", ".lock")):
            continue
        text = file.read_text()
        held = _held(text)
        if held["credential_id"] not in live:
            yield f"I3: {file.name} holds {held['credential_id']}, which is not live"
            continue
        client = live[held["credential_id"]]["client"]
        form = {"token": "none", "client_id": client, "client_secret": held["client_secret"]}
        if (answer := ground.introspect(form)) != 200:
            yield f"I3: the secret in {file.name} does not work ({answer})"


def _held(text: str) -> dict[str, str]:
    if text.startswith("{"):
        found: dict[str, str] = json.loads(text)
        return found
    rows = (line.partition("=") for line in text.splitlines())
    return {name.lower(): value.strip("'\"") for name, _, value in rows}
