"""What a person changes in the bindings by hand: an address renamed, an address forgotten. Pure.

What stands below an address goes along, and nothing that is bound is ever covered up.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from reconciler.errors import CannotBind
from reconciler.journal import Intent
from reconciler.kinds import within
from reconciler.model import Address, Binding


def at_or_below(address: Address, addresses: Collection[Address]) -> list[Address]:
    """List those that are an address or stand below it; raise CannotBind when there is none."""
    found = sorted(each for each in addresses if each == address or within(each, address))
    if not found:
        raise CannotBind(str(address), "is not bound, nor is anything below it; `bindings list` shows what is")
    return found


def renames(entries: Mapping[Address, Binding], old: Address, new: Address) -> dict[Address, Address]:
    """Say what each bound address at or below `old` is called afterwards.

    Raise CannotBind when it would have to be another kind, or takes the name of something that is bound.
    """
    if old.kind != new.kind:
        raise CannotBind(str(old), f"is a {old.kind}, and can never be a {new.kind}")
    named = {address: under(address, old, new) for address in at_or_below(old, entries)}
    for address, target in named.items():
        if target in entries:
            raise CannotBind(str(target), f"is bound already, to {entries[target].id}; {address} cannot take its name")
    return named


def under(address: Address, old: Address, new: Address) -> Address:
    """Rename an owner, or the resource itself, in an address; leave every other as it is."""
    if address != old and not within(address, old):
        return address
    return Address(address.kind, (*new.path, *address.path[len(old.path) :]))


def moved(entries: Mapping[Address, Binding], named: Mapping[Address, Address]) -> dict[Address, Binding]:
    """Give the bindings under their new names."""
    return {named.get(address, address): binding for address, binding in entries.items()}


def intents_moved(left: tuple[Intent, ...], old: Address, new: Address) -> tuple[Intent, ...]:
    """Give what killed runs left open under the new names."""
    return tuple(replace(each, address=under(each.address, old, new)) for each in left)


def intents_kept(left: tuple[Intent, ...], gone: Collection[Address]) -> tuple[Intent, ...]:
    """Leave out what a killed run may have made for what is forgotten.

    A credential whose secret was lost on its way stays: it is of use to nobody, and the next run revokes it.
    """
    return tuple(each for each in left if each.address not in gone or each.facts.get("mark"))
