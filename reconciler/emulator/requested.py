"""Owns the scopes of a request as applications write them: ``a b[c *d]``, with dependencies in brackets."""

import re
from dataclasses import dataclass

from reconciler.emulator.access import is_visible
from reconciler.emulator.callers import Context
from reconciler.emulator.errors import TokenError
from reconciler.emulator.wellknown import PERSON_SCOPES

_DEEPEST = 5
"""How many levels of brackets are read, and of dependent scopes consented to; provisional [UNK]."""
_TOKENS = re.compile(r"[\[\]]|[^\s\[\]]+")


@dataclass(frozen=True, slots=True)
class Asked:
    """A scope that a request names, what it names below it, and whether ``*`` makes that revocable on its own."""

    scope: str
    below: tuple["Asked", ...] = ()
    revocable: bool = False


def parsed(text: str) -> tuple[Asked, ...]:
    """Read a request; a bracket that is not closed ends with the text, one that was not opened means nothing."""
    levels: list[list[Asked]] = [[]]
    for word in _TOKENS.findall(text):
        if word == "[":
            levels.append([])
        elif word == "]":
            _close(levels)
        else:
            levels[-1].append(Asked(word.removeprefix("*"), revocable=word.startswith("*")))
    while len(levels) > 1:
        _close(levels)
    return tuple(one for one in levels[0] if one.scope)


def base_scopes(text: str) -> list[str]:
    """Return the scopes of a request without the dependencies that brackets hold."""
    return list(dict.fromkeys(one.scope for one in parsed(text)))


def requested_scopes(context: Context, text: str) -> list[str]:
    """Return the scopes of a request.

    Raises:
        TokenError: ``invalid_scope``, when there are none, or one is not known or not visible to the client.
    """
    wanted = base_scopes(text)
    for scope in wanted:
        known = None if scope in PERSON_SCOPES else context.store.find_by_key("scope", scope)
        if scope not in PERSON_SCOPES and (known is None or not is_visible(context, known)):
            raise TokenError(400, "invalid_scope")
    if not wanted:
        raise TokenError(400, "invalid_scope")
    return wanted


def _close(levels: list[list[Asked]]) -> None:
    """Hang what a bracket held below the scope before it, unless it lies too deep."""
    if len(levels) == 1:
        return
    below = levels.pop()
    if levels[-1] and len(levels) <= _DEEPEST:
        last = levels[-1][-1]
        levels[-1][-1] = Asked(last.scope, (*last.below, *below), last.revocable)
