"""Owns a call as its caller means it, and the request that it becomes, or that it cannot become one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import requests
from requests.auth import AuthBase

from reconciler.auth.errors import GlobusSDKUsageError
from reconciler.auth.settings import without_query


@dataclass(frozen=True, slots=True)
class Call:
    """One call as the caller means it, with at most one of a JSON body, a form and text."""

    method: str
    url: str
    query: Mapping[str, Any] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    json: Any = field(default=None, repr=False)
    form: Mapping[str, Any] | None = field(default=None, repr=False)
    text: str | bytes | None = field(default=None, repr=False)
    arrays: bool = False


class _Header(AuthBase):
    """Sets the header, and keeps the HTTP library from looking for credentials elsewhere."""

    def __init__(self, authorization: str | None) -> None:
        self._authorization = authorization

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._authorization is not None:
            r.headers["Authorization"] = self._authorization
        return r


def prepare(
    session: requests.Session, call: Call, headers: Mapping[str, str], authorization: str | None
) -> requests.PreparedRequest:
    """Make the request of a call; the call's headers go over `headers`.

    Raises:
        GlobusSDKUsageError: if it cannot be sent as it is. The library's own exceptions hold the request, and that
        credentials, so that none of them is kept.
    """
    try:
        text = call.text.encode() if isinstance(call.text, str) else call.text
        request = session.prepare_request(
            requests.Request(
                call.method,
                call.url,
                headers={**headers, **call.headers},
                params=dict(call.query),
                json=call.json,
                data=cast("Any", call.form if call.form is not None else text),
                auth=_Header(authorization),
            )
        )
        _check_headers(request)
    except (requests.RequestException, ValueError, TypeError, RecursionError) as error:
        reason = _reason(error)
    else:
        return request
    raise GlobusSDKUsageError(f"{call.method} {without_query(call.url)!r} cannot be sent: {reason}")


def _check_headers(request: requests.PreparedRequest) -> None:
    for text in request.headers.values():
        line = text if isinstance(text, bytes) else str(text).encode("latin-1")  # type: ignore[redundant-expr,unreachable]
        if b"\r" in line or b"\n" in line:
            raise requests.exceptions.InvalidHeader


def _reason(error: Exception) -> str:
    match error:
        case requests.exceptions.InvalidHeader():
            return "a header is no text, or has a line break in it"
        case requests.exceptions.InvalidURL() | requests.exceptions.MissingSchema():
            return "its address is no URL"
        case UnicodeEncodeError():
            return "it holds characters that its encoding does not have"
        case _:
            return "it holds values that JSON and forms have no place for, such as NaN"
