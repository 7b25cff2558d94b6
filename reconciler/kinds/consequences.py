"""What the change of a field, or the end of an object, breaks for people and programs: a rule a function. Pure.

A rule of a field gets its value before and after, and all fields as they will be. What it says completes `this means`.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from reconciler.model import Data, Fields, Live, Ref, canonical

Rule: TypeAlias = Callable[[Data, Data, Fields], Iterator[str]]
End: TypeAlias = Callable[[Live, bool], Iterator[str]]
"""Of the object that ends, and whether its successor goes by the same name."""

_TOKENS = "tokens that were given before stay valid, for up to 48 hours"
"""The lifetime of a token; deleting what it was given to does not end it (globus-auth.md 1.4, [OBS])."""


def harmless(_: Data, __: Data, ___: Fields) -> Iterator[str]:
    """Say nothing: no such change breaks anything."""
    return iter(())


def unnoticed(_: Live, __: bool) -> Iterator[str]:  # noqa: FBT001 - the form of every `End`
    """Say nothing: nobody outside depends on such an object."""
    return iter(())


def administrators(before: Data, after: Data, fields: Fields) -> Iterator[str]:
    """Say when there will be nobody to stand in for an administrator."""
    if len(after or ()) == 1 < len(before or ()) and not fields.get("admin_group_ids"):
        yield "one administrator is left: without that one, nobody can change anything below it"


def administrator_groups(before: Data, after: Data, fields: Fields) -> Iterator[str]:
    """Say which groups lose a project, and whether that leaves a single person."""
    for group in _gone(before, after):
        yield f"members of the group {group} no longer administer it"
    if before and not after and len(fields.get("admin_ids") or ()) == 1:
        yield "one administrator is left: without that one, nobody can change anything below it"


def domains_that_pass(before: Data, after: Data, _: Fields) -> Iterator[str]:
    """Say who no longer passes a policy that lists domains, or that it lets everybody pass."""
    if before and not after:
        yield "people of every domain pass"
    elif after and not before:
        yield f"only people of {_listed(after)} pass"
    elif gone := _gone(before, after):
        yield f"people of {_listed(gone)} no longer pass"


def domains_that_do_not(before: Data, after: Data, _: Fields) -> Iterator[str]:
    """Say whom a policy starts to keep out, and whom it no longer does."""
    if new := _gone(after, before):
        yield f"people of {_listed(new)} no longer pass"
    if gone := _gone(before, after):
        yield f"people of {_listed(gone)} are not kept out any more"


def timeout(before: Data, after: Data, _: Fields) -> Iterator[str]:
    """Say that people must log in more often."""
    if isinstance(after, int) and (before is None or after < before):
        yield f"people must log in again after {after} s" + (f" instead of {before} s" if before is not None else "")


def second_factor(_: Data, after: Data, __: Fields) -> Iterator[str]:
    """Say that people without a second factor are kept out."""
    if after is True:
        yield "people must log in with a second factor"


def visibility(before: Data, after: Data, _: Fields) -> Iterator[str]:
    """Say that others lose sight of a client."""
    if (before, after) == ("public", "private"):
        yield "others no longer see it, nor those of its scopes that are not advertised"


def redirects(before: Data, after: Data, _: Fields) -> Iterator[str]:
    """Say which logins come to nothing."""
    for uri in _gone(before, after):
        yield f"logins that return to {uri} fail"


def provider(_: Data, __: Data, ___: Fields) -> Iterator[str]:
    """Say that people are known by another id (globus-auth.md 1.2)."""
    yield "people come with another `sub`: applications that know them by it take them for strangers"


def calls_on(before: Data, after: Data, _: Fields) -> Iterator[str]:
    """Say what a service can no longer do for people, and what they must agree to again."""
    old, new = ({canonical(each["scope"]): each for each in value or ()} for value in (before, after))
    for key in sorted(old.keys() - new.keys()):
        yield f"it can no longer call on {_shown(old[key]['scope'])} for people"
    for key in sorted(new.keys() - old.keys()):
        if not new[key].get("optional"):
            yield f"people who have agreed to it must agree again, to {_shown(new[key]['scope'])}"


def advertised(before: Data, after: Data, _: Fields) -> Iterator[str]:
    """Say that others can no longer depend on a scope anew."""
    if before and not after:
        yield "where its client is private, others no longer find it to depend on"


def refresh_tokens(before: Data, after: Data, _: Fields) -> Iterator[str]:
    """Say that nothing goes on without people."""
    if before and not after:
        yield "no refresh tokens are given for it any more: what works while people are away ends with its token"


def linked_domains(before: Data, after: Data, _: Fields) -> Iterator[str]:
    """Say who may no longer use a scope."""
    if new := _gone(after, before):
        yield f"only people with an identity of {_listed(new)} may use it"


def client_ends(live: Live, _: bool) -> Iterator[str]:  # noqa: FBT001 - the form of every `End`
    """Say what stops with a client."""
    yield f"whatever uses the client id {live.id} stops working; {_TOKENS}"
    for uri in live.fields.get("redirect_uris") or ():
        yield f"logins that return to {uri} fail"


def credential_ends(_: Live, __: bool) -> Iterator[str]:  # noqa: FBT001 - the form of every `End`
    """Say what a revoked secret still does."""
    yield f"whatever uses its secret can get no token any more; {_TOKENS}"


def policy_ends(live: Live, _: bool) -> Iterator[str]:  # noqa: FBT001 - the form of every `End`
    """Say who refers to a policy without being seen from here."""
    yield f"collections, flows and other services that refer to {live.id} lose it"


def scope_ends(live: Live, again: bool) -> Iterator[str]:  # noqa: FBT001 - the form of every `End`
    """Say what becomes of requests for a scope, and of the consents to it."""
    for_now = ", until the new one is there" if again else ""
    yield f"requests for {live.attributes.get('scope_string', live.id)} fail{for_now}"
    yield "all consents to it are lost: people are asked again"


def _gone(before: Data, after: Data) -> list[str]:
    return [_shown(each) for each in before or () if each not in (after or ())]


def _listed(names: Iterable[Data]) -> str:
    return ", ".join(_shown(name) for name in names)


def _shown(value: Data) -> str:
    return str(value.address or value.text) if isinstance(value, Ref) else str(value)
