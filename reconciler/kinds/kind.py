"""What a kind of resource is, as a declaration, and the few functions that read one."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from reconciler.kinds.consequences import End, Rule, harmless, unnoticed
from reconciler.model import Data, Fields, Live, Ref, Want, canonical, references

Wire = Mapping[str, Data]
"""A document of the service, without its envelope."""


@dataclass(frozen=True, slots=True)
class Field:
    """One managed field.

    `required`: a create needs it. `nullable`: `null` clears it. `immutable`: changing it is a replacement.
    `unordered`: a list that the service keeps as a set; its absence and `[]` are the same. `want`: the value, or each
    element of the list, names something; with `element` that name stands under this key of each element, and `relation`
    says what the object that has the field is to what it names. `means` says what a change of it breaks.
    """

    name: str
    required: bool = False
    nullable: bool = False
    immutable: bool = False
    unordered: bool = False
    want: Want | None = None
    element: str | None = None
    relation: str = ""
    means: Rule = harmless


def _anything(_: Fields) -> str | None:
    return None


def _fits(_: Fields, __: Fields) -> str | None:
    return None


def _no_objections(_: Fields) -> Iterator[tuple[str, str]]:
    return iter(())


def _unchanged(fields: Fields) -> dict[str, Data]:
    return dict(fields)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of resource.

    `section` is the plural under which the manifests nest it. `owner` is the kind of its parent and `owner_field` the
    service's name for the parent's id; `moves` says that an object can be given to another parent. `natural` makes the
    key by which an object is found among its siblings. `keyed` is the field that the manifest's key stands for.
    `uncreatable` says why a resource is only adopted, `misfit` why one cannot be made below an owner with these live
    fields. `sent_along` are fields that every update repeats.
    `objections` finds stated values that do not go together, as pairs of a field and what is wrong with it.
    `includes_caller` is the list that must name the caller for anything below to be made, `includes_groups` the one
    that may do so through a group. `secret`: the service
    shows something once when it makes one. `goes_with_owner`: deleting the owner deletes it, without a call of its own.
    `keeps_natural_key`: no two objects can have the same natural key, not even for a moment. `breaks` says in the
    domain's words what a replacement costs, and `ends` what the end of an object does.
    """

    name: str
    section: str
    fields: tuple[Field, ...]
    natural: Callable[[Fields], tuple[Data, ...]]
    from_wire: Callable[[Wire], Live]
    to_wire: Callable[[Fields], dict[str, Data]] = _unchanged
    owner: str | None = None
    owner_field: str | None = None
    moves: bool = False
    keyed: str | None = None
    one_of: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ("id",)
    denotes: Want | None = None
    listed_by_owner: bool = False
    secret: bool = False
    goes_with_owner: bool = False
    sent_along: tuple[str, ...] = ()
    includes_caller: str | None = None
    includes_groups: str | None = None
    keeps_natural_key: bool = False
    uncreatable: Callable[[Fields], str | None] = _anything
    misfit: Callable[[Fields, Fields], str | None] = _fits
    objections: Callable[[Fields], Iterator[tuple[str, str]]] = _no_objections
    breaks: str = ""
    ends: End = unnoticed
    by_name: Mapping[str, Field] = field(init=False, default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {each.name: each for each in self.fields})

    @property
    def can_be_double(self) -> bool:
        """Whether two runs that do not see each other can make the same; each generation of a secret is its own."""
        return not (self.keeps_natural_key or self.secret)


def normal(declared: Field, value: Data) -> Data:
    """Bring a value into the form in which it is compared: sets sorted and never null."""
    if not declared.unordered:
        return value
    return sorted(value or [], key=canonical)


def absent(declared: Field, value: Data) -> bool:
    """Tell whether a value says that there is none."""
    return value is None or (declared.unordered and not value)


def repeated(declared: Field, value: Data) -> Iterator[tuple[int, int]]:
    """Find each element of a list without order that means the same as an earlier one: its index, and the other's."""
    if not declared.unordered:
        return
    seen: dict[str, int] = {}
    for index, element in enumerate(value or ()):
        inside = isinstance(element, Mapping) and declared.element
        key = canonical(element[declared.element] if inside else element)
        if key in seen:
            yield index, seen[key]
        seen.setdefault(key, index)


def named(declared: Field, value: Data) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Find each name in the manifest form of a field: its place below the field, and the text."""
    if declared.want is None or value is None:
        return
    elements = enumerate(value) if isinstance(value, list) else [((), value)]
    for index, element in elements:
        at = (index,) if isinstance(index, int) else ()
        if isinstance(element, str):
            yield at, element
        elif declared.element and isinstance(element, Mapping) and isinstance(element.get(declared.element), str):
            yield (*at, declared.element), element[declared.element]


def without(value: Data, unwanted: Callable[[Ref], bool]) -> tuple[Data, bool]:
    """Leave out the elements of a value (or all of it) whose `Ref` is unwanted; say whether any was."""
    if isinstance(value, list):
        kept = [element for element in value if not any(unwanted(ref) for ref in references(element))]
        return kept, len(kept) != len(value)
    hit = any(unwanted(ref) for ref in references(value))
    return (None if hit else value), hit
