"""Owns the scopes of a request as applications write them: ``a b[c *d]``, with dependencies in brackets."""

import re
from dataclasses import dataclass

from reconciler.emulator.access import is_visible, project_of
from reconciler.emulator.callers import Context
from reconciler.emulator.errors import ApiError, TokenError, error_document
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
        TokenError: ``invalid_scope``, when there are none, or the client may not ask for one.
        ApiError: The same, where the switch says so.
    """
    wanted = base_scopes(text)
    refused = [scope for scope in wanted if not _may_ask_for(context, scope)]
    if refused and context.switches.unknown_scope_document == "errors":
        raise _unknown(refused)
    if refused or not wanted:
        raise TokenError(400, "invalid_scope")
    return wanted


def _may_ask_for(context: Context, scope: str) -> bool:
    """Say whether the client that calls may ask for a scope: it sees it, or is of the same project [DOC]."""
    if scope in PERSON_SCOPES:
        return True
    known = context.store.find_by_key("scope", scope)
    if known is None or context.switches.requested_scopes == "known":
        return known is not None
    own = project_of(context.store, context.caller.client)
    return is_visible(context, known) or (own is not None and own == project_of(context.store, known["client"]))


def _unknown(scopes: list[str]) -> ApiError:
    detail = f"No scope {', '.join(scopes)} that the client may ask for"
    (error,) = error_document(400, detail)["errors"]
    code = "UNKNOWN_SCOPE_ERROR"
    return ApiError(400, detail, extra={"errors": [error | {"code": code}], "error": code.lower()})


def _close(levels: list[list[Asked]]) -> None:
    """Hang what a bracket held below the scope before it, unless it lies too deep."""
    if len(levels) == 1:
        return
    below = levels.pop()
    if levels[-1] and len(levels) <= _DEEPEST:
        last = levels[-1][-1]
        levels[-1][-1] = Asked(last.scope, (*last.below, *below), last.revocable)
