"""Owns the reading of JSON from the network: what another reader might understand differently is refused.

Only the documents of errors are read leniently: they are shown and acted on, never taken for what the service holds.
"""

import json
import math
import re
from typing import Any, NoReturn

MAX_DEPTH = 64


class JSONError(ValueError):
    """A document that is not strict JSON. `cut` says that it may be the beginning of one."""

    def __init__(self, message: str, *, cut: bool = False) -> None:
        super().__init__(message)
        self.cut = cut


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise JSONError("an object has the same key twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise JSONError(f"{name} is no JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise JSONError("a number is too large")
    return number


def _finite_or_none(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
_LENIENT = json.JSONDecoder(parse_constant=lambda _: None, parse_float=_finite_or_none)
# What can stand at the end of a beginning, where the JSON module looks for a value, a delimiter or an escape.
_BEGUN = re.compile(r"t(r(ue?)?)?|f(a(l(se?)?)?)?|n(u(ll?)?)?|-|\.|[eE][-+]?|\\?u?[0-9a-fA-F]{0,4}")


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            item
            for container in level
            if isinstance(container, (dict, list))
            for item in (container.values() if isinstance(container, dict) else container)
        ]
        if not level:
            return
    raise JSONError(f"nested deeper than {MAX_DEPTH} levels")


def _is_cut(error: json.JSONDecodeError) -> bool:
    """Say whether the document only ended too early. The JSON module tells that by no means of its own."""
    if error.msg.startswith(("Unterminated", "Extra data")):
        return error.msg.startswith("Unterminated")
    return _BEGUN.fullmatch(error.doc[error.pos :].rstrip()) is not None


def _parse(decoder: json.JSONDecoder, text: str) -> Any:
    try:
        value = decoder.decode(text)
    except RecursionError:
        raise JSONError(f"nested deeper than {MAX_DEPTH} levels") from None
    except json.JSONDecodeError as error:
        raise JSONError(f"not JSON: {error.msg} at character {error.pos}", cut=_is_cut(error)) from None
    except JSONError:
        raise
    except ValueError:  # an integer with more digits than Python converts
        raise JSONError("a number is too long") from None
    _check_depth(value)
    return value


def loads(content: bytes) -> Any:
    """Parse UTF-8 JSON.

    Raises:
        JSONError: if it is not UTF-8, not JSON, has a key twice, NaN, infinities or numbers as large, half a
        character, or is nested too deep.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise JSONError("not UTF-8", cut=error.reason == "unexpected end of data") from None
    value = _parse(_DECODER, text)
    if "\\u" in text and _whole(value) != value:
        raise JSONError("half of a surrogate pair is no character")
    return value


def loads_leniently(text: str) -> Any:
    """Parse what was meant to be JSON: the last of equal keys counts, what is no number or character is replaced.

    Raises:
        JSONError: if it is not JSON otherwise, or is nested too deep.
    """
    return _whole(_parse(_LENIENT, text.removeprefix("\ufeff")))


def _whole(value: Any) -> Any:
    """Copy JSON data with halves of surrogate pairs replaced. Its depth has been checked."""
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case dict():
            return {_whole(key): _whole(item) for key, item in value.items()}
        case list():
            return [_whole(item) for item in value]
        case _:
            return value
