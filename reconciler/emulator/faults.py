"""Owns what can go wrong on demand, as data: which requests a fault meets, how often, and what it does to them."""

import math
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any


class Effect(StrEnum):
    """What a fault does to a request or to its answer."""

    STATUS = "status"
    DELAY = "delay"
    RESET = "reset"
    CLOSE = "close"
    CUT_HEADERS = "cut_headers"
    CUT_BODY = "cut_body"
    CUT_CHUNKS = "cut_chunks"
    DRIP = "drip"
    HTML = "html"
    LIST = "list"
    EMPTY = "empty"
    BROKEN_JSON = "broken_json"
    DEEP_JSON = "deep_json"
    SESSION_REQUIRED = "session_required"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - the name of a fault
    LATE_IN_LISTS = "late_in_lists"
    DROPPED_FROM_LISTS = "dropped_from_lists"
    DOUBLED_IN_LISTS = "doubled_in_lists"


OF_LISTS = frozenset({Effect.LATE_IN_LISTS, Effect.DROPPED_FROM_LISTS, Effect.DOUBLED_IN_LISTS})
"""Those that change what lists hold; they meet a request only where there is something to change."""
OF_ANSWERS = frozenset({Effect.CUT_HEADERS, Effect.CUT_BODY, Effect.CUT_CHUNKS, Effect.DRIP})
"""Those that damage the true answer, and so come after the commit."""

_EVERYWHERE = frozenset({"effect", "method", "path", "path_prefix", "times", "latency"})
_PARAMETERS: Mapping[Effect, frozenset[str]] = {
    Effect.STATUS: frozenset({"status", "retry_after", "after_commit"}),
    Effect.DRIP: frozenset({"seconds"}),
    Effect.CUT_HEADERS: frozenset(),
    Effect.CUT_BODY: frozenset(),
    Effect.CUT_CHUNKS: frozenset(),
    Effect.SESSION_REQUIRED: frozenset({"authorization_parameters"}),
    Effect.TOKEN_EXPIRED: frozenset(),
    Effect.LATE_IN_LISTS: frozenset({"seconds", "lists"}),
    Effect.DROPPED_FROM_LISTS: frozenset({"id"}),
    Effect.DOUBLED_IN_LISTS: frozenset({"id"}),
}
_OTHERS = frozenset({"after_commit"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One order for a fault; what of it counts depends on the effect."""

    effect: Effect
    method: str = "*"
    path: str | None = None
    """The whole path; ``*`` in it stands for one segment."""
    path_prefix: str = "/"
    times: int | None = 1
    """For how many requests; None is for all until it is withdrawn."""
    latency: float = 0.0
    """Seconds to wait before the effect."""
    after_commit: bool = False
    status: int = 503
    retry_after: int | str | None = None
    seconds: float = 0.0
    """Between two bytes of a dripping answer; for late objects, how long they are missing."""
    lists: int = 0
    """In how many lists late objects are missing."""
    id: str | None = None
    """Which object is dropped or doubled; None is the newest."""
    authorization_parameters: Mapping[str, Any] | None = None

    def matches(self, method: str, path: str) -> bool:
        """Say whether a request meets this fault."""
        if self.times == 0 or self.method not in ("*", method):
            return False
        if self.path is None:
            return path.startswith(self.path_prefix)
        return re.fullmatch("[^/]+".join(map(re.escape, self.path.split("*"))), path) is not None

    @property
    def document(self) -> dict[str, Any]:
        """Return the order as JSON: the effect and what differs from the defaults."""
        stated = {field.name: getattr(self, field.name) for field in fields(self)}
        unlike = {field.name for field in fields(self) if stated[field.name] != field.default}
        return {name: value for name, value in stated.items() if name in unlike | {"method", "times"}}


def fault_from(order: object) -> Fault:
    """Read an order for a fault.

    Raises:
        ValueError: What is wrong with it, and where.
    """
    if not isinstance(order, dict):
        raise ValueError("a fault is an object")  # noqa: TRY004 - all that is wrong is a ValueError
    effect = _effect(order)
    allowed = _EVERYWHERE | _PARAMETERS.get(effect, _OTHERS)
    strange = sorted(set(order) - allowed)
    if strange:
        raise ValueError(f"{strange[0]}: a fault of effect {effect} has only {', '.join(sorted(allowed))}")
    if {"path", "path_prefix"} <= set(order):
        raise ValueError("path, path_prefix: give one of them")
    if effect is Effect.STATUS and "status" not in order:
        raise ValueError("status: is missing")
    if effect is Effect.LATE_IN_LISTS and bool(order.get("seconds")) == bool(order.get("lists")):
        raise ValueError("seconds, lists: give one of them, for how long an object is late")
    values: dict[str, Any] = {name: _read(name, value) for name, value in order.items() if name != "effect"}
    if effect in OF_ANSWERS:
        values["after_commit"] = True
    return Fault(effect=effect, **values)


def _effect(order: Mapping[str, object]) -> Effect:
    implied = Effect.STATUS if "status" in order else Effect.DELAY if "latency" in order else None
    stated = order.get("effect", implied)
    if stated not in list(Effect):
        raise ValueError(f"effect: is one of {', '.join(Effect)}")
    return Effect(str(stated))


def _read(name: str, value: object) -> object:
    check, expected = _CHECKS[name]
    if not check(value):
        raise ValueError(f"{name}: expected {expected}")
    return str(value).upper() if name == "method" else value


def _whole(lowest: int, highest: int) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest


def _seconds(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(float(str(value))) and 0 <= float(str(value)) <= 86_400


def _header(value: object) -> bool:
    return _whole(-(10**12), 10**12)(value) or (isinstance(value, str) and value.isascii() and value.isprintable())


def _id(value: object) -> bool:
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value
    except ValueError:
        return False


_CHECKS: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "method": (lambda value: isinstance(value, str) and value != "", "the name of a method, or *"),
    "path": (lambda value: isinstance(value, str) and value.startswith("/"), "a path, in which * is one segment"),
    "path_prefix": (lambda value: isinstance(value, str) and value.startswith("/"), "the beginning of a path"),
    "times": (lambda value: value is None or _whole(1, 10**9)(value), "a whole number from 1, or null for always"),
    "latency": (_seconds, "seconds, at most a day"),
    "seconds": (_seconds, "seconds, at most a day"),
    "lists": (_whole(0, 10**9), "a whole number"),
    "after_commit": (lambda value: isinstance(value, bool), "a boolean"),
    "status": (_whole(300, 599), "a status from 300 to 599"),
    "retry_after": (lambda value: value is None or _header(value), "seconds, or the text of the header"),
    "id": (_id, "a UUID in lower case"),
    "authorization_parameters": (lambda value: isinstance(value, dict), "an object"),
}
