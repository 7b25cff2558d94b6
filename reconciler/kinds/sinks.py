"""What the settings of each kind of sink must say, for `validate` and for the sinks themselves, which cannot differ.

A further kind of sink is a line here, and a property in the schema of credentials.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from reconciler.model import Data, Pointer

KEYS = ("client_id", "client_secret", "credential_id", "name", "created")
"""What is delivered."""
META = ".meta.json"
"""The end of the name of the file that says whose secret stands beside it."""

_LONGEST = 200
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DRIVE = re.compile(r"[A-Za-z]:")
_OURS = ("reconciler.toml", "reconciler.bindings", ".reconciler")
_MANIFESTS = (".yaml", ".yml")


class Format(StrEnum):
    """How a file is written: one object, `NAME=value` lines, or the secret and nothing else."""

    JSON = "json"
    ENV = "env"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Terms:
    """`required` settings, the `paths` among them, and those that make up its `destination`."""

    required: tuple[str, ...]
    paths: tuple[str, ...] = ()
    destination: tuple[str, ...] = ()


SINKS: Mapping[str, Terms] = {
    "file": Terms(required=("path",), paths=("path",), destination=("path",)),
}


def misplaced(path: str) -> str | None:
    """Say why no secret can go to a path, as far as the path alone tells."""
    names = parts(path)
    if path.startswith(("/", "~")) or _DRIVE.match(path):
        return "must be relative to the root"
    if ".." in names:
        return "must not lead out of the root"
    if path.endswith("/") or not names:
        return "must name a file"
    if any(unicodedata.category(letter)[0] == "C" for letter in path) or not unicodedata.is_normalized("NFC", path):
        return "has characters that do not show, or that are written in two ways"
    if any(len(name.encode()) > _LONGEST for name in names):
        return f"has a name of more than {_LONGEST} bytes"
    return _taken(names)


def parts(path: str) -> tuple[str, ...]:
    """Take a path apart: the same for all ways to write it."""
    return tuple(part for part in path.split("/") if part not in ("", "."))


def misnamed(form: Format, names: Mapping[str, str]) -> Iterator[tuple[Pointer, str]]:
    """Find what is wrong with the names that are given to what is delivered: the place below `keys`, and what."""
    if form is Format.PLAIN:
        yield (), "the format `plain` holds the secret alone, and takes no `keys`"
        return
    seen: dict[str, str] = {}
    for key, name in names.items():
        if name in seen:
            yield (key,), f"`{key}` and `{seen[name]}` have one name"
        elif form is Format.ENV and not _VARIABLE.fullmatch(name):
            yield (key,), f"the name of `{key}` is none for an environment variable"
        seen[name] = key
    if "client_secret" not in names:
        yield (), "`keys` leaves out `client_secret`, so that the secret would be lost"


def destination(sink: Mapping[str, Data]) -> tuple[str, ...] | None:
    """Name where a secret goes, step by step: the same for all settings that lead to one place."""
    for name, settings in sink.items():
        if name in SINKS and isinstance(settings, Mapping):
            stated = [str(settings.get(each) or "") for each in SINKS[name].destination]
            # Some file systems take names that differ in case for one.
            return (name, *(part.casefold() for each in stated for part in parts(each)))
    return None


def _taken(names: tuple[str, ...]) -> str | None:
    folded = [name.casefold() for name in names]
    if any(name.endswith(META) or (name.startswith(".") and name.endswith(".lock")) for name in folded):
        return "has a name that this program gives to what it keeps beside a secret"
    if folded[0].startswith(_OURS) or any(PurePosixPath(name).suffix in _MANIFESTS for name in folded):
        return "names a file that this program reads or keeps itself"
    return None
