"""Two runs at once on bindings of their own (C2): no lock helps, and still nothing is doubled unnoticed."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator import Emulator

PROJECT = "projects: {p: {display_name: P, contact_email: p@example.org, admin_ids: [rosalind@globusid.org]}}\n"
WEB = "web: {name: Web, client_type: confidential_client}"
CLIENT = PROJECT.replace("}}\n", f", clients: {{{WEB}}}}}}}\n")
SECRET = CLIENT.replace(
    "confidential_client}", "confidential_client, credentials: {main: {sink: {file: {path: s.json}}}}}"
)


@dataclass
class Meeting:
    """Lets both runs send their POST to `path` before either goes on, so that neither has seen the other's object."""

    path: str = "-"
    both: threading.Barrier = field(default_factory=lambda: threading.Barrier(2, timeout=30))
    deleted: threading.Event = field(default_factory=threading.Event)

    def before(self, method: str, path: str) -> bool:
        if (method, path) == ("POST", self.path):
            self.both.wait()
        if method == "GET" and path.rpartition("/")[0] == self.path:
            self.deleted.wait(30)  # whoever asks whether a twin is gone may be much faster than who takes it back
        return True

    def forge(self, method: str, path: str, _content: bytes) -> None:
        """Hold the answer of the first back until the second has its own."""
        if (method, path) == ("POST", self.path):
            self.both.wait()
        if method == "DELETE":
            self.deleted.set()


@dataclass
class Checkouts:
    """Two checkouts of one repository, and the service that both are reconciled with."""

    emulator: Emulator
    first: Any
    second: Any
    meeting: Meeting
    environment: dict[str, str]

    def write(self, text: str) -> None:
        for each in (self.first, self.second):
            each.write("a.yaml", text)

    def share(self) -> None:
        """Commit the bindings of the first, and let the second have them."""
        name = "reconciler.bindings.json"
        (self.second.folder / name).write_text((self.first.folder / name).read_text())

    def meet(self, path: str) -> list[tuple[int, str]]:
        """Apply in both at once, so that both POST to `path` before either knows; give exit codes and what was said."""
        self.meeting.path = path
        started = [each.start("apply", "--auto-approve", **self.environment) for each in (self.first, self.second)]
        said = [process.communicate(timeout=60)[0] for process in started]
        self.meeting.path = "-"
        return sorted((process.returncode, out) for process, out in zip(started, said, strict=True))

    def apply(self, bench: Any) -> Any:
        return bench.run("apply", "--auto-approve", **self.environment)

    def settle(self) -> None:
        for each in (self.first, self.second):
            ran = self.apply(each)
            assert ran.code == 0, ran.out + ran.err
            assert each.run("plan", "--detailed-exitcode", **self.environment).code == 0

    def bound(self, bench: Any, address: str) -> str:
        document = json.loads((bench.folder / "reconciler.bindings.json").read_text())
        return str(document["bindings"][address]["id"])


@pytest.fixture
def checkouts(bench: Any, tmp_path: Path, relaying: Callable[[str], Any]) -> Iterator[Checkouts]:
    meeting = Meeting()
    first, second = (type(bench)(tmp_path / name) for name in ("first", "second"))
    with Emulator() as emulator, relaying(emulator.base_url) as relay:
        relay.before, relay.forge = meeting.before, meeting.forge
        environment = {
            "RECONCILER_ACCESS_TOKEN": emulator.person_token("rosalind@globusid.org"),
            "GLOBUS_SDK_SERVICE_URL_AUTH": relay.url,
        }
        yield Checkouts(emulator, first, second, meeting, environment)


def clients_of(checkouts: Checkouts) -> list[str]:
    (project,) = (row["id"] for row in checkouts.emulator.export_world()["projects"])
    rows = checkouts.emulator.export_world()["clients"]
    return [row["id"] for row in rows if row["project"] == project]


def test_twins_of_two_runs_become_one_that_both_bind(checkouts: Checkouts) -> None:
    checkouts.write(PROJECT)
    assert checkouts.apply(checkouts.first).code == 0
    checkouts.share()
    checkouts.write(CLIENT)
    (won, _), (lost, said) = checkouts.meet("/v2/api/clients")
    assert (won, lost) == (0, 12), said
    (left,) = clients_of(checkouts)
    assert f"client/p/web: somebody else made the same at the same time, {left}, so " in said
    assert "Apply incomplete: 0 created, 0 changed, 0 deleted, 1 failed, 0 not begun." in said
    checkouts.settle()
    assert clients_of(checkouts) == [left]
    assert {checkouts.bound(each, "client/p/web") for each in (checkouts.first, checkouts.second)} == {left}


def test_twins_with_something_below_are_for_a_person_and_stay(checkouts: Checkouts) -> None:
    checkouts.write(CLIENT)
    checkouts.meeting.deleted.set()  # there is nobody to wait for: neither takes its own back
    (one, said), (other, _) = checkouts.meet("/v2/api/projects")
    assert (one, other) == (15, 15), said
    projects = sorted(row["id"] for row in checkouts.emulator.export_world()["projects"])
    assert len(projects) == 2
    assert all(each in said for each in projects)
    mine = {checkouts.bound(each, "project/p") for each in (checkouts.first, checkouts.second)}
    assert mine == set(projects)


def test_two_new_secrets_of_one_client_both_work_and_none_is_lost(checkouts: Checkouts) -> None:
    checkouts.write(CLIENT)
    assert checkouts.apply(checkouts.first).code == 0
    checkouts.share()
    checkouts.write(SECRET)
    client = checkouts.bound(checkouts.first, "client/p/web")
    ended = checkouts.meet(f"/v2/api/clients/{client}/credentials")
    assert [code for code, _ in ended] == [0, 0], ended
    delivered = {
        json.loads((each.folder / "s.json").read_text())["credential_id"]
        for each in (checkouts.first, checkouts.second)
    }
    rows = checkouts.emulator.export_world()["credentials"]
    assert delivered == {row["id"] for row in rows if row["client"] == client}
    assert len(delivered) == 2
    for bench in (checkouts.first, checkouts.second):
        ran = bench.run("plan", "--detailed-exitcode", **checkouts.environment)
        assert ran.code == 0
        (other,) = delivered - {json.loads((bench.folder / "s.json").read_text())["credential_id"]}
        assert f"credential/p/web/main: {other} is revoked from " in ran.out
