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
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import uvicorn

from reconciler.emulator import wire
from reconciler.emulator.admin import Admin
from reconciler.emulator.app import build
from reconciler.emulator.bootstrap import issue_bootstrap_secret
from reconciler.emulator.calls import Service
from reconciler.emulator.clock import Clock
from reconciler.emulator.desk import Desk
from reconciler.emulator.errors import CannotServe
from reconciler.emulator.faults import Fault
from reconciler.emulator.store import Store, usable
from reconciler.emulator.switches import Switches
from reconciler.emulator.world import populate

HOST = "127.0.0.1"
_GRACE_SECONDS = 2
_TICK_SECONDS = 0.1
_TICKS = 864_000


def serve(
    db: Path, *, port: int, env_file: Path | None, switches: Switches | None = None, faults: Iterable[Fault] = ()
) -> None:
    """Serve until SIGINT or SIGTERM; write the env file once connections are accepted."""
    clock, desk = Clock(), Desk()
    desk.order(*faults)
    store = open_store(db, clock())
    with contextlib.closing(store), listen(port) as listening:
        with usable(db):
            client, secret = store.transact(lambda: _bootstrap(store, clock()))
        text = "".join(f"{name}={value}\n" for name, value in environment(address(listening), client, secret).items())
        admin = Admin(Service(store, switches or Switches(), clock), desk, clock)
        asyncio.run(_serve(admin, listening, lambda: _write_private(env_file, text)))


def environment(url: str, client: str, secret: str) -> dict[str, str]:
    """Name an emulator's address and credentials as the official SDK and this program read them.

    The address ends with a slash, as the service's own does: the official CLI and the SDK 4 append paths to it.
    """
    return {
        "GLOBUS_SDK_SERVICE_URL_AUTH": f"{url}/",
        "RECONCILER_CLIENT_ID": client,
        "RECONCILER_CLIENT_SECRET": secret,
    }


def _bootstrap(store: Store, now: float) -> tuple[str, str]:
    secret = issue_bootstrap_secret(store, now)
    return str(store.setting("bootstrap")), secret


async def _serve(admin: Admin, listening: socket.socket, when_ready: Callable[[], None]) -> None:
    server = server_of(admin)
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, server.stopping.set)
    server.when_ready = when_ready
    await server.serve([listening])


class Server(uvicorn.Server):
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


def server_of(admin: Admin) -> Server:
    """Make a server that does not listen yet."""
    config = uvicorn.Config(
        build(admin),
        http=wire.Protocol,
        date_header=False,
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        ws="none",
        timeout_keep_alive=3600,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    return Server(config)


def open_store(db: Path | None, now: float) -> Store:
    """Open a file, with a world in it."""
    store = Store(db)
    try:
        with usable(db):
            store.transact(lambda: populate(store, now))
    except BaseException:
        store.close()
        raise
    return store


def listen(port: int) -> socket.socket:
    """Listen on loopback."""
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


def address(listening: socket.socket) -> str:
    """Return the address of a server: ``http://127.0.0.1:PORT``."""
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
