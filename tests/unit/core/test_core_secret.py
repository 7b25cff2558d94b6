import copy
import json
import logging
import pickle
import pprint
import traceback
from collections.abc import Callable
from dataclasses import asdict, astuple, dataclass
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


@dataclass(frozen=True, slots=True)
class Holder:
    secret: Secret


@pytest.mark.parametrize("read", [asdict, astuple])
def test_a_secret_is_not_taken_out_with_its_dataclass(read: Callable[[Holder], object]) -> None:
    with pytest.raises(TypeError, match="never serialised"):
        read(Holder(Secret(VALUE)))
    assert VALUE not in repr(Holder(Secret(VALUE)))


@pytest.mark.parametrize("read", [vars, lambda secret: secret.__getstate__()])
def test_a_secret_has_no_state_to_read(read: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError):
        read(Secret(VALUE))


def test_a_secret_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("test")
    log.error("%s %r", Secret(VALUE), [Secret(VALUE)], extra={"secret": Secret(VALUE)})
    (record,) = caplog.records
    assert VALUE not in caplog.text + repr(vars(record))


def test_a_secret_is_not_in_what_is_raised_around_it() -> None:
    with pytest.raises(ValueError, match="Secret") as raised:
        raise ValueError(Secret(VALUE))
    told = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    assert VALUE not in "".join(told.format())


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
