"""Owns how ids get into the text of manifests: each at the place of its resource, and not one other character moves.

Pure: texts in, texts out. Whoever writes them loads them first, and sees that nothing else has changed.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from yaml.events import Event, MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceEndEvent, SequenceStartEvent

from reconciler.manifest.parse import events

_BLANK = re.compile(r"[ \t]*\Z")
_MARK = "\ufeff"
_ENDS = re.compile(r"\r\n|\n|\r")


class NoRoom(ValueError):
    """A resource is written in a form that an id cannot be added to without changing more."""


@dataclass(frozen=True, slots=True)
class _Stated:
    """Where a resource stands: offsets of the end of its key, of its value, and of the first key in that."""

    key_end: int
    value: int
    flow: bool
    first: int | None
    quoted: bool


def with_ids(text: str, ids: Mapping[tuple[str, ...], str]) -> str:
    """Add `id` to the resources at these paths (section, key, section, key …), all of which the text states.

    Raise NoRoom for one that is written in an unusual form.
    """
    mark, body = (_MARK, text[1:]) if text.startswith(_MARK) else ("", text)
    # The parser counts any line end as one character, once they are all the same.
    found = _find(_ENDS.sub("\n", body), set(ids))
    pairs = _pairs(body)
    for path, stated in sorted(found.items(), key=lambda each: each[1].value, reverse=True):
        at, added = _addition(body, stated, ids[path], pairs)
        body = body[:at] + added + body[at:]
    if missing := ids.keys() - found.keys():
        raise NoRoom(f"{'.'.join(min(missing))} is no map there")
    return mark + body


def states(text: str, path: tuple[str, ...]) -> bool:
    """Tell whether a text states a map at a path."""
    return path in _find(_ENDS.sub("\n", text.removeprefix(_MARK)), {path})


def _addition(body: str, stated: _Stated, identifier: str, pairs: list[int]) -> tuple[int, str]:
    """Say at which offset of the text which characters are added."""

    def there(offset: int) -> int:
        return offset + bisect_left(pairs, offset)

    value, first = there(stated.value), None if stated.first is None else there(stated.first)
    if stated.flow:
        return _in_flow(body, value, first, identifier, quoted=stated.quoted)
    assert first is not None, "a block map has a key"
    line = max(body.rfind("\n", 0, first), body.rfind("\r", 0, first)) + 1
    if not _BLANK.match(body, line, first):
        raise NoRoom("its first field does not stand at the beginning of a line")
    end = _ENDS.search(body, there(stated.key_end), first)
    if end is None:
        raise NoRoom("its first field stands on the line of its key")
    return end.end(), f"{body[line:first]}id: {identifier}{end[0]}"


def _pairs(body: str) -> list[int]:
    """List where the line ends of two characters stand in the text as the parser counts it, one character each."""
    return [found.start() - count for count, found in enumerate(re.finditer("\r\n", body))]


def _in_flow(body: str, value: int, first: int | None, identifier: str, *, quoted: bool) -> tuple[int, str]:
    said = f'"id": "{identifier}"' if quoted else f"id: {identifier}"
    if first is None:
        return value + 1, said
    between = body[value + 1 : first]
    return first, f"{said},{between if _ENDS.search(between) and not between.strip() else ' '}"


def _find(text: str, wanted: "set[tuple[str, ...]]") -> dict[tuple[str, ...], _Stated]:
    found: dict[tuple[str, ...], _Stated] = {}
    stream = events(text)
    for event in stream:
        if isinstance(event, MappingStartEvent):
            _look(stream, (), wanted, found)
    return found


def _look(
    stream: Iterator[Event],
    path: tuple[str, ...],
    wanted: "set[tuple[str, ...]]",
    found: dict[tuple[str, ...], _Stated],
) -> ScalarEvent | None:
    """Walk over a map that has begun, and note what is wanted inside it; return its first key."""
    first: ScalarEvent | None = None
    for key in stream:
        if isinstance(key, MappingEndEvent):
            break
        assert isinstance(key, ScalarEvent), "the manifests were loaded, so a key is text"
        first, at, value = first or key, (*path, key.value), next(stream)
        if isinstance(value, MappingStartEvent):
            inside = _look(stream, at, wanted, found)
            if at in wanted:
                found[at] = _stated(key, value, inside)
        elif isinstance(value, SequenceStartEvent):
            _skip(stream)
    return first


def _stated(key: ScalarEvent, value: MappingStartEvent, inside: ScalarEvent | None) -> _Stated:
    return _Stated(
        key_end=_offset(key, end=True),
        value=_offset(value),
        flow=bool(value.flow_style),
        first=_offset(inside) if inside else None,
        quoted=inside is not None and inside.style == '"',
    )


def _offset(event: Event, *, end: bool = False) -> int:
    mark = event.end_mark if end else event.start_mark
    assert mark is not None, "what stands in a text has a place"
    return int(mark.index)


def _skip(stream: Iterator[Event]) -> None:
    """Pass over a list that has begun."""
    depth = 1
    while depth:
        event = next(stream)
        depth += isinstance(event, SequenceStartEvent | MappingStartEvent)
        depth -= isinstance(event, SequenceEndEvent | MappingEndEvent)
