"""Whatever a plan says: its file is read back as it was, fits the schema, and cannot be altered anywhere."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import Place
from reconciler.kinds import KINDS, lineage
from reconciler.manifest import fits
from reconciler.model import (
    Action,
    Address,
    Change,
    FieldChange,
    Operation,
    Plan,
    Reason,
    Ref,
    Refusal,
    Seen,
    Verb,
    Want,
)
from reconciler.plan import digested
from reconciler.plan.saved import NotAPlan, Origin, Saved, read, write

KEYS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,5}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
IDS = st.uuids().map(str)
NAMES = st.sampled_from(sorted({field.name for kind in KINDS.values() for field in kind.fields}))


@st.composite
def addresses(draw: st.DrawFn) -> Address:
    kind = draw(st.sampled_from(sorted(KINDS)))
    return Address(kind, tuple(draw(KEYS) for _ in lineage(kind)))


REFS = st.builds(Ref, st.sampled_from(Want), TEXTS, st.none() | addresses())
LEAVES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS | REFS
VALUES: st.SearchStrategy[Any] = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
)
FIELDS = st.dictionaries(NAMES, VALUES, max_size=3)
PLACES = st.builds(Place, TEXTS, st.integers(1, 99), st.integers(1, 99))
CHANGES = st.builds(
    Change,
    addresses(),
    st.sampled_from(Action),
    id=st.none() | IDS,
    fields=st.lists(
        st.builds(FieldChange, NAMES, VALUES, VALUES, st.sampled_from(Reason), st.booleans()), max_size=3
    ).map(tuple),
    unchanged=st.integers(0, 9),
    previous=st.none() | addresses(),
    place=st.none() | PLACES,
    because=st.none() | TEXTS,
    delete_first=st.booleans(),
)
OPERATIONS = st.builds(
    Operation,
    key=TEXTS,
    verb=st.sampled_from(Verb),
    address=addresses(),
    id=st.none() | IDS,
    parent=st.none() | IDS | REFS,
    fields=FIELDS,
    before=FIELDS,
    bound=FIELDS,
    settings=FIELDS,
    attributes=st.dictionaries(KEYS, TEXTS, max_size=2),
    prevent_destroy=st.booleans(),
    previous=st.none() | addresses(),
    predecessors=st.lists(IDS, max_size=2).map(tuple),
    after=st.lists(TEXTS, max_size=2).map(tuple),
)
SEEN = st.builds(Seen, addresses(), st.none() | IDS, st.none() | IDS, FIELDS, st.lists(IDS, max_size=2).map(tuple))
REFUSALS = st.builds(Refusal, st.none() | addresses(), TEXTS, st.none() | TEXTS, TEXTS)
PLANS = st.builds(
    Plan,
    target=TEXTS.filter(bool),
    environment=st.none() | KEYS,
    changes=st.lists(CHANGES, max_size=3).map(tuple),
    operations=st.lists(OPERATIONS, max_size=3).map(tuple),
    refusals=st.lists(REFUSALS, max_size=2).map(tuple),
    notes=st.lists(TEXTS, max_size=2).map(tuple),
    names=st.dictionaries(IDS, TEXTS, max_size=2),
    complete=st.booleans(),
    manifests=TEXTS,
    seen=st.lists(SEEN, max_size=3).map(tuple),
    guards=st.lists(KEYS, max_size=2, unique=True).map(tuple),
    consents=st.dictionaries(KEYS, st.booleans() | st.lists(TEXTS, max_size=2), max_size=2),
).map(digested)
MOMENTS = st.integers(10**9, 4 * 10**9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
SAVED = st.builds(
    lambda plan, origin, made, hours, version: Saved(plan, origin, made, made + timedelta(hours=hours), version),
    PLANS,
    st.builds(
        Origin,
        IDS,
        TEXTS,
        st.lists(TEXTS, max_size=2).map(tuple),
        st.lists(TEXTS, max_size=2).map(tuple),
        st.none() | IDS,
        st.integers(0, 99),
    ),
    MOMENTS,
    st.integers(1, 999),
    TEXTS,
)


def schema(document: object) -> bool:
    return fits("plan", document)


@given(SAVED)
def test_plan_is_read_back_as_it_was_written(saved: Saved) -> None:
    text = write(saved)
    assert schema(json.loads(text))
    again = read(text.encode(), fits=schema)
    assert again == saved
    assert again.plan.names == saved.plan.names
    assert write(again) == text


def leaves(part: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(part, dict | list) and part:
        for key, item in part.items() if isinstance(part, dict) else enumerate(part):
            yield from leaves(item, (*at, key))
    else:
        yield at


@given(SAVED, st.data())
def test_nothing_in_the_file_can_be_changed_without_being_noticed(saved: Saved, data: st.DataObject) -> None:
    form = json.loads(write(saved))
    *path, last = data.draw(st.sampled_from(sorted(leaves(form), key=str)))
    part = form
    for key in path:
        part = part[key]
    other = data.draw(st.none() | st.booleans() | TEXTS)
    if json.dumps(part[last]) == json.dumps(other):
        return
    part[last] = other
    with pytest.raises(NotAPlan):
        read(json.dumps(form).encode(), fits=schema)
