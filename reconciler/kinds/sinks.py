"""What the settings of each kind of sink must say, for `validate` and for the sinks themselves, which cannot differ.

A further kind of sink is a line here, and a property in the schema of credentials.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import pyrage

from reconciler.kinds.delivered import Format, misnamed
from reconciler.kinds.places import misplaced, outside, parts
from reconciler.model import Data, Fields, Pointer, canonical

Goal: TypeAlias = tuple[str, ...]
"""One place that a secret goes to, step by step: the same for all settings that lead to it."""
Objections: TypeAlias = Iterator[tuple[Pointer, str]]
"""What is wrong with settings: where below them, and what."""

FILE = "path"
"""The first step to what is a file below the root."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The `settings` that there are, the `required` ones and the `paths` among them.

    `goals` says where they lead, `objects` what is wrong with them beyond what the schema can say.
    """

    settings: tuple[str, ...]
    required: tuple[str, ...]
    goals: Callable[[Fields], Iterator[Goal]]
    objects: Callable[[Fields], Objections]
    paths: tuple[str, ...] = ()


def unusable(name: str, settings: Fields) -> Iterator[str]:
    """Say what is wrong with the settings of a sink that fit its schema."""
    terms = SINKS[name]
    for each in terms.required:
        if each not in settings:
            yield f"{each} is missing"
    for each in terms.paths:
        if each in settings and (what := misplaced(settings[each])):
            yield f"{each} {what}"
    for _, what in terms.objects(settings):
        yield what


def goals(sink: Mapping[str, Data]) -> tuple[Goal, ...]:
    """Name the places where a secret goes; two credentials have none in common."""
    for name, settings in sink.items():
        if name in SINKS and isinstance(settings, Mapping):
            return tuple(SINKS[name].goals(settings))
    return ()


def _file_goals(settings: Fields) -> Iterator[Goal]:
    # Some file systems take names that differ in case for one.
    yield (FILE, *(part.casefold() for part in parts(str(settings.get("path") or ""))))


def _names(settings: Fields) -> Objections:
    form = Format(settings.get("format", Format.JSON))
    for where, what in misnamed(form, settings["keys"]) if "keys" in settings else ():
        yield ("keys", *where), what


def _age(settings: Fields) -> Objections:
    yield from _names(settings)
    seen: dict[str, int] = {}
    for number, recipient in enumerate(settings.get("recipients", ())):
        if recipient in seen:
            yield ("recipients", number), f"this stands in `recipients` already, as element {seen[recipient] + 1}"
        elif recipient.strip().upper().startswith("AGE-SECRET-KEY-"):
            yield ("recipients", number), "this is a private key: take it out, and name its public one (age1…)"
        elif age_recipient(recipient) is None:
            yield ("recipients", number), "this is no recipient: age1…, ssh-ed25519 … or ssh-rsa …"
        seen.setdefault(recipient, number)


def age_recipient(text: str) -> pyrage.x25519.Recipient | pyrage.ssh.Recipient | None:
    """Read a recipient of age files; None when it is none."""
    read = pyrage.ssh.Recipient.from_str if text.startswith("ssh-") else pyrage.x25519.Recipient.from_str
    try:
        return read(text)
    except pyrage.RecipientError:
        return None


def _exec(settings: Fields) -> Objections:
    yield from _names(settings)
    program = next(iter(settings.get("command", ())), "")
    if "/" in program and not program.startswith("/") and (what := outside(program)):
        yield ("command", 0), f"the program {what}"


def _vault(settings: Fields) -> Objections:
    yield from _names(settings)
    for each in ("mount", "path"):
        if ".." in str(settings.get(each, "")).split("/"):
            yield (each,), f"`{each}` has a step `..`, which servers read differently"


def _github(settings: Fields) -> Objections:
    names = settings.get("keys")
    if names is None:
        return
    # GitHub takes names that differ in case for one.
    for where, what in misnamed(Format.ENV, {key: name.upper() for key, name in names.items()}):
        yield ("keys", *where), what
    for key, name in names.items():
        if name.upper().startswith("GITHUB_"):
            yield ("keys", key), f"the name of `{key}` begins with GITHUB_, which GitHub keeps for itself"


def _github_goals(settings: Fields) -> Iterator[Goal]:
    place = (str(settings.get("repository")).casefold(), str(settings.get("environment", "")).casefold())
    for name in settings.get("keys", {}).values():
        yield ("github", *place, name.upper())


SINKS: Mapping[str, Terms] = {
    "age": Terms(
        settings=("path", "recipients", "armor", "format", "keys"),
        required=("path", "recipients"),
        paths=("path",),
        goals=_file_goals,
        objects=_age,
    ),
    "aws": Terms(
        settings=("name", "region", "format", "keys"),
        required=("name",),
        goals=lambda settings: iter([("aws", str(settings.get("region", "")), str(settings.get("name")))]),
        objects=_names,
    ),
    "exec": Terms(
        settings=("command", "with", "readable", "timeout", "format", "keys"),
        required=("command",),
        goals=lambda settings: iter([("exec", canonical([settings.get("command"), settings.get("with", {})]))]),
        objects=_exec,
    ),
    "file": Terms(
        settings=("path", "format", "keys"),
        required=("path",),
        paths=("path",),
        goals=_file_goals,
        objects=_names,
    ),
    "github": Terms(
        settings=("repository", "environment", "keys"),
        required=("repository", "keys"),
        goals=_github_goals,
        objects=_github,
    ),
    "vault": Terms(
        settings=("mount", "path", "keys"),
        required=("path",),
        goals=lambda settings: iter([("vault", *parts(f"{settings.get('mount', 'secret')}/{settings.get('path')}"))]),
        objects=_vault,
    ),
}
