"""The servers that sinks deliver to, one of each a test process, and a counterpart for each test."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.contract.sinks import github_api, kubernetes_api, openbao
from tests.contract.sinks.counterparts import COUNTERPARTS, Counterpart, Servers, ask_for_rights
from tests.contract.sinks.relay import Relay, relaying


@contextmanager
def secrets_manager() -> Iterator[str]:
    """Run moto's server."""
    port = openbao.free_port()
    command = [str(Path(sys.executable).parent / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(400):
            try:
                requests.get(f"http://127.0.0.1:{port}/moto-api/data.json", timeout=20)
            except requests.ConnectionError:
                time.sleep(0.05)
            else:
                break
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Start a server of each kind, for all tests of this process."""
    with (
        openbao.serving(tmp_path_factory.mktemp("bao")) as bao,
        secrets_manager() as aws,
        github_api.serving() as github,
        kubernetes_api.serving() as kubernetes,
    ):
        yield Servers(bao, aws, github, kubernetes)


@pytest.fixture
def relay() -> Iterator[Relay]:
    with relaying() as relay:
        yield relay


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def aside(tmp_path: Path) -> Path:
    """A folder for keys and settings of the other side, which no sink knows."""
    folder = tmp_path / "aside"
    folder.mkdir()
    return folder


@pytest.fixture(params=COUNTERPARTS)
def counterpart(
    request: pytest.FixtureRequest,
    root: Path,
    aside: Path,
    servers: Servers,
    relay: Relay,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Counterpart]:
    made = COUNTERPARTS[request.param](root, aside, servers, relay)
    for name, value in made.environ.items():
        monkeypatch.setenv(name, value)
    yield made
    servers.kubernetes.forbidden = False
    ask_for_rights(servers.aws, after="inf")
