"""Owns the error documents: whatever is refused is refused with one of the two shapes that the service uses."""

import uuid
from collections.abc import Mapping
from http.client import responses
from typing import Any

CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    409: "CONFLICT",
    413: "PAYLOAD_TOO_LARGE",
    422: "UNPROCESSABLE_ENTITY",
    429: "RATE_LIMITED",
    503: "SERVICE_UNAVAILABLE",
}
"""Codes by status. Only UNAUTHORIZED and FORBIDDEN are known of the service, the rest are provisional [UNK]."""


class CannotServe(Exception):
    """Why the emulator does not start: what it was given as its file or its port cannot be used."""


class ApiError(Exception):
    """A refusal of the developer API: status, detail, and what stands at the top of its document."""

    def __init__(self, status: int, detail: str, *, extra: Mapping[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.extra = dict(extra or {})

    @property
    def document(self) -> dict[str, Any]:
        """Return the body (globus-auth.md 2)."""
        return error_document(self.status, self.detail) | self.extra


class TokenError(Exception):
    """A refusal of the OAuth 2 endpoints, whose document is only ``{"error": …}`` (globus-auth.md 2)."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.document = {"error": error}


def error_document(status: int, detail: str) -> dict[str, Any]:
    """Build the document of the developer API for a status."""
    code = CODES.get(status, "SERVER_ERROR" if status >= 500 else "ERROR")
    return {
        "errors": [
            {
                "status": str(status),
                "id": str(uuid.uuid4()),
                "code": code,
                "title": responses.get(status, "Error"),
                "detail": detail,
            }
        ],
        "error": code.lower(),
        "error_description": detail,
    }


def invalid(detail: str) -> ApiError:
    """Make the refusal of a malformed request (400, provisional [UNK])."""
    return ApiError(400, detail)


def forbidden(detail: str) -> ApiError:
    """Make the refusal of a caller without the right."""
    return ApiError(403, detail)


def missing(what: str, identifier: str) -> ApiError:
    """Make the refusal for an object that does not exist (404, provisional [UNK])."""
    return ApiError(404, f"No {what} with id {identifier}")


def conflict(detail: str) -> ApiError:
    """Make the refusal of a request that contradicts the present state (409, provisional [INF])."""
    return ApiError(409, detail)
