"""Owns what faults do to lists: objects that come late, and items that are dropped or doubled."""

from dataclasses import dataclass
from typing import Any

from reconciler.emulator.faults import Effect, Fault


@dataclass(slots=True)
class Late:
    """An object that lists do not show yet: until a time of the emulator's clock, or for some more lists."""

    id: str
    until: float | None
    lists: int

    def hides(self, now: float) -> bool:
        """Say whether a list leaves the object out, and count the list."""
        if self.until is not None:
            return now < self.until
        self.lists -= 1
        return self.lists >= 0


def items(document: object) -> tuple[str, list[dict[str, Any]]] | None:
    """Return the name and the items of an answer that is a list of objects with ids."""
    if not isinstance(document, dict) or len(document) != 1:
        return None
    ((name, listed),) = document.items()
    are_objects = isinstance(listed, list) and all(isinstance(item, dict) and "id" in item for item in listed)
    return (name, listed) if are_objects else None


def made(document: object) -> list[str]:
    """Return the ids of what a create has made, by its answer."""
    if not isinstance(document, dict) or not document:
        return []
    created = next(iter(document.values()))
    objects = created if isinstance(created, list) else [created]
    return [one["id"] for one in objects if isinstance(one, dict) and "id" in one]


def damaged(fault: Fault, listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Drop or double an item of a list, by default the last; the list itself where it has no such item."""
    at = next((n for n in reversed(range(len(listed))) if fault.id in (None, listed[n]["id"])), None)
    if at is None:
        return listed
    again = [listed[at]] * (2 if fault.effect is Effect.DOUBLED_IN_LISTS else 0)
    return [*listed[:at], *again, *listed[at + 1 :]]
