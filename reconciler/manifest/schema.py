"""Owns the JSON Schemas: where they are found, and the one validator that is made from them."""

import json
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import jsonschema_rs

_ENDING = ".schema.json"


def schema_names() -> tuple[str, ...]:
    """List the schemas that there are."""
    return tuple(sorted(each.name.removesuffix(_ENDING) for each in _folder().iterdir() if each.name.endswith(_ENDING)))


def schema_text(name: str) -> str:
    """Read a schema; raise KeyError when there is none of that name."""
    if name not in schema_names():
        raise KeyError(name)
    return (_folder() / f"{name}{_ENDING}").read_text(encoding="utf-8")


@cache
def schema(name: str) -> dict[str, Any]:
    """Read a schema with each `$ref` replaced by what it refers to, which makes validation several times faster."""
    raw: dict[str, Any] = json.loads(schema_text(name))
    resolved: dict[str, Any] = _inline(raw, name)
    return resolved


@cache
def validator() -> jsonschema_rs.Draft202012Validator:
    """Compile the validator of a manifest, once."""
    return jsonschema_rs.Draft202012Validator(schema("manifest"), pattern_options=jsonschema_rs.RegexOptions())


def _folder() -> Traversable:
    package = resources.files("reconciler")
    inside = package / "schemas"
    # An editable install has no copy in the package: there they stand beside it.
    return inside if inside.is_dir() else package / ".." / "schemas"


def _inline(part: Any, name: str) -> Any:  # noqa: ANN401 - JSON
    if isinstance(part, list):
        return [_inline(item, name) for item in part]
    if not isinstance(part, dict):
        return part
    own = {key: _inline(item, name) for key, item in part.items() if key not in ("$ref", "$defs")}
    if "$ref" not in part:
        return own
    file, _, pointer = part["$ref"].partition("#/")
    referred = file.removesuffix(_ENDING) or name
    target: Any = json.loads(schema_text(referred))
    for step in pointer.split("/") if pointer else ():
        target = target[step]
    return _inline(target, referred) | own
