"""Owns the types of fields on the wire.

A check returns the value as it is stored, or raises ``ValueError`` saying what was expected.
"""

import re
import uuid
from collections.abc import Callable
from typing import Any

Check = Callable[[object], Any]

_SUFFIX = re.compile(r"[a-z0-9_]+\Z")
_LINE_BREAK = re.compile(r"[\n\r\v\f\x85\u2028\u2029]")
_LONGEST_SECONDS = 2**31 - 1


def text(value: object) -> str:
    """Accept a string that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError("a string that is not empty")
    return value


def line(value: object) -> str:
    """Accept a string without line breaks ("May not contain linebreaks", of a client's name [DOC])."""
    if _LINE_BREAK.search(text(value)):
        raise ValueError("a string without line breaks")
    return text(value)


def suffix(value: object) -> str:
    """Accept lowercase letters, numbers and underscores [DOC]."""
    if not _SUFFIX.match(text(value)):
        raise ValueError("lowercase letters, numbers and underscores")
    return text(value)


def boolean(value: object) -> bool:
    """Accept a boolean."""
    if not isinstance(value, bool):
        raise ValueError("a boolean")  # noqa: TRY004 - one kind of exception for all checks
    return value


def seconds(value: object) -> int:
    """Accept a whole number of seconds; the limits are provisional [UNK]."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LONGEST_SECONDS:
        raise ValueError("a whole number of seconds")
    return value


def identifier(value: object) -> str:
    """Accept a UUID in its canonical form, in either case."""
    if isinstance(value, str) and is_uuid(value):
        return value.lower()
    raise ValueError("a UUID")


def is_uuid(value: str) -> bool:
    """Say whether this is a UUID in canonical form, in either case."""
    try:
        return str(uuid.UUID(value)) == value.lower()
    except ValueError:
        return False


def list_of(item: Check) -> Check:
    """Accept a list whose elements pass a check."""

    def check(value: object) -> list[Any]:
        if not isinstance(value, list):
            raise ValueError("a list")  # noqa: TRY004 - one kind of exception for all checks
        try:
            return [item(element) for element in value]
        except ValueError as error:
            raise ValueError(f"a list of which each element is {error}") from None

    return check


def nullable(check: Check) -> Check:
    """Accept null too."""
    return lambda value: None if value is None else check(value)


def one_of(*choices: str) -> Check:
    """Accept one of a few strings."""

    def check(value: object) -> str:
        if value not in choices or not isinstance(value, str):
            raise ValueError(f"one of {', '.join(choices)}")
        return value

    return check


def links(value: object) -> dict[str, str | None]:
    """Accept the two addresses of a client's ``links``, of which each may be null or left out."""
    known = ("privacy_policy", "terms_and_conditions")
    if not isinstance(value, dict):
        raise ValueError("an object")  # noqa: TRY004 - one kind of exception for all checks
    return {name: nullable(text)(value.get(name)) for name in known}


def dependent_scope(value: object) -> dict[str, Any]:
    """Accept an object that names a scope by its UUID, never by its string [DOC]."""
    if not isinstance(value, dict):
        raise ValueError("an object")  # noqa: TRY004 - one kind of exception for all checks
    return {
        "scope": identifier(value.get("scope")),
        "optional": boolean(value.get("optional", False)),
        "requires_refresh_token": boolean(value.get("requires_refresh_token", False)),
    }
