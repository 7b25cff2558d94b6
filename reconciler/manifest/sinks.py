"""Owns where in the manifests the settings of a sink break a rule, and what only the folder around it can tell."""

import os
from collections.abc import Iterator
from pathlib import Path

from reconciler.errors import Problem
from reconciler.kinds.sinks import SINKS, Format, misnamed, misplaced
from reconciler.manifest.index import Entry, problem
from reconciler.manifest.node import Map
from reconciler.manifest.words import listed
from reconciler.model import Data

SINK = "sink"


def check_sink(entry: Entry, root: Path) -> Iterator[Problem]:
    """Check where a secret goes."""
    sink: Map = entry.data[SINK]
    stated = [name for name in sink.spots if sink.get(name) is not None or name not in sink]
    if len(stated) != 1:
        yield problem(entry, (SINK,), f"`sink` has one key, the kind of sink: {listed(tuple(SINKS))}")
        return
    name = stated[0]
    settings: Map | None = sink.get(name)
    if settings is None:
        return
    for each in SINKS[name].required:
        if each not in settings.spots:
            yield problem(entry, (SINK, name), f"the sink `{name}` needs `{each}`", key=True)
    for each in SINKS[name].paths:
        if each in settings and (what := misplaced(settings[each]) or _outside(settings[each], root)):
            yield problem(entry, (SINK, name, each), f"`{each}` {what}")
    yield from _keys(entry, (SINK, name), settings)


def settled(sink: Map) -> dict[str, Data]:
    """Write the settings of a sink without what an overlay has taken out."""
    return {name: settings for name, settings in sink.items() if settings is not None}


def _outside(path: str, root: Path) -> str | None:
    inside = Path(os.path.realpath(root / path)).is_relative_to(root)
    return None if inside else "must not lead out of the root"


def _keys(entry: Entry, path: tuple[str, ...], settings: Map) -> Iterator[Problem]:
    keys: Map = settings.get("keys", Map())
    usable = len(keys) == len(keys.spots) and ("format" in settings or "format" not in settings.spots)
    if "keys" in settings and usable:
        for where, what in misnamed(Format(settings.get("format", Format.JSON)), keys):
            yield problem(entry, (*path, "keys", *where), what)
