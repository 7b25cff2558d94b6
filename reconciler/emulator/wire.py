"""Owns what a fault puts on the connection: real bytes, cut or dripping, and real ends of the connection.

It writes to the transport beneath HTTP, which ``Protocol`` hands to each request.
"""

import asyncio
import contextlib
import json
import socket
import struct
from http.client import responses
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from reconciler.emulator.errors import ApiError, error_document
from reconciler.emulator.faults import Effect, Fault
from reconciler.emulator.switches import Switches

_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER with no time to linger: the end of the connection is a reset."""
_DEEP = 100_000
_BODIES = {
    Effect.HTML: (200, "text/html", "<html><body><h1>It works!</h1></body></html>"),
    Effect.LIST: (200, "application/json", "[]"),
    Effect.EMPTY: (204, None, None),
    Effect.BROKEN_JSON: (200, "application/json", '{"projects": [{"id": '),
    Effect.DEEP_JSON: (200, "application/json", "[" * _DEEP + "]" * _DEEP),
}
"""Answers that are no document of the service, whatever was asked: status, type and body."""


class Protocol(AutoHTTPProtocol):  # type: ignore[misc,valid-type] # which of uvicorn's it is, depends on what is installed
    """HTTP that tells each request the transport on which it came."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Remember the transport."""
        super().connection_made(transport)
        self.app_state: dict[str, Any] = self.app_state | {"transport": transport}


class Severed(Response):
    """The end of the connection after some bytes, in good order or by a reset."""

    def __init__(self, sent: bytes = b"", *, reset: bool = False, status: int | None = None) -> None:
        super().__init__()
        self.sent, self.reset, self.shown_status = sent, reset, status

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        """Write the bytes and end the connection."""
        transport = scope["state"]["transport"]
        if self.reset:
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            transport.abort()
        else:
            transport.write(self.sent)
            transport.close()
        while (await receive())["type"] != "http.disconnect":
            pass


class Dripping(Response):
    """An answer whose body comes byte by byte."""

    def __init__(self, answer: Response, seconds: float) -> None:
        super().__init__(answer.body, answer.status_code)
        self.raw_headers, self.seconds = answer.raw_headers, seconds

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer slowly, as long as somebody waits for it."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        body = bytes(self.body)
        for at in range(len(body)):
            await send({"type": "http.response.body", "body": body[at : at + 1], "more_body": at + 1 < len(body)})
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(receive(), self.seconds)
                return


def status_of(response: Response) -> int | None:
    """Return the status that the caller sees, if any."""
    return response.shown_status if isinstance(response, Severed) else response.status_code


def instead(fault: Fault, switches: Switches) -> Response | None:
    """Return what is answered in place of the true answer; None is the true answer."""
    match fault.effect:
        case Effect.STATUS:
            headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            when = "after" if fault.after_commit else "before"
            document = error_document(fault.status, f"A fault on demand, {when} the commit")
            return _json(document, fault.status, headers | _challenge(fault.status))
        case Effect.RESET:
            return Severed(reset=True)
        case Effect.CLOSE:
            return Severed()
        case Effect.SESSION_REQUIRED:
            return _session_required(fault, switches)
        case Effect.TOKEN_EXPIRED:
            refusal = ApiError(401, "Call must be authenticated")
            return _json(refusal.document, 401, _challenge(401))
        case effect if effect in _BODIES:
            status, media_type, body = _BODIES[effect]
            return Response(body, status, media_type=media_type)
        case _:
            return None


def damaged(fault: Fault, answer: Response) -> Response:
    """Return the true answer as the fault lets it arrive."""
    body, status = bytes(answer.body), answer.status_code
    lines = [f"HTTP/1.1 {status} {responses.get(status, '')}".encode()]
    lines += [name + b": " + value for name, value in answer.raw_headers if name != b"content-length"]
    half = body[: len(body) // 2]
    match fault.effect:
        case Effect.CUT_HEADERS:
            return Severed(b"\r\n".join(lines)[:-3], status=status)
        case Effect.CUT_BODY:
            head = [*lines, b"content-length: %d" % len(body), b"", half]
            return Severed(b"\r\n".join(head), status=status)
        case Effect.CUT_CHUNKS:
            head = [*lines, b"transfer-encoding: chunked", b"", b"%x" % len(half), half, b""]
            return Severed(b"\r\n".join(head), status=status)
        case Effect.DRIP:
            return Dripping(answer, fault.seconds)
        case _:
            return answer


def _session_required(fault: Fault, switches: Switches) -> Response:
    message = "To access this project you must have an identity with admin privileges in session."
    usual = {"session_message": message, "session_required_policies": [switches.session_policy]}
    stated = fault.authorization_parameters
    refusal = ApiError(403, message, extra={"authorization_parameters": usual if stated is None else stated})
    return _json(refusal.document, 403, {})


def _challenge(status: int) -> dict[str, str]:
    return {"WWW-Authenticate": "Bearer"} if status == 401 else {}


def _json(document: object, status: int, headers: dict[str, str]) -> Response:
    return Response(json.dumps(document), status, headers, media_type="application/json")
