"""Owns which files of a folder are no manifests because somebody said so: patterns that mean what they do to git."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

_ANY_DEPTH = "**"


@dataclass(frozen=True)
class Exclusion:
    """Patterns, and the folder that they are relative to.

    A pattern with a slash before its end begins at that folder; another one matches at any depth. `*` stays within a
    name, `**` stands for any folders. What matches is left out with all that is below it.
    """

    folder: Path = Path()
    patterns: Sequence[str] = ()

    def covers(self, path: Path) -> bool:
        """Tell whether a path is left out, itself or with a folder around it."""
        steps = self._below(path) if self.patterns else ()
        prefixes = [steps[:length] for length in range(1, len(steps) + 1)]
        return any(_matches(prefix, parts) for prefix in prefixes for parts in self._parts)

    @cached_property
    def _parts(self) -> tuple[tuple[str, ...], ...]:
        return tuple(_split(pattern) for pattern in self.patterns)

    @cached_property
    def _real(self) -> Path:
        return Path(os.path.realpath(self.folder))

    def _below(self, path: Path) -> tuple[str, ...]:
        # The folder may have been named by a link.
        real = Path(os.path.realpath(path.parent), path.name)
        return real.relative_to(self._real).parts if real.is_relative_to(self._real) else ()


NOTHING = Exclusion()


def _split(pattern: str) -> tuple[str, ...]:
    parts = tuple(part for part in pattern.split("/") if part not in ("", "."))
    return parts if "/" in pattern.rstrip("/") else (_ANY_DEPTH, *parts)


def _matches(steps: Sequence[str], parts: Sequence[str]) -> bool:
    if not parts or not steps:
        return not parts and not steps
    if parts[0] != _ANY_DEPTH:
        return fnmatchcase(steps[0], parts[0]) and _matches(steps[1:], parts[1:])
    return len(parts) == 1 or any(_matches(steps[at:], parts[1:]) for at in range(len(steps)))
