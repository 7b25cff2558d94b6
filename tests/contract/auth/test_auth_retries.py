"""When calls are made again, and what the caller learns of it."""

from typing import Any

import pytest

from reconciler.auth import AuthAPIError, AuthClient, Outcome, RetryQuota

ERROR = {"errors": [{"id": "an-id", "status": "503", "code": "UNAVAILABLE", "detail": "Later"}]}


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_idempotent_call_is_repeated_after_a_server_error(
    status: int, recorder: Any, client: AuthClient, sleeps: list[float]
) -> None:
    """N8."""
    recorder.answer(status, ERROR)
    recorder.answer(status, ERROR)
    client.update_scope("s", name="n")
    assert [request.json for request in recorder.requests] == [{"scope": {"name": "n"}}] * 3
    assert sleeps == [0.25, 0.5]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_post_is_not_repeated_after_a_server_error_and_its_outcome_is_unknown(
    status: int, recorder: Any, client: AuthClient
) -> None:
    """N8, N9."""
    recorder.answer(status, ERROR, Retry_After="1")
    with pytest.raises(AuthAPIError) as caught:
        client.create_project("p", "e")
    assert caught.value.outcome is Outcome.UNKNOWN
    assert len(recorder.requests) == 1


def test_post_is_repeated_after_a_rate_limit(recorder: Any, client: AuthClient, sleeps: list[float]) -> None:
    recorder.answer(429, ERROR, Retry_After="2")
    recorder.answer(429, ERROR)
    client.create_project("p", "e")
    assert len(recorder.requests) == 3
    assert sleeps == [2.5, 0.5]


def test_attempts_end_after_five(recorder: Any, client: AuthClient) -> None:
    for _ in range(9):
        recorder.answer(503, ERROR)
    with pytest.raises(AuthAPIError) as caught:
        client.get_projects()
    assert len(recorder.requests) == 5
    assert (caught.value.http_status, caught.value.code, caught.value.request_id) == (503, "UNAVAILABLE", "an-id")


@pytest.mark.parametrize("header", ["999999999", "61", "60"])
def test_wait_that_the_service_asks_for_is_capped(
    header: str, recorder: Any, connect: Any, sleeps: list[float]
) -> None:
    """N10."""
    recorder.answer(429, ERROR, Retry_After=header)
    connect(recorder.url, http_timeout=100).get_projects()
    assert sleeps == [60]


@pytest.mark.parametrize("header", ["soon", "-5", "", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_wait_that_makes_no_sense_is_as_if_absent(
    header: str, recorder: Any, client: AuthClient, sleeps: list[float]
) -> None:
    """N10."""
    recorder.answer(429, ERROR, Retry_After=header)
    client.get_projects()
    assert sleeps == [0.25]


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
def test_refusal_is_not_repeated(status: int, recorder: Any, client: AuthClient) -> None:
    """N19."""
    recorder.answer(status, ERROR)
    with pytest.raises(AuthAPIError) as caught:
        client.update_scope("s", name="n")
    assert (caught.value.http_status, caught.value.outcome) == (status, Outcome.NOT_DONE)
    assert len(recorder.requests) == 1


def test_deletion_of_what_is_gone_is_done(recorder: Any, client: AuthClient) -> None:
    """N19."""
    recorder.answer(502, ERROR)
    recorder.answer(404, ERROR)
    with pytest.raises(AuthAPIError) as caught:
        client.delete_scope("s")
    assert (caught.value.http_status, caught.value.outcome) == (404, Outcome.DONE)


def test_refusal_after_an_unknown_attempt_stays_unknown(recorder: Any, client: AuthClient) -> None:
    recorder.answer(502, ERROR)
    recorder.answer(403, ERROR)
    with pytest.raises(AuthAPIError) as caught:
        client.update_scope("s", name="n")
    assert (caught.value.http_status, caught.value.outcome) == (403, Outcome.UNKNOWN)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_an_error_and_not_followed(status: int, recorder: Any, client: AuthClient) -> None:
    """T2."""
    recorder.answer(status, {}, Location=recorder.url + "/elsewhere")
    with pytest.raises(AuthAPIError) as caught:
        client.create_project("p", "e")
    assert (caught.value.http_status, caught.value.outcome) == (status, Outcome.UNKNOWN)
    assert [request.path for request in recorder.requests] == ["/v2/api/projects"]


def test_quota_is_shared_by_all_calls_and_ends_repetitions(recorder: Any, connect: Any) -> None:
    """N11."""
    quota = RetryQuota(capacity=6, refill=0.5)
    client = connect(recorder.url, quota=quota)
    for _ in range(100):
        recorder.answer(503, ERROR)
    for _ in range(10):
        with pytest.raises(AuthAPIError):
            client.get_projects()
    assert len(recorder.requests) == 10 + 6
    recorder.queue.clear()
    client.get_projects()
    client.get_projects()
    recorder.answer(503, ERROR)
    client.get_projects()
    assert len(recorder.requests) == 16 + 2 + 2


def test_no_repetition_begins_that_the_time_for_the_call_would_end(recorder: Any, connect: Any) -> None:
    recorder.answer(503, ERROR)
    client = connect(recorder.url, http_timeout=5, clock=lambda: 0.0, draw=lambda: 10.0)
    with pytest.raises(AuthAPIError):
        client.get_projects()
    assert len(recorder.requests) == 1


@pytest.mark.parametrize("header", ["0", "1", "50"])
@pytest.mark.parametrize("status", [429, 503])
def test_repetition_that_the_service_asks_for_takes_from_the_quota(
    status: int, header: str, recorder: Any, connect: Any
) -> None:
    client = connect(recorder.url)
    for _ in range(1000):
        recorder.answer(status, ERROR, Retry_After=header)
    for _ in range(200):
        with pytest.raises(AuthAPIError):
            client.get_projects()
    assert len(recorder.requests) <= 1.1 * 200


def test_wait_that_the_service_asks_for_counts_against_the_call(recorder: Any, connect: Any) -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    for _ in range(2):
        recorder.answer(429, ERROR, Retry_After="40")
    client = connect(recorder.url, http_timeout=60, clock=lambda: now[0], sleep=sleep)
    with pytest.raises(AuthAPIError) as caught:
        client.create_project("p", "e")
    assert (caught.value.http_status, caught.value.outcome) == (429, Outcome.NOT_DONE)
    assert (len(recorder.requests), now) == (2, [40.5])
