"""Owns what an error answer of Globus Auth means. Every shape is accepted: parsing an error never raises another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests

from reconciler.auth.errors import GlobusError
from reconciler.auth.reply import Reply, error_document, reply_from, request_id

_MESSAGE_FIELDS = ("message", "detail", "title")


class ErrorSubdocument:
    """One item of an error document's `errors`."""

    def __init__(self, data: dict[str, Any], *, message_fields: Sequence[str] = _MESSAGE_FIELDS) -> None:
        self.raw = data
        self._message_fields = tuple(message_fields)

    @property
    def code(self) -> str | None:
        """The `code`, if it is text."""
        code = self.raw.get("code")
        return code if isinstance(code, str) else None

    @property
    def message(self) -> str | None:
        """The first of message, detail and title that is text."""
        found = (self.raw.get(name) for name in self._message_fields)
        return next((text for text in found if isinstance(text, str)), None)

    def get(self, key: str, default: Any = None) -> Any:
        """Look a field of the document up."""
        return self.raw.get(key, default)


def _texts(value: Any) -> list[str] | None:
    """Read a list that may have been written as comma-separated text."""
    if isinstance(value, str):
        return value.split(",")
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    return None


@dataclass(frozen=True, slots=True)
class AuthorizationParameters:
    """What a session lacks, from the document's `authorization_parameters`; false when the document has none."""

    present: bool = False
    session_message: str | None = None
    session_required_identities: list[str] | None = None
    session_required_single_domain: list[str] | None = None
    session_required_policies: list[str] | None = None
    session_required_mfa: bool | None = None
    required_scopes: list[str] | None = None
    prompt: str | None = None

    def __bool__(self) -> bool:
        return self.present


@dataclass(frozen=True, slots=True)
class ConsentRequired:
    """The scopes that consent is missing for; false unless the document's code is ConsentRequired."""

    required_scopes: list[str] | None = None

    def __bool__(self) -> bool:
        return self.required_scopes is not None


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """The parts of an error that a program can act on."""

    authorization_parameters: AuthorizationParameters
    consent_required: ConsentRequired


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def error_info(data: Any) -> ErrorInfo:
    """Read what the service asks for from an error document; fields of another type than expected count as absent."""
    root: Mapping[str, Any] = data if isinstance(data, dict) else {}
    asked = root.get("authorization_parameters")
    parameters = AuthorizationParameters()
    if isinstance(asked, dict):
        mfa = asked.get("session_required_mfa")
        parameters = AuthorizationParameters(
            present=True,
            session_message=_text(asked.get("session_message")),
            session_required_identities=_texts(asked.get("session_required_identities")),
            session_required_single_domain=_texts(asked.get("session_required_single_domain")),
            session_required_policies=_texts(asked.get("session_required_policies")),
            session_required_mfa=mfa if isinstance(mfa, bool) else None,
            required_scopes=_texts(asked.get("required_scopes")),
            prompt=_text(asked.get("prompt")),
        )
    return ErrorInfo(parameters, ConsentRequired(_missing_consents(root) or None))


def _missing_consents(root: Mapping[str, Any]) -> list[str] | None:
    if root.get("code") != "ConsentRequired":
        return None
    several, one = root.get("required_scopes"), root.get("required_scope")
    if isinstance(several, list) and (scopes := _texts(several)) is not None:
        return scopes
    return [one] if isinstance(one, str) else None


class AuthAPIError(GlobusError):
    """An answer of Globus Auth that is not a success.

    `http_status, http_reason, headers, content_type, text, binary_content` are the answer; `raw_json` its document or
    None; `code` ("Error" if there is none), `messages`, `message`, `errors`, `request_id` and `info` what the
    document says; `outcome` whether the call took effect, over all its attempts.
    """

    def __init__(self, r: Reply | requests.Response) -> None:
        reply = r if isinstance(r, Reply) else reply_from(r)
        self.http_status = reply.status
        self.http_reason = reply.reason
        self.headers = reply.headers
        self.content_type = reply.content_type
        self.text = reply.text
        self.binary_content = reply.content
        self.outcome = reply.outcome
        self.raw_json: Any = error_document(reply)
        self.info = error_info(self.raw_json)
        self.errors = _subdocuments(self.raw_json)
        self.code = _code(self.raw_json, self.errors)
        self.messages = _messages(self.raw_json, self.errors)
        self.request_id = request_id(reply)
        shown = [reply.method, reply.url, reply.scheme, reply.status, self.code, self.message or reply.reason]
        super().__init__(*shown, *([self.request_id] if self.request_id else []))

    @property
    def message(self) -> str | None:
        """All messages of the document in one line, or None."""
        return "; ".join(self.messages) if self.messages else None


def _subdocuments(data: Any) -> list[ErrorSubdocument]:
    if not isinstance(data, dict):
        return []
    items = data.get("errors")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        items = [data]
    return [ErrorSubdocument(item) for item in items]


def _code(data: Any, errors: list[ErrorSubdocument]) -> str:
    if isinstance(data, dict) and isinstance(data.get("code"), str):
        return str(data["code"])
    codes = {item.code for item in errors if item.code is not None}
    return codes.pop() if len(codes) == 1 else "Error"


def _messages(data: Any, errors: list[ErrorSubdocument]) -> list[str]:
    """Take the message of a document that has one beside its code, or else those of its parts."""
    if not isinstance(data, dict):
        return []
    code, message, identifier = data.get("code"), data.get("message"), data.get("request_id", "")
    if isinstance(code, str) and isinstance(message, str) and isinstance(identifier, str):
        return [message]
    return [item.message for item in errors or [ErrorSubdocument(data)] if item.message is not None]
