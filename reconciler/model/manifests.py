"""What the manifests want."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.errors import Place, Problem
from reconciler.model.data import Address, Fields, Pointer


@dataclass(frozen=True, slots=True)
class Former:
    """An earlier name of a resource, with the id of its object where nothing keeps the bindings."""

    address: Address
    id: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource as the manifests want it. A field that is absent is not managed.

    `fields` are those of the service, `settings` those that only this program reads (a credential's sink).
    """

    address: Address
    fields: Fields
    place: Place
    places: Mapping[Pointer, Place] = field(default_factory=dict, compare=False)
    settings: Fields = field(default_factory=dict)
    id: str | None = None
    previously: tuple[Former, ...] = ()
    prevent_destroy: bool | None = None
    ignore: frozenset[str] = frozenset()

    def at(self, *path: str | int) -> Place:
        """Where a value of this resource stands, or the nearest value around it that has a place."""
        while path:
            if path in self.places:
                return self.places[path]
            path = path[:-1]
        return self.place


@dataclass(frozen=True, slots=True)
class Removal:
    """An approved deletion; `keep` only forgets the object, `id` names it where nothing keeps the bindings.

    `why` says what approves it. One that the manifests do not state has no place.
    """

    address: Address
    keep: bool
    id: str | None
    place: Place | None
    why: str = "approved by `removed`"


@dataclass(frozen=True, slots=True)
class Output:
    """What an application needs to know: an attribute of a resource, by a name of the user's own."""

    name: str
    address: Address
    attribute: str
    place: Place


@dataclass(frozen=True, slots=True)
class Manifests:
    """All that the manifests say, after overlays and templates. `complete`: the whole root was loaded."""

    root: Path
    environment: str | None
    resources: Mapping[Address, Resource]
    removed: tuple[Removal, ...] = ()
    outputs: tuple[Output, ...] = ()
    complete: bool = True
    digest: str = ""
    warnings: tuple[Problem, ...] = ()
