"""How an open file is read: whole, or line by line from either end, never more in memory than a bounded part."""

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass

LIMIT = 32 * 2**20
"""The size in bytes beyond which a file is not read."""

_BLOCK = 2**16


@dataclass(frozen=True, slots=True)
class Section:
    """Some lines of a file that is open."""

    descriptor: int
    begin: int
    end: int

    def lines(self) -> Iterator[bytes]:
        """Read them one by one; of one that is longer than any should be, only the beginning is given."""
        at, rest, skipping = self.begin, b"", False
        while at < self.end:
            block = os.pread(self.descriptor, min(16 * _BLOCK, self.end - at), at)
            if not block:
                return
            at += len(block)
            *whole, rest = (rest + block).split(b"\n")
            if whole and skipping:
                whole, skipping = whole[1:], False
            yield from whole
            if len(rest) > LIMIT or skipping:
                if not skipping:
                    yield rest[:_BLOCK]
                rest, skipping = b"", True


def backwards(descriptor: int, start: bytes) -> Iterator[Section]:
    """Go back through a file, section by section: each begins with a line that begins with `start`, or is the rest."""
    end, what = whole_lines(descriptor), b"\n" + start
    at = end - 1
    while at > 0:
        begin = max(0, at - _BLOCK)
        block = os.pread(descriptor, at - begin + len(what) - 1, begin)
        while (found := block.rfind(what)) >= 0:
            yield Section(descriptor, begin + found + 1, end)
            end, block = begin + found + 1, block[: found + len(what) - 1]
        at = begin
    if end > 0:
        yield Section(descriptor, 0, end)


def whole_lines(descriptor: int) -> int:
    """Find where the last whole line of an open file ends."""
    return rfind(descriptor, b"\n", os.fstat(descriptor).st_size) + 1


def rfind(descriptor: int, what: bytes, end: int) -> int:
    """Find where `what` stands last before `end`, from the back, block by block; -1: nowhere."""
    while end > 0:
        start = max(0, end - _BLOCK)
        found = os.pread(descriptor, end - start, start).rfind(what)
        if found >= 0:
            return start + found
        end = start + len(what) - 1 if start else 0
    return -1


def read(descriptor: int, start: int, end: int) -> bytes:
    """Read a part of a file; raise OSError when it is too large to be meant."""
    if end - start > LIMIT:
        raise OSError(errno.EFBIG, f"is larger than {LIMIT} bytes")
    content = bytearray()
    while part := os.pread(descriptor, end - start - len(content), start + len(content)):
        content += part
    return bytes(content)
