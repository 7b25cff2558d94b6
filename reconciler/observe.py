"""The first look at the service: the lists of every kind, who the caller is, and what names mean, all at once."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from reconciler import graph, live
from reconciler.auth import AuthClient
from reconciler.kinds import KINDS
from reconciler.lookup import look_up
from reconciler.model import Address, Binding, Manifests, Ref, Snapshot
from reconciler.remote import Reader

Names = Mapping[Ref, str]
"""The ids of what only the service knows by name."""


def observe(
    manifests: Manifests, entries: Mapping[Address, Binding], client: AuthClient, *, parallelism: int
) -> tuple[Snapshot, Names]:
    """Read everything that has a list of its own, and what the manifests and the bindings name."""
    reader = Reader(client)
    with ThreadPoolExecutor(2) as pool:
        caller = pool.submit(reader.caller)
        found = pool.submit(look_up, client, graph.names(manifests.resources.values()))
        expected = _expected(manifests, entries)
        snapshot = live.read(reader, caller="", expected=expected, parallelism=parallelism)
        who = caller.result()
        return replace(snapshot, caller=who.id, now=who.now), found.result()


def _expected(manifests: Manifests, entries: Mapping[Address, Binding]) -> dict[str, list[str]]:
    """Collect the ids that decisions rest on, so that none of them is taken for gone because a list left it out."""
    expected: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for address, binding in entries.items():
        expected[address.kind] += [binding.id, *binding.predecessors]
    for address, resource in manifests.resources.items():
        pinned = [resource.id, *(former.id for former in resource.previously)]
        expected[address.kind] += [identifier for identifier in pinned if identifier]
    for removal in manifests.removed:
        expected[removal.address.kind] += [removal.id] if removal.id else []
    return expected
