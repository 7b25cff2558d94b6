import copy
import json
import pickle
import pprint
from typing import cast

import pytest

from reconciler.model import Secret

VALUE = "hunter2-the-value"


@pytest.mark.parametrize(
    "text",
    [
        repr(Secret(VALUE)),
        str(Secret(VALUE)),
        f"{Secret(VALUE)}",
        f"{Secret(VALUE)!r:>80}",
        format(Secret(VALUE), "x"),
        "%s %r" % (Secret(VALUE), Secret(VALUE)),  # noqa: UP031 - logging formats so
        str([Secret(VALUE)]),
        pprint.pformat({"secret": Secret(VALUE)}),
        json.dumps({"secret": Secret(VALUE)}, default=str),
    ],
)
def test_a_secret_never_shows_its_value_as_text(text: str) -> None:
    assert VALUE not in text
    assert "Secret" in text


def test_a_secret_is_no_json() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        json.dumps(Secret(VALUE))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_cannot_be_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="never serialised"):
        pickle.dumps(Secret(VALUE), protocol)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_a_secret_cannot_be_copied(duplicate: object) -> None:
    assert callable(duplicate)
    with pytest.raises(TypeError, match="never serialised"):
        duplicate(Secret(VALUE))


def test_a_secret_equals_only_itself() -> None:
    secret, value = Secret(VALUE), cast("object", VALUE)
    assert secret == secret  # noqa: PLR0124
    assert secret != Secret(VALUE)
    assert secret != value
    assert hash(secret) != hash(VALUE)


def test_a_secret_has_no_attributes_to_read() -> None:
    assert not hasattr(Secret(VALUE), "__dict__")
    assert not hasattr(Secret(VALUE), "value")


def test_only_reveal_gives_a_secret_away() -> None:
    assert Secret(VALUE).reveal() == VALUE
