"""Calls of sinks to a service over HTTP: bounded in time and size, to one origin, with no redirect followed.

Nothing that was sent or answered is ever part of a message: only method, path, status and words of our own.
"""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any, cast
from urllib.parse import quote, urlsplit

import requests
from urllib3 import Timeout
from urllib3.exceptions import HTTPError

from reconciler.auth.adapter import DeadlineAdapter, failed_while_connecting
from reconciler.auth.strict_json import JSONError, loads
from reconciler.sinks.patience import MayPass, patiently

log = logging.getLogger(__name__)

TIMEOUT = 15.0
"""The seconds that one call may take in all."""

_MOST = 2**20
_PASSING = frozenset({408, 425, 429, 472, 473})
_MESSAGES: Mapping[str, str] = {
    "ConnectTimeout": "no connection in time",
    "ConnectionError": "no connection, or it broke off",
    "SSLError": "the certificate cannot be trusted",
}


class Untrusted(ValueError):
    """An address that no secret is sent to."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered: a document, or None where it has no JSON object to show."""

    status: int
    document: Mapping[str, Any] | None
    date: datetime | None = None
    """When, by the clock of the service."""

    def at(self, *steps: str) -> Any:  # noqa: ANN401 - JSON
        """Give what stands in the document at these keys; None when something else does."""
        found: Any = self.document
        for step in steps:
            found = found.get(step) if isinstance(found, Mapping) else None
        return found


class Service:
    """One origin, with the headers that prove who calls."""

    def __init__(self, url: str, headers: Mapping[str, str], sleep: Callable[[float], None], ca: str | None) -> None:
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            raise Untrusted("goes with a token or name that no header can carry")
        self._url = trusted(url)
        self._headers = headers
        self._sleep = sleep
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = ca or True
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, DeadlineAdapter(4, time.monotonic))

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """Make a call that is safe to repeat; raise MayPass when it still fails after a minute."""
        return patiently(lambda: self.once(method, path, body), self._sleep)

    def once(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """Make a call once; raise MayPass when there was no answer, or one that may be another later."""
        said = f"{method} {path}"
        request = requests.Request(method, self._url + path, headers=dict(self._headers), json=body)
        prepared = self._session.prepare_request(request)
        began = time.monotonic()
        try:
            response = self._session.send(
                prepared,
                stream=True,
                timeout=cast("Any", Timeout(total=TIMEOUT)),
                allow_redirects=False,
            )
            with closing(response):
                content = _read(response)
        except (requests.RequestException, HTTPError, OSError) as error:
            why = _MESSAGES.get(type(error).__name__, "no answer in time, or it broke off")
            untrusted = isinstance(error, requests.exceptions.SSLError)
            log.debug("%s: %s in %.3f s", said, why, time.monotonic() - began)
            raise MayPass(f"{said}: {why}", sent=not failed_while_connecting(), final=untrusted) from None
        log.debug("%s: %s in %.3f s", said, response.status_code, time.monotonic() - began)
        if response.status_code >= 500 or response.status_code in _PASSING:
            what = f"{said}: the service cannot answer now ({response.status_code})"
            raise MayPass(what, sent=response.status_code >= 500, wish=_wish(response))
        return Answer(response.status_code, _document(content), _date(response))


def trusted(url: str) -> str:
    """Give a base URL without its last slash; raise Untrusted unless it is https://, or http:// to this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise Untrusted("is no URL") from None
    if parts.scheme not in {"http", "https"} or not host or parts.username or parts.query or parts.fragment:
        raise Untrusted("is no URL of the form https://host[:port]")
    if parts.scheme == "http" and not _loopback(host):
        raise Untrusted("must be https://: http:// is for this machine only")
    return url.rstrip("/")


def escaped(path: str) -> str:
    """Write the steps of a path so that none can end it, or begin another part of a URL."""
    return "/".join(quote(step, safe="") for step in path.split("/") if step)


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read(response: requests.Response) -> bytes:
    content, began = bytearray(), time.monotonic()
    for piece in response.iter_content(2**14):
        content += piece
        if len(content) > _MOST or time.monotonic() - began > TIMEOUT:
            raise OSError
    return bytes(content)


def _document(content: bytes) -> Mapping[str, Any] | None:
    try:
        document = loads(content)
    except JSONError:
        return None
    return document if isinstance(document, dict) else None


def _date(response: requests.Response) -> datetime | None:
    try:
        return parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return None


def _wish(response: requests.Response) -> float | None:
    said = response.headers.get("Retry-After", "")
    return float(said) if said.isascii() and said.isdecimal() and len(said) < 6 else None
