"""Owns what the schemas object to, in words of ours: made from path and rule, never from a value.

An unusable value is dropped from the tree, its spot kept, so that what comes after works on sound data and does not
call the value missing.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from reconciler.errors import Place, Problem
from reconciler.kinds import KINDS
from reconciler.manifest.merge import SECTIONS
from reconciler.manifest.node import Items, Map, key_place, nearest, value_place
from reconciler.manifest.schema import fast, matches, thorough
from reconciler.manifest.words import did_you_mean, listed, shown, suggest
from reconciler.model import Data, Pointer

MOST = 100
"""So many complaints about one file are enough; with more, it is not read any further."""

_SPOKEN = {"true": ("yes", "on", "true", "y"), "false": ("no", "off", "false", "n")}
_TYPES = {
    "string": "text",
    "object": "a map",
    "array": "a list",
    "integer": "a whole number",
    "boolean": "true or false",
}
_BOOLEANS = {word: f"write {meant}" for meant, words in _SPOKEN.items() for word in words}
_LIMITS = {
    "minimum": "must not be less than {}",
    "maximum": "must not be more than {}",
    "maxLength": "must not be longer than {} characters",
    "maxItems": "must not have more than {} elements",
    "minItems": "must have at least {} of them",
    "maxProperties": "must not have more than {} keys",
    "const": "must be {}",
}
_SECRET = frozenset(kind.section for kind in KINDS.values() if kind.secret)


@dataclass(frozen=True, slots=True)
class _Complaint:
    path: Pointer
    what: str
    hint: str | None = None
    key: bool = False
    """Whether it is about the key at the path rather than its value."""
    usable: bool = False
    """Whether the value can stay: what is missing in it is looked for again."""


def complain(tree: Map, file: str) -> tuple[list[Problem], bool]:
    """Check the tree of one file against the schema, and drop from it what cannot be used.

    Return the problems, and whether all were found, so that what is left is sound.
    """
    if fast().is_valid(tree):
        return [], True
    complaints = list(dict.fromkeys(islice(_complaints(tree), MOST)))
    if not complaints:
        return [Problem(Place(file, 1, 1), "does not fit the schema of a manifest")], False
    problems = [_problem(tree, complaint, file) for complaint in complaints]
    if len(complaints) == MOST:
        return problems, False
    # From the end of each list, so that the indexes before it still hold.
    for path in sorted((each.path for each in complaints if not each.usable), key=_backwards):
        _drop(tree, path)
    return problems, True


def _complaints(tree: Map) -> Iterator[_Complaint]:
    explained: set[tuple[Pointer, str]] = set()
    for error in thorough().iter_errors(tree):
        path, keyword = tuple(error.absolute_path), str(error.validator)
        if (path, keyword) not in explained:
            explained.add((path, keyword))
            yield from _explain(tree, path, keyword, error.schema)


def _problem(tree: Map, complaint: _Complaint, file: str) -> Problem:
    spot = nearest(tree, complaint.path)
    place = Place(file, 1, 1)
    if spot:
        place = key_place(spot) if complaint.key else value_place(spot)
    return Problem(place, complaint.what, complaint.hint, _address(complaint.path))


def _address(path: Pointer) -> str | None:
    kind, keys = None, []
    for section, key in zip(path[::2], path[1::2], strict=False):
        if section not in SECTIONS:
            break
        kind = SECTIONS[str(section)]
        keys.append(str(key))
    return "/".join((kind.name, *keys)) if kind else None


def _backwards(path: Pointer) -> tuple[int, ...]:
    return tuple(-step for step in path if isinstance(step, int))


def _drop(tree: Map, path: Pointer) -> None:
    match around := _value(tree, path[:-1]):
        case Map() if path:
            around.pop(str(path[-1]), None)
        case Items() if isinstance(step := path[-1], int) and step < len(around):
            del around[step], around.spots[step]
        case _:
            pass


def _explain(tree: Map, path: Pointer, keyword: str, around: Mapping[str, Any]) -> Iterator[_Complaint]:
    if keyword == "propertyNames":
        yield _bad_key(path, around[keyword])
    elif keyword == "additionalProperties":
        yield _unknown_key(path, tuple(around.get("properties", ())))
    elif keyword == "required":
        missing = [key for key in around[keyword] if key not in _value(tree, path)]
        yield from (_Complaint(path, f"{_name(path)} needs `{key}`", usable=True) for key in missing)
    else:
        value, secret = _value(tree, path), not _SECRET.isdisjoint(path)
        yield _Complaint(path, f"{_name(path)} {_says(around, keyword, value)}", _meant(around, keyword, value, secret))


def _bad_key(path: Pointer, rule: Mapping[str, Any]) -> _Complaint:
    key = str(path[-1])
    hyphened = re.sub(r"[^A-Za-z0-9]+", "-", key).strip("-")
    spellings = (hyphened, hyphened.lower(), hyphened.replace("-", "_"))
    legal = [each for spelling in spellings if matches(rule["pattern"], each := spelling[: rule["maxLength"]])]
    hint = f"write `{legal[0]}`" if legal else None
    broken = "maxLength" if matches(rule["pattern"], key) else "pattern"
    return _Complaint(path, f"the key {shown(key)} {_says(rule, broken, key)}", hint, key=True)


def _unknown_key(path: Pointer, known: tuple[str, ...]) -> _Complaint:
    key, where = str(path[-1]), f" in {_name(path[:-1])}" if path[:-1] else ""
    return _Complaint(path, f"unknown key {shown(key)}{where}", suggest(key, known), key=True)


def _says(around: Mapping[str, Any], keyword: str, value: Data) -> str:
    match keyword:
        case "type":
            types = around["type"] if isinstance(around["type"], list) else [around["type"]]
            wanted = [_TYPES[each] for each in types if each != "null"]
            return f"must be {listed(wanted)}, not {_type(value)}"
        case "enum":
            return f"must be {listed([f'`{each}`' for each in around['enum']])}"
        case "minLength":
            return "must not be empty"
        case "pattern":
            return str(around.get("patternErrorMessage", "has a form that is not allowed"))
        case _:
            return _LIMITS.get(keyword, "is not allowed").format(around[keyword])


def _meant(around: Mapping[str, Any], keyword: str, value: Data, secret: bool) -> str | None:  # noqa: FBT001 - private
    if keyword == "enum" and isinstance(value, str) and not secret:
        return did_you_mean(value, around["enum"])
    if keyword == "type" and around["type"] == "boolean" and not secret:
        return _BOOLEANS.get(str(value).lower())
    if keyword == "type" and value is None and "object" not in around["type"]:
        return "leave it out if it is not to be managed"
    return None


def _name(path: Pointer) -> str:
    match path:
        case ():
            return "a manifest"
        case (*_, str(key), int()):
            return f"an element of {shown(key)}"
        case _:
            return shown(str(path[-1]))


def _type(value: Data) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return next(
        (
            name
            for kind, name in ((str, "text"), (dict, "a map"), (list, "a list"), (int, "a number"), (float, "a number"))
            if isinstance(value, kind)
        ),
        "null",
    )


def _value(tree: Data, path: Pointer) -> Data:
    for step in path:
        tree = _inside(tree, step)
    return tree


def _inside(value: Data, step: str | int) -> Data:
    try:
        return value[step]
    except (KeyError, IndexError, TypeError):
        return None
