"""The rules of repeating, without a network."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.auth.errors import Outcome
from reconciler.auth.retry import (
    Failure,
    RetryPolicy,
    RetryQuota,
    combine,
    delay,
    may_repeat,
    outcome_of_interruption,
    outcome_of_status,
    retry_after,
)

DONE, NOT_DONE, UNKNOWN = Outcome.DONE, Outcome.NOT_DONE, Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("method", "status", "outcome"),
    [
        ("POST", 200, DONE),
        ("POST", 201, DONE),
        ("DELETE", 204, DONE),
        ("POST", 302, UNKNOWN),
        ("PUT", 308, UNKNOWN),
        ("POST", 400, NOT_DONE),
        ("POST", 401, NOT_DONE),
        ("PUT", 403, NOT_DONE),
        ("PUT", 404, NOT_DONE),
        ("DELETE", 404, DONE),
        ("DELETE", 409, NOT_DONE),
        ("POST", 429, NOT_DONE),
        ("POST", 500, UNKNOWN),
        ("PUT", 502, UNKNOWN),
        ("DELETE", 503, UNKNOWN),
        ("GET", 302, NOT_DONE),
        ("GET", 404, NOT_DONE),
        ("GET", 500, NOT_DONE),
    ],
)
def test_status_tells_the_outcome(method: str, status: int, outcome: Outcome) -> None:
    assert outcome_of_status(method, status) is outcome


@pytest.mark.parametrize(
    ("method", "sent", "outcome"),
    [("POST", True, UNKNOWN), ("PUT", True, UNKNOWN), ("GET", True, NOT_DONE), ("POST", False, NOT_DONE)],
)
def test_interruption_tells_the_outcome(method: str, sent: bool, outcome: Outcome) -> None:
    assert outcome_of_interruption(method, sent=sent) is outcome


@pytest.mark.parametrize(
    ("earlier", "latest", "both"),
    [
        (NOT_DONE, NOT_DONE, NOT_DONE),
        (NOT_DONE, UNKNOWN, UNKNOWN),
        (NOT_DONE, DONE, DONE),
        (UNKNOWN, NOT_DONE, UNKNOWN),
        (UNKNOWN, UNKNOWN, UNKNOWN),
        (UNKNOWN, DONE, DONE),
    ],
)
def test_outcomes_of_attempts_combine(earlier: Outcome, latest: Outcome, both: Outcome) -> None:
    assert combine(earlier, latest) is both


@pytest.mark.parametrize(
    ("method", "failure", "repeats"),
    [
        ("GET", Failure(NOT_DONE), True),
        ("PUT", Failure(UNKNOWN), True),
        ("DELETE", Failure(UNKNOWN), True),
        ("POST", Failure(UNKNOWN), False),
        ("PATCH", Failure(UNKNOWN), False),
        ("POST", Failure(NOT_DONE), True),
        ("GET", Failure(NOT_DONE, permanent=True), False),
        ("POST", Failure(NOT_DONE, 429), True),
        ("POST", Failure(UNKNOWN, 503, 1.0), False),
        ("PUT", Failure(UNKNOWN, 503), True),
        ("GET", Failure(NOT_DONE, 501), False),
        ("GET", Failure(NOT_DONE, 404), False),
        ("PUT", Failure(NOT_DONE, 409), False),
        ("GET", Failure(DONE, 200), False),
    ],
)
def test_call_is_repeated_where_that_does_no_harm(method: str, failure: Failure, repeats: bool) -> None:
    assert may_repeat(method, failure) is repeats


NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("2", 2.0),
        (" 7 ", 7.0),
        ("999999999", 999_999_999.0),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
        ("Tue, 14 Nov 2023 22:13:50", 30.0),
        ("Tue, 14 Nov 2023 22:13:00 GMT", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("", None),
        ("Tue, 99 Nov 99999 22:13:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_or_absent(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


@given(st.text(max_size=40))
def test_retry_after_of_any_text_is_absent_or_positive(header: str) -> None:
    seconds = retry_after(header, NOW)
    assert seconds is None or seconds >= 0


@given(st.text(alphabet="0123456789", min_size=1, max_size=400))
def test_retry_after_of_any_digits_leads_to_a_capped_wait(header: str) -> None:
    failure = Failure(NOT_DONE, 429, retry_after(header, NOW))
    assert 0 <= delay(1, failure, RetryPolicy(), 0.99) <= 60


@pytest.mark.parametrize(("attempt", "longest"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (9, 10.0), (5000, 10.0)])
def test_backoff_grows_with_full_jitter_up_to_its_limit(attempt: int, longest: float) -> None:
    failure = Failure(NOT_DONE, 503)
    assert delay(attempt, failure, RetryPolicy(), 0.0) == 0
    assert delay(attempt, failure, RetryPolicy(), 0.5) == longest / 2


def test_wish_of_the_service_is_never_shortened_below_its_cap() -> None:
    assert delay(1, Failure(NOT_DONE, 429, 5.0), RetryPolicy(), 0.25) == 5.25
    assert delay(1, Failure(NOT_DONE, 429, 59.9), RetryPolicy(), 0.25) == 60
    assert delay(1, Failure(NOT_DONE, 429, 500.0), RetryPolicy(max_retry_after=20), 0.25) == 20


def test_quota_runs_dry_and_fills_again_up_to_its_capacity() -> None:
    quota = RetryQuota(capacity=2, refill=0.5)
    assert [quota.withdraw() for _ in range(3)] == [True, True, False]
    quota.deposit()
    assert not quota.withdraw()
    for _ in range(100):
        quota.deposit()
    assert [quota.withdraw() for _ in range(3)] == [True, True, False]
