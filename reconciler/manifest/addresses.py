"""Owns how addresses in manifests are read: `.` for this project, and what is said of one that leads nowhere."""

from itertools import islice

from reconciler.kinds import KINDS
from reconciler.manifest.index import Index, depth
from reconciler.manifest.words import did_you_mean, shown, suggest
from reconciler.model import KEY, Address

_SUGGEST = 200
"""After so many problems, and among so many resources, nothing is suggested any more: it takes too long."""


class NoAddress(ValueError):
    """A text that is no address of a kind there is; `hint` says what was probably meant."""

    def __init__(self, what: str, hint: str | None = None) -> None:
        super().__init__(what)
        self.hint = hint


def is_address(text: str) -> bool:
    """Tell whether a text begins as an address does."""
    return "/" in text and text.partition("/")[0] in KINDS


def read(text: str, project: str | None = None) -> Address:
    """Read an address, `.` being the project; raise `NoAddress` when it is none."""
    name, *path = text.split("/")
    kind = KINDS.get(name)
    if kind is None:
        raise NoAddress(f"{shown(text)} is no address: there is no kind {shown(name)}", suggest(name, tuple(KINDS)))
    if path and path[0] == "." and project is not None:
        path[0] = project
    form = "/".join((name, *_form(name)))
    if len(path) != depth(kind) or not all(KEY.fullmatch(key) for key in path):
        raise NoAddress(f"{shown(text)} is no address of a {name}", f"it has the form `{form}`")
    return Address(name, tuple(path))


def missing(address: Address, index: Index) -> tuple[str, str | None] | None:
    """Say what is wrong with a reference to an address, if it leads nowhere."""
    if address in index.entries:
        return None
    if address in index.removed:
        return f"{address} is removed, and referred to here", "drop the reference first"
    if any(address.path[:length] in index.broken for length in range(1, len(address.path) + 1)):
        return None
    what = f"there is no {address} in the manifests"
    if len(index.problems) > _SUGGEST:
        return what, None
    near = (each for each in index.entries if each.kind == address.kind and _alike(each, address))
    return what, did_you_mean(str(address), [str(each) for each in islice(near, _SUGGEST)])


def _alike(one: Address, other: Address) -> bool:
    return sum(first != second for first, second in zip(one.path, other.path, strict=True)) == 1


def _form(name: str) -> list[str]:
    owner = KINDS[name].owner
    return [*(_form(owner) if owner else []), name.upper()]
