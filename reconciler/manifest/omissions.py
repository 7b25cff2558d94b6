"""Owns where `null` may stand in place of a resource, a template or an output: where it leaves something out."""

from collections.abc import Iterator

from reconciler.errors import Problem
from reconciler.manifest.merge import EXTENDS, TEMPLATES, nulls
from reconciler.manifest.node import Map, Spot, key_place, spot_at
from reconciler.manifest.words import did_you_mean, shown
from reconciler.model import Pointer


def plain(tree: Map) -> Iterator[Problem]:
    """Check the files under all overlays together; there, only what a template has can be left out."""
    for path, templated in list(nulls(tree)):
        spot = spot_at(tree, path)
        if spot and not templated:
            what = f"{shown(str(path[-1]))} is empty; only an overlay leaves something out with null"
            yield Problem(key_place(spot), what)
            _drop(tree, path)
        elif spot and not _given(tree, path):
            yield _missed(tree, path, spot)


def stated(overlay: Map) -> list[tuple[Pointer, Spot]]:
    """List what an overlay leaves out, before it is merged and this is gone."""
    return [(path, spot) for path, _ in nulls(overlay) if (spot := spot_at(overlay, path))]


def laid(base: Map, left_out: list[tuple[Pointer, Spot]], merged: Map) -> Iterator[Problem]:
    """Warn of what an overlay leaves out although nobody put it in, and refuse that below a template."""
    for path, spot in left_out:
        if spot_at(base, path) is None and not _given(merged, path):
            yield _missed(merged, path, spot, warning=not [*_taken(merged, path)])


def _missed(tree: Map, path: Pointer, spot: Spot, *, warning: bool = False) -> Problem:
    key, known = str(path[-1]), []
    for around, below in ((tree, path), *_taken(tree, path)):
        section = around
        for step in below[:-1]:
            section = section.get(str(step), Map()) if section else Map()
        known += [name for name, value in (section or Map()).items() if value is not None]
    what = f"there is no {shown(key)} here to leave out"
    return Problem(key_place(spot), what, did_you_mean(key, known), warning=warning)


def _given(tree: Map, path: Pointer) -> bool:
    """Tell whether a template gives what stands at a path; one that there is not is reported elsewhere."""
    return any(template is None or spot_at(template, below) for template, below in _taken(tree, path))


def _taken(tree: Map, path: Pointer) -> Iterator[tuple[Map | None, Pointer]]:
    """Find the templates that are taken around a path, each with the rest of the path in it."""
    templates: Map = tree.get(TEMPLATES, Map())
    if path[0] == TEMPLATES:
        tree, path = templates, path[1:]
    yield from _around(tree, path, templates)


def _around(around: Map, path: Pointer, templates: Map) -> Iterator[tuple[Map | None, Pointer]]:
    while len(path) > 2:
        section, key, path = str(path[0]), str(path[1]), path[2:]
        resource = around.get(section, Map()).get(key)
        if not isinstance(resource, Map):
            return
        if EXTENDS in resource:
            template: Map | None = templates.get(section, Map()).get(resource[EXTENDS])
            yield template, path
            if template is not None:
                yield from _around(template, path, templates)
        around = resource


def _drop(tree: Map, path: Pointer) -> None:
    for step in path[:-1]:
        tree = tree[str(step)]
    del tree[str(path[-1])]
