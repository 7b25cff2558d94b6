"""The places where a secret can go: a module and a line here each."""

import difflib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import chain
from pathlib import Path

import jsonschema_rs

from reconciler.errors import InvalidManifests, Place, Problem
from reconciler.kinds.sinks import unusable
from reconciler.manifest.schema import schema
from reconciler.model import Data, Fields
from reconciler.sinks import age, aws, exec, file, github, vault  # noqa: A004 - the name of the sink
from reconciler.sinks.sink import Delivery, Meta, Sink, Surroundings

SINKS: Mapping[str, Callable[[Fields, Surroundings], Sink]] = {
    "age": age.make,
    "aws": aws.make,
    "exec": exec.make,
    "file": file.make,
    "github": github.make,
    "vault": vault.make,
}

__all__ = ["SINKS", "Delivery", "Meta", "Sink", "make"]


def make(
    settings: Mapping[str, Data],
    *,
    root: Path,
    place: Place,
    environ: Mapping[str, str] = os.environ,
    sleep: Callable[[float], None] = time.sleep,
) -> Sink:
    """Make the sink that the manifests describe: one key, its name, with its settings.

    Nothing is read or called yet. Raise InvalidManifests, with the place, when there is no such sink or it does not
    take these settings.
    """
    if len(settings) != 1:
        raise _invalid(place, f"a sink is one of {', '.join(SINKS)}, with its settings below it")
    ((name, own),) = settings.items()
    if name not in SINKS:
        meant = difflib.get_close_matches(name, SINKS, n=1)
        raise _invalid(place, f"there is no sink {name!r}", f"did you mean {meant[0]}?" if meant else None)
    if not isinstance(own, Mapping):
        raise _invalid(place, f"the sink {name} takes settings, by name")
    for what in chain(_misfits(name, own), unusable(name, own)):
        raise _invalid(place, f"sink {name}: {what}")
    return SINKS[name](own, Surroundings(root, environ, sleep))


def _misfits(name: str, own: Mapping[str, Data]) -> Iterator[str]:
    for error in _terms(name).iter_errors(dict(own)):
        where = ".".join(str(step) for step in error.instance_path)
        yield f"{where or 'what it is given'} does not fit its schema"


@cache
def _terms(name: str) -> jsonschema_rs.Draft202012Validator:
    stated = schema("credential")["properties"]["sink"]["properties"][name]
    return jsonschema_rs.Draft202012Validator(stated, pattern_options=jsonschema_rs.RegexOptions())


def _invalid(place: Place, what: str, hint: str | None = None) -> InvalidManifests:
    return InvalidManifests((Problem(place, what, hint),))
