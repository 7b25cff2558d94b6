"""Looks whether the service still is as it was applied. Nothing here can write."""

from dataclasses import replace

from reconciler import graph, live
from reconciler.auth import AuthClient
from reconciler.drift import Drifts, drifts
from reconciler.kinds import KINDS, owner
from reconciler.match import renamed
from reconciler.model import Manifests
from reconciler.observe import observe
from reconciler.remote import Reader
from reconciler.state import Site, state


def drift(manifests: Manifests, client: AuthClient, site: Site, *, parallelism: int) -> Drifts:
    """Compare the service with what was last applied, in as many calls as an empty plan takes."""
    known = state(site)
    snapshot, names = observe(manifests, known.entries, client, parallelism=parallelism)
    resources, _ = graph.resolve(manifests.resources, names)
    bound = {
        address: binding
        for address, (binding, _) in renamed(manifests, known.entries).items()
        if manifests.complete or address in resources
    }
    owners: dict[str, set[str]] = {name: set() for name, kind in KINDS.items() if kind.listed_by_owner}
    for address in bound:
        above = owner(address)
        if address.kind in owners and above in bound and snapshot.find(above.kind, bound[above].id):
            owners[address.kind].add(bound[above].id)
    snapshot = live.read_owned(Reader(client), snapshot, owners=owners, parallelism=parallelism)
    found, unread = drifts(replace(manifests, resources=resources), bound, snapshot)
    called = {identifier: ref.text for ref, identifier in names.items()}
    called |= {binding.id: str(address) for address, binding in bound.items()}
    return Drifts(found, len(bound) - len(unread), unread, called)
