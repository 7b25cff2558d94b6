"""Owns the JSON Schemas: where they are found, and the two validators that are made from them, which agree."""

import json
import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any

import jsonschema_rs

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

_ENDING = ".schema.json"
_LEFT_OUT = frozenset({"$ref", "$defs", "$schema"})


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


def fits(name: str, document: object) -> bool:
    """Tell whether a document is as a schema says."""
    return _compiled(name).is_valid(document)


def is_output_name(text: str) -> bool:
    """Tell whether an output can have this name."""
    rule = schema("manifest")["properties"]["outputs"]["propertyNames"]
    return matches(rule["pattern"], text)


def fast() -> jsonschema_rs.Draft202012Validator:
    """Compile the validator that says quickly whether all is well, once. Its patterns take linear time."""
    return _compiled("manifest")


@cache
def _compiled(name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(schema(name), pattern_options=jsonschema_rs.RegexOptions())


@cache
def thorough() -> "Draft202012Validator":
    """Make the validator that finds one error after the other, in the order of the file and in bounded memory.

    What is wrong with a key is an error at the path of its value: of `propertyNames`, or, where the key is not known,
    of `additionalProperties`.
    """
    # Costs more than everything else here, and is not needed while all is well.
    from jsonschema import Draft202012Validator, ValidationError  # noqa: PLC0415
    from jsonschema.validators import extend  # noqa: PLC0415

    def pattern(_: object, pattern: str, instance: object, __: object) -> Iterator[ValidationError]:
        if isinstance(instance, str) and not matches(pattern, instance):
            yield ValidationError("no match")

    def entries(validator: Any, others: Any, instance: object, around: Any) -> Iterator[ValidationError]:  # noqa: ANN401
        known, names = around.get("properties", {}), around.get("propertyNames", True)
        for key, value in instance.items() if isinstance(instance, dict) else ():
            if key not in known and others is False:
                yield ValidationError("unknown key", validator="additionalProperties", path=(key,))
                continue
            if not validator.evolve(schema=names).is_valid(key):
                yield ValidationError("bad key", validator="propertyNames", path=(key,))
            yield from validator.descend(value, known.get(key, others), path=key)

    def elsewhere(*_: object) -> Iterator[ValidationError]:
        return iter(())

    # The library's own go through a map by keyword, and through its additional keys in the order of a set.
    ours = {"additionalProperties": entries, "properties": elsewhere, "propertyNames": elsewhere, "pattern": pattern}
    own: type[Draft202012Validator] = extend(Draft202012Validator, ours)  # type: ignore[no-untyped-call]
    return own(schema("manifest"))


def matches(pattern: str, text: str) -> bool:
    """Match a pattern of a schema, where `$` is the end: for Python alone it may stand before a last line break."""
    return re.fullmatch(pattern.removeprefix("^").removesuffix("$"), text) is not None


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
    own = {key: _inline(item, name) for key, item in part.items() if key not in _LEFT_OUT}
    if "$ref" not in part:
        return own
    file, _, pointer = part["$ref"].partition("#/")
    referred = file.removesuffix(_ENDING) or name
    target: Any = json.loads(schema_text(referred))
    for step in pointer.split("/") if pointer else ():
        target = target[step]
    return _inline(target, referred) | own
