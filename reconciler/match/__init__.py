"""Which live object each address is: by pinned id, binding, earlier name or natural key. Pure."""

from collections.abc import Iterable, Mapping

from reconciler.kinds import KINDS
from reconciler.match.leftovers import leftovers, misnamed
from reconciler.match.recovery import recovered
from reconciler.match.renames import renamed
from reconciler.match.result import Found, Leftover, Match, Matches
from reconciler.match.search import Search
from reconciler.model import Address, Binding, Manifests, Snapshot, Unanswered

__all__ = ["Found", "Leftover", "Match", "Matches", "match", "renamed"]


def match(
    manifests: Manifests,
    snapshot: Snapshot,
    bindings: Mapping[Address, Binding],
    held: Mapping[Address, str | None],
    elsewhere: Mapping[str, str],
    unanswered: Iterable[Unanswered] = (),
) -> Matches:
    """Find the object of each resource.

    `held` says, for each resource with a secret whose sink could be read, which object's secret it holds; one that is
    not there falls back to its binding. `elsewhere` are the ids that other environments have bound.
    `unanswered` are creates that may have happened: what they made is taken for bound.
    """
    unrecorded = recovered(unanswered, snapshot, bindings, elsewhere)
    bindings = {**bindings, **unrecorded}
    search = Search(manifests, snapshot, renamed(manifests, bindings), elsewhere)
    for kind in KINDS.values():
        addresses = [address for address in manifests.resources if address.kind == kind.name]
        undecided = [address for address in addresses if not search.by_name(address, kind, held)]
        search.by_natural_key(undecided, kind)
    search.refuse_twins()
    wrong = misnamed(manifests, snapshot, bindings, search.found)
    return Matches(
        search.found,
        leftovers(manifests, snapshot, bindings, search.found),
        (*search.problems, *wrong),
        frozenset(elsewhere),
        frozenset(unrecorded),
    )
