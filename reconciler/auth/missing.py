"""Owns the difference between "leave out" and "null", and how arguments become JSON. MISSING is never sent."""

import enum
from collections.abc import Iterable, Mapping
from typing import Any, Final, final
from uuid import UUID

from reconciler.auth.errors import GlobusSDKUsageError


@final
class MissingType:
    """The type of `MISSING`. There is one value of it, which is false, and survives copying and pickling."""

    def __new__(cls) -> "MissingType":  # noqa: D102 - the class says it
        if "MISSING" in globals():
            raise TypeError("MissingType has one value, MISSING")
        return super().__new__(cls)

    def __bool__(self) -> bool:
        return False

    def __copy__(self) -> "MissingType":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "MissingType":
        return self

    def __reduce__(self) -> str:
        return "MISSING"

    def __repr__(self) -> str:
        return "<reconciler.auth.MISSING>"


MISSING: Final = MissingType()


def to_wire(value: Any) -> Any:
    """Turn arguments into plain JSON data: MISSING is dropped, UUIDs and enums become their text, iterables lists."""
    match value:
        case enum.Enum():
            return to_wire(value.value)
        case UUID():
            return str(value)
        case Mapping():
            return {key: to_wire(item) for key, item in value.items() if item is not MISSING}
        case set() | frozenset():
            return sorted((to_wire(item) for item in value if item is not MISSING), key=str)
        case Iterable() if not isinstance(value, (str, bytes)):
            return [to_wire(item) for item in value if item is not MISSING]
        case _:
            return value


def strings(value: Iterable[Any] | UUID | str | MissingType | None) -> list[str] | MissingType | None:
    """Turn one id or several into a list of text; None and MISSING stay what they are."""
    match value:
        case None | MissingType():
            return value
        case str() | UUID():
            return [str(value)]
        case _:
            return [str(item) for item in value]


def comma_separated(value: Iterable[Any] | UUID | str) -> str:
    """Join one id or several as the service's filters take them, in one parameter."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        return str(value)
    return ",".join(str(item) for item in value)


def comma_separated_or_none(value: Iterable[Any] | UUID | str | MissingType | None) -> str | None:
    """Do the same, with None for what is None or MISSING."""
    return None if value is None or isinstance(value, MissingType) else comma_separated(value)


def flag(value: object) -> str:
    """Write a flag as the service's queries take it. The word "false" is not true."""
    return "false" if not value or str(value).lower() == "false" else "true"


def given(**fields: Any) -> dict[str, Any]:
    """Keep the fields whose value is not None, for methods where None means "not given"."""
    return {name: value for name, value in fields.items() if value is not None}


def extra(fields: dict[str, Any] | MissingType | None) -> dict[str, Any]:
    """Copy additional fields, if there are any."""
    return {} if fields is None or isinstance(fields, MissingType) else dict(fields)


def segment(value: UUID | str | MissingType | None) -> str:
    """Check that an id is one segment of a path, so that it cannot name another resource.

    Raises:
        GlobusSDKUsageError: if it is None, empty, a dot segment, or has a slash.
    """
    text = "" if value is None or isinstance(value, MissingType) else str(value)
    if text in {"", ".", ".."} or "/" in text or "\\" in text:
        raise GlobusSDKUsageError(f"not an id: {text!r}")
    return text
