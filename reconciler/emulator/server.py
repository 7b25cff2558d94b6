"""Owns the process side: the socket on loopback, the thread or the main loop, and the way to stop.

The port accepts connections before ``Emulator.__enter__`` returns and before ``serve`` writes the env file.
"""

import asyncio
import contextlib
import itertools
import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import uvicorn

from reconciler.emulator.app import build
from reconciler.emulator.bootstrap import issue_bootstrap_secret
from reconciler.emulator.calls import Service
from reconciler.emulator.desk import Desk
from reconciler.emulator.errors import CannotServe
from reconciler.emulator.store import Store, usable
from reconciler.emulator.switches import Switches
from reconciler.emulator.world import issue_person_token, seed

HOST = "127.0.0.1"
_GRACE_SECONDS = 2
_TICK_SECONDS = 0.1
_TICKS = 864_000
T = TypeVar("T")


class Emulator:
    """A local Globus Auth in a thread of this process, as long as the ``with`` block lasts."""

    def __init__(
        self,
        db: Path,
        *,
        port: int = 0,
        switches: Switches | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._db = db
        self._port = port
        self._switches = switches or Switches()
        self._clock = clock
        self._secret: str | None = None

    def __enter__(self) -> Self:
        self._store = _open(self._db, self._clock())
        try:
            self._socket = _listen(self._port)
        except CannotServe:
            self._store.close()
            raise
        self._server = _server(Service(self._store, self._switches, self._clock))
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
        return _url(self._socket)

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
        if self._secret is None:
            self._secret = self._run(lambda: issue_bootstrap_secret(self._store, self._clock()))
        return self._secret

    def person_token(self, username: str, *, session_age: float = 0) -> str:
        """Return a fresh access token of a person whose login was ``session_age`` seconds ago.

        Raises:
            KeyError: The world has no such person.
            CannotServe: The file cannot be used, for example because another process holds it.
        """
        return self._run(lambda: issue_person_token(self._store, username, self._clock(), session_age=session_age))

    def _run(self, work: Callable[[], T]) -> T:
        """Do something with the store on its thread, as one transaction."""
        with usable(self._db):
            return self._store.submit(lambda: self._store.transact(work)).result()


def serve(db: Path, *, port: int, env_file: Path | None, switches: Switches | None = None) -> None:
    """Serve until SIGINT or SIGTERM; write the env file once connections are accepted."""
    store = _open(db, time.time())
    with contextlib.closing(store), _listen(port) as listening:
        with usable(db):
            client, secret = store.transact(lambda: _bootstrap(store, time.time()))
        environment = {
            "GLOBUS_SDK_SERVICE_URL_AUTH": _url(listening),
            "RECONCILER_CLIENT_ID": client,
            "RECONCILER_CLIENT_SECRET": secret,
        }
        text = "".join(f"{name}={value}\n" for name, value in environment.items())
        service = Service(store, switches or Switches(), time.time)
        asyncio.run(_serve(service, listening, lambda: _write_private(env_file, text)))


def _bootstrap(store: Store, now: float) -> tuple[str, str]:
    secret = issue_bootstrap_secret(store, now)
    return str(store.setting("bootstrap")), secret


async def _serve(service: Service, listening: socket.socket, when_ready: Callable[[], None]) -> None:
    server = _server(service)
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, server.stopping.set)
    server.when_ready = when_ready
    await server.serve([listening])


class _Server(uvicorn.Server):
    """A server that says when it is ready and leaves signals to its owner."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self.stopping = asyncio.Event()
        self.when_ready: Callable[[], None] = lambda: None
        self.loop: asyncio.AbstractEventLoop

    def run_until_stopped(self, listening: socket.socket) -> None:
        """Run, and leave nobody waiting if the start fails."""
        try:
            self.run([listening])
        finally:
            self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        self.loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.when_ready()
        self.ready.set()

    async def main_loop(self) -> None:
        """Tick until it is time to stop, and then stop at once: every command with ``--emulator`` waits for this."""
        for tick in itertools.cycle(range(_TICKS)):
            await self.on_tick(tick)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), _TICK_SECONDS)
            if self.stopping.is_set():
                return

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the connections in good order where there are any."""
        if self.server_state.connections:
            await super().shutdown(sockets)
        for server in self.servers:
            server.close()


def _server(service: Service) -> _Server:
    config = uvicorn.Config(
        build(service, Desk()),
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        ws="none",
        timeout_keep_alive=3600,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    return _Server(config)


def _open(db: Path, now: float) -> Store:
    store = Store(db)
    try:
        with usable(db):
            seed(store, now)
    except BaseException:
        store.close()
        raise
    return store


def _listen(port: int) -> socket.socket:
    # asyncio turns Nagle's delay off only where the protocol is stated, and then on accepted connections too.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.listen(2048)
    except OSError as error:
        listening.close()
        raise CannotServe(f"port {port} cannot be served: {error.strerror}") from error
    return listening


def _url(listening: socket.socket) -> str:
    return f"http://{HOST}:{listening.getsockname()[1]}"


def _write_private(path: Path | None, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
            private = Path(folder, path.name)
            private.touch(mode=0o600)
            with private.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            private.replace(path)
    except OSError as error:
        raise CannotServe(f"{path} cannot be written: {error.strerror}") from error
