"""A run that is interrupted or stopped in the middle of a call (K5, K6, K7), whose answer the test holds back."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from reconciler.emulator import Emulator

MANIFEST = """\
projects:
  p:
    display_name: P
    contact_email: p@example.org
    admin_ids: [rosalind@globusid.org]
    clients: {web: {name: Web, client_type: client_identity}}
"""


@dataclass
class Held:
    """Holds back the answer to the first POST of a project, until it is let go."""

    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def forge(self, method: str, path: str, _content: bytes) -> None:
        if (method, path) == ("POST", "/v2/api/projects"):
            self.reached.set()
            self.released.wait(30)


@dataclass
class Interrupted:
    """A run in the middle of a call: the service has carried it out, and the answer is still to come."""

    bench: Any
    emulator: Emulator
    environment: dict[str, str]
    held: Held
    process: subprocess.Popen[str]
    said: str = ""

    def hear(self, words: str) -> None:
        """Read what the run says, up to these words."""
        assert self.process.stdout
        while words not in self.said:
            line = self.process.stdout.readline()
            assert line, self.said
            self.said += line

    def end(self) -> int:
        self.said += self.process.communicate(timeout=60)[0]
        return self.process.returncode

    def bound(self) -> list[str]:
        file = self.bench.folder / "reconciler.bindings.json"
        return sorted(json.loads(file.read_text())["bindings"]) if file.exists() else []

    def names(self) -> list[str]:
        world = self.emulator.export_world()
        ours = [row["name"] for row in world["clients"] if row["project"]]
        return sorted([row["display_name"] for row in world["projects"]] + ours)

    def settle(self) -> None:
        """Apply once more: then all is there once, and nothing is left to do."""
        ran = self.bench.run("apply", "--auto-approve", **self.environment)
        assert ran.code == 0, ran.out + ran.err
        assert self.bench.run("plan", "--detailed-exitcode", **self.environment).code == 0
        assert self.names() == ["P", "Web"]
        assert self.bound() == ["client/p/web", "project/p"]


@pytest.fixture
def run(bench: Any, relaying: Callable[[str], Any]) -> Iterator[Interrupted]:
    bench.write("a.yaml", MANIFEST)
    held = Held()
    with Emulator() as emulator, relaying(emulator.base_url) as relay:
        relay.forge = held.forge
        environment = {
            "RECONCILER_ACCESS_TOKEN": emulator.person_token("rosalind@globusid.org"),
            "GLOBUS_SDK_SERVICE_URL_AUTH": relay.url,
        }
        with bench.start("apply", "--auto-approve", **environment) as process:
            assert held.reached.wait(30)
            yield Interrupted(bench, emulator, environment, held, process)
            held.released.set()
            process.kill()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_first_signal_lets_the_call_end_and_records_it(run: Interrupted, number: int, code: int) -> None:
    run.process.send_signal(number)
    run.hear("Stopping: what is under way is finished first.")
    assert run.process.poll() is None
    run.held.released.set()
    assert run.end() == code
    assert "Apply incomplete: 1 created, 0 changed, 0 deleted, 0 failed, 1 not begun." in run.said
    assert "  not begun: create client/p/web\n" in run.said
    assert "What was done is recorded. To go on from here: reconciler apply --auto-approve" in run.said
    assert (run.bound(), run.names()) == (["project/p"], ["P"])
    run.settle()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_second_signal_ends_the_run_at_once_and_the_next_finds_what_it_made(
    run: Interrupted, number: int, code: int
) -> None:
    run.process.send_signal(number)
    run.hear("Stopping: what is under way is finished first.")
    run.process.send_signal(number)
    assert run.end() == code
    assert not run.held.released.is_set()
    assert (run.bound(), run.names()) == ([], ["P"])
    run.held.released.set()
    run.settle()


def test_run_that_is_stopped_in_a_call_keeps_others_out_and_goes_on(run: Interrupted) -> None:
    os.kill(run.process.pid, signal.SIGSTOP)
    other = run.bench.run("apply", "--auto-approve", **run.environment)
    assert other.code == 14
    assert f"pid {run.process.pid} since 20" in other.err
    run.held.released.set()
    os.kill(run.process.pid, signal.SIGCONT)
    assert run.end() == 0
    assert "Apply complete! 2 created" in run.said
    run.settle()
