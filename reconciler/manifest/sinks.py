"""Owns where in the manifests the settings of a sink break a rule, and what only the folder around it can tell."""

import os
from collections.abc import Iterator
from pathlib import Path

from reconciler.errors import Problem
from reconciler.kinds.places import misplaced
from reconciler.kinds.sinks import SINKS
from reconciler.manifest.index import Entry, problem
from reconciler.manifest.node import Map
from reconciler.manifest.words import listed
from reconciler.model import Data

SINK = "sink"


def check_sink(entry: Entry, root: Path) -> Iterator[Problem]:
    """Check where a secret goes. The kind of sink is told apart here, so that each problem has a place of its own."""
    sink: Map = entry.data[SINK]
    stated = [name for name in sink.spots if sink.get(name) is not None or name not in sink]
    if len(stated) != 1:
        yield problem(entry, (SINK,), f"`sink` has one key, the kind of sink: {listed(tuple(SINKS))}")
        return
    name = stated[0]
    settings: Map | None = sink.get(name)
    if settings is None:
        return
    terms = SINKS[name]
    for each in terms.required:
        if each not in settings.spots:
            yield problem(entry, (SINK, name), f"the sink `{name}` needs `{each}`", key=True)
    for each in terms.paths:
        if each in settings and (what := misplaced(settings[each]) or _outside(settings[each], root)):
            yield problem(entry, (SINK, name, each), f"`{each}` {what}")
    if _sound(settings):
        for where, what in terms.objects(settings):
            yield problem(entry, (SINK, name, *where), what)


def settled(sink: Map) -> dict[str, Data]:
    """Write the settings of a sink without what an overlay has taken out."""
    return {name: settings for name, settings in sink.items() if settings is not None}


def _outside(path: str, root: Path) -> str | None:
    inside = Path(os.path.realpath(root / path)).is_relative_to(root)
    return None if inside else "must not lead out of the root"


def _sound(settings: Data) -> bool:
    """Tell whether nothing was dropped for what the schema objects to."""
    if not isinstance(settings, Map):
        return True
    return len(settings) == len(settings.spots) and all(_sound(each) for each in settings.values())
