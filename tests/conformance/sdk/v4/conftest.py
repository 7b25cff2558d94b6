"""What only the SDK 4 has: applications that log in by themselves, and a person at their prompt."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import globus_sdk
import pytest
from globus_sdk import gare, login_flows

from tests.conformance.browser import Browser
from tests.conformance.ledger import Methods

_ADDRESS = re.compile(r"http://\S+/v2/oauth2/authorize\S+")
_PROGRAM = Path(__file__).parents[2] / "browser.py"


@pytest.fixture(scope="session", autouse=True)
def more_methods(methods: Methods) -> None:
    """List what has to be covered beside the clients."""
    methods.add((globus_sdk.UserApp, globus_sdk.ClientApp))
    methods.add(getattr(login_flows, name) for name in login_flows.__all__)
    methods.add((gare.to_gare, gare.to_gares, gare.is_gare, gare.has_gares))


class _Terminal:
    """A person who follows the address on the screen, and types the code that the service shows."""

    def __init__(self, person: Browser, screen: Callable[[], str]) -> None:
        self._person = person
        self._screen = screen
        self.asked: list[str] = []

    def readline(self) -> str:
        found = _ADDRESS.search(self._screen())
        assert found, "Nothing says where to log in"
        self.asked.append(found[0])
        return self._person.code(found[0]) + "\n"


@pytest.fixture
def sit_down(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[Browser], list[str]]:
    """Put a person before the terminal; the answer is the addresses that were followed."""

    def sit_down(person: Browser) -> list[str]:
        terminal = _Terminal(person, lambda: capsys.readouterr().out)
        monkeypatch.setattr(sys, "stdin", terminal)
        return terminal.asked

    return sit_down


@pytest.fixture
def desktop(monkeypatch: pytest.MonkeyPatch) -> Callable[[Browser], None]:
    """Give a person a browser that programs can open."""

    def desktop(person: Browser) -> None:
        for name in ("SSH_TTY", "SSH_CONNECTION"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("CONFORMANCE_PERSON", person.username)
        monkeypatch.setenv("PYTHONPATH", str(_PROGRAM.parents[2]))
        monkeypatch.setenv("BROWSER", f"{sys.executable} {_PROGRAM} %s")

    return desktop
