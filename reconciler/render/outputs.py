"""Outputs in the forms that applications and pipelines read."""

import json
import shlex
from collections.abc import Mapping
from enum import StrEnum

import yaml

from reconciler.render.safe import safe


class Format(StrEnum):
    """The forms in which outputs are written."""

    TEXT = "text"
    JSON = "json"
    ENV = "env"
    YAML = "yaml"
    GITHUB = "github"


def text(outputs: Mapping[str, str], form: Format) -> str:
    """Write all outputs, ordered by name."""
    rows = sorted(outputs.items())
    match form:
        case Format.TEXT:
            return "\n".join(f"{safe(name)} = {safe(value)}" for name, value in rows)
        case Format.JSON:
            return json.dumps(dict(rows), indent=2)
        case Format.ENV:
            return "\n".join(f"{name}={shlex.quote(value)}" for name, value in rows)
        case Format.YAML:
            return yaml.safe_dump(dict(rows), sort_keys=True).rstrip("\n") if rows else "{}"
        case Format.GITHUB:
            return "\n".join(f"{safe(name)}={safe(value)}" for name, value in rows)
