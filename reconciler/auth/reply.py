"""Owns what came back from one exchange: status, headers and the whole body, with no connection behind it."""

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.message import Message
from typing import Any

import requests
from requests.structures import CaseInsensitiveDict

from reconciler.auth import strict_json
from reconciler.auth.errors import InvalidResponseError, Outcome
from reconciler.auth.retry import outcome_of_interruption, outcome_of_status
from reconciler.auth.settings import without_query

_SCHEMES = frozenset({"basic", "bearer"})
_EXCERPT = 200
_CHARSETS = frozenset({"ascii", "cp1252", "iso8859-1", "iso8859-15", "utf-16", "utf-32", "utf-8"})


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `data` is the parsed body of a success; `scheme` is how it was authorized, never with what."""

    method: str
    url: str
    status: int
    reason: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    data: Any = field(default=None, repr=False)
    scheme: str | None = None
    outcome: Outcome = Outcome.UNKNOWN

    @property
    def content_type(self) -> str | None:
        """The `Content-Type` header."""
        return self.headers.get("Content-Type")

    @property
    def text(self) -> str:
        """The body as text, in the charset that the answer names or UTF-8; what is not in it is replaced."""
        kind = Message()
        kind["Content-Type"] = self.content_type or "text/plain"
        try:
            charset = codecs.lookup(kind.get_content_charset("utf-8")).name
        except LookupError:
            charset = "utf-8"
        return self.content.decode(charset if charset in _CHARSETS else "utf-8", errors="replace")

    @property
    def is_json(self) -> bool:
        """Whether the answer says that it is JSON, or says nothing of what it is."""
        if not self.content_type:
            return True
        kind = (self.content_type or "").partition(";")[0].strip().lower()
        return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def reply_from(response: requests.Response, content: bytes | None = None) -> Reply:
    """Take the answer out of the HTTP library's object, reading the body unless it was read."""
    request: requests.PreparedRequest | None = response.request
    scheme = str(request.headers.get("Authorization") or "").partition(" ")[0] if request is not None else ""
    method = (request.method if request is not None else None) or "GET"
    reply = Reply(
        method=method,
        url=response.url or "",
        status=response.status_code,
        reason=response.reason or "",
        headers=CaseInsensitiveDict(response.headers),
        content=response.content if content is None else content,
        scheme=scheme if scheme.lower() in _SCHEMES else None,
        outcome=outcome_of_status(method, response.status_code),
    )
    if (method, reply.status) == ("DELETE", 404) and reply.content.strip() and error_document(reply) is None:
        return replace(reply, outcome=Outcome.UNKNOWN)  # something before the service knows no such page
    return reply


def _excerpt(reply: Reply) -> str:
    """Show the beginning of a web page or plain text; anything that may be JSON may hold a secret and is not shown."""
    text = reply.text.lstrip()
    if not (reply.content_type or "").lower().startswith("text/") or text.startswith(("{", "[", '"')):
        return f"{len(reply.content)} bytes"
    return repr("".join(char if char.isprintable() else " " for char in text[:_EXCERPT]))


def document(reply: Reply, *, arrays: bool = False) -> Any:
    """Read the body of a successful answer: a JSON object, or None where a PUT or DELETE was answered with 204.

    Raises:
        InvalidResponseError: for anything else. A write is then neither known to be done nor not.
    """
    if reply.status in {204, 205} and not reply.content and reply.method in {"PUT", "DELETE"}:
        return None

    def invalid(what: str, *, permanent: bool = True) -> InvalidResponseError:
        outcome = outcome_of_interruption(reply.method, sent=True)
        message = f"{reply.method} {without_query(reply.url)} was answered with {reply.status} and {what}"
        return InvalidResponseError(message, http_status=reply.status, permanent=permanent, outcome=outcome)

    if not reply.content:
        raise invalid("an empty body", permanent=reply.status == 204)
    if not reply.is_json:
        kind = (reply.content_type or "no content type").partition(";")[0]
        raise invalid(f"{kind!r} where JSON was expected: {_excerpt(reply)}")
    try:
        value = strict_json.loads(reply.content)
    except strict_json.JSONError as error:
        raise invalid(f"a body that is refused: {error}", permanent=not error.cut) from None
    if not isinstance(value, dict) and not (arrays and isinstance(value, list)):
        raise invalid("JSON that is not an object")
    return value


def json_or_none(reply: Reply) -> Any:
    """Read the body of any answer strictly, or None if it is no JSON."""
    if not reply.is_json:
        return None
    try:
        return strict_json.loads(reply.content)
    except strict_json.JSONError:
        return None


def error_document(reply: Reply) -> Any:
    """Read the body of an error, leniently: what it says goes before how well. None if it is no JSON."""
    if not reply.is_json:
        return None
    try:
        return strict_json.loads_leniently(reply.text)
    except strict_json.JSONError:
        return None


def request_id(reply: Reply) -> str | None:
    """Find the id under which the service logged the call: the one distinct `errors[].id`, or else `request_id`."""
    if reply.status < 400:
        return None
    found = error_document(reply)
    if not isinstance(found, dict):
        return None
    errors = found.get("errors")
    items = errors if isinstance(errors, list) else [found]
    ids = {item["id"] for item in items if isinstance(item, dict) and isinstance(item.get("id"), str)}
    only = ids.pop() if len(ids) == 1 else found.get("request_id")
    return only if isinstance(only, str) else None
