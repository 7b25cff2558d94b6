"""Owns a request as the endpoints see it: parsed bodies and queries, refused with 400 where they are malformed."""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import parse_qs

from reconciler.emulator.callers import Caller, Context, authenticate
from reconciler.emulator.errors import invalid
from reconciler.emulator.store import Document, Store
from reconciler.emulator.switches import Switches

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, slots=True)
class Service:
    """What outlives a request."""

    store: Store
    switches: Switches
    clock: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Call:
    """One request; ``params`` come from the path."""

    method: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def base_url(self) -> str:
        """Return the address by which the caller reached the server."""
        return "http://" + self.headers.get("host", "127.0.0.1")

    def listed(self, name: str) -> list[str]:
        """Return a comma-separated query parameter, without empty elements."""
        return [part.strip() for value in self.query.get(name, ()) for part in value.split(",") if part.strip()]

    def flag(self, name: str) -> bool:
        """Say whether a query parameter is true (in any case, as Python's ``str(True)`` is)."""
        return any(value.lower() == "true" for value in self.query.get(name, ()))

    def form(self) -> dict[str, str]:
        """Return the fields of a form body; of repeated ones the last."""
        return {name: values[-1] for name, values in self.fields().items()}

    def fields(self) -> dict[str, list[str]]:
        """Return the fields of a form body with all their values."""
        try:
            return parse_qs(self.body.decode())
        except ValueError:
            raise invalid("The body is not a form in UTF-8") from None

    def json(self) -> Any:  # noqa: ANN401 - JSON is anything
        """Return the JSON of the body.

        Raises:
            ApiError: 400, when it is no JSON in UTF-8, or holds numbers or characters that JSON cannot carry onward.
        """
        try:
            text = self.body.decode()  # json.loads of bytes would guess UTF-16 and let surrogates pass
            parsed = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
            if _SURROGATE.search(text):
                json.dumps(parsed, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            raise invalid(f"The body is not valid JSON: {error}") from None
        return parsed

    def envelope(self, name: str) -> Document:
        """Return the object under the one key that a kind's bodies have."""
        body = self.json()
        inner = body.get(name) if isinstance(body, dict) else None
        if not isinstance(inner, dict):
            raise invalid(f'The body must be an object with an object under "{name}"')
        return inner


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back."""

    document: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"


Endpoint = Callable[[Service, Call], Answer]


def caller_of(service: Service, call: Call) -> Caller:
    """Return who calls, or refuse with 401."""
    return authenticate(service.store, call.headers, service.clock())


def context_of(service: Service, caller: Caller) -> Context:
    """Return what the rules need to know."""
    return Context(service.store, service.switches, service.clock(), caller)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_constant(text)
