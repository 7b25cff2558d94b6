"""Owns the reading of JSON from the network: what another reader might understand differently is refused."""

import json
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


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


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


def loads(content: bytes) -> Any:
    """Parse UTF-8 JSON.

    Raises:
        JSONError: if it is not UTF-8, not JSON, has a key twice, NaN or infinities, or is nested too deep.
    """
    try:
        value = _DECODER.decode(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise JSONError("not UTF-8") from None
    except RecursionError:
        raise JSONError(f"nested deeper than {MAX_DEPTH} levels") from None
    except json.JSONDecodeError as error:
        raise JSONError(f"not JSON: {error.msg} at character {error.pos}", cut=True) from None
    except JSONError:
        raise
    except ValueError:  # an integer with more digits than Python converts
        raise JSONError("a number is too long") from None
    _check_depth(value)
    return value
