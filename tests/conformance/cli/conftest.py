"""The official CLI as a process, told of the emulator only by the environment, with a home folder of its own."""

import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.browser import Browser
from tests.conformance.conftest import Service
from tests.conformance.ledger import Ledger

_ADDRESS = re.compile(r"http://\S+/v2/oauth2/authorize\S+")
_BROWSER = Path(__file__).parents[1] / "browser.py"
_OF_AUTH = ("api auth", "cli-profile-list", "get-identities", "login", "logout", "session", "whoami")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Read what was printed."""
        return json.loads(self.out)


@dataclass(slots=True)
class Cli:
    """The ``globus`` command of one person on one machine."""

    home: Path
    service: Service
    ledger: Ledger
    extra: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, person: Browser | None = None) -> Outcome:
        """Run a command; a person answers its question for a code."""
        self._note(arguments)
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("globus")), *arguments],
            env={"PATH": os.environ["PATH"], "HOME": str(self.home), **self.service.environment, **self.extra},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            assert process.stdin is not None
            assert process.stdout is not None
            read, code = "", None
            while person is not None and code is None and (line := process.stdout.readline()):
                read += line
                if found := _ADDRESS.search(line):
                    code = person.code(found[0])
            out, err = process.communicate(f"{code}\n" if code else "", timeout=120)
        assert "Traceback" not in err, err
        return Outcome(process.returncode, read + out, err)

    def opened(self, person: Browser) -> "Cli":
        """Return the CLI on a machine with a browser that it can open."""
        command = f"{sys.executable} {_BROWSER} %s"
        settings = {"BROWSER": command, "CONFORMANCE_PERSON": person.username, "PYTHONPATH": str(_BROWSER.parents[2])}
        return Cli(self.home, self.service, self.ledger, self.extra | settings)

    def profile(self, name: str) -> "Cli":
        """Return the CLI with another profile."""
        return Cli(self.home, self.service, self.ledger, self.extra | {"GLOBUS_PROFILE": name})

    def _note(self, arguments: tuple[str, ...]) -> None:
        words = [word for word in arguments if not word.startswith("-")]
        self.ledger.seen.update(" ".join(words[:count]) for count in (1, 2, 3))


@pytest.fixture(scope="session")
def commands(enter_ledger: Callable[[Ledger], None]) -> Ledger:
    """List the commands of the CLI that are about Auth alone, and the methods of its raw calls."""
    main = importlib.import_module("globus_cli.reflect")
    ledger = Ledger(f"globus-cli {version('globus-cli')}", "commands")
    for context in main.iter_all_commands():
        path = context.command_path.partition(" ")[2]
        if path.startswith(_OF_AUTH):
            ledger.wanted.add(path)
        if path == "api auth":
            (method,) = [one for one in context.command.params if one.name == "method"]
            ledger.wanted.update(f"{path} {choice}" for choice in method.type.choices)
    enter_ledger(ledger)
    return ledger


@pytest.fixture
def globus(service: Service, commands: Ledger, tmp_path: Path) -> Cli:
    """Have the CLI of somebody who has not logged in."""
    return Cli(tmp_path, service, commands)


@pytest.fixture
def machine(service: Service, commands: Ledger, tmp_path: Path) -> Cli:
    """Have the CLI with the credentials of the client identity that the emulator made."""
    return Cli(
        tmp_path,
        service,
        commands,
        {"GLOBUS_CLI_CLIENT_ID": service.client_id, "GLOBUS_CLI_CLIENT_SECRET": service.client_secret},
    )
