"""The emulator as a process of its own, for tools that run in environments of their own (``make conformance``)."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conformance.browser import Browser
from tests.conformance.ledger import Ledger, Methods

_READY_SECONDS = 60
_LEDGERS = pytest.StashKey[list[Ledger]]()
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Service:
    """A running emulator: its address as it states it, and the client identity that it made."""

    address: str
    client_id: str
    client_secret: str

    @property
    def base_url(self) -> str:
        """Return the address without the slash at its end."""
        return self.address.rstrip("/")

    @property
    def environment(self) -> dict[str, str]:
        """Return what tells the tools of it."""
        return {"GLOBUS_SDK_SERVICE_URL_AUTH": self.address}

    def desk(self, method: str, path: str, body: Any = None) -> Any:
        """Call what the emulator has for tests."""
        answer = requests.request(method, f"{self.base_url}/_emulator/{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def advance(self, seconds: float) -> None:
        """Move the clock of the emulator, back if ``seconds`` is negative."""
        self.desk("POST", "clock", {"advance": seconds})

    def called(self) -> list[tuple[str, str, int]]:
        """Return the requests since the last time this was asked."""
        seen = self.desk("GET", "requests")
        self.desk("DELETE", "requests")
        return [(one["method"], one["path"], one["status"]) for one in seen]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--complete", action="store_true", help="Fail if a public method or a command has no test.")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_LEDGERS] = []
    # The tools leave sockets open, the SDK's own local server among them.
    config.addinivalue_line("filterwarnings", "ignore::ResourceWarning")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    ledgers = session.config.stash[_LEDGERS]
    lacking = not ledgers or any(ledger.missing for ledger in ledgers)
    if session.config.getoption("--complete") and exitstatus == 0 and lacking:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for ledger in config.stash[_LEDGERS]:
        terminalreporter.write_line(ledger.summary())
        for name in ledger.missing if config.getoption("--complete") else ():
            terminalreporter.write_line(f"  not covered: {name}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    watching = [one for one in item.config.stash[_LEDGERS] if isinstance(one, Methods)]
    for methods in watching:
        sys.setprofile(methods.watch)
    try:
        return (yield)
    finally:
        sys.setprofile(None)


@pytest.fixture(scope="session")
def enter_ledger(pytestconfig: pytest.Config) -> Callable[[Ledger], None]:
    """Have a ledger watched, printed and, with ``--complete``, enforced."""
    return pytestconfig.stash[_LEDGERS].append


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Service]]:
    """Start an emulator as a process, with a world of its own."""
    with ExitStack() as stack:

        def serve(*options: str) -> Service:
            folder = tmp_path_factory.mktemp("emulator")
            return _started(stack, folder, options)

        yield serve


@pytest.fixture(scope="session")
def service(serve: Callable[..., Service]) -> Service:
    """Start the emulator that all tests share which need nothing special of it."""
    return serve()


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Service], None]:
    """Let the environment name an emulator."""

    def use(service: Service) -> None:
        for name, value in service.environment.items():
            monkeypatch.setenv(name, value)

    return use


@pytest.fixture
def rosalind() -> Browser:
    return Browser("rosalind@globusid.org")


@pytest.fixture
def ada() -> Browser:
    return Browser("ada@uni.example.org")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the tools a home folder of their own, so that they find no tokens."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def _started(stack: ExitStack, folder: Path, options: tuple[str, ...]) -> Service:
    env_file = folder / "emulator.env"
    program = os.environ.get("CONFORMANCE_RECONCILER", str(_ROOT / ".venv/bin/reconciler"))
    command = [program, "emulator", "serve", "--db", str(folder / "emulator.db"), "--env-file", str(env_file), *options]
    log = stack.enter_context((folder / "log").open("w"))
    process = stack.enter_context(subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT))
    stack.callback(process.send_signal, signal.SIGTERM)
    patience = time.monotonic() + _READY_SECONDS
    while not env_file.exists():
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < patience, (folder / "log").read_text()
        time.sleep(0.02)
    stated = dict(line.split("=", 1) for line in env_file.read_text().splitlines())
    names = ("GLOBUS_SDK_SERVICE_URL_AUTH", "RECONCILER_CLIENT_ID", "RECONCILER_CLIENT_SECRET")
    return Service(*(stated[name].strip("'\"") for name in names))
