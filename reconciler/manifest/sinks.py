"""Owns what the settings of each kind of sink must say, as data.

A further sink is a line here, and a property in the schema of credentials.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from reconciler.errors import Problem
from reconciler.manifest.index import Entry, problem
from reconciler.manifest.node import Map
from reconciler.manifest.words import listed
from reconciler.model import Data, canonical

SINK = "sink"
_ENV = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OURS = ("reconciler.toml", "reconciler.bindings")


@dataclass(frozen=True, slots=True)
class _Sink:
    """`required` settings, the `paths` among them, and those that make up its `destination`."""

    required: tuple[str, ...]
    paths: tuple[str, ...] = ()
    destination: tuple[str, ...] = ()


SINKS: Mapping[str, _Sink] = {
    "file": _Sink(required=("path",), paths=("path",), destination=("path",)),
}


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
        if each in settings and (what := _outside(settings[each], root)):
            yield problem(entry, (SINK, name, each), f"`{each}` {what}")
    yield from _keys(entry, (SINK, name), settings)


def settled(sink: Map) -> dict[str, Data]:
    """Write the settings of a sink without what an overlay has taken out."""
    return {name: settings for name, settings in sink.items() if settings is not None}


def destination(sink: Mapping[str, Data]) -> str | None:
    """Name where a secret goes, the same for all settings that lead to one place."""
    for name, settings in sink.items():
        if name in SINKS and isinstance(settings, Mapping):
            parts = [settings.get(each) for each in SINKS[name].destination]
            paths = [str(PurePosixPath(part)).casefold() if isinstance(part, str) else part for part in parts]
            return canonical([name, *paths])
    return None


def _outside(path: str, root: Path) -> str | None:
    pure = PurePosixPath(path)
    if pure.is_absolute() or path.startswith("~") or re.match(r"[A-Za-z]:", path):
        return "must be relative to the root"
    if ".." in pure.parts or not Path(os.path.realpath(root / pure)).is_relative_to(root):
        return "must not lead out of the root"
    if pure == PurePosixPath() or path.endswith("/"):
        return "must name a file"
    if pure.parts[0].startswith((*_OURS, ".reconciler")) or pure.suffix in (".yaml", ".yml"):
        return "names a file that this program reads or keeps itself"
    return None


def _keys(entry: Entry, path: tuple[str, ...], settings: Map) -> Iterator[Problem]:
    keys: Map = settings.get("keys", Map())
    seen: dict[str, str] = {}
    for name, given in keys.items():
        if given in seen:
            yield problem(entry, (*path, "keys", name), f"`{name}` and `{seen[given]}` have one name")
        elif settings.get("format") == "env" and not _ENV.fullmatch(given):
            yield problem(entry, (*path, "keys", name), f"the name of `{name}` is none for an environment variable")
        seen[given] = name
