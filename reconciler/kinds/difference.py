"""How an object differs from given values. Pure."""

from collections.abc import Collection

from reconciler.kinds.kind import Kind, normal
from reconciler.model import Data, Fields, Live, references


def differing(kind: Kind, live: Live, fields: Fields, deleted: Collection[str] = ()) -> set[str]:
    """Name the fields that are not as given; that the service has dropped what was deleted does not count.

    The field that names the owner counts as any other.
    """
    there = {**live.fields, **({kind.owner_field: live.parent} if kind.owner_field else {})}

    def form(name: str, value: Data) -> Data:
        value = normal(kind.by_name[name], value) if name in kind.by_name else value
        return _without(value, deleted)

    return {name for name, value in fields.items() if form(name, there.get(name)) != form(name, value)}


def _without(value: Data, ids: Collection[str]) -> Data:
    """Leave the elements out of a list that are, or refer to, one of these."""
    if not ids or not isinstance(value, list):
        return value
    return [each for each in value if next(references(each), None) or not any(part in ids for part in _parts(each))]


def _parts(element: Data) -> Collection[Data]:
    return element.values() if isinstance(element, dict) else [element]
