"""A local Globus Auth: a real HTTP server on loopback that keeps the service's rules and its state in one SQLite file.

It imports nothing of the rest of the package, so that a misunderstanding of the service cannot hide in both.
"""

from reconciler.emulator.errors import CannotServe
from reconciler.emulator.server import Emulator, serve
from reconciler.emulator.switches import Switches, switches_from

__all__ = ["CannotServe", "Emulator", "Switches", "serve", "switches_from"]
