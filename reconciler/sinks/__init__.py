"""The places where a secret can go: a module and a line here each."""

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path

from reconciler.errors import InvalidManifests, Place, Problem
from reconciler.model import Data, Fields
from reconciler.sinks.file import FileSink
from reconciler.sinks.sink import Delivery, Meta, Sink

SINKS: Mapping[str, Callable[[Fields, Path], Sink]] = {
    "file": FileSink.make,
}

__all__ = ["SINKS", "Delivery", "Meta", "Sink", "make"]


def make(settings: Mapping[str, Data], *, root: Path, place: Place) -> Sink:
    """Make the sink that the manifests describe: one key, its name, with its settings.

    Raise InvalidManifests, with the place, when there is no such sink or it does not take these settings.
    """
    if len(settings) != 1:
        raise _invalid(place, f"a sink is one of {', '.join(SINKS)}, with its settings below it")
    ((name, own),) = settings.items()
    if name not in SINKS:
        meant = difflib.get_close_matches(name, SINKS, n=1)
        raise _invalid(place, f"there is no sink {name!r}", f"did you mean {meant[0]}?" if meant else None)
    if not isinstance(own, Mapping):
        raise _invalid(place, f"the sink {name} takes settings, by name")
    try:
        return SINKS[name](own, root)
    except ValueError as error:
        raise _invalid(place, f"sink {name}: {error}") from error


def _invalid(place: Place, what: str, hint: str | None = None) -> InvalidManifests:
    return InvalidManifests((Problem(place, what, hint),))
