"""Owns the way of a request through the server: parsed, run as one transaction, answered, logged; no input is a 500.

An answer is written out before its transaction is committed, so that nothing is kept that cannot be answered.
"""

import asyncio
import json
import sqlite3
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.emulator.calls import Answer, Call, Endpoint, Service
from reconciler.emulator.desk import Desk
from reconciler.emulator.errors import ApiError, TokenError, error_document
from reconciler.emulator.routes import ROUTES

_LARGEST_BODY = 1 << 20

Handler = Callable[[Request], Awaitable[Response]]


def build(service: Service, desk: Desk) -> Starlette:
    """Build the application."""
    routes = [Route(path, _served(endpoint, service, desk), methods=[method]) for method, path, endpoint in ROUTES]
    desk_routes = (
        ("GET", "/_emulator/requests", desk.list_requests),
        ("DELETE", "/_emulator/requests", desk.clear_requests),
        ("POST", "/_emulator/faults", desk.add_fault),
        ("DELETE", "/_emulator/faults", desk.clear_faults),
    )
    routes += [Route(path, _administered(endpoint), methods=[method]) for method, path, endpoint in desk_routes]

    async def refuse(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        method, path = request.method, request.scope["path"]
        desk.note(method, path, status)
        return _response(Answer(error_document(status, f"{method} {path} is not served"), status))

    app = Starlette(routes=routes, exception_handlers={HTTPException: refuse})
    app.router.redirect_slashes = False
    return app


def _served(endpoint: Endpoint, service: Service, desk: Desk) -> Handler:
    """Serve an endpoint on the store's thread, where requests run one after the other."""

    async def handle(request: Request) -> Response:
        method, path = request.method, request.scope["path"]
        try:
            call = await _call(request)
            response = await asyncio.wrap_future(service.store.submit(lambda: _answer(endpoint, service, desk, call)))
        except ApiError as error:
            response = _response(Answer(error.document, error.status))
        desk.note(method, path, response.status_code)
        return response

    return handle


def _answer(endpoint: Endpoint, service: Service, desk: Desk, call: Call) -> Response:
    fault = desk.take_fault(call.method, call.path)
    if fault is not None and not fault.after_commit:
        return _response(Answer(error_document(fault.status, "A fault on demand, before the commit"), fault.status))
    response = _run(endpoint, service, call)
    if fault is not None:
        return _response(Answer(error_document(fault.status, "A fault on demand, after the commit"), fault.status))
    return response


def _administered(endpoint: Callable[[Call], Answer]) -> Handler:
    async def handle(request: Request) -> Response:
        try:
            return _response(endpoint(await _call(request)))
        except ApiError as error:
            return _response(Answer(error.document, error.status))

    return handle


def _run(endpoint: Endpoint, service: Service, call: Call) -> Response:
    try:
        with service.store.transaction():
            return _response(endpoint(service, call))
    except (ApiError, TokenError) as error:
        return _response(Answer(error.document, error.status))
    except sqlite3.OperationalError as error:
        return _response(Answer(error_document(503, f"The file of the emulator cannot be used: {error}"), 503))
    except Exception as error:  # noqa: BLE001 - a bug is answered and logged like all else
        traceback.print_exc()
        detail = f"A bug of the emulator, {type(error).__name__}; its standard error says where"
        return _response(Answer(error_document(500, detail), 500))


async def _call(request: Request) -> Call:
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > _LARGEST_BODY:
                raise ApiError(413, "The body is too large")
    except ClientDisconnect:
        raise ApiError(400, "The body ended early") from None
    query: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        query.setdefault(name, []).append(value)
    return Call(request.method, request.scope["path"], request.path_params, query, request.headers, body)


def _response(answer: Answer) -> Response:
    is_page = answer.media_type == "text/html"
    content: Any = answer.document.encode() if is_page else json.dumps(answer.document, ensure_ascii=False).encode()
    headers = {"WWW-Authenticate": "Bearer"} if answer.status == 401 else {}
    return Response(content, answer.status, {**headers, **answer.headers}, media_type=answer.media_type)
