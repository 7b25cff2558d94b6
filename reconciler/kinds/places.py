"""Where below the root a secret can stand, as far as the path alone tells."""

import re
import unicodedata
from pathlib import PurePosixPath

META = ".meta.json"
"""The end of the name of the file that says whose secret stands beside it."""

_LONGEST = 200
_DRIVE = re.compile(r"[A-Za-z]:")
_OURS = ("reconciler.toml", "reconciler.bindings", ".reconciler")
_MANIFESTS = (".yaml", ".yml")


def misplaced(path: str) -> str | None:
    """Say why no secret can go to a path, as far as the path alone tells."""
    names = parts(path)
    if what := outside(path):
        return what
    if path.endswith("/") or not names:
        return "must name a file"
    if any(unicodedata.category(letter)[0] == "C" for letter in path) or not unicodedata.is_normalized("NFC", path):
        return "has characters that do not show, or that are written in two ways"
    if any(len(name.encode()) > _LONGEST for name in names):
        return f"has a name of more than {_LONGEST} bytes"
    return _taken(names)


def outside(path: str) -> str | None:
    """Say why a path is not below the root, as far as the path alone tells."""
    if path.startswith(("/", "~")) or _DRIVE.match(path):
        return "must be relative to the root"
    return "must not lead out of the root" if ".." in parts(path) else None


def parts(path: str) -> tuple[str, ...]:
    """Take a path apart: the same for all ways to write it."""
    return tuple(part for part in path.split("/") if part not in ("", "."))


def _taken(names: tuple[str, ...]) -> str | None:
    folded = [name.casefold() for name in names]
    if any(name.endswith(META) or (name.startswith(".") and name.endswith(".lock")) for name in folded):
        return "has a name that this program gives to what it keeps beside a secret"
    if folded[0].startswith(_OURS) or any(PurePosixPath(name).suffix in _MANIFESTS for name in folded):
        return "names a file that this program reads or keeps itself"
    return None
