"""Bindings as people and programs read them, and what is said before they are changed by hand."""

import json
from collections.abc import Iterable, Iterator, Mapping

from reconciler.kinds import KINDS
from reconciler.model import Address, Binding, Data
from reconciler.render.safe import safe


def listed(entries: Mapping[Address, Binding]) -> str:
    """Show which object each address is, a line each."""
    width = max((len(str(address)) for address in entries), default=0)
    return "\n".join(f"{address!s:{width}}  {safe(entries[address].id)}" for address in sorted(entries))


def listed_json(entries: Mapping[Address, Binding], *, environment: str | None, target: str) -> str:
    """Write the same for programs."""
    rows = [{"address": str(each), "kind": each.kind, "id": entries[each].id} for each in sorted(entries)]
    return _json({"base_url": target, "environment": environment, "bindings": rows})


def one(address: Address, binding: Binding) -> str:
    """Show all that is known of one address."""
    return "\n".join((str(address), *(f"  {name}: {safe(said)}" for name, said in _facts(binding))))


def one_json(address: Address, binding: Binding) -> str:
    """Write the same for programs."""
    known: dict[str, Data] = {
        "address": str(address),
        "kind": address.kind,
        "id": binding.id,
        "managed": sorted(binding.digests),
        "attributes": dict(sorted(binding.attributes.items())),
        "prevent_destroy": binding.prevent_destroy,
        "delivered": binding.sink is not None,
        "predecessors": list(binding.predecessors),
    }
    return _json(known)


def _facts(binding: Binding) -> Iterator[tuple[str, str]]:
    yield "id", binding.id
    yield from sorted(binding.attributes.items())
    if binding.digests:
        yield "managed fields", ", ".join(sorted(binding.digests))
    if binding.prevent_destroy:
        yield "protected", "by prevent_destroy"
    if binding.sink:
        yield "secret", "delivered to its sink"
    if binding.predecessors:
        yield "still to delete", ", ".join(binding.predecessors)


def moves(named: Mapping[Address, Address], entries: Mapping[Address, Binding]) -> str:
    """Show what is called what afterwards."""
    return "\n".join(f"{old} -> {new} ({safe(entries[old].id)})" for old, new in sorted(named.items()))


def forgotten(gone: Iterable[Address], entries: Mapping[Address, Binding], declared: Iterable[Address]) -> str:
    """Show what is forgotten, and what then becomes of its objects."""
    wanted = set(declared)
    lines = []
    for address in gone:
        kept = "the next plan looks for it by its name" if address in wanted else "nothing manages it from then on"
        if KINDS[address.kind].secret and address in wanted:
            kept = "the next plan asks its sink which one is in use"
        lines.append(f"{address}: {safe(entries[address].id)} stays as it is at the service; {kept}")
    return "\n".join(lines)


def _json(document: Data) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)
