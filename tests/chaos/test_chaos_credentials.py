"""Secrets whose making, delivery, rotation or retirement is cut off at any point: none is lost, none ends too early.

What is in a sink is read as applications read it: the file, with the `age` program, from OpenBao. Whenever a credential
is about to be deleted, and after each that was made, the sinks and the service are looked at from behind.
"""

import json
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.contract.sinks import openbao

pytestmark = pytest.mark.chaos

DAY = 86_400
MANIFEST = """\
version: 1
projects:
  g:
    display_name: Genomics
    contact_email: ops@example.edu
    admin_ids: [BOOTSTRAP, rosalind@globusid.org]
    clients:
      web:
        name: Web
        client_type: confidential_client
        redirect_uris: ["https://example.edu/callback"]
        credentials:
          plain: {rotate_after: 90d, overlap: 14d, sink: {file: {path: secrets/web.json}}}
          sealed: {rotate_after: 90d, overlap: 14d, sink: {age: {path: secrets/web.age, recipients: [RECIPIENT]}}}
          vaulted: {rotate_after: 90d, overlap: 14d, sink: {vault: {path: genomics/web}}}
"""
MOVED = MANIFEST.replace("secrets/web.", "secrets/portal.").replace("genomics/web", "genomics/portal")
NAMES = ("plain", "sealed", "vaulted")
APPLY = ("apply", "--auto-approve", "--parallelism", "1")


@dataclass
class Vault:
    """OpenBao, which can be put back to how it was."""

    bao: openbao.Bao
    paths: tuple[str, ...] = ("genomics/web", "genomics/portal")

    def read(self, path: str) -> dict[str, str] | None:
        answer = self.bao.call("GET", f"secret/data/{path}")
        return answer["data"]["data"] if answer else None

    def clear(self) -> None:
        for path in self.paths:
            self.bao.call("DELETE", f"secret/metadata/{path}")

    def save(self) -> dict[str, Any]:
        known = {path: self.bao.call("GET", f"secret/metadata/{path}") for path in self.paths}
        return {path: (each["data"], self.read(path)) for path, each in known.items() if each}

    def restore(self, saved: dict[str, Any]) -> None:
        """Write as many versions as there were, since the metadata name the current one."""
        self.clear()
        for path, (metadata, data) in saved.items():
            for _ in range(metadata["current_version"]):
                self.bao.call("POST", f"secret/data/{path}", {"data": data})
            self.bao.call("POST", f"secret/metadata/{path}", {"custom_metadata": metadata["custom_metadata"]})


@dataclass
class Watch:
    """Sees to the sinks of one ground, and keeps what must not have happened."""

    ground: Any
    vault: Vault
    key: Path
    place: str
    delivered: set[str] = field(default_factory=set)
    violations: list[str] = field(default_factory=list)
    deleted: int = 0

    def held(self, name: str) -> dict[str, str] | None:
        match name:
            case "plain":
                file = self.ground.root / f"secrets/{self.place}.json"
                found = json.loads(file.read_text()) if file.exists() else None
            case "sealed":
                file = self.ground.root / f"secrets/{self.place}.age"
                command = ["age", "--decrypt", "--identity", str(self.key), str(file)]
                found = json.loads(subprocess.check_output(command)) if file.exists() else None
            case _:
                found = self.vault.read(f"genomics/{self.place}")
        if found:
            self.delivered.add(found["credential_id"])
        return found

    def works(self, name: str) -> str | None:
        """Give the id of the credential in a sink, if its secret works."""
        held = self.held(name)
        form = {"token": "none", "client_id": held["client_id"], "client_secret": held["client_secret"]} if held else {}
        return held["credential_id"] if held and self.ground.introspect(form) == 200 else None

    def live(self) -> dict[str, str]:
        """List the generations that are live, and which credential each is of."""
        rows = self.ground.documents()["credentials"]
        return {row["id"]: row["name"].partition("#")[0] for row in rows if "#" in row["name"]}

    def look(self, method: str, path: str) -> None:
        if "/credentials" not in path or method not in ("POST", "DELETE"):
            return
        live = self.live()
        if max(Counter(live.values()).values(), default=0) > 3:
            self.violations.append("more than three generations of one credential are live")
        ending = path.rpartition("/")[2]
        if method == "DELETE" and ending in live:
            self.deleted += 1
            now = self.works(live[ending])
            if ending in self.delivered and now in (None, ending):
                self.violations.append(f"{live[ending]} ends, and its sink holds {now or 'nothing that works'}")

    def settled(self, generations: int) -> Iterator[str]:
        """Find what is not as it is when all is done."""
        live = self.live()
        for name in NAMES:
            now = self.works(name)
            if now is None or live.get(now) != name:
                yield f"the secret of {name} in its sink is of {now}, which is not live or does not work"
        for name, count in Counter(live.values()).items():
            if count != generations:
                yield f"{count} generations of {name} are live rather than {generations}"


def _nothing_yet(_: "Ready") -> None:
    """Make the first ones."""


def _due(ready: "Ready") -> None:
    ready.passes(0)
    ready.days = 91


def _over(ready: "Ready") -> None:
    ready.passes(0)
    ready.passes(91)
    ready.days = 91 + 15


def _missed(ready: "Ready") -> None:
    ready.passes(0)
    ready.passes(91)
    ready.days = 91 + 182


def _moved(ready: "Ready") -> None:
    ready.passes(0)
    ready.days = 1
    ready.place = "portal"
    ready.write(MOVED)


def _lost(ready: "Ready") -> None:
    ready.passes(0)
    ready.days = 1
    shutil.rmtree(ready.ground.root / "secrets")
    ready.vault.clear()


@dataclass
class Ready:
    """How things stand before the run that is cut off: so many days after the beginning."""

    ground: Any
    vault: Vault
    recipient: str
    environment: dict[str, str]
    days: int = 0
    place: str = "web"

    def write(self, text: str) -> None:
        self.ground.write(text.replace("RECIPIENT", self.recipient))

    def passes(self, day: int) -> None:
        """Apply on a day."""
        self.ground.emulator.clock.advance((day - self.days) * DAY)
        self.days = day
        ran = self.ground.run(*APPLY, **self.environment)
        assert ran.code == 0, ran.said


SCENARIOS: dict[str, tuple[Callable[[Ready], None], int]] = {
    "creation": (_nothing_yet, 1),
    "rotation": (_due, 2),
    "retirement": (_over, 1),
    "missed half year": (_missed, 2),
    "changed settings": (_moved, 2),
    "lost sinks": (_lost, 2),
}
"""What happened before, and how many generations of each credential are live afterwards."""


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    with openbao.serving(tmp_path_factory.mktemp("bao")) as bao:
        yield Vault(bao)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_secret_is_lost_or_ended_early_by_a_kill(
    sweep: Any, sample: Any, vault: Vault, tmp_path: Path, scenario: str
) -> None:
    key = tmp_path / "key.txt"
    subprocess.run(["age-keygen", "-o", str(key)], check=True, capture_output=True)
    recipient = subprocess.check_output(["age-keygen", "-y", str(key)], text=True).strip()
    vault.clear()
    sweep.proxy.vault = vault.bao.url
    environment = {"VAULT_ADDR": sweep.url, "VAULT_TOKEN": vault.bao.writer}
    happened, generations = SCENARIOS[scenario]
    with sweep.ground("start") as ground:
        ready = Ready(ground, vault, recipient, environment)
        ready.write(MANIFEST)
        happened(ready)
    case = Case(sweep, ready, vault.save(), key, generations)
    points = case.points()
    chosen = sample(points, 3)
    reached = case.kill_at(chosen)
    text = f"killed at {reached} of {len(points)} points ({len(chosen)} tried)"
    sys.stdout.write(f"\n{scenario}: {text}, {case.deleted} credentials ended, {len(case.violations)} violations\n")
    assert case.violations == []
    assert reached >= len(chosen) * 0.8


@dataclass
class Case:
    sweep: Any
    ready: Ready
    saved: dict[str, Any]
    key: Path
    generations: int
    violations: list[str] = field(default_factory=list)
    deleted: int = 0

    def points(self) -> list[Any]:
        points, _ = self.sweep.points(
            self.ready.ground.folder, APPLY, after=self.ready.days * DAY, environment=self.ready.environment
        )
        return points  # type: ignore[no-any-return]

    def kill_at(self, points: list[Any]) -> int:
        reached = 0
        for point in points:
            self.ready.vault.restore(self.saved)
            with self.sweep.ground("point", self.ready.ground.folder, after=self.ready.days * DAY) as ground:
                watch = Watch(ground, self.ready.vault, self.key, self.ready.place)
                former = Watch(ground, self.ready.vault, self.key, "web", watch.delivered)
                for each in NAMES:
                    former.held(each)
                self.sweep.proxy.look = watch.look
                killed = ground.run(*APPLY, point=point, **self.ready.environment)
                reached += killed.code == -signal.SIGKILL
                for each in NAMES:
                    watch.held(each)
                found = [*self._goes_on(ground, watch, killed.said), *watch.violations]
                self.sweep.proxy.look = None
                self.violations += [f"{point}: {each}" for each in found]
                self.deleted += watch.deleted
            shutil.rmtree(ground.folder)
        return reached

    def _goes_on(self, ground: Any, watch: Watch, said: str) -> Iterator[str]:
        """Run again, and once more when the time of the earlier generations is over."""
        for generations, days in ((self.generations, 0), (1, 15)):
            ground.emulator.clock.advance(days * DAY)
            again = ground.run(*APPLY, **self.ready.environment)
            if again.code:
                yield f"exit {again.code}: {again.said}"
            yield from watch.settled(generations)
            said += again.said
        after = ground.run("plan", "--detailed-exitcode", **self.ready.environment)
        if after.code:
            yield f"exit {after.code}: {after.said}"
        yield from ground.leaks(said + after.said)
