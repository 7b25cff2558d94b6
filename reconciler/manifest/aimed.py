"""Owns which addresses an option may name: those of the manifests, and those that are bound or removed."""

from collections.abc import Collection, Iterable, Iterator

from reconciler.errors import UnknownAddress
from reconciler.kinds import KINDS
from reconciler.manifest.words import closest
from reconciler.model import Address, Aim, Manifests


def check(aim: Aim, manifests: Manifests, bound: Collection[Address]) -> None:
    """Raise `UnknownAddress` for the first one that leads nowhere, or that cannot be replaced or rotated."""
    for address in aim.rotate:
        _check_rotation(address, manifests, bound)
    gone = [removal.address for removal in manifests.removed]
    known = {*manifests.resources, *gone, *(bound if manifests.complete or aim.destroy else ())}
    options = (("--target", aim.targets, known), ("--exclude", aim.excluded, known))
    for option, named, there in (*options, ("--replace", aim.replace, set(manifests.resources))):
        for address in named:
            if address not in there:
                raise UnknownAddress(option, str(address), _why(address, manifests, bound), _near(address, there))
    for address in aim.replace:
        if KINDS[address.kind].secret and not manifests.resources[address].settings.get("sink"):
            raise UnknownAddress("--replace", str(address), "it has no `sink`, so it is only looked for", None)


def _check_rotation(address: Address, manifests: Manifests, bound: Collection[Address]) -> None:
    if not KINDS[address.kind].secret:
        raise UnknownAddress("rotate", str(address), f"a {address.kind} has no secret", "name one of its credentials")
    if address not in manifests.resources:
        near = _near(address, manifests.resources)
        raise UnknownAddress("rotate", str(address), _why(address, manifests, bound), near)
    if not manifests.resources[address].settings.get("sink"):
        raise UnknownAddress("rotate", str(address), "it has no `sink`, so it is only looked for", None)


def _why(address: Address, manifests: Manifests, bound: Iterable[Address]) -> str:
    renamed = next(_names_of_now(address, manifests), None)
    if renamed:
        return f"it is {renamed} now"
    if address in bound and not manifests.complete:
        return "it is not in the files that were named"
    return "it has left the manifests" if address in bound else "there is none in the manifests, and none is bound"


def _names_of_now(address: Address, manifests: Manifests) -> Iterator[Address]:
    for resource in manifests.resources.values():
        if any(former.address == address for former in resource.previously):
            yield resource.address


def _near(address: Address, known: Iterable[Address]) -> str | None:
    paths = sorted("/".join(each.path) for each in known if each.kind == address.kind)
    near = closest("/".join(address.path), paths)
    return f"did you mean `{address.kind}/{near}`?" if near else None
