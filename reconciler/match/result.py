"""What matching finds out: the object of every address, and what belongs to none any more."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.errors import Problem
from reconciler.model import Address, Binding, Live


class Found(StrEnum):
    """How an object was recognised."""

    PINNED = "pinned id"
    BOUND = "binding"
    MOVED = "earlier name"
    NATURAL = "natural key"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Match:
    """The object of one address. Without `live` it does not exist; `lost` tells that one was bound and is gone."""

    how: Found
    live: Live | None = None
    binding: Binding | None = None
    previous: Address | None = None
    lost: str | None = None


@dataclass(frozen=True, slots=True)
class Leftover:
    """A bound address that has left the manifests, or a removal that names an object by id."""

    id: str
    live: Live | None
    binding: Binding | None


@dataclass(frozen=True, slots=True)
class Matches:
    """The object of every address, what was left over, and what could not be decided."""

    found: Mapping[Address, Match]
    leftovers: Mapping[Address, Leftover] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    elsewhere: frozenset[str] = frozenset()
    """The objects that other environments have bound."""
    unrecorded: frozenset[Address] = frozenset()
    """The addresses whose object a killed run has made: the bindings are still to say so."""

    def ids(self) -> dict[Address, str]:
        """Map each address that has an object to the object's id."""
        return {address: match.live.id for address, match in self.found.items() if match.live}

    def addresses(self) -> dict[str, Address]:
        """Map the id of each object that is ours to its address, also of what was left over."""
        left = {leftover.id: address for address, leftover in self.leftovers.items()}
        return left | {identifier: address for address, identifier in self.ids().items()}
