"""Owns the way of a request through the server: parsed, run as one transaction, answered, logged; no input is a 500."""

import json
import sqlite3
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
    """Serve an endpoint: after its body has been read, nothing is awaited, so that requests run one after the other."""

    async def handle(request: Request) -> Response:
        method, path = request.method, request.scope["path"]
        try:
            call = await _call(request)
        except ApiError as error:
            desk.note(method, path, error.status)
            return _response(Answer(error.document, error.status))
        fault = desk.take_fault(method, path)
        if fault is not None and not fault.after_commit:
            answer = Answer(error_document(fault.status, "A fault on demand, before the commit"), fault.status)
        else:
            answer = _run(endpoint, service, call)
        if fault is not None and fault.after_commit:
            answer = Answer(error_document(fault.status, "A fault on demand, after the commit"), fault.status)
        desk.note(method, path, answer.status)
        return _response(answer)

    return handle


def _administered(endpoint: Callable[[Call], Answer]) -> Handler:
    async def handle(request: Request) -> Response:
        try:
            return _response(endpoint(await _call(request)))
        except ApiError as error:
            return _response(Answer(error.document, error.status))

    return handle


def _run(endpoint: Endpoint, service: Service, call: Call) -> Answer:
    try:
        with service.store.transaction():
            return endpoint(service, call)
    except (ApiError, TokenError) as error:
        return Answer(error.document, error.status)
    except sqlite3.OperationalError as error:
        return Answer(error_document(503, f"The file of the emulator cannot be used: {error}"), 503)


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
    return Call(request.method, request.path_params, query, request.headers, body)


def _response(answer: Answer) -> Response:
    content: Any = json.dumps(answer.document, ensure_ascii=False).encode()
    headers = {"WWW-Authenticate": "Bearer"} if answer.status == 401 else None
    return Response(content, answer.status, headers, media_type="application/json")
