"""What is delivered, in which formats, and what names it can get there."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum

from reconciler.model import Pointer

KEYS = ("client_id", "client_secret", "credential_id", "name", "created")
"""What is delivered."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Format(StrEnum):
    """How a delivery is written: one object, `NAME=value` lines, or the secret and nothing else."""

    JSON = "json"
    ENV = "env"
    PLAIN = "plain"


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
