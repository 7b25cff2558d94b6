"""The settings of `reconciler.toml`: what holds for every command below the folder that it stands in.

What is not known is an error with its place, never passed over.
"""

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from reconciler import files
from reconciler.errors import InvalidSettings
from reconciler.model import UUID, Data

NAME = "reconciler.toml"
MOST_CALLS = 256
"""How many calls may be under way at once, at the most: each takes a thread and a connection."""
_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_LIFETIME = re.compile(r"([1-9][0-9]{0,3})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@dataclass(frozen=True, slots=True)
class Config:
    """What the file says. `file` is None, and everything else unset, where there is none."""

    file: Path | None = None
    base_url: str | None = None
    exclude: tuple[str, ...] = ()
    parallelism: int | None = None
    client_id: str | None = None
    """The native application that `login` logs people in with."""
    expires_after: timedelta | None = None


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
    text = value if isinstance(value, str) else None
    why = "is no text" if text is None else _unusable(text)
    if text is None or why:
        raise ValueError(f"an address such as https://auth.globus.org; this one {why}")
    return text


def _unusable(address: str) -> str | None:
    """Say why an address cannot be used, without showing it: it may hold a password."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "has a host that is none"
    if parts.scheme not in ("https", "http") or not address.lower().startswith(f"{parts.scheme}://"):
        return "does not begin with https://"
    if parts.username is not None:
        return "names a user"
    return None if parts.hostname else "has no host"


def _patterns(value: Data) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise ValueError("a list of patterns")
    return tuple(value)


def _count(value: Data) -> int:
    if type(value) is not int or not 1 <= value <= MOST_CALLS:
        raise ValueError(f"a number from 1 to {MOST_CALLS}")
    return value


def _client_id(value: Data) -> str:
    if not isinstance(value, str) or not UUID.fullmatch(value):
        raise ValueError("the id of a client, a UUID in lower case")
    return value


def lifetime(value: Data) -> timedelta:
    """Read how long a saved plan holds; raise ValueError when that is no duration."""
    found = _LIFETIME.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise ValueError("a duration such as 12h, 3d or 2w")
    return int(found[1]) * _UNITS[found[2]]


_TABLES: Mapping[str, Mapping[str, Callable[[Data], Data]]] = {
    "target": {"base_url": _address},
    "manifests": {"exclude": _patterns},
    "apply": {"parallelism": _count},
    "login": {"client_id": _client_id},
    "plan": {"expires_after": lifetime},
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
    text = _text(file, content)
    try:
        document = tomllib.loads(text)
    except RecursionError as error:
        raise InvalidSettings(f"{file}:1:1: no TOML: nested too deep") from error
    except tomllib.TOMLDecodeError as error:
        raise InvalidSettings(_no_toml(file, text, str(error))) from error
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


def _text(file: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig", errors="replace")
        raise InvalidSettings(f"{file}:{_end(before)}: no TOML: this is not UTF-8") from error


def _no_toml(file: Path, text: str, said: str) -> str:
    # The parser has the place in its message only.
    found = _AT.search(said)
    place = f"{found[1]}:{found[2]}" if found and found[1] else _end(text)
    return f"{file}:{place}: no TOML: {_AT.sub('', said)}"


def _end(text: str) -> str:
    """Say where a text ends, as line and column."""
    return f"{text.count(chr(10)) + 1}:{len(text) - (text.rfind(chr(10)) + 1) + 1}"


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
