"""`rehearse` and `apply --rehearse` as processes; the service that they talk to is looked at before and after."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator import Emulator
from reconciler.lock import hold

PERSON = "rosalind@globusid.org"
FIRST = """\
projects:
  p:
    display_name: P
    contact_email: p@example.org
    admin_ids: [rosalind@globusid.org]
    clients:
      api:
        name: Api
        client_type: resource_server
        scopes:
          read: {name: Read, description: Read, dependent_scopes: [scope/p/api/write]}
          write: {name: Write, description: Write, dependent_scopes: [scope/p/api/read]}
      old: {name: Old, client_type: client_identity}
      web:
        name: Web
        client_type: confidential_client
        credentials: {main: {rotate_after: 90d, sink: {file: {path: secrets/web.env, format: env}}}}
      job:
        name: Job
        client_type: confidential_client
        credentials: {main: {sink: {file: {path: secrets/job.json}}}}
"""
CHANGED = (
    FIRST.replace("p@example.org", "q@example.org")
    .replace("      old: {name: Old", "      older: {previously: [old], name: Older")
    .replace("name: Job\n        client_type: confidential_client", "name: Job\n        client_type: client_identity")
    .replace("          write: {name: Write, description: Write, dependent_scopes: [scope/p/api/read]}\n", "")
    .replace("dependent_scopes: [scope/p/api/write]", "dependent_scopes: [globus/transfer/all]")
)
CONSENTS = ("--allow-replace", "all", "--allow-delete", "all")
PRIVATE = """\
  q:
    display_name: Q
    contact_email: q@example.org
    admin_ids: [rosalind@globusid.org]
    clients:
      far:
        name: Far
        client_type: resource_server
        scopes: {ask: {name: Ask, description: Ask, dependent_scopes: [scope/p/api/read]}}
"""


@dataclass(frozen=True)
class Stage:
    """A folder, the service that it is reconciled with, and a place for temporary files that is looked at."""

    bench: Any
    emulator: Emulator
    scratch: Path

    def run(self, *arguments: str) -> Any:
        given = {
            "RECONCILER_ACCESS_TOKEN": self.emulator.person_token(PERSON),
            "GLOBUS_SDK_SERVICE_URL_AUTH": self.emulator.base_url,
            "TMPDIR": str(self.scratch),
        }
        return self.bench.run(*arguments, **given)

    def apply(self) -> None:
        ran = self.run("apply", "--auto-approve")
        assert ran.code == 0, ran.out + ran.err

    def rehearse(self, *arguments: str, code: int = 0) -> Any:
        """Rehearse; whatever comes of it, the service is only read, and nothing in the root is another than before."""
        before, files = self.world(), self.files()
        self.emulator.forget_requests()
        ran = self.run("rehearse", *arguments)
        assert ran.code == code, ran.out + ran.err
        assert {row["method"] for row in self.emulator.requests} <= {"GET"}
        assert self.world() == before
        assert self.files() == files
        assert list(self.scratch.iterdir()) == []
        return ran

    def writes(self) -> int:
        return sum(row["method"] != "GET" for row in self.emulator.requests)

    def world(self) -> str:
        """Write the world without the tokens that this test asked for."""
        world = self.emulator.export_world()
        world["tables"].pop("tokens")
        return json.dumps(world, sort_keys=True)

    def files(self) -> dict[str, str]:
        found = self.bench.folder.rglob("*")
        return {str(each): hashlib.sha256(each.read_bytes()).hexdigest() if each.is_file() else "" for each in found}


@pytest.fixture
def stage(
    bench: Any, emulator: Callable[[], AbstractContextManager[Emulator]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    folder = bench.folder / "root"
    folder.mkdir()
    with emulator() as there:
        yield Stage(type(bench)(folder), there, tmp_path_factory.mktemp("scratch"))


def test_rehearsal_of_a_first_apply_leaves_no_trace(stage: Stage) -> None:
    stage.bench.write("a.yaml", FIRST)
    ran = stage.rehearse()
    assert "  create credential/p/web/main\n    POST /v2/api/clients/{client/p/web}/credentials 200\n" in ran.out
    assert "Rehearsal complete: " in ran.out
    assert stage.bench.folder.joinpath("secrets").exists() is False


def test_rehearsal_of_a_change_of_everything_leaves_no_trace(stage: Stage) -> None:
    stage.bench.write("a.yaml", FIRST)
    stage.apply()
    stage.emulator.clock.advance(91 * 86_400)
    stage.bench.write("a.yaml", CHANGED)
    ran = stage.rehearse(*CONSENTS)
    assert "rotate" in ran.out or "↻" in ran.out
    for verb in ("create client/p/job", "update project/p", "update client/p/older", "delete scope/p/api/write"):
        assert f"  {verb}\n" in ran.out
    assert "the plan after it is empty" in ran.out
    ran = stage.run("apply", "--auto-approve", *CONSENTS)
    assert ran.code == 0, ran.out + ran.err
    assert stage.run("plan", "--detailed-exitcode").code == 0


def test_what_the_service_would_refuse_is_told_and_not_applied(stage: Stage) -> None:
    stage.bench.write("a.yaml", FIRST + PRIVATE)
    ran = stage.rehearse(code=1)
    assert "no scope with id" in ran.out
    assert "Rehearsal failed: 1 failed, 0 not begun" in ran.out
    assert f"Nothing was changed at {stage.emulator.base_url}." in ran.out
    files = stage.files()
    stage.emulator.forget_requests()
    ran = stage.run("apply", "--rehearse", "--auto-approve")
    assert ran.code == 1
    assert "no scope with id" in ran.out
    assert stage.writes() == 0
    assert {name for name in stage.files() if not name.endswith(("/.reconciler", "/lock", "/.gitignore"))} == set(files)


def test_apply_goes_on_after_a_good_rehearsal(stage: Stage) -> None:
    stage.bench.write("a.yaml", FIRST)
    ran = stage.run("apply", "--rehearse", "--auto-approve")
    assert ran.code == 0, ran.out + ran.err
    assert ran.out.index("Rehearsal complete") < ran.out.index("Apply complete")
    assert (stage.bench.folder / "secrets" / "web.env").exists()
    assert "No changes." in stage.rehearse().out


def test_saved_plan_is_rehearsed_and_then_applied(stage: Stage) -> None:
    stage.bench.write("a.yaml", FIRST)
    assert stage.run("plan", "--out", "plan.json").code == 0
    assert "Rehearsal complete: " in stage.rehearse("plan.json").out
    ran = stage.run("apply", "--rehearse", "plan.json")
    assert ran.code == 0, ran.out + ran.err
    assert ran.out.index("Rehearsal complete") < ran.out.index("Apply complete")
    assert "Nothing is left to do of this plan." in stage.rehearse("plan.json").out


def test_saved_plan_that_fails_its_rehearsal_is_not_applied(stage: Stage) -> None:
    stage.bench.write("a.yaml", FIRST + PRIVATE)
    assert stage.run("plan", "--out", "plan.json").code == 0
    stage.rehearse("plan.json", code=1)
    stage.emulator.forget_requests()
    assert stage.run("apply", "--rehearse", "plan.json").code == 1
    assert stage.writes() == 0


def test_refused_plan_is_not_rehearsed(stage: Stage) -> None:
    stage.bench.write("a.yaml", FIRST)
    stage.apply()
    stage.bench.write("a.yaml", CHANGED)
    assert stage.run("plan", "--out", "plan.json").code == 11
    assert "Rehearsal" not in stage.rehearse(code=11).out
    assert "Rehearsal" not in stage.rehearse("plan.json", code=11).out


def test_stale_plan_is_not_rehearsed(stage: Stage) -> None:
    stage.bench.write("a.yaml", FIRST)
    assert stage.run("plan", "--out", "plan.json").code == 0
    stage.apply()
    (stage.bench.folder / "reconciler.bindings.json").unlink()
    (stage.bench.folder / ".reconciler" / "journal.jsonl").unlink()
    stage.rehearse("plan.json", code=12)


def test_page_about_rehearsals_shows_what_happens(stage: Stage) -> None:
    page = (Path(__file__).parents[2] / "docs" / "rehearsal.md").read_text(encoding="utf-8")
    (commands,), (shown,) = (re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL) for language in ("sh", "text"))
    portal = Path(__file__).parents[2] / "examples" / "genomics-portal" / "portal.yaml"
    stage.bench.write("a.yaml", portal.read_text(encoding="utf-8"))
    assert stage.run("plan", "--out", "plan.json").code == 0
    for line in commands.splitlines():
        program, *arguments = line.partition("#")[0].split()
        assert program == "reconciler"
        ran = stage.run(*arguments, *(["--auto-approve"] if arguments == ["apply", "--rehearse"] else []))
        assert ran.code == 0, ran.out + ran.err
        parts = shown.replace("https://auth.globus.org", stage.emulator.base_url).split("…\n")
        assert all(part in ran.out for part in parts), ran.out


def test_rehearsal_waits_for_nobody(stage: Stage) -> None:
    stage.bench.write("a.yaml", FIRST)
    with hold(stage.bench.folder / ".reconciler" / "lock", timeout=0):
        stage.rehearse()
