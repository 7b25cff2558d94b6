"""Values, and the names of resources: what everything else is made of."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

Data: TypeAlias = Any
"""What JSON can hold, and `Ref` wherever a value names something that is not resolved yet."""

Fields: TypeAlias = Mapping[str, Data]
Pointer: TypeAlias = tuple[str | int, ...]
"""Where a value stands inside a resource: field name, list index, key of an element."""

KEY = re.compile(r"[a-z0-9][a-z0-9_-]*")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """The name of a resource in the manifests, written `kind/key/key…`: `scope/genomics/api/read`."""

    kind: str
    path: tuple[str, ...]

    def __str__(self) -> str:
        return "/".join((self.kind, *self.path))

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read `kind/key/key…`; raise ValueError when a part is no key."""
        kind, *path = text.split("/")
        if not path or not all(KEY.fullmatch(key) for key in (kind, *path)):
            raise ValueError(f"{text!r} is no address")
        return cls(kind, tuple(path))


class Want(StrEnum):
    """What a reference must lead to."""

    PROJECT = "project"
    IDENTITY = "identity"
    GROUP = "group"
    PROVIDER = "identity provider"
    SCOPE = "scope"


@dataclass(frozen=True, slots=True)
class Ref:
    """A value that names something: a resource of the manifests (`address`), or else a name the service knows."""

    want: Want
    text: str
    address: Address | None = None


def canonical(value: Data) -> str:
    """Write a value as JSON in the one form that digests and comparisons are made from."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)


def digest(value: Data) -> str:
    """Make the SHA-256 of a value's canonical form, as hex."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def substitute(value: Data, ids: Mapping[Address, str]) -> Data:
    """Replace each `Ref` to an address by its id where that is known; leave the others."""
    if isinstance(value, Ref):
        return ids.get(value.address, value) if value.address else value
    if isinstance(value, dict):
        return {key: substitute(item, ids) for key, item in value.items()}
    if isinstance(value, list):
        return [substitute(item, ids) for item in value]
    return value


def references(value: Data) -> Iterator[Ref]:
    """Find each `Ref` inside a value, in order."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            yield from references(item)


def texts(value: Data) -> Iterator[str]:
    """Find each text inside a value, in order: among them are the ids of what it refers to."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def _plain(value: object) -> Data:
    if isinstance(value, Ref):
        return {"ref": str(value.address) if value.address else value.text}
    raise TypeError(f"{type(value).__name__} has no canonical form")
