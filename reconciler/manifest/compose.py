"""Owns the way from the selected files to one tree, overlays merged over it.

The tree is sound by the schemas; what was not is reported and gone.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from reconciler.errors import InvalidManifests, Problem
from reconciler.manifest import omissions
from reconciler.manifest.complaints import complain
from reconciler.manifest.index import MOST
from reconciler.manifest.merge import overlay, spread
from reconciler.manifest.node import Map, key_place, value_place
from reconciler.manifest.parse import parse
from reconciler.manifest.read import texts
from reconciler.manifest.select import Selection
from reconciler.manifest.words import shown


@dataclass(slots=True)
class Composed:
    """What all files say together, and what is wrong with them so far."""

    tree: Map = field(default_factory=Map)
    environment: str | None = None
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


def compose(selection: Selection) -> Composed:
    """Read and merge all files; raise `InvalidManifests` when one of them cannot be read at all."""
    composed = Composed()
    trees, unread = [], 0
    for path, tree in _trees(selection, composed):
        unread += tree is None
        trees.append((path, tree or Map()))
    if unread:
        raise InvalidManifests(tuple(composed.problems))
    for path, tree in trees:
        if path not in selection.overlays:
            _add(composed, tree)
    composed.problems += islice(omissions.plain(composed.tree), MOST)
    for path, tree in trees:
        if path in selection.overlays:
            _lay(composed, tree)
    return composed


def _trees(selection: Selection, composed: Composed) -> Iterator[tuple[Path, Map | None]]:
    paths = (*selection.files, *selection.overlays)
    for path, (name, text) in zip(
        paths, texts(((path, selection.name(path)) for path in paths), selection.edited), strict=False
    ):
        if isinstance(text, Problem):
            composed.problems.append(text)
            yield path, None
            continue
        parsed = parse(text, name)
        composed.problems += parsed.problems
        composed.warnings += parsed.warnings
        sound = not parsed.stopped
        if parsed.tree is not None:
            complaints, sound = complain(parsed.tree, name)
            composed.problems += complaints
        yield path, parsed.tree or Map() if sound else None


def _add(composed: Composed, tree: Map) -> None:
    if spot := tree.spots.get("environment"):
        what = "`environment` belongs in an overlay"
        composed.problems.append(Problem(key_place(spot), what, "name the file with --overlay"))
    composed.problems += islice(spread(composed.tree, tree), MOST)
    _enough(composed)


def _lay(composed: Composed, tree: Map) -> None:
    named = tree.get("environment")
    if named is not None and composed.environment not in (None, named):
        what = f"there is one environment, and it is {shown(str(composed.environment))} already"
        composed.problems.append(Problem(value_place(tree.spots["environment"]), what))
    composed.environment = composed.environment or named
    left_out = omissions.stated(tree)
    merged = overlay(composed.tree, tree)
    for problem in islice(omissions.laid(composed.tree, left_out, merged), MOST):
        (composed.warnings if problem.warning else composed.problems).append(problem)
    composed.tree = merged
    _enough(composed)


def _enough(composed: Composed) -> None:
    if len(composed.problems) >= MOST:
        raise InvalidManifests(tuple(composed.problems))
