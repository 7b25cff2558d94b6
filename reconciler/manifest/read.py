"""Owns the way from files to their text: bounded, and UTF-8 only. Nothing larger than the limits is ever in memory."""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from reconciler.errors import Place, Problem
from reconciler.manifest.scalars import unprintable

LARGEST_FILE = 16 * 2**20
LARGEST_SUM = 64 * 2**20
_MARKS = (b"\xff\xfe", b"\xfe\xff")
_MIB = 2**20
NOTHING_EDITED: Mapping[Path, str] = MappingProxyType({})


def texts(
    files: Iterable[tuple[Path, str]], edited: Mapping[Path, str] = NOTHING_EDITED
) -> Iterator[tuple[str, str | Problem]]:
    """Read files one by one, as pairs of what places call a file, and its text or what is wrong with it.

    `edited` are texts that are taken instead of what stands in a file.
    """
    left = LARGEST_SUM
    for path, name in files:
        content = edited[path].encode() if path in edited else _content(path)
        if isinstance(content, bytes):
            left -= len(content)
            if left < 0:
                yield name, Problem(Place(name, 1, 1), f"the manifests are larger than {LARGEST_SUM // _MIB} MiB")
                return
            yield name, _text(content, name)
        else:
            yield name, Problem(Place(name, 1, 1), content)


def _content(path: Path) -> bytes | str:
    try:
        # A pipe must not be waited for.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return "this is no regular file"
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return content if len(content) <= LARGEST_FILE else f"a manifest is not larger than {LARGEST_FILE // _MIB} MiB"


def _text(content: bytes, name: str) -> str | Problem:
    if content.startswith(_MARKS) or content[:2].count(0) == 1:
        return Problem(Place(name, 1, 1), "a manifest is UTF-8, not UTF-16 or UTF-32")
    # A line may end in any of the three ways of YAML; from here on it ends in one, as its parser counts them.
    content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig", errors="replace")
        return Problem(_place(before, name), "a manifest is UTF-8, and this is not")
    if (at := unprintable(text)) is not None:
        return Problem(_place(text[:at], name), f"the character U+{ord(text[at]):04X} does not belong in a manifest")
    return text


def _place(before: str, name: str) -> Place:
    line = before.count("\n")
    return Place(name, line + 1, len(before) - (before.rfind("\n") + 1) + 1)
