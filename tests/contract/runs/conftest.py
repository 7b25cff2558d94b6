"""Whole runs inside the process: manifests in a folder, a client, and an emulator that can be told to misbehave."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from reconciler import journal, pipeline, saved, watch
from reconciler.auth import AccessTokenAuthorizer, AuthClient
from reconciler.drift import Drifts
from reconciler.emulator import Emulator
from reconciler.guards import Consents
from reconciler.journal import Left
from reconciler.manifest import load
from reconciler.model import EVERYTHING, Address, Aim, Binding, Event, Failed, Finished, Skipped
from reconciler.pipeline import Planned, Site
from reconciler.saved import Opened

PERSON = "rosalind@globusid.org"


def nothing(_: float) -> None:
    """Wait no time at all."""


@dataclass
class Runs:
    """A root, the service it is reconciled with, and the runs of the program over it."""

    folder: Path
    emulator: Emulator
    client: AuthClient
    site: Site
    slept: list[float] = field(default_factory=list)

    def write(self, text: str, name: str = "a.yaml") -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def plan(self, *files: str, aim: Aim = EVERYTHING, **consents: Any) -> Planned:
        manifests, given = load([self.folder / file for file in files or ("",)]), Consents(**consents)
        planned = pipeline.plan(manifests, self.client, self.site, consents=given, parallelism=4, aim=aim)
        self.save(planned)
        return planned

    def save(self, planned: Planned) -> Opened:
        """Save a plan and read it back: nothing is lost, and the names of ids neither."""
        made = saved.seal(planned, self.folder, paths=[self.folder], overlays=[], lifetime=timedelta(hours=1))
        file = self.folder / "plan.json"
        saved.save(made, file)
        opened = saved.open_plan(file)
        assert opened.saved == made
        assert opened.saved.plan.names == planned.plan.names
        return opened

    def follow(self, opened: Opened) -> Planned:
        """Find what is left of a saved plan."""
        return saved.follow(opened, load([self.folder]), self.client, self.site, parallelism=4)

    def begin(self, planned: Planned, stop: threading.Event | None = None) -> Iterator[Event]:
        """Carry a plan out, as far as the events are asked for."""
        steering = pipeline.Steering(1, stop or threading.Event(), sleep=self.slept.append)
        return pipeline.apply(planned, self.client, self.site, steering)

    def carry_out(self, planned: Planned, stop: threading.Event | None = None) -> list[Event]:
        return list(self.begin(planned, stop))

    def apply(self, *files: str, aim: Aim = EVERYTHING, **consents: Any) -> list[Event]:
        """Plan and apply; the events say what came of it."""
        planned = self.plan(*files, aim=aim, **consents)
        assert planned.plan.refusals == ()
        return self.carry_out(planned)

    def settle(self, *files: str, **consents: Any) -> None:
        """Apply; nothing may fail, and nothing may be left to do."""
        events = self.apply(*files, **consents)
        assert not [event for event in events if isinstance(event, Failed | Skipped)], events
        assert self.plan(*files).plan.operations == ()

    def drift(self, *files: str) -> Drifts:
        manifests = load([self.folder / file for file in files or ("",)])
        return watch.drift(manifests, self.client, self.site, parallelism=4)

    def entries(self) -> dict[str, Binding]:
        return {str(address): binding for address, binding in pipeline.state(self.site).entries.items()}

    def left(self) -> Left:
        """What the journal says that the last run left."""
        return journal.replay(self.site.journal, target=self.site.target)

    def id(self, address: str) -> str:
        return pipeline.state(self.site).entries[Address.parse(address)].id

    def call(self, method: str, path: str, body: object = None, person: str = PERSON) -> Any:
        """Use the service behind the program's back."""
        headers = {"Authorization": f"Bearer {self.emulator.person_token(person)}"}
        answer = requests.request(method, self.emulator.base_url + path, json=body, headers=headers, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fault(self, method: str, path: str, status: int, *, after: bool = False, times: int = 1) -> None:
        order = {"method": method, "path_prefix": path, "status": status, "after_commit": after, "times": times}
        self.call("POST", "/_emulator/faults", order)

    def calls(self) -> list[str]:
        """Tell the calls since they were last forgotten, without those of the test itself."""
        log = self.call("GET", "/_emulator/requests")
        return [f"{row['method']} {row['path']}" for row in log if not row["path"].startswith("/_emulator/")]

    def forget_calls(self) -> None:
        self.call("DELETE", "/_emulator/requests")


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    folder, state = tmp_path / "root", tmp_path / "state"
    folder.mkdir()
    with Emulator(state / "emulator.db") as emulator:
        authorizer = AccessTokenAuthorizer(emulator.person_token(PERSON))
        site = Site(f"emulator:{emulator.world_id}", state, None, state / "reconciler.bindings.json")
        params = {"sleep": nothing}
        with AuthClient(base_url=emulator.base_url, authorizer=authorizer, transport_params=params) as client:
            yield Runs(folder, emulator, client, site)


@pytest.fixture
def failed() -> Callable[[list[Event]], list[str]]:
    def failed(events: list[Event]) -> list[str]:
        return [event.operation.key for event in events if isinstance(event, Failed)]

    return failed


@pytest.fixture
def skipped() -> Callable[[list[Event]], list[str]]:
    def skipped(events: list[Event]) -> list[str]:
        return [event.operation.key for event in events if isinstance(event, Skipped)]

    return skipped


@pytest.fixture
def finished() -> Callable[[list[Event]], list[str]]:
    def finished(events: list[Event]) -> list[str]:
        return [event.operation.key for event in events if isinstance(event, Finished)]

    return finished


@pytest.fixture
def aged() -> Callable[[Planned], Planned]:
    """Let the observations of a plan be too old to be trusted."""
    return lambda planned: replace(planned, read_at=planned.read_at - 31)
