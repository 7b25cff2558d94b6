"""What a run has made that was killed before it could say so. Pure."""

from collections.abc import Iterable, Mapping

from reconciler.kinds import KINDS, normal
from reconciler.model import Address, Binding, Live, Snapshot, Unanswered, digest


def recovered(
    unanswered: Iterable[Unanswered],
    snapshot: Snapshot,
    bindings: Mapping[Address, Binding],
    elsewhere: Mapping[str, str],
) -> dict[Address, Binding]:
    """Bind the objects that are just as they were sent, one each, and that nothing else is bound to.

    What was bound before is then a predecessor: it was being replaced.
    """
    bound = {identifier for each in bindings.values() for identifier in (each.id, *each.predecessors)} | set(elsewhere)
    found: dict[Address, Binding] = {}
    for each in unanswered:
        made = [live for live in snapshot.each(each.address.kind) if live.id not in bound and _made(live, each)]
        if len(made) == 1:
            before = found.get(each.address) or bindings.get(each.address)
            found[each.address] = Binding(
                made[0].id,
                each.sent,
                prevent_destroy=before is not None and before.prevent_destroy,
                predecessors=(before.id, *before.predecessors) if before else (),
            )
            bound.add(made[0].id)
    return found


def _made(live: Live, each: Unanswered) -> bool:
    by_name = KINDS[live.kind].by_name
    return live.parent == each.owner and all(
        name in by_name and digest(normal(by_name[name], live.fields.get(name))) == sent
        for name, sent in each.sent.items()
    )
