"""The settings of `reconciler.toml`: what holds for every command below the folder that it stands in.

What is not known is an error with its place, never passed over.
"""

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from reconciler import files
from reconciler.errors import InvalidSettings
from reconciler.model import Data

NAME = "reconciler.toml"
MOST_CALLS = 256
"""How many calls may be under way at once, at the most: each takes a thread and a connection."""


@dataclass(frozen=True, slots=True)
class Config:
    """What the file says. `file` is None, and everything else unset, where there is none."""

    file: Path | None = None
    base_url: str | None = None
    exclude: tuple[str, ...] = ()
    parallelism: int | None = None


def find(start: Path) -> Config:
    """Read the file of the folder `start`, or of the nearest folder above it that has one.

    Raise InvalidSettings with all that is wrong, a line each.
    """
    for place in (start, *start.absolute().parents):
        content = _read(place / NAME)
        if content is not None:
            return _parse(place / NAME, content)
    return Config()


def _address(value: Data) -> str:
    text = value if isinstance(value, str) else ""
    parts = urlsplit(text)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username is not None:
        raise ValueError("an address, such as https://auth.globus.org, without a user")
    return text


def _patterns(value: Data) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise ValueError("a list of patterns")
    return tuple(value)


def _count(value: Data) -> int:
    if type(value) is not int or not 1 <= value <= MOST_CALLS:
        raise ValueError(f"a number from 1 to {MOST_CALLS}")
    return value


_TABLES: Mapping[str, Mapping[str, Callable[[Data], Data]]] = {
    "target": {"base_url": _address},
    "manifests": {"exclude": _patterns},
    "apply": {"parallelism": _count},
}


def _read(file: Path) -> bytes | None:
    try:
        with files.folder(file.parent) as folder:
            return folder.read(file.name)
    except OSError as error:
        if not file.is_symlink() and not file.exists():
            return None
        raise InvalidSettings(f"{file}: {files.why(error)}") from error


def _parse(file: Path, content: bytes) -> Config:
    try:
        text = content.decode()
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidSettings(f"{file}: no TOML: {str(error) or 'too deep'}") from error
    wrong: list[str] = []
    values: dict[str, Data] = {}
    for table, settings in document.items():
        if table not in _TABLES:
            wrong.append(f"{file}:{_line(text, table)}: unknown table {table!r}{_meant(table, _TABLES)}")
        elif not isinstance(settings, dict):
            wrong.append(f"{file}:{_line(text, table)}: {table} must be a table, [{table}]")
        else:
            for key, value in settings.items():
                try:
                    values[key] = _value(table, key, value)
                except ValueError as error:
                    wrong.append(f"{file}:{_line(text, table, key)}: {error}")
    if wrong:
        raise InvalidSettings("\n".join(wrong))
    return Config(file=file, **values)


def _value(table: str, key: str, value: Data) -> Data:
    known = _TABLES[table]
    if key not in known:
        raise ValueError(f"unknown key {key!r} in [{table}]{_meant(key, known)}")
    try:
        return known[key](value)
    except ValueError as error:
        raise ValueError(f"{key} must be {error}") from error


def _meant(name: str, known: Mapping[str, object]) -> str:
    guesses = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {guesses[0]}?" if guesses else f"; there are {', '.join(known)}"


def _line(text: str, table: str, key: str | None = None) -> int:
    """Find the line of a table, or of a key in it, which the parser does not tell; 1 when it is spelt unusually."""
    inside, found = "", 1
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]", line)
        name = re.match(r"""\s*["']?([^"'=\s.]+)["']?\s*[.=]""", line)
        if header:
            inside = header[1].strip("\"'").split(".")[0]
            found = number if inside == table and found == 1 else found
        elif name and not inside and name[1] == table:
            found = number
        elif name and inside == table and name[1] == key:
            return number
    return found
