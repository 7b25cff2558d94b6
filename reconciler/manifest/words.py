"""Owns how a message names what was meant: suggestions and lists of what is known."""

from collections.abc import Sequence
from difflib import get_close_matches

_SHOWN = 60
_LISTED = 12


def closest(word: str, known: Sequence[str]) -> str | None:
    """Find the known word that is closest to a misspelt one."""
    if len(word) > 10 * _SHOWN:
        return None
    return next(iter(get_close_matches(word.lower(), known, n=1, cutoff=0.6)), None)


def did_you_mean(word: str, known: Sequence[str]) -> str | None:
    """Suggest the known word that is closest to a misspelt one."""
    close = closest(word, known)
    return f"did you mean `{close}`?" if close else None


def suggest(word: str, known: Sequence[str]) -> str | None:
    """Suggest the closest known word, or list those that are known if they are few."""
    few = f"known: {', '.join(known)}" if 0 < len(known) <= _LISTED else None
    return did_you_mean(word, known) or few


def listed(words: Sequence[str]) -> str:
    """Write `a, b or c`."""
    return " or ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def shown(word: str) -> str:
    """Write a word of the manifests between backticks, shortened."""
    return f"`{word if len(word) <= _SHOWN else word[:_SHOWN] + '...'}`"
