"""Owns what can go wrong on the way to the service. Each failure of a call says whether the call took effect."""

from enum import StrEnum
from typing import Any, Self


class Outcome(StrEnum):
    """Whether a call took effect on the service, as far as that can be known."""

    DONE = "done"
    NOT_DONE = "not-done"
    UNKNOWN = "unknown"


def _revive(kind: "type[GlobusError]", args: tuple[Any, ...], state: dict[str, Any]) -> "GlobusError":
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class GlobusError(Exception):
    """The root of all errors of this package."""

    outcome: Outcome = Outcome.NOT_DONE

    def with_outcome(self, outcome: Outcome) -> Self:
        """Return a copy with another outcome; the original may be in use by other threads."""
        clone = _revive(type(self), self.args, {**self.__dict__, "outcome": outcome})
        assert isinstance(clone, type(self))
        return clone

    def __reduce__(self) -> tuple[Any, ...]:
        return (_revive, (type(self), self.args, self.__dict__))


class GlobusSDKUsageError(GlobusError, ValueError):
    """A method was called with arguments that cannot be used together; nothing was sent."""


class NetworkError(GlobusError):
    """The service could not be reached, or its answer did not arrive whole.

    `underlying_exception` is what the HTTP library raised, without the request, which holds credentials.
    `permanent` says that the same call would fail in the same way again.
    """

    permanent: bool = False

    def __init__(
        self,
        message: str,
        underlying_exception: Exception | None = None,
        *,
        outcome: Outcome = Outcome.UNKNOWN,
    ) -> None:
        super().__init__(message)
        self.underlying_exception = underlying_exception
        self.outcome = outcome

    def __reduce__(self) -> tuple[Any, ...]:
        return (_revive, (type(self), self.args, {**self.__dict__, "underlying_exception": None}))


class GlobusConnectionError(NetworkError):
    """The connection could not be made, or broke."""


class GlobusTimeoutError(NetworkError):
    """The answer did not arrive within the time for one call."""


class GlobusConnectionTimeoutError(GlobusTimeoutError):
    """The connection was not made in time; nothing was sent."""


class GlobusTLSError(GlobusConnectionError):
    """The server's certificate could not be verified, or it speaks no TLS that is safe.

    Nothing was sent, and it is not tried again.
    """

    permanent = True


class InvalidResponseError(NetworkError):
    """The service, or something before it, answered with success and a body that is no JSON object.

    Whether a write took effect is unknown. `http_status` is the status of that answer. A body that was cut off may
    arrive whole next time; one that is too large or not strict JSON is `permanent`.
    """

    def __init__(self, message: str, *, http_status: int, permanent: bool, outcome: Outcome = Outcome.UNKNOWN) -> None:
        super().__init__(message, outcome=outcome)
        self.http_status = http_status
        self.permanent = permanent
