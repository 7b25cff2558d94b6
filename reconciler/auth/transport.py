"""Owns the way of a call to the service and back, with its repetitions. It logs no body, header or credential."""

import logging
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from reconciler.auth.adapter import DeadlineAdapter, failed_while_connecting
from reconciler.auth.call import Call, prepare
from reconciler.auth.errors import GlobusError, GlobusTimeoutError, InvalidResponseError, NetworkError, Outcome
from reconciler.auth.failure import network_error
from reconciler.auth.reply import Reply, document, reply_from, request_id
from reconciler.auth.retry import Failure, combine, delay, may_repeat, outcome_of_interruption, retry_after
from reconciler.auth.settings import TransportSettings, check_url, without_query

log = logging.getLogger(__name__)

_CHUNK = 64 * 1024


class Authorizes(Protocol):
    """What a transport asks of an authorizer."""

    def get_authorization_header(self) -> str | None:
        """Give the Authorization header of a call."""

    def handle_rejected(self, authorization: str | None) -> bool:
        """Replace rejected credentials, and say whether there are others."""


def user_agent(app_name: str | None) -> str:
    """Name this package, its version and the application."""
    try:
        product = f"globus-auth-reconciler/{version('globus-auth-reconciler')}"
    except PackageNotFoundError:
        product = "globus-auth-reconciler"
    return f"{product} {app_name}" if app_name else product


@contextmanager
def _call_stays(outcome: Outcome) -> Iterator[None]:
    """Give a failure of the authorizer the call's outcome: it says nothing of the call, which is as done as before."""
    try:
        yield
    except GlobusError as error:
        raise error.with_outcome(outcome) from error


class Transport:
    """Makes calls over one pool of connections. Safe for threads; closed by its owner."""

    def __init__(self, settings: TransportSettings, app_name: str | None = None) -> None:
        self.settings = settings
        self.app_name = app_name
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = DeadlineAdapter(settings.pool_size, settings.clock)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._proxies = {"http": settings.proxy, "https": settings.proxy} if settings.proxy else {}
        self._agent = user_agent(app_name)

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def send(self, call: Call, authorizer: Authorizes | None = None) -> Reply:
        """Make a call, repeating it as `retry` allows, and give the last answer, which may be an error's.

        A 401 is answered once with new credentials, where the authorizer has some. The time for the call covers all
        attempts and the waits between them, those that the service asked for too: one that would not end in time
        ends the call at once.

        Raises:
            NetworkError: when there was no whole answer.
            GlobusSDKUsageError: when the call cannot be sent as it is.
            GlobusError: when the authorizer could not get credentials.
        """
        check_url(call.url)
        limit = self.settings.timeout
        deadline = None if limit is None else self.settings.clock() + limit
        outcome, attempt, renewed = Outcome.NOT_DONE, 1, False
        while True:
            with _call_stays(outcome):
                authorization = authorizer.get_authorization_header() if authorizer is not None else None
            ended = self._attempt(call, authorization, deadline)
            outcome = combine(outcome, ended.outcome)
            if authorizer is not None and not renewed and isinstance(ended, Reply) and ended.status == 401:
                with _call_stays(outcome):
                    renewed = authorizer.handle_rejected(authorization)
                if renewed:
                    continue
            pause = self._pause(call.method, attempt, ended, deadline)
            if pause is None:
                return self._finish(ended, outcome)
            self.settings.sleep(pause)
            attempt += 1

    def _finish(self, ended: Reply | NetworkError, outcome: Outcome) -> Reply:
        if isinstance(ended, NetworkError):
            raise ended.with_outcome(outcome) from ended.underlying_exception
        if ended.status < 300:
            self.settings.quota.deposit()
        return replace(ended, outcome=outcome)

    def _pause(self, method: str, attempt: int, ended: Reply | NetworkError, deadline: float | None) -> float | None:
        """Decide how many seconds to wait before the next attempt; None ends the call."""
        settings = self.settings
        if isinstance(ended, NetworkError):
            failure = Failure(ended.outcome, permanent=ended.permanent)
        else:
            wish = retry_after(ended.headers.get("Retry-After"), time.time())
            failure = Failure(ended.outcome, ended.status, wish if ended.status in {429, 503} else None)
        if attempt >= settings.policy.max_attempts or not may_repeat(method, failure):
            return None
        pause = delay(attempt, failure, settings.policy, settings.draw())
        if deadline is not None and settings.clock() + pause >= deadline:
            return None
        return pause if settings.quota.withdraw() else None

    def _attempt(self, call: Call, authorization: str | None, deadline: float | None) -> Reply | NetworkError:
        started = self.settings.clock()
        try:
            reply = self._exchange(call, authorization, deadline)
            if 200 <= reply.status < 300:
                reply = replace(reply, data=document(reply, arrays=call.arrays))
        except NetworkError as error:
            self._log(call, type(error).__name__, started, None)
            return error
        self._log(call, str(reply.status), started, request_id(reply))
        return reply

    def _log(self, call: Call, ended: str, started: float, identifier: str | None) -> None:
        took = self.settings.clock() - started
        path = urlsplit(call.url).path
        log.debug("%s %s: %s in %.3f s, request id %s", call.method, path, ended, took, identifier or "-")

    def _exchange(self, call: Call, authorization: str | None, deadline: float | None) -> Reply:
        left = None if deadline is None else deadline - self.settings.clock()
        if left is not None and left <= 0:
            raise GlobusTimeoutError(
                f"no time was left for {call.method} {without_query(call.url)}", outcome=Outcome.NOT_DONE
            )
        headers = {"Accept": "application/json", "User-Agent": self._agent}
        request = prepare(self._session, call, headers, authorization)
        try:
            response = self._session.send(
                request,
                stream=True,
                timeout=cast("Any", Timeout(total=left)),
                allow_redirects=False,
                verify=self.settings.ca_bundle or True,
                proxies=self._proxies,
            )
            if response.raw is None:  # made by hand, by somebody's test
                return reply_from(response)
            with closing(response):
                return reply_from(response, self._body(response, call, deadline))
        except (requests.RequestException, HTTPError) as error:
            raise network_error(
                error, call.method, without_query(call.url), connecting=failed_while_connecting()
            ) from error

    def _body(self, response: requests.Response, call: Call, deadline: float | None) -> bytes:
        pieces: list[bytes] = []
        limit, size = self.settings.max_body_bytes, 0
        interrupted = outcome_of_interruption(call.method, sent=True)
        for piece in response.iter_content(_CHUNK):
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                raise InvalidResponseError(
                    f"{call.method} {without_query(call.url)} was answered with more than {limit} bytes",
                    http_status=response.status_code,
                    permanent=True,
                    outcome=interrupted,
                )
            if deadline is not None and self.settings.clock() > deadline:
                raise GlobusTimeoutError(f"{call.method} {without_query(call.url)} took too long", outcome=interrupted)
        return b"".join(pieces)
