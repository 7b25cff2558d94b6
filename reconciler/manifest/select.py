"""Owns which files are the manifests: the root, what belongs to it, and whether all of it was named."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.errors import InvalidManifests, Place, Problem
from reconciler.manifest.exclusion import NOTHING, Exclusion

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
    edited: Mapping[Path, str] = field(default_factory=dict)
    """Texts that are taken instead of what stands in the files."""

    def name(self, path: Path) -> str:
        """Name a file as its places do: relative to the current folder, so that an editor can jump there."""
        return relative(path, self.cwd)


def relative(path: Path, cwd: Path) -> str:
    """Write a path relative to the current folder."""
    written = Path(os.path.relpath(path, cwd)).as_posix()
    # A name that is no UTF-8 must not break whatever shows it.
    return written.encode(errors="surrogateescape").decode(errors="replace")


def select(
    paths: Sequence[Path],
    *,
    overlays: Sequence[Path] = (),
    exclude: Exclusion = NOTHING,
    cwd: Path | None = None,
) -> Selection:
    """Find the files that paths mean: a file itself, a folder its manifests; none means the current folder.

    Raise `InvalidManifests` for a path that does not exist, a folder without manifests or that cannot be listed, and a
    link that leads out of the root.
    """
    cwd = _absolute(cwd or Path())
    named = [_absolute(cwd / path) for path in paths] or [cwd]
    root = root_of(named)
    laid = tuple(_absolute(cwd / path) for path in overlays)
    apart = {_real(path) for path in laid}
    problems = [_problem(path, cwd, what) for path in laid if (what := _missing(path))]
    files: dict[Path, Path] = {}
    for path in named:
        unread: list[OSError] = []
        found = [*_manifests(path, exclude, unread.append)] if _is_folder(path) else [path]
        problems += [_problem(Path(error.filename), cwd, f"cannot be read: {error.strerror}") for error in unread]
        if not found and not unread:
            problems.append(_problem(path, cwd, "there are no manifests in this folder"))
        problems += [_problem(each, cwd, what) for each in found if (what := _unfit(each, root))]
        files = {_real(each): each for each in reversed(found) if _real(each) not in apart} | files
    if problems:
        raise InvalidManifests(tuple(problems))
    complete = root in named or _covers(root, {*files, *apart}, exclude)
    return Selection(root, tuple(sorted(files.values())), laid, complete, cwd)


def root_of(named: Sequence[Path]) -> Path:
    """Find the folder that paths mean: a folder itself, of a file its own, of several their common parent."""
    found = [_absolute(path) for path in named or (Path(),)]
    return Path(os.path.commonpath([path if _is_folder(path) else path.parent for path in found]))


def _manifests(folder: Path, exclude: Exclusion, unread: Callable[[OSError], None]) -> Iterator[Path]:
    walked = _walk(folder, exclude, unread)
    return (path for path in walked if _is_manifest(path) and not exclude.covers(path))


def _covers(root: Path, files: AbstractSet[Path], exclude: Exclusion) -> bool:
    unread: list[OSError] = []
    for seen, path in enumerate(_walk(root, exclude, unread.append)):
        if seen == _LOOK_THROUGH:
            return False
        if _is_manifest(path) and not exclude.covers(path) and _real(path) not in files:
            return False
    return not unread


def _walk(folder: Path, exclude: Exclusion, unread: Callable[[OSError], None]) -> Iterator[Path]:
    # What cannot be listed is told to `unread`: to pass over it would make its resources look absent.
    for where, folders, names in os.walk(folder, onerror=unread):
        shown = (name for name in folders if not name.startswith("."))
        folders[:] = sorted(name for name in shown if not exclude.covers(Path(where, name)))
        yield from (Path(where, name) for name in sorted(names) if not name.startswith("."))


def _is_manifest(path: Path) -> bool:
    name = path.name.lower()
    return name.endswith(_ENDINGS) and not name.endswith(_OVERLAY)


def _unfit(path: Path, root: Path) -> str | None:
    if path.name.lower().endswith(_OVERLAY):
        return "this is an overlay; name it with --overlay"
    if what := _missing(path):
        return what
    if not _real(path).is_relative_to(_real(root)):
        return "this link leads out of the root"
    return None


def _missing(path: Path) -> str | None:
    try:
        if not path.exists():
            return "there is no such file"
        return None if path.is_file() else "this is no regular file"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _problem(path: Path, cwd: Path, what: str) -> Problem:
    return Problem(Place(relative(path, cwd), 1, 1), what)


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links, which are judged later
