"""Owns the way of a request through the server: parsed, run as one transaction, answered, logged; no input is a 500.

An answer is written out before its transaction is committed, so that nothing is kept that cannot be answered.
"""

import asyncio
import json
import sqlite3
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reconciler.emulator import wire
from reconciler.emulator.admin import Admin, Order
from reconciler.emulator.calls import Answer, Call, Endpoint, Service
from reconciler.emulator.desk import Desk
from reconciler.emulator.errors import ApiError, TokenError, error_document
from reconciler.emulator.faults import Fault
from reconciler.emulator.routes import ROUTES

_LARGEST_BODY = 1 << 20
_LARGEST_WORLD = 1 << 28

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class _Front:
    """What counts the requests and dates the answers, by the emulator's clock."""

    inner: ASGIApp
    desk: Desk
    clock: Callable[[], float]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"date", formatdate(self.clock(), usegmt=True).encode())]
            await send(message)

        if scope["path"].startswith("/_emulator/"):
            await self.inner(scope, receive, dated)
            return
        with self.desk.in_flight():
            await self.inner(scope, receive, dated)


def build(admin: Admin) -> ASGIApp:
    """Build the application."""
    service, desk = admin.service, admin.desk
    routes = [Route(path, _served(endpoint, service, desk), methods=[method]) for method, path, endpoint in ROUTES]
    routes += [Route(order.path, _administered(order, service), methods=[order.method]) for order in admin.rows()]

    async def refuse(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        method, path = request.method, request.scope["path"]
        desk.note(method, path, status)
        return _response(Answer(error_document(status, f"{method} {path} is not served"), status))

    app = Starlette(routes=routes, exception_handlers={HTTPException: refuse})
    app.router.redirect_slashes = False
    return _Front(app, desk, service.clock)


def _served(endpoint: Endpoint, service: Service, desk: Desk) -> Handler:
    """Serve an endpoint on the store's thread, where requests run one after the other."""

    async def handle(request: Request) -> Response:
        method, path = request.method, request.scope["path"]
        fault = desk.take(method, path)

        def work(call: Call) -> Response:
            answer = endpoint(service, call)
            shown = desk.falsify(method, path, answer.document, service.clock())
            return _response(answer if shown is answer.document else replace(answer, document=shown))

        response = await _under(fault, service, lambda: _run(request, service, work))
        desk.note(method, path, wire.status_of(response), fault)
        return response

    return handle


async def _under(fault: Fault | None, service: Service, run: Callable[[], Awaitable[Response]]) -> Response:
    """Answer a request as the fault lets it be answered that it meets."""
    if fault is None:
        return await run()
    replacement = wire.instead(fault, service.switches)
    if fault.after_commit:
        answer = await run()
        await asyncio.sleep(fault.latency)
        return replacement or wire.damaged(fault, answer)
    await asyncio.sleep(fault.latency)
    return replacement or await run()


def _administered(order: Order, service: Service) -> Handler:
    async def handle(request: Request) -> Response:
        return await _run(
            request,
            service,
            lambda call: _response(order.handle(call)),
            largest=_LARGEST_WORLD if order.stored else _LARGEST_BODY,
            stored=order.stored,
        )

    return handle


async def _run(
    request: Request,
    service: Service,
    work: Callable[[Call], Response],
    *,
    largest: int = _LARGEST_BODY,
    stored: bool = True,
) -> Response:
    try:
        call = await _call(request, largest)
        return await asyncio.wrap_future(service.store.submit(lambda: work(call))) if stored else work(call)
    except (ApiError, TokenError) as error:
        return _response(Answer(error.document, error.status))
    except sqlite3.OperationalError as error:
        return _response(Answer(error_document(503, f"The file of the emulator cannot be used: {error}"), 503))
    except Exception as error:  # noqa: BLE001 - a bug is answered and logged like all else
        traceback.print_exc()
        detail = f"A bug of the emulator, {type(error).__name__}; its standard error says where"
        return _response(Answer(error_document(500, detail), 500))


async def _call(request: Request, largest: int) -> Call:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > largest:
                raise ApiError(413, "The body is too large")
    except ClientDisconnect:
        raise ApiError(400, "The body ended early") from None
    query: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        query.setdefault(name, []).append(value)
    return Call(request.method, request.scope["path"], request.path_params, query, request.headers, bytes(body))


def _response(answer: Answer) -> Response:
    is_page = answer.media_type == "text/html"
    content: Any = answer.document.encode() if is_page else json.dumps(answer.document, ensure_ascii=False).encode()
    headers = {"WWW-Authenticate": "Bearer"} if answer.status == 401 else {}
    return Response(content, answer.status, {**headers, **answer.headers}, media_type=answer.media_type)
