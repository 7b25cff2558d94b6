"""Owns the administrative API under ``/_emulator/``: faults, clock, requests, load, and the world as a whole.

It asks for no credentials: whoever reaches the port on loopback may use it. Nothing of it stands under ``/v2``.
"""

from collections.abc import Callable
from dataclasses import dataclass

from reconciler.emulator import archive, fqdns
from reconciler.emulator.calls import Answer, Call, Service
from reconciler.emulator.clock import Clock
from reconciler.emulator.desk import Desk
from reconciler.emulator.errors import invalid
from reconciler.emulator.faults import fault_from

Handle = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Order:
    """One row of the administrative API; ``stored`` says that it works on the file, as a transaction."""

    method: str
    path: str
    handle: Handle
    stored: bool = False


@dataclass(frozen=True, slots=True)
class Admin:
    """What the administrative API works on."""

    service: Service
    desk: Desk
    clock: Clock

    def rows(self) -> tuple[Order, ...]:
        """Return what is served."""
        return (
            Order("GET", "/_emulator/requests", self.list_requests),
            Order("DELETE", "/_emulator/requests", self.forget_requests),
            Order("GET", "/_emulator/load", self.show_load),
            Order("DELETE", "/_emulator/load", self.forget_load),
            Order("GET", "/_emulator/faults", self.list_faults),
            Order("POST", "/_emulator/faults", self.order_fault),
            Order("DELETE", "/_emulator/faults", self.withdraw_faults),
            Order("GET", "/_emulator/clock", self.show_clock),
            Order("POST", "/_emulator/clock", self.move_clock),
            Order("DELETE", "/_emulator/clock", self.right_clock),
            Order("POST", "/_emulator/dns", self.announce, stored=True),
            Order("GET", "/_emulator/world", self.export_world, stored=True),
            Order("PUT", "/_emulator/world", self.import_world, stored=True),
            Order("DELETE", "/_emulator/world", self.reset_world, stored=True),
        )

    def list_requests(self, _call: Call) -> Answer:
        """Answer the log, oldest first."""
        return Answer(self.desk.requests())

    def forget_requests(self, _call: Call) -> Answer:
        """Forget the log."""
        self.desk.forget_requests()
        return Answer({})

    def show_load(self, _call: Call) -> Answer:
        """Answer how many requests there were, are in flight, and were in flight at most."""
        return Answer(self.desk.load())

    def forget_load(self, _call: Call) -> Answer:
        """Count from now on."""
        self.desk.forget_load()
        return Answer({})

    def list_faults(self, _call: Call) -> Answer:
        """Answer the faults that are left."""
        return Answer([fault.document for fault in self.desk.faults()])

    def order_fault(self, call: Call) -> Answer:
        """Take an order for a fault, or a list of them."""
        body = call.json()
        try:
            faults = [fault_from(one) for one in body] if isinstance(body, list) and body else [fault_from(body)]
        except ValueError as error:
            raise invalid(str(error)) from None
        self.desk.order(*faults)
        return Answer([fault.document for fault in faults] if isinstance(body, list) else faults[0].document)

    def withdraw_faults(self, _call: Call) -> Answer:
        """Withdraw all faults."""
        self.desk.withdraw_faults()
        return Answer({})

    def show_clock(self, _call: Call) -> Answer:
        """Answer the emulator's time."""
        return Answer({"now": self.clock(), "offset": self.clock.offset})

    def move_clock(self, call: Call) -> Answer:
        """Advance the clock, or set it."""
        body = call.json()
        stated = list(body.items()) if isinstance(body, dict) else []
        try:
            match stated:
                case [("advance", int() | float() as seconds)] if not isinstance(seconds, bool):
                    self.clock.advance(seconds)
                case [("set", int() | float() | str() as moment)] if not isinstance(moment, bool):
                    self.clock.set(moment)
                case _:
                    raise invalid('The body must be {"advance": seconds} or {"set": seconds since 1970, or RFC 3339}')
        except (ValueError, OverflowError) as error:
            raise invalid(str(error)) from None
        return self.show_clock(call)

    def right_clock(self, call: Call) -> Answer:
        """Let the clock show the true time again."""
        self.clock.offset = 0.0
        return self.show_clock(call)

    def announce(self, call: Call) -> Answer:
        """Let a domain have a TXT record."""
        return fqdns.announce(self.service, call)

    def export_world(self, _call: Call) -> Answer:
        """Answer the world as one document."""
        return Answer(archive.export(self.service.store))

    def import_world(self, call: Call) -> Answer:
        """Put the world of the body in the place of what there is."""
        try:
            archive.replace_world(self.service.store, call.json(), self.clock())
        except ValueError as error:
            raise invalid(str(error)) from None
        return self._world()

    def reset_world(self, _call: Call) -> Answer:
        """Make a new world."""
        archive.reset(self.service.store, self.clock())
        return self._world()

    def _world(self) -> Answer:
        store = self.service.store
        return Answer({"world": store.setting("world"), "bootstrap": store.setting("bootstrap")})
