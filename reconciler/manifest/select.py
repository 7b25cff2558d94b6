"""Owns which files are the manifests: the root, what belongs to it, and whether all of it was named."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path

from reconciler.errors import InvalidManifests, Place, Problem

_ENDINGS = (".yaml", ".yml")
_OVERLAY = (".overlay.yaml", ".overlay.yml")
_LOOK_THROUGH = 20_000
"""So many files are looked through to find out whether a single file is all there is; beyond, it is not."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The files to read, in order. `root` is where relative paths start, `complete` that nothing in it is left out."""

    root: Path
    files: tuple[Path, ...]
    overlays: tuple[Path, ...] = ()
    complete: bool = True
    cwd: Path = Path()

    def name(self, path: Path) -> str:
        """Name a file as its places do: relative to the current folder, so that an editor can jump there."""
        return relative(path, self.cwd)


def relative(path: Path, cwd: Path) -> str:
    """Write a path relative to the current folder."""
    return Path(os.path.relpath(path, cwd)).as_posix()


def select(
    paths: Sequence[Path], *, overlays: Sequence[Path] = (), exclude: Sequence[str] = (), cwd: Path | None = None
) -> Selection:
    """Find the files that paths mean: a file itself, a folder its manifests; none means the current folder.

    Raise `InvalidManifests` for a path that does not exist, a folder without manifests, and a link that leads out of
    the root.
    """
    cwd = _absolute(cwd or Path())
    named = [_absolute(cwd / path) for path in paths] or [cwd]
    root = Path(os.path.commonpath([path if path.is_dir() else path.parent for path in named]))
    problems: list[Problem] = []
    files: dict[Path, Path] = {}
    for path in named:
        found = list(manifests(path, root, exclude)) if path.is_dir() else [path]
        if not found:
            problems.append(_problem(path, cwd, "there are no manifests in this folder"))
        for each in found:
            if what := _unfit(each, root):
                problems.append(_problem(each, cwd, what))
            files.setdefault(each.resolve(), each)
    laid = tuple(_absolute(cwd / path) for path in overlays)
    problems += [_problem(each, cwd, what) for each in laid if (what := _missing(each))]
    if problems:
        raise InvalidManifests(tuple(problems))
    everything = islice(_walk(root), _LOOK_THROUGH + 1) if any(not path.is_dir() for path in named) else _walk(root)
    complete = _covers(everything, files, root, exclude)
    return Selection(root, tuple(sorted(files.values())), laid, complete, cwd)


def manifests(folder: Path, root: Path, exclude: Sequence[str] = ()) -> Iterator[Path]:
    """Iterate over the manifests in a folder and below it, in order."""
    return (path for path in _walk(folder) if _is_manifest(path) and not _excluded(path, root, exclude))


def _covers(everything: Iterator[Path], files: dict[Path, Path], root: Path, exclude: Sequence[str]) -> bool:
    seen = 0
    for path in everything:
        seen += 1
        if _is_manifest(path) and not _excluded(path, root, exclude) and path.resolve() not in files:
            return False
    return seen <= _LOOK_THROUGH or all(root != path.parent for path in files.values())


def _walk(folder: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(where, name) for name in sorted(names) if not name.startswith("."))


def _is_manifest(path: Path) -> bool:
    name = path.name.lower()
    return name.endswith(_ENDINGS) and not name.endswith(_OVERLAY)


def _excluded(path: Path, root: Path, exclude: Sequence[str]) -> bool:
    where = path.relative_to(root)
    steps = [where, *list(where.parents)[:-1]]
    return any(fnmatchcase(step.as_posix(), glob.rstrip("/")) for step in steps for glob in exclude)


def _unfit(path: Path, root: Path) -> str | None:
    if path.name.lower().endswith(_OVERLAY):
        return "this is an overlay; name it with --overlay"
    if what := _missing(path):
        return what
    if not path.resolve().is_relative_to(root.resolve()):
        return "this link leads out of the root"
    return None


def _missing(path: Path) -> str | None:
    if not path.exists():
        return "there is no such file"
    return None if path.is_file() else "this is no regular file"


def _problem(path: Path, cwd: Path, what: str) -> Problem:
    return Problem(Place(relative(path, cwd), 1, 1), what)


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links, which are judged later
