"""A run that is killed around a call, in front of the service or behind its answer, is finished by the next one."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from reconciler.emulator import Emulator

REPOSITORY = Path(__file__).parents[2]


@dataclass
class Between:
    """Kills the program around its nth write, which a relay passes on."""

    service: str
    nth: int = 0
    answered: bool = False
    victim: "subprocess.Popen[str] | None" = None
    writes: int = 0
    turn: threading.Lock = field(default_factory=threading.Lock)

    def before(self, method: str, path: str) -> bool:
        if not self.answered and self.strikes(method, path):
            self.kill()
            return False
        return True

    def forge(self, method: str, path: str, _content: bytes) -> bytes | None:
        if self.answered and self.strikes(method, path):
            self.kill()
            return b""
        return None

    def strikes(self, method: str, path: str) -> bool:
        if method == "GET" or not path.startswith("/v2/api/"):
            return False
        with self.turn:
            self.writes += 1
            return self.writes == self.nth

    def kill(self) -> None:
        assert self.victim is not None
        os.kill(self.victim.pid, signal.SIGKILL)


@dataclass
class Site:
    """A root, and the service behind something that may strike."""

    bench: Any
    between: Between
    url: str
    token: str

    def run(self, *arguments: str) -> Any:
        return self.bench.run(*arguments, "--base-url", self.url, RECONCILER_ACCESS_TOKEN=self.token)

    def be_killed(self, nth: int, *arguments: str, answered: bool) -> None:
        """Apply, and be killed around the nth write from here on."""
        self.between.nth, self.between.writes, self.between.answered = nth, 0, answered
        environment = {"RECONCILER_ACCESS_TOKEN": self.token, "PYTHONPATH": str(REPOSITORY)}
        command = [sys.executable, "-m", "reconciler", "apply", "--auto-approve", "--base-url", self.url, *arguments]
        with subprocess.Popen(command, cwd=self.bench.folder, env={**os.environ, **environment}, text=True) as victim:
            self.between.victim = victim
        assert victim.returncode == -signal.SIGKILL
        self.between.nth = 0

    def finish(self, *arguments: str) -> None:
        """Apply once more; then nothing is left to do, and every secret is where it belongs."""
        again = self.run("apply", "--auto-approve", *arguments)
        assert again.code == 0, again.out + again.err
        done = self.run("plan", "--detailed-exitcode")
        assert done.code == 0, done.out
        service = self.between.service
        assert count(service, self.token) == {"projects": 1, "policies": 1, "clients": 4, "scopes": 2}
        (credential,) = credentials(self.bench.folder, service, self.token)
        assert credential in (self.bench.folder / "secrets" / "web.env.meta.json").read_text()


@pytest.fixture
def site(copied: Callable[[str], Any], relaying: Any) -> Iterator[Site]:
    bench = copied("genomics-portal")
    with Emulator(bench.folder / "world.db") as emulator:
        between = Between(emulator.base_url)
        with relaying(emulator.base_url) as relay:
            relay.before, relay.forge = between.before, between.forge
            yield Site(bench, between, relay.url, emulator.person_token("rosalind@globusid.org"))


AROUND = pytest.mark.parametrize("answered", [False, True], ids=["before the call", "after the call"])


@AROUND
@pytest.mark.parametrize("nth", [1, 4, 9])
def test_killed_run_is_finished_by_the_next(site: Site, nth: int, *, answered: bool) -> None:
    site.be_killed(nth, answered=answered)
    site.finish()


@AROUND
@pytest.mark.parametrize("nth", [1, 5, 9])
def test_killed_run_of_a_saved_plan_is_finished_by_applying_it_again(site: Site, nth: int, *, answered: bool) -> None:
    assert site.run("plan", "--out", "plan.json").code == 0
    site.be_killed(nth, "plan.json", answered=answered)
    site.finish("plan.json")


@AROUND
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_killed_replacement_is_finished_by_the_next(site: Site, nth: int, *, answered: bool) -> None:
    assert site.run("apply", "--auto-approve").code == 0
    (file,) = [each for each in site.bench.folder.glob("*.yaml") if "confidential_client" in each.read_text()]
    file.write_text(file.read_text().replace("confidential_client", "hybrid_confidential_client_resource_server"))
    consent = ("--allow-replace", "client/genomics/web", "--parallelism", "1")
    site.be_killed(nth, *consent, answered=answered)
    site.finish(*consent)


def call(url: str, path: str, token: str) -> Any:
    answer = requests.get(f"{url}/v2/api/{path}", headers={"Authorization": f"Bearer {token}"}, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()


def count(url: str, token: str) -> dict[str, int]:
    return {name: len(call(url, name, token)[name]) for name in ("projects", "policies", "clients", "scopes")}


def credentials(folder: Path, url: str, token: str) -> list[str]:
    entries = json.loads((folder / "reconciler.bindings.json").read_text())["bindings"]
    rows = call(url, f"clients/{entries['client/genomics/web']['id']}/credentials", token)["credentials"]
    return [row["id"] for row in rows]
