"""Owns how merged manifests are written: one file, no template left, in an order that depends on nothing but them."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

import yaml

from reconciler.kinds import owned
from reconciler.manifest.index import Entry, Index
from reconciler.model import Data, Manifests

_WIDE = 2**31 - 1
_Owned = Mapping[tuple[str, tuple[str, ...]], Sequence[Entry]]


class _Dumper(yaml.CSafeDumper if yaml.__with_libyaml__ else yaml.SafeDumper):  # type: ignore[misc]
    """Quotes the texts that either version of YAML would read as something else, and those of several lines."""


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # No line of what is written begins with what a text says.
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


_Dumper.add_representer(str, _string)
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"-?[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?$"), list("-0123456789")
)


def text(manifests: Manifests, index: Index) -> str:
    """Write manifests as YAML."""
    entries: defaultdict[tuple[str, tuple[str, ...]], list[Entry]] = defaultdict(list)
    for address in sorted(index.entries):
        entries[address.kind, address.path[:-1]].append(index.entries[address])
    written: dict[str, Data] = {"version": 1, **_sections(None, (), entries)}
    if manifests.removed:
        removed = sorted(manifests.removed, key=lambda each: each.address)
        written["removed"] = [
            {"address": str(each.address), "keep": each.keep} | ({"id": each.id} if each.id else {}) for each in removed
        ]
    if manifests.outputs:
        written["outputs"] = {each.name: f"{each.address}.{each.attribute}" for each in manifests.outputs}
    return str(yaml.dump(written, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDE))


def _sections(owner: str | None, path: tuple[str, ...], entries: _Owned) -> dict[str, Data]:
    return {
        kind.section: {entry.address.path[-1]: _resource(entry, entries) for entry in entries[kind.name, path]}
        for kind in owned(owner)
        if entries[kind.name, path]
    }


def _resource(entry: Entry, entries: _Owned) -> dict[str, Data]:
    kind = entry.kind
    names = ("id", "previously", *kind.by_name, *kind.settings, "lifecycle")
    stated = {name: _bare(entry.data[name]) for name in names if name in entry.data}
    return stated | _sections(kind.name, entry.address.path, entries)


def _bare(value: Data) -> Data:
    if isinstance(value, dict):
        return {key: _bare(item) for key, item in value.items()}
    return [_bare(item) for item in value] if isinstance(value, list) else value
