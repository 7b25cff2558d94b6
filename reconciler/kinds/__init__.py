"""The kinds of resources that the manifests can hold: a module and a line here each, owners before what they own."""

from collections.abc import Iterator, Mapping

from reconciler.kinds.client import CLIENT
from reconciler.kinds.credential import CREDENTIAL, overlap, span
from reconciler.kinds.difference import differing
from reconciler.kinds.kind import Field, Kind, absent, named, normal, repeated, without
from reconciler.kinds.policy import POLICY
from reconciler.kinds.project import PROJECT
from reconciler.kinds.scope import SCOPE
from reconciler.model import Address, Live

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (PROJECT, POLICY, CLIENT, SCOPE, CREDENTIAL)}

__all__ = [
    "KINDS",
    "Field",
    "Kind",
    "absent",
    "differing",
    "lineage",
    "named",
    "normal",
    "overlap",
    "owned",
    "owner",
    "owners",
    "parse",
    "repeated",
    "span",
    "title",
    "within",
    "without",
]


def parse(text: str) -> Address:
    """Read the address of a resource of one of these kinds; raise ValueError when it is none."""
    address = Address.parse(text)
    if address.kind not in KINDS or len(address.path) != len(list(lineage(address.kind))):
        raise ValueError(f"{text!r} is no address of a kind there is")
    return address


def owned(name: str | None) -> tuple[Kind, ...]:
    """List the kinds that a kind owns (None: those that stand alone)."""
    return tuple(kind for kind in KINDS.values() if kind.owner == name)


def owner(address: Address) -> Address | None:
    """Name the resource that owns this one."""
    kind = KINDS[address.kind]
    return Address(kind.owner, address.path[:-1]) if kind.owner else None


def owners(address: Address) -> Iterator[Address]:
    """Iterate over what owns a resource, upwards."""
    above = owner(address)
    while above is not None:
        yield above
        above = owner(above)


def lineage(name: str) -> Iterator[str]:
    """Iterate over a kind and those that own it, upwards."""
    above: str | None = name
    while above is not None:
        yield above
        above = KINDS[above].owner


def title(live: Live) -> str:
    """Say what an object is called among its siblings."""
    return str(KINDS[live.kind].natural(live.fields)[-1])


def within(address: Address, other: Address) -> bool:
    """Tell whether `other` owns this, directly or through others."""
    return other in owners(address)
