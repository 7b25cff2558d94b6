"""Owns positioned data: maps and lists as they stand in files, with the place of every key and value.

They are dicts and lists, so everything that reads JSON reads them. `spots` has an entry for every key or element that
was stated, also where the value turned out to be unusable and was dropped: stated is not the same as present.
"""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from reconciler.errors import Place
from reconciler.model import Data, Pointer

Spot: TypeAlias = tuple[str, int, int, int, int, Place | None]
"""File, line and column of the key, line and column of the value, and where a resource took it from a template.

A plain tuple: there are hundreds of thousands of them, and most are never looked at.
"""


class Map(dict[str, Data]):
    """A map of a file, with the spot of each key."""

    __slots__ = ("spots",)

    def __init__(self, *args: Mapping[str, Data]) -> None:
        super().__init__(*args)
        self.spots: dict[str, Spot] = {}


class Items(list[Data]):
    """A list of a file, with the spot of each element."""

    __slots__ = ("spots",)

    def __init__(self) -> None:
        super().__init__()
        self.spots: list[Spot] = []


def key_place(spot: Spot) -> Place:
    """Say where the key stands."""
    return Place(spot[0], spot[1], spot[2], spot[5])


def value_place(spot: Spot) -> Place:
    """Say where the value stands."""
    return Place(spot[0], spot[3], spot[4], spot[5])


def spot_at(root: Data, path: Pointer, via: Place | None = None) -> Spot | None:
    """Find the spot of the value at a path; what a template gave (or all: `via`) is marked in all that is below it."""
    spot: Spot | None = None
    for step in path:
        match root:
            case Map() if step in root.spots:
                spot = root.spots[str(step)]
            case Items() if isinstance(step, int) and step < len(root.spots):
                spot = root.spots[step]
            case _:
                return None
        via = via or spot[5]
        root = root.get(str(step)) if isinstance(root, Map) else root[int(step)]
    return spot and (*spot[:5], via)


def nearest(root: Data, path: Pointer, via: Place | None = None) -> Spot | None:
    """Find the spot of the value at a path, or of the nearest value around it that has one."""
    for length in range(len(path), 0, -1):
        if spot := spot_at(root, path[:length], via):
            return spot
    return None


class Places(Mapping[Pointer, Place]):
    """The place of every value of a resource, made when it is asked for: few ever are."""

    __slots__ = ("_resource", "_via")

    def __init__(self, resource: Map, via: Place | None = None) -> None:
        self._resource = resource
        self._via = via

    def __getitem__(self, path: Pointer) -> Place:
        spot = spot_at(self._resource, path, self._via)
        if spot is None:
            raise KeyError(path)
        return value_place(spot)

    def __iter__(self) -> Iterator[Pointer]:
        return _paths(self._resource, ())

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _paths(value: Data, path: Pointer) -> Iterator[Pointer]:
    steps: Iterator[tuple[str | int, Data]] = iter(())
    if isinstance(value, Map):
        steps = iter(value.items())
    elif isinstance(value, Items):
        steps = iter(enumerate(value))
    for step, item in steps:
        yield (*path, step)
        yield from _paths(item, (*path, step))
