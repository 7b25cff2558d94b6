"""What was changed on the service since it was last applied: the bindings' digests against what is there. Pure.

What the manifests want by now is no drift, and what they do not manage (any more) is none either.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reconciler.diff import wanted
from reconciler.errors import Place
from reconciler.kinds import KINDS, lineage, normal
from reconciler.model import Address, Binding, Data, Live, Manifests, Resource, Snapshot, digest


@dataclass(frozen=True, slots=True)
class FieldDrift:
    """A field that somebody else changed. What it was is `known` only where the manifests still say it."""

    name: str
    live: Data
    applied: Data = None
    known: bool = False


@dataclass(frozen=True, slots=True)
class Drift:
    """What became of one bound object: it is `gone`, or some of its fields are not as they were applied."""

    address: Address
    id: str
    place: Place | None
    fields: tuple[FieldDrift, ...] = ()
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Drifts:
    """All drift of a root. `compared` objects were looked at; of those in `unread` nothing is known, and why.

    `names` is what ids are called, for readers only.
    """

    found: tuple[Drift, ...]
    compared: int
    unread: Mapping[Address, str]
    names: Mapping[str, str]


def drifts(
    manifests: Manifests, bound: Mapping[Address, Binding], snapshot: Snapshot
) -> tuple[tuple[Drift, ...], dict[Address, str]]:
    """Compare each bound object with what was last applied to it; list apart what could not be read.

    `bound` has the bindings under the names of now, of what is in scope.
    """
    ids = {address: binding.id for address, binding in bound.items()}
    found, unread = [], {}
    for address, binding in sorted(bound.items()):
        resource, live = manifests.resources.get(address), snapshot.find(address.kind, binding.id)
        poisoned = next((kind for kind in lineage(address.kind) if kind in snapshot.poisoned), None)
        if live is None and poisoned:
            unread[address] = snapshot.poisoned[poisoned]
            continue
        place = resource.place if resource else None
        fields = tuple(_fields(live, binding, resource, ids)) if live else ()
        if fields or live is None:
            found.append(Drift(address, binding.id, place, fields, gone=live is None))
    return tuple(found), unread


def _fields(
    live: Live, binding: Binding, resource: Resource | None, ids: Mapping[Address, str]
) -> Iterator[FieldDrift]:
    kind, said = KINDS[live.kind], wanted(resource, ids) if resource else {}
    for name, last in sorted(binding.digests.items()):
        owned = name == kind.owner_field
        if not owned and (name not in kind.by_name or (resource and name not in said)):
            continue
        value = live.parent if owned else normal(kind.by_name[name], live.fields.get(name))
        if digest(value) != last:
            known = name in said and digest(said[name]) == last
            yield FieldDrift(name, value, said[name] if known else None, known)
