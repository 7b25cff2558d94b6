"""What is read as JSON, and what is not."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.auth.strict_json import MAX_DEPTH, JSONError, loads, loads_leniently

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_what_json_writes_is_read_back(value: Any) -> None:
    assert loads(json.dumps(value).encode()) == value


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_as_json_errors(content: bytes) -> None:
    with contextlib.suppress(JSONError):
        assert loads(content) == json.loads(content)


@pytest.mark.parametrize(
    ("content", "cut"),
    [
        (b"", True),
        (b'{"a": 1', True),
        (b'{"a": "x', True),
        (b" ", True),
        (b'{"a": "\xc3', True),
        (b'{"a": 1} {}', False),
        (b'{"a": 1} x', False),
        (b'{"a": 1}e', False),
        (b"<html>", False),
        (b'{"a" 1}', False),
        (b'{"a": nul}', False),
        (b'{"a": "\\u12"}', False),
        (b'{"a": 1e400}', False),
        (b"[-1e400]", False),
        (b'{"a": ["\\ud800"]}', False),
        (b'{"\\udc00x": 1}', False),
        (b'{"a": 1, "a": 1}', False),
        (b'[{"b": {"a": 1, "a": 2}}]', False),
        (b"NaN", False),
        (b"[Infinity]", False),
        (b"-Infinity", False),
        (b"\xff", False),
        (b"1" * 5000, False),
        (b"[" * 100_000, False),
        (b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), False),
    ],
)
def test_what_is_not_strict_is_refused(content: bytes, cut: bool) -> None:
    with pytest.raises(JSONError) as caught:
        loads(content)
    assert caught.value.cut is cut


@given(st.lists(VALUES) | st.dictionaries(st.text(), VALUES), st.booleans(), st.data())
def test_every_beginning_of_a_document_is_known_as_one(value: Any, ascii_only: bool, data: st.DataObject) -> None:
    document = json.dumps(value, ensure_ascii=ascii_only).encode()
    end = data.draw(st.integers(0, len(document) - 1))
    with pytest.raises(JSONError) as caught:
        loads(document[:end])
    assert caught.value.cut


def test_whole_surrogate_pairs_are_characters() -> None:
    assert loads(b'{"a": "\\ud83d\\ude00"}') == {"a": "\U0001f600"}
    assert loads(b'{"a": "\\\\ud800"}') == {"a": "\\ud800"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1, "a": 2}', {"a": 2}),
        ('{"a": NaN, "b": -Infinity, "c": 1e400, "d": 1.5}', {"a": None, "b": None, "c": None, "d": 1.5}),
        ('{"a": "\\ud800!"}', {"a": "\ufffd!"}),
        ('\ufeff{"a": 1}', {"a": 1}),
    ],
)
def test_what_was_meant_is_read_leniently(text: str, value: Any) -> None:
    assert loads_leniently(text) == value


@given(st.text(max_size=60))
def test_any_text_is_read_leniently_or_refused_as_a_json_error(text: str) -> None:
    with contextlib.suppress(JSONError):
        json.dumps(loads_leniently(text), allow_nan=False, ensure_ascii=False).encode()


@pytest.mark.parametrize("text", ["", "<html>", "[" * 100_000, "[" * 100 + "]" * 100, "1" * 5000])
def test_what_is_no_json_is_not_read_leniently_either(text: str) -> None:
    with pytest.raises(JSONError):
        loads_leniently(text)


def test_depth_up_to_the_limit_is_read() -> None:
    depth = MAX_DEPTH - 1
    assert loads(b"[" * depth + b"]" * depth)


def test_byte_order_mark_is_skipped() -> None:
    assert loads(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}
