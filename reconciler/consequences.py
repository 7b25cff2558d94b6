"""The blast radius: what each change breaks outside of itself, said with the change. Pure.

What a field or the end of an object means is the kinds' to say; here it is found who is concerned.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from reconciler.diff import Comparison
from reconciler.kinds import KINDS, title
from reconciler.match import Matches
from reconciler.model import Action, Address, Change, Fields, Live, Snapshot, texts

_CHANGING = (Action.UPDATE, Action.ADOPT, Action.REPLACE)
_ENDING = (Action.DELETE, Action.REPLACE, Action.RETIRE)


def told(comparison: Comparison, matches: Matches, snapshot: Snapshot) -> Comparison:
    """Add to each change what it breaks."""
    around = _around(comparison, matches, snapshot)
    changes = tuple(replace(change, consequences=tuple(_of(change, around))) for change in comparison.changes)
    return replace(comparison, changes=changes)


@dataclass(frozen=True, slots=True)
class _Around:
    """Who is concerned: the objects that refer to an id, which ids end, and the addresses that change, by id."""

    snapshot: Snapshot
    referrers: Mapping[str, list[tuple[Live, str]]]
    ending: frozenset[str]
    addresses: Mapping[str, Address]
    changing: Mapping[str, Change]


def _around(comparison: Comparison, matches: Matches, snapshot: Snapshot) -> _Around:
    referrers: dict[str, list[tuple[Live, str]]] = defaultdict(list)
    for kind in KINDS.values():
        for declared in kind.fields:
            if declared.relation:
                for live in snapshot.each(kind.name):
                    for text in sorted(set(texts(live.fields.get(declared.name)))):
                        referrers[text].append((live, declared.relation))
    return _Around(
        snapshot=snapshot,
        referrers=referrers,
        ending=frozenset(change.id for change in comparison.changes if change.id and change.action in _ENDING),
        addresses=matches.addresses(),
        changing={change.id: change for change in comparison.changes if change.id and change.action in _CHANGING},
    )


def _of(change: Change, around: _Around) -> Iterator[str]:
    live = around.snapshot.find(change.address.kind, change.id or "")
    if live is None:
        return
    if change.action in _CHANGING:
        yield from _fields(change, live)
    if change.action in _ENDING:
        yield from KINDS[live.kind].ends(live, change.delete_first)
        yield from _dependents(live, around)


def _fields(change: Change, live: Live) -> Iterator[str]:
    """Ask each field that changes what that means."""
    by_name = KINDS[live.kind].by_name
    after: Fields = {**live.fields, **{each.name: each.after for each in change.fields}}
    for each in change.fields:
        if each.name in by_name:
            yield from by_name[each.name].means(each.before, each.after, after)


def _dependents(live: Live, around: _Around) -> Iterator[str]:
    """Name what refers to an object that ends: within the manifests, and outside as far as it is visible."""
    for other, relation in around.referrers.get(live.id, ()):
        if other.id in around.ending:
            continue
        address = around.addresses.get(other.id)
        if address is None:
            yield f"{_called(other, around.snapshot)} {relation}, and is not managed here"
        elif _lets_go(around.changing.get(other.id), live.id):
            yield f"{address} {relation}, and is changed along"
        else:
            yield f"{address} {relation}, and is left as it is"


def _lets_go(change: Change | None, identifier: str) -> bool:
    """Tell whether a change drops the reference to an id."""
    return change is not None and any(
        identifier in texts(field.before) and identifier not in texts(field.after) for field in change.fields
    )


def _called(live: Live, snapshot: Snapshot) -> str:
    above = KINDS[live.kind].owner
    owner = snapshot.find(above, live.parent) if above and live.parent else None
    of = f" of {owner.kind} {title(owner)}" if owner else ""
    return f"{live.kind} {title(live)}{of} ({live.id})"
