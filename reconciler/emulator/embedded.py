"""Owns the emulator as part of a Python program: a server in a thread, and all that can be told to it."""

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from reconciler.emulator import archive
from reconciler.emulator.admin import Admin
from reconciler.emulator.bootstrap import issue_bootstrap_secret
from reconciler.emulator.callers import client_of_secret
from reconciler.emulator.calls import Service
from reconciler.emulator.clock import Clock
from reconciler.emulator.desk import Desk
from reconciler.emulator.errors import CannotServe
from reconciler.emulator.faults import Fault, fault_from
from reconciler.emulator.server import address, environment, listen, open_store, server_of
from reconciler.emulator.store import Document, usable
from reconciler.emulator.switches import Switches
from reconciler.emulator.world import issue_identity_token, issue_person_token

T = TypeVar("T")


class Emulator:
    """A local Globus Auth in a thread of this process, as long as the ``with`` block lasts.

    All is kept in the file ``db``, or, without one, in memory.
    """

    def __init__(
        self,
        db: Path | None = None,
        *,
        port: int = 0,
        switches: Switches | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.clock = Clock(clock)
        self._db = db
        self._port = port
        self._switches = switches or Switches()
        self._desk = Desk()
        self._secret: str | None = None

    def __enter__(self) -> Self:
        self._store = open_store(self._db, self.clock())
        try:
            self._socket = listen(self._port)
        except CannotServe:
            self._store.close()
            raise
        service = Service(self._store, self._switches, self.clock)
        self._server = server_of(Admin(service, self._desk, self.clock))
        self._thread = threading.Thread(target=self._server.run_until_stopped, args=(self._socket,), daemon=True)
        self._thread.start()
        self._server.ready.wait()
        if not self._server.started:
            self._close()
            raise RuntimeError("The emulator did not start; its log says why")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.loop.call_soon_threadsafe(self._server.stopping.set)
        self._close()

    def _close(self) -> None:
        self._thread.join()
        self._socket.close()
        self._store.close()

    @property
    def base_url(self) -> str:
        """Return where the service is: ``http://127.0.0.1:PORT``."""
        return address(self._socket)

    @property
    def world_id(self) -> str:
        """Return the id of the world, made once and kept in the file."""
        return self._run(lambda: str(self._store.setting("world")))

    @property
    def client_id(self) -> str:
        """Return the id of the Bootstrap client identity."""
        return self._run(lambda: str(self._store.setting("bootstrap")))

    @property
    def client_secret(self) -> str:
        """Return a secret of the Bootstrap client, issued when first asked for; those of other starts stay."""
        self._secret = self._run(self._working_secret)
        return self._secret

    @property
    def environment(self) -> dict[str, str]:
        """Return what other programs need in their environment to use this emulator."""
        return environment(self.base_url, self.client_id, self.client_secret)

    def person_token(self, username: str, *, session_age: float = 0) -> str:
        """Return a fresh access token of a person whose login was ``session_age`` seconds ago.

        Raises:
            KeyError: The world has no such person.
            CannotServe: The file cannot be used, for example because another process holds it.
        """
        return self._run(lambda: issue_person_token(self._store, username, self.clock(), session_age=session_age))

    def identity_token(self, identity: str) -> str:
        """Return a fresh access token of a person or a client identity, by id; a person has just logged in.

        Raises:
            KeyError: The world has no such identity.
            CannotServe: The file cannot be used, for example because another process holds it.
        """
        return self._run(lambda: issue_identity_token(self._store, identity, self.clock()))

    @property
    def requests(self) -> list[Document]:
        """Return the requests so far, oldest first: method, path and status, and the fault that one has met."""
        return self._desk.requests()

    @property
    def load(self) -> dict[str, int]:
        """Return how many requests there were (``requests``), ``in_flight`` now, and ``most_in_flight``."""
        return self._desk.load()

    def forget_requests(self) -> None:
        """Forget the requests and the load."""
        self._desk.forget_requests()
        self._desk.forget_load()

    def add_fault(self, fault: Fault | Mapping[str, Any]) -> None:
        """Order a fault, as it is written in JSON or as data.

        Raises:
            ValueError: What is wrong with the order.
        """
        self._desk.order(fault if isinstance(fault, Fault) else fault_from(dict(fault)))

    @property
    def faults(self) -> list[Fault]:
        """Return the faults that are left."""
        return self._desk.faults()

    def clear_faults(self) -> None:
        """Withdraw all faults."""
        self._desk.withdraw_faults()

    def export_world(self) -> Document:
        """Return the whole world as one document, with hashes of secrets and tokens, never one in clear."""
        return self._run(lambda: archive.export(self._store))

    def import_world(self, document: Mapping[str, Any]) -> None:
        """Put a world in the place of what there is.

        Raises:
            ValueError: What is wrong with the document, and where; nothing has changed.
        """
        self._run(lambda: archive.replace_world(self._store, dict(document), self.clock()))

    def reset(self) -> None:
        """Make a new world; forget requests and faults, and let the clock show the true time."""
        self._run(lambda: archive.reset(self._store, self.clock()))
        self.clear_faults()
        self.forget_requests()
        self.clock.offset = 0.0

    def _working_secret(self) -> str:
        client = str(self._store.setting("bootstrap"))
        if self._secret is not None and client_of_secret(self._store, client, self._secret):
            return self._secret
        return issue_bootstrap_secret(self._store, self.clock())

    def _run(self, work: Callable[[], T]) -> T:
        """Do something with the store on its thread, as one transaction."""
        with usable(self._db):
            return self._store.submit(work).result()
