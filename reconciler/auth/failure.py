"""Owns what the HTTP library's exceptions mean: which error, and whether the request can have reached the service."""

import ssl
from collections.abc import Iterator

import requests
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError, ReadTimeoutError

from reconciler.auth.errors import (
    GlobusConnectionError,
    GlobusConnectionTimeoutError,
    GlobusTimeoutError,
    GlobusTLSError,
    NetworkError,
)
from reconciler.auth.retry import outcome_of_interruption


def _linked(error: BaseException) -> Iterator[BaseException]:
    """Go through an exception and all that it wraps, in whichever of the ways libraries have for that."""
    seen: set[int] = set()
    waiting: list[BaseException] = [error]
    while waiting:
        link = waiting.pop(0)
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        wrapped = (link.__cause__, link.__context__, getattr(link, "reason", None), *link.args)
        waiting.extend(item for item in wrapped if isinstance(item, BaseException))


# A handshake that was cut off, which another connection may bring to its end.
_CUT = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


def _is_refusal(link: BaseException, *, connecting: bool) -> bool:
    """Say whether no secure connection can come about: a certificate is not trusted, or the two do not agree on TLS."""
    if isinstance(link, ssl.SSLCertVerificationError):
        return True
    return connecting and isinstance(link, ssl.SSLError) and not isinstance(link, _CUT)


def _kind(error: Exception, links: list[BaseException], *, sent: bool) -> type[NetworkError]:
    timed_out = isinstance(error, requests.Timeout) or any(isinstance(link, ReadTimeoutError) for link in links)
    if timed_out:
        return GlobusTimeoutError if sent else GlobusConnectionTimeoutError
    if isinstance(error, (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        return GlobusConnectionError
    return NetworkError


def _words(cause: BaseException) -> str:
    """Say what happened. The texts of the HTTP library's own exceptions are left out, they repeat the whole address."""
    return f"{type(cause).__name__}: {cause}" if isinstance(cause, OSError) else type(cause).__name__


def network_error(
    error: requests.RequestException | HTTPError, method: str, place: str, *, connecting: bool
) -> NetworkError:
    """Classify an exception of the HTTP library. `connecting` says that the connection is known not to have been made.

    The exception's request is taken from it, since that holds credentials.
    """
    links = list(_linked(error))
    if isinstance(error, requests.RequestException):
        error.request = error.response = None
    refused = any(_is_refusal(link, connecting=connecting) for link in links)
    sent = not (
        connecting
        or refused
        or isinstance(error, requests.ConnectTimeout)
        or any(isinstance(link, NewConnectionError) for link in links)
    )
    kind = GlobusTLSError if refused else _kind(error, links, sent=sent)
    wrappers = (requests.RequestException, MaxRetryError)
    cause = next((link for link in reversed(links) if not isinstance(link, wrappers)), error)
    outcome = outcome_of_interruption(method, sent=sent)
    return kind(f"{method} {place} failed: {_words(cause)}", error, outcome=outcome)
