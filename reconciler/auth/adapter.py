"""Owns the sockets: reads end at the deadline of the call however slowly bytes drip, and a failed connect is known.

The HTTP library's read timeout starts anew with each piece that arrives, so a slow server could hold a call for ever,
and it takes headers that break off for all there are.
"""

import http.client
import io
import threading
from collections.abc import Callable
from socket import socket
from typing import TYPE_CHECKING, Any, cast

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests
    from _typeshed import WriteableBuffer

_thread = threading.local()


def failed_while_connecting() -> bool:
    """Say whether this thread's last call got no further than making its connection."""
    return bool(getattr(_thread, "connecting", False))


class DeadlineReader(io.RawIOBase):
    """A socket's reading end that gives every read only the time that is left until one deadline."""

    def __init__(self, raw: io.RawIOBase, sock: socket, clock: Callable[[], float]) -> None:
        super().__init__()
        limit = sock.gettimeout()
        self._raw, self._sock, self._clock = raw, sock, clock
        self._deadline = None if limit is None else clock() + limit

    def readable(self) -> bool:
        """Say yes: this is the reading end."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int | None:
        """Read what is there, or wait for it until the deadline.

        Raises:
            TimeoutError: when the deadline has passed.
        """
        if self._deadline is not None:
            left = self._deadline - self._clock()
            if left <= 0:
                raise TimeoutError("the deadline of the call has passed")
            self._sock.settimeout(left)
        return cast("int | None", self._raw.readinto(buffer))

    def close(self) -> None:
        """Let go of the socket."""
        super().close()
        self._raw.close()


class LineReader(io.BufferedReader):
    """A buffer over a reading end that knows the last line that was read."""

    last_line = b""

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read a line."""
        self.last_line = super().readline(size)
        return self.last_line


class _Connecting:
    """Notes, for the thread that makes a call, that the connection is being made but is not there yet.

    It never prints what it sends, also where somebody told the standard library to.
    """

    debuglevel = 0

    def connect(self) -> None:
        _thread.connecting = True
        super().connect()  # type: ignore[misc]
        _thread.connecting = False


def _pool_classes(clock: Callable[[], float]) -> dict[str, type[HTTPConnectionPool]]:
    class TimedResponse(http.client.HTTPResponse):
        def __init__(self, sock: socket, *args: Any, **kwargs: Any) -> None:
            super().__init__(sock, *args, **kwargs)
            raw = self.fp.detach()
            self.fp = self._lines = LineReader(DeadlineReader(raw, sock, clock))

        def begin(self) -> None:
            super().begin()
            if self._lines.last_line not in {b"\r\n", b"\n"}:
                raise ConnectionError("the answer broke off in its status line or headers")

    class TimedConnection(_Connecting, HTTPConnection):
        response_class = TimedResponse

    class TimedTLSConnection(_Connecting, HTTPSConnection):
        response_class = TimedResponse

    class Pool(HTTPConnectionPool):
        ConnectionCls = TimedConnection

    class TLSPool(HTTPSConnectionPool):
        ConnectionCls = TimedTLSConnection

    return {"http": Pool, "https": TLSPool}


class DeadlineAdapter(HTTPAdapter):
    """The ordinary adapter, over connections that keep deadlines."""

    def __init__(self, pool_size: int, clock: Callable[[], float]) -> None:
        self._pool_classes = _pool_classes(clock)
        super().__init__(pool_connections=4, pool_maxsize=pool_size)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pool_classes

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Make the pools of connections through a proxy."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = self._pool_classes
        return manager

    def send(
        self,
        request: "requests.PreparedRequest",
        stream: bool = False,  # noqa: FBT001, FBT002 - the HTTP library's signature
        timeout: Any = None,
        verify: bool | str = True,  # noqa: FBT001, FBT002 - likewise
        cert: Any = None,
        proxies: "Mapping[str, str] | None" = None,
    ) -> "requests.Response":
        """Send one request."""
        _thread.connecting = False
        return super().send(request, stream=stream, timeout=timeout, verify=verify, cert=cert, proxies=proxies)
