"""Owns what an unquoted word of YAML means here: null, true, false and numbers as in JSON, and otherwise text."""

import re

from yaml.resolver import Resolver

from reconciler.model import Data

LARGEST = 2**53
"""Beyond it, programs that keep numbers as floats no longer agree which one is meant."""

_WORDS: dict[str, Data] = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?")
_NUMERIC = frozenset("-0123456789")
_OLD = Resolver.yaml_implicit_resolvers
_MEANS = {
    "bool": "a truth value",
    "int": "a number",
    "float": "a number",
    "null": "null",
    "timestamp": "a date",
    "value": "a special key",
}
_LONGEST = 100
_BAD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


class Unusable(ValueError):
    """A word that looks like a value which no manifest can hold."""


def plain(word: str) -> Data:
    """Read an unquoted word; raise `Unusable` for a number that is too large."""
    if word in _WORDS:
        return _WORDS[word]
    if word[0] not in _NUMERIC:
        return word
    if _INTEGER.fullmatch(word):
        if len(word) > 17 or abs(int(word)) > LARGEST:
            raise Unusable(f"numbers go up to {LARGEST}")
        return int(word)
    if _FLOAT.fullmatch(word):
        number = float(word) if len(word) <= _LONGEST else float("inf")
        if abs(number) > LARGEST:
            raise Unusable(f"numbers go up to {LARGEST}")
        return int(number) if number.is_integer() else number
    return word


def surprise(word: str, value: Data) -> str | None:
    """Say what YAML 1.1, which other programs may read, takes an unquoted word for, if not for the same."""
    if not word or len(word) > _LONGEST:
        return None
    for tag, pattern in _OLD.get(word[0], ()):
        if pattern.match(word):
            means = _MEANS.get(tag.rpartition(":")[2])
            return means if means and isinstance(value, str) else None
    return "text" if isinstance(value, int | float) and not isinstance(value, bool) else None


def unprintable(text: str) -> int | None:
    """Find the first character that no text of a manifest may hold: a control character or half of a pair."""
    found = _BAD.search(text)
    return found.start() if found else None
