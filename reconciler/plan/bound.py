"""What the bindings hold of an operation that is done. Pure."""

from collections.abc import Mapping

from reconciler.kinds import KINDS, normal
from reconciler.model import Binding, Fields, Operation, digest


def bound(operation: Operation, identifier: str, attributes: Mapping[str, str], fields: Fields) -> Binding:
    """Make the binding of an operation's object; `fields` are the managed ones, with all ids known."""
    kind, sink = KINDS[operation.address.kind], operation.settings.get("sink")
    return Binding(
        identifier,
        {} if kind.secret else digests(operation, fields),
        operation.prevent_destroy,
        attributes,
        digest(sink) if sink else None,
        operation.predecessors,
    )


def digests(operation: Operation, fields: Fields) -> dict[str, str]:
    """Make the digest of each field, in the form in which fields are compared."""
    by_name = KINDS[operation.address.kind].by_name
    return {name: digest(normal(by_name[name], value) if name in by_name else value) for name, value in fields.items()}
