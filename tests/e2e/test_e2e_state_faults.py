"""Disks that fill up, folders that are closed, clocks that are off (C9, C10, C15); by strace, setpriv and faketime."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from reconciler.emulator import Emulator

PROJECT = "projects: {p: {display_name: P, contact_email: p@example.org, admin_ids: [rosalind@globusid.org]}}\n"


@dataclass
class Service:
    """An emulator that goes on while the program comes and goes."""

    bench: Any
    emulator: Emulator

    def run(self, *arguments: str, before: str = "") -> Any:
        url, token = self.emulator.base_url, self.emulator.person_token("rosalind@globusid.org")
        environment = f"RECONCILER_ACCESS_TOKEN={token} GLOBUS_SDK_SERVICE_URL_AUTH={url}"
        return self.bench.shell(f"export {environment}; {before} $reconciler {' '.join(arguments)}")

    def apply(self, before: str = "") -> Any:
        return self.run("apply", "--auto-approve", before=before)

    def log(self) -> list[str]:
        rows = requests.get(f"{self.emulator.base_url}/_emulator/requests", timeout=20).json()
        return [row["method"] for row in rows if row["path"].startswith("/v2/api/")]

    def projects(self) -> list[str]:
        headers = {"Authorization": f"Bearer {self.emulator.person_token('rosalind@globusid.org')}"}
        answer = requests.get(f"{self.emulator.base_url}/v2/api/projects", headers=headers, timeout=20)
        return [row["id"] for row in answer.json()["projects"]]

    def must_settle(self) -> None:
        """Run once more: then there is one project, and it is bound."""
        ran = self.apply()
        assert ran.code == 0, ran.out + ran.err
        bound = json.loads((self.bench.folder / "reconciler.bindings.json").read_text())["bindings"]
        assert [bound["project/p"]["id"]] == self.projects()


@pytest.fixture
def service(bench: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    bench.write("a.yaml", PROJECT)
    with Emulator(tmp_path_factory.mktemp("world") / "world.db") as emulator:
        yield Service(bench, emulator)


@pytest.mark.parametrize(("call", "error"), [("fsync", "ENOSPC"), ("rename,renameat,renameat2", "EIO")])
def test_disk_that_fails_from_the_start_changes_nothing(service: Service, call: str, error: str) -> None:
    ran = service.apply(f"strace --seccomp-bpf -qq -f -o /dev/null -e trace={call} -e inject={call}:error={error}")
    assert ran.code == 1
    assert "Error: " in ran.err
    assert set(service.log()) <= {"GET"}
    service.must_settle()


@pytest.mark.parametrize(("nth", "code", "sent"), [(1, 1, False), (2, 13, True)])
def test_journal_that_fails_once_is_told_and_made_up_for(service: Service, nth: int, code: int, *, sent: bool) -> None:
    # strace counts by thread: the first lines are the run and the intent, the second the outcome and the checkpoint.
    service.bench.write(".reconciler/journal.jsonl", "")
    file = service.bench.folder / ".reconciler" / "journal.jsonl"
    trace = f"strace --seccomp-bpf -qq -f -o /dev/null -P {file} -e trace=fsync"
    ran = service.apply(f"{trace} -e inject=fsync:error=ENOSPC:when={nth}")
    assert ran.code == code, ran.out + ran.err
    assert ("POST" in service.log()) == sent
    assert "journal.jsonl: no space left on device" in ran.err
    assert "complete!" not in ran.out
    assert ("The bindings say what was done; the journal does not." in ran.out) == sent
    assert (service.bench.folder / "reconciler.bindings.json").exists() == sent
    service.must_settle()


def test_bindings_that_cannot_be_put_in_place_at_the_end_are_printed(service: Service) -> None:
    trace = "strace --seccomp-bpf -qq -f -o /dev/null -e trace=rename,renameat,renameat2"
    service.must_settle()
    service.bench.write("a.yaml", PROJECT.replace("display_name: P", "display_name: Q"))
    ran = service.apply(f"{trace} -e inject=rename,renameat,renameat2:error=EIO")
    assert ran.code == 13
    (line,) = [line for line in ran.err.splitlines() if line.startswith("{")]
    assert list(json.loads(line)["bindings"]) == ["project/p"]
    service.must_settle()


def test_files_that_may_not_grow_change_nothing(service: Service) -> None:
    ran = service.apply("ulimit -f 0;")
    assert ran.code == 1
    assert "file too large" in ran.err
    assert set(service.log()) <= {"GET"}
    service.must_settle()


@pytest.mark.parametrize("name", [".", "reconciler.bindings.json"])
def test_what_is_closed_to_us_changes_nothing(service: Service, name: str) -> None:
    drop = "setpriv --bounding-set=-dac_override,-dac_read_search" if os.geteuid() == 0 else ""
    service.must_settle()
    service.bench.write("a.yaml", PROJECT.replace("display_name: P", "display_name: Q"))
    before = service.log()
    closed: Path = service.bench.folder / name
    mode = closed.stat().st_mode
    closed.chmod(0o555 if closed.is_dir() else 0o000)
    try:
        ran = service.apply(drop)
    finally:
        closed.chmod(mode)
    assert ran.code in (1, 12)
    assert "permission denied" in ran.err
    assert set(service.log()[len(before) :]) <= {"GET"}
    service.must_settle()


@pytest.mark.parametrize("offset", ["-1d", "+1d"])
def test_clock_that_is_off_by_a_day_does_not_matter(service: Service, offset: str) -> None:
    ran = service.apply(f"faketime -f {offset}")
    assert ran.code == 0, ran.err
    service.bench.write("a.yaml", PROJECT.replace("display_name: P", "display_name: Q"))
    service.must_settle()
    ran = service.run("log", "--json")
    assert [json.loads(line)["steps"][0]["verb"] for line in ran.out.splitlines()[:2]] == ["create", "update"]
