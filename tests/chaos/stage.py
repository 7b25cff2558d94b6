"""One root and one service inside the process: runs that can die at any call, and looks at all that is there.

A run that dies leaves the disk as it was at that moment: nothing that is done while an exception passes counts.
"""

import hashlib
import json
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyrage
import requests

from reconciler import lock, pipeline, saved
from reconciler.auth import AccessTokenAuthorizer, AuthClient
from reconciler.emulator import Emulator
from reconciler.errors import ReconcilerError
from reconciler.guards import Consents
from reconciler.manifest import load
from reconciler.model import Aim, Event, Failed, Skipped
from reconciler.pipeline import Planned, Site
from reconciler.saved import Opened
from tests.chaos.declared import CALLER, Declared

SECTIONS = {"project": "projects", "policy": "policies", "client": "clients", "scope": "scopes"}


class Died(BaseException):
    """The process ends here."""


def at_once(_: float) -> None:
    """Wait no time at all."""


@dataclass
class Wire:
    """Passes calls on; remembers those that write and every secret, and dies at one that writes."""

    inner: Any
    die_at: int | None = None
    done: bool = False
    dying: Callable[[], None] = lambda: None
    dead: bool = False
    writes: list[tuple[str, str]] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def send(self, call: Any, authorizer: Any = None) -> Any:
        if self.dead:
            raise Died
        writes = call.method != "GET" and "/v2/api/" in call.url
        if writes:
            self.writes.append((call.method, "/v2/api/" + call.url.partition("/v2/api/")[2]))
        struck = writes and self.die_at == len(self.writes)
        if struck and not self.done:
            self._die()
        try:
            reply = self.inner.send(call, authorizer)
        finally:
            if struck:
                self._die()
        self._learn(reply.data)
        return reply

    def _die(self) -> None:
        self.dead = True
        self.dying()
        raise Died

    def _learn(self, data: Any) -> None:
        if isinstance(data, dict):
            for name, value in data.items():
                if name in ("secret", "access_token", "refresh_token") and value:
                    self.secrets.add(value)
                self._learn(value)


@dataclass
class Ran:
    """What came of a run: its plan, or why there is none, and what then happened."""

    planned: Planned | None = None
    error: BaseException | None = None
    events: list[Event] = field(default_factory=list)
    writes: list[tuple[str, str]] = field(default_factory=list)

    @property
    def refused(self) -> bool:
        return self.planned is None or bool(self.planned.plan.refusals)

    @property
    def well(self) -> bool:
        bad = any(isinstance(event, Failed | Skipped) for event in self.events)
        return not (self.refused or self.error or bad)


class Stage:
    """A root, the service it is reconciled with, and the hands of other people."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.place = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self.root, self.state = self.place / "root", self.place / "state"
        self.root.mkdir()
        self.state.mkdir()
        self.emulator = self._stack.enter_context(Emulator())
        self.identity = pyrage.x25519.Identity.generate()
        params = {"sleep": at_once}
        self.client = self._stack.enter_context(AuthClient(base_url=self.emulator.base_url, transport_params=params))
        self.wire = Wire(self.client.transport)
        self.client.transport = self.wire  # type: ignore[assignment]
        self.site = Site(
            f"emulator:{self.emulator.world_id}", self.state, None, self.state / "reconciler.bindings.json"
        )
        self.said: list[str] = []

    def close(self) -> None:
        self._stack.close()

    def plan(self, declared: Declared, aim: Aim, consents: Consents) -> Ran:
        """Plan. Nothing may be written by that."""
        self._begin()
        try:
            manifests = load([self.root], overlays=declared.write(self.root))
            planned = pipeline.plan(manifests, self.client, self.site, consents=consents, parallelism=2, aim=aim)
        except ReconcilerError as error:
            ran = Ran(error=error)
        else:
            ran = Ran(planned)
        assert self.wire.writes == [], "a plan wrote"
        self._hear(ran)
        return ran

    def save(self, planned: Planned, overlays: list[Path]) -> Opened:
        made = saved.seal(planned, self.root, paths=[self.root], overlays=overlays, lifetime=timedelta(days=999))
        saved.save(made, self.place / "plan.json")
        return saved.open_plan(self.place / "plan.json")

    def follow(self, opened: Opened, overlays: list[Path]) -> Ran:
        """Find what is left of a saved plan."""
        self._begin()
        try:
            manifests = load([self.root], overlays=overlays)
            ran = Ran(saved.follow(opened, manifests, self.client, self.site, parallelism=2))
        except ReconcilerError as error:
            ran = Ran(error=error)
        assert self.wire.writes == [], "following a plan wrote"
        self._hear(ran)
        return ran

    def carry_out(self, ran: Ran, look: Callable[[], None], death: "Death | None" = None) -> None:
        """Apply what was planned unless it was refused; look at everything after each event."""
        if ran.planned is None or ran.planned.plan.refusals:
            return
        self._begin()
        if death and death.call:
            self.wire.die_at, self.wire.done = death.call, death.done
            self.wire.dying = self._freeze if death.hard else lambda: None
        steering = pipeline.Steering(1 if death else 3, threading.Event(), sleep=at_once)
        try:
            with lock.hold(self.site.lock):
                for event in pipeline.apply(ran.planned, self.client, self.site, steering):
                    ran.events.append(event)
                    look()
                    if death and death.event == len(ran.events):
                        raise Died  # noqa: TRY301 - as Ctrl-C would, between two events
        except (ReconcilerError, Died) as error:
            ran.error = error
        ran.writes = list(self.wire.writes)
        if death and death.hard and self.wire.dead:
            self._thaw()
        self._begin()
        self._hear(ran)
        with lock.hold(self.site.lock):
            """I7: nobody holds it any more."""

    def world(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Read all objects, by kind and id, from the service's own records."""
        document = self.emulator.export_world()
        kinds = {**SECTIONS, "credential": "credentials"}
        return {kind: {row["id"]: row for row in document[section]} for kind, section in kinds.items()}

    def call(self, method: str, path: str, body: object = None, person: str = CALLER) -> Any:
        """Use the service behind the program's back; None when it refuses."""
        headers = {"Authorization": f"Bearer {self.emulator.person_token(person)}"}
        answer = requests.request(method, self.emulator.base_url + path, json=body, headers=headers, timeout=60)
        return answer.json() if answer.status_code == 200 else None

    def held(self, path: str) -> dict[str, str] | None:
        """Read the secret that a sink holds, as an application would."""
        try:
            content = (self.root / path).read_bytes()
            if path.endswith(".age"):
                content = pyrage.decrypt(content, [self.identity])
            if content.startswith(b"{"):
                found: dict[str, str] = json.loads(content)
                return found
            rows = (line.partition("=") for line in content.decode().splitlines())
            return {name.lower(): value.strip("'\"") for name, _, value in rows}
        except (OSError, ValueError, pyrage.DecryptError):
            return None

    def authenticates(self, held: dict[str, str]) -> bool:
        """Try a secret, as an application would."""
        form = {"token": "none", "client_id": held["client_id"], "client_secret": held["client_secret"]}
        url = f"{self.emulator.base_url}/v2/oauth2/token/introspect"
        return requests.post(url, data=form, timeout=60).status_code == 200

    def texts(self) -> Iterator[tuple[str, str]]:
        """Give all that was said, and all that stands on the disk outside of sinks."""
        yield "what was said", "\n".join(self.said)
        for file in self.place.rglob("*"):
            sink = file.parent.name == "secrets" and not file.name.endswith(".meta.json")
            if file.is_file() and not sink:
                yield file.relative_to(self.place).as_posix(), file.read_bytes().decode(errors="replace")

    def _begin(self) -> None:
        self.wire.die_at, self.wire.done, self.wire.dead = None, False, False
        self.wire.writes.clear()
        self.client.authorizer = AccessTokenAuthorizer(self.emulator.person_token(CALLER))

    def _hear(self, ran: Ran) -> None:
        said = [repr(ran.planned and ran.planned.plan), repr(ran.error), str(ran.error), repr(ran.events)]
        self.said = [*self.said[-8:], *said, *(str(event.error) for event in ran.events if isinstance(event, Failed))]

    def _freeze(self) -> None:
        for name in ("root", "state"):
            shutil.copytree(self.place / name, self.place / "frozen" / name, dirs_exist_ok=True)

    def _thaw(self) -> None:
        for name in ("root", "state"):
            shutil.rmtree(self.place / name)
            (self.place / "frozen" / name).rename(self.place / name)


@dataclass(frozen=True)
class Death:
    """When a run dies: after so many events, or around its nth call that writes. `hard`: nothing is tidied up."""

    event: int | None = None
    call: int | None = None
    done: bool = False
    hard: bool = True


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
