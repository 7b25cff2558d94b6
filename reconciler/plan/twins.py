"""Which kinds a run lists once more at its end, since somebody else may have made the same there meanwhile. Pure."""

from collections.abc import Iterable

from reconciler.kinds import KINDS
from reconciler.model import Operation, Verb


def looked_through(operations: Iterable[Operation]) -> tuple[str, ...]:
    """Name the kinds of what is made and can exist twice, in their order: each is one list."""
    made = {operation.address.kind for operation in operations if operation.verb is Verb.CREATE}
    return tuple(name for name, kind in KINDS.items() if name in made and kind.can_be_double)
