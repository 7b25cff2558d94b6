"""What is read as JSON, and what is not."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.auth.strict_json import MAX_DEPTH, JSONError, loads

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
        (b'{"a": 1} {}', True),
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


def test_depth_up_to_the_limit_is_read() -> None:
    depth = MAX_DEPTH - 1
    assert loads(b"[" * depth + b"]" * depth)


def test_byte_order_mark_is_skipped() -> None:
    assert loads(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}
