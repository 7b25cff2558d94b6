"""A local Globus Auth: a real HTTP server on loopback that keeps the service's rules and its state in one SQLite file.

It imports nothing of the rest of the package, so that a misunderstanding of the service cannot hide in both.
"""

from reconciler.emulator.clock import Clock
from reconciler.emulator.embedded import Emulator
from reconciler.emulator.errors import CannotServe
from reconciler.emulator.faults import Effect, Fault, fault_from
from reconciler.emulator.server import serve
from reconciler.emulator.switches import Switches, switches_from

__all__ = [
    "CannotServe",
    "Clock",
    "Effect",
    "Emulator",
    "Fault",
    "Switches",
    "fault_from",
    "serve",
    "switches_from",
]
