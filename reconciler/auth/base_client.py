"""Owns the calls of a client to one address: paths, encodings, and which class an answer becomes."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import quote

from reconciler.auth.api_error import AuthAPIError
from reconciler.auth.authorizers import GlobusAuthorizer
from reconciler.auth.call import Call
from reconciler.auth.errors import GlobusSDKUsageError
from reconciler.auth.missing import to_wire
from reconciler.auth.responses import GlobusHTTPResponse
from reconciler.auth.scopes import AuthScopeBuilder, AuthScopes
from reconciler.auth.settings import base_url_of, check_url, origin, read_settings
from reconciler.auth.transport import Transport


class BaseClient:
    """A client of Globus Auth at one address. Safe for threads; `close()` or leave its `with` block when done.

    Raises:
        GlobusSDKUsageError: for an unknown environment, an address that calls are not sent to, or unknown
        `transport_params`.
    """

    service_name: ClassVar[str] = "auth"
    error_class: ClassVar[type[AuthAPIError]] = AuthAPIError
    scopes: ClassVar[AuthScopeBuilder] = AuthScopes

    def __init__(
        self,
        *,
        environment: str | None = None,
        base_url: str | None = None,
        authorizer: GlobusAuthorizer | None = None,
        app_name: str | None = None,
        transport_params: dict[str, Any] | None = None,
    ) -> None:
        self.base_url = base_url_of(base_url, environment)
        self.authorizer = authorizer
        self.transport = Transport(read_settings(transport_params), app_name)

    @property
    def app_name(self) -> str | None:
        """The application's name in the User-Agent."""
        return self.transport.app_name

    def close(self) -> None:
        """Close the connections."""
        self.transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.base_url}>"

    def get(
        self, path: str, *, query_params: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> GlobusHTTPResponse:
        """Make a GET call.

        Raises:
            AuthAPIError: if the answer is not a success.
            NetworkError: if there was none.
        """
        return self.request("GET", path, query_params=query_params, headers=headers)

    def post(
        self,
        path: str,
        *,
        query_params: dict[str, Any] | None = None,
        data: Any = None,
        headers: dict[str, str] | None = None,
        encoding: str | None = None,
    ) -> GlobusHTTPResponse:
        """Make a POST call. It is repeated only after the service provably did not process it.

        Raises:
            AuthAPIError: if the answer is not a success.
            NetworkError: if there was none.
        """
        return self.request("POST", path, query_params=query_params, data=data, headers=headers, encoding=encoding)

    def put(
        self,
        path: str,
        *,
        query_params: dict[str, Any] | None = None,
        data: Any = None,
        headers: dict[str, str] | None = None,
        encoding: str | None = None,
    ) -> GlobusHTTPResponse:
        """Make a PUT call.

        Raises:
            AuthAPIError: if the answer is not a success.
            NetworkError: if there was none.
        """
        return self.request("PUT", path, query_params=query_params, data=data, headers=headers, encoding=encoding)

    def delete(
        self, path: str, *, query_params: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> GlobusHTTPResponse:
        """Make a DELETE call.

        Raises:
            AuthAPIError: if the answer is not a success; the outcome of a 404 is "done".
            NetworkError: if there was none.
        """
        return self.request("DELETE", path, query_params=query_params, headers=headers)

    def request(
        self,
        method: str,
        path: str,
        *,
        query_params: dict[str, Any] | None = None,
        data: Any = None,
        headers: dict[str, str] | None = None,
        encoding: str | None = None,
    ) -> GlobusHTTPResponse:
        """Make a call. `encoding` is json, form or text; without it objects are sent as JSON and text as it is.

        A path that is a whole URL must be of the client's own origin, since credentials go with it. MISSING is left
        out everywhere.

        Raises:
            AuthAPIError: if the answer is not a success.
            NetworkError: if there was none.
            GlobusSDKUsageError: for an unknown encoding, a foreign URL, or what cannot be sent.
        """
        return self._request(method, path, query_params, data, headers, encoding)

    def _request(
        self,
        method: str,
        path: str,
        query_params: dict[str, Any] | None = None,
        data: Any = None,
        headers: dict[str, str] | None = None,
        encoding: str | None = None,
        *,
        arrays: bool = False,
    ) -> GlobusHTTPResponse:
        """Make a call whose answer may also be a JSON array."""
        call = Call(
            method.upper(),
            self._url(path),
            query=_wire(query_params or {}),
            headers=_wire(headers or {}),
            arrays=arrays,
            **_body(data, encoding),
        )
        reply = self.transport.send(call, self.authorizer)
        if not 200 <= reply.status < 300:
            raise self.error_class(reply)
        return GlobusHTTPResponse(reply, self)

    def _url(self, path: str) -> str:
        if path.startswith(("https://", "http://")):
            check_url(path)
            if origin(path) != origin(self.base_url):
                raise GlobusSDKUsageError("a URL of another origin is refused, since credentials would go with it")
            return path
        try:
            quoted = quote(path)
        except UnicodeEncodeError:
            raise GlobusSDKUsageError(f"the path {path!r} has half of a surrogate pair in it") from None
        return f"{self.base_url.rstrip('/')}/{quoted.lstrip('/')}"


def _wire(value: Any) -> Any:
    try:
        return to_wire(value)
    except RecursionError:
        raise GlobusSDKUsageError("data that contains itself, or is nested too deep, cannot be sent") from None


def _body(data: Any, encoding: str | None) -> dict[str, Any]:
    if data is None:
        return {}
    match encoding or ("text" if isinstance(data, (str, bytes)) else "json"):
        case "text" if isinstance(data, (str, bytes)):
            return {"text": data}
        case "json" if not isinstance(data, bytes):
            return {"json": _wire(data)}
        case "form" if isinstance(data, Mapping):
            return {"form": _wire(data)}
        case unknown:
            raise GlobusSDKUsageError(f"the body cannot be sent as {unknown!r}")
