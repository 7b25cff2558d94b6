"""Owns the pytest fixture ``globus_auth_emulator``: a local Globus Auth, with a new world for each test that asks.

pytest loads this module in every run where the package is installed, so it imports nothing before a test asks.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from reconciler.emulator import Emulator, Switches

_MARKER = "globus_auth_emulator(**switches): let the emulator of this test behave so, as docs/emulator.md lists it"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker that sets switches."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture(scope="session")
def _globus_auth_emulators() -> Iterator[Callable[["Switches"], "Emulator"]]:
    """Start one emulator for each set of switches, in memory, and keep it until the end of the session."""
    from reconciler.emulator import Emulator  # noqa: PLC0415 - the server costs time that other tests must not pay

    with ExitStack() as stack:
        running: dict[Switches, Emulator] = {}

        def emulator(switches: "Switches") -> Emulator:
            if switches not in running:
                running[switches] = stack.enter_context(Emulator(switches=switches))
            return running[switches]

        yield emulator


@pytest.fixture
def globus_auth_emulator(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    _globus_auth_emulators: Callable[["Switches"], "Emulator"],
) -> "Emulator":
    """Give a local Globus Auth with a new world, to which the official SDK of this test talks."""
    from reconciler.emulator import Switches  # noqa: PLC0415 - likewise

    stated: dict[str, object] = {}
    for marker in reversed(list(request.node.iter_markers("globus_auth_emulator"))):
        stated |= marker.kwargs
    emulator = _globus_auth_emulators(Switches(**stated))  # type: ignore[arg-type] # a wrong name is a TypeError
    emulator.reset()
    monkeypatch.setenv("GLOBUS_SDK_SERVICE_URL_AUTH", f"{emulator.base_url}/")
    return emulator
