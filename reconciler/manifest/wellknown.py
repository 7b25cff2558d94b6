"""Owns the table of names for scopes of Globus's own services; `wellknown.json` holds it, ids only where public."""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources

PREFIX = "globus/"


@cache
def wellknown() -> Mapping[str, Mapping[str, str | None]]:
    """Read the table: name → `scope_string` and `id` (None where it is not publicly known)."""
    text = (resources.files("reconciler.manifest") / "wellknown.json").read_text(encoding="utf-8")
    table: Mapping[str, Mapping[str, str | None]] = json.loads(text)
    return table
