"""Owns the objects that successful calls return. None of them shows what it holds in its `repr`: it may be a secret."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from reconciler.auth.reply import Reply, json_or_none, reply_from

if TYPE_CHECKING:
    import requests

SENSITIVE = frozenset({"secret", "client_secret", "access_token", "refresh_token", "id_token"})


def redacted(value: Any) -> Any:
    """Copy JSON data with secrets and tokens replaced, for people to look at."""
    if isinstance(value, dict):
        return {key: "(sensitive)" if key in SENSITIVE and item else redacted(item) for key, item in value.items()}
    return [redacted(item) for item in value] if isinstance(value, list) else value


def _reply(response: "Reply | GlobusHTTPResponse | requests.Response") -> Reply:
    match response:
        case Reply():
            return response
        case GlobusHTTPResponse():
            return response._reply  # noqa: SLF001 - the same class
        case _:
            reply = reply_from(response)
            return replace(reply, data=json_or_none(reply))


class GlobusHTTPResponse:
    """An answer of the service. Indexing, `in`, `get` and truth are those of `data`, the parsed JSON.

    `str()` is the data as JSON with secrets and tokens replaced.
    """

    is_array: ClassVar[bool] = False
    """Whether a success of this class is a JSON array rather than an object."""

    def __init__(self, response: "Reply | GlobusHTTPResponse | requests.Response", client: Any = None) -> None:
        self.client: Any = client
        if isinstance(response, GlobusHTTPResponse):
            if client is not None:
                raise ValueError("a response that is wrapped brings its client along")
            self.client = response.client
        self._reply = _reply(response)
        self._data = self._reply.data

    def __getstate__(self) -> dict[str, Any]:
        """Leave the client out of copies and pickles: it holds connections."""
        return {**self.__dict__, "client": None}

    @property
    def data(self) -> Any:
        """The parsed body, or None if it is no JSON."""
        return self._data

    @property
    def http_status(self) -> int:
        """The status code."""
        return self._reply.status

    @property
    def http_reason(self) -> str:
        """The words beside the status code."""
        return self._reply.reason

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by names in any case."""
        return self._reply.headers

    @property
    def content_type(self) -> str | None:
        """The `Content-Type` header."""
        return self._reply.content_type

    @property
    def text(self) -> str:
        """The body as text."""
        return self._reply.text

    @property
    def binary_content(self) -> bytes:
        """The body as it came."""
        return self._reply.content

    def get(self, key: str, default: Any = None) -> Any:
        """Look a key up; the default also stands in where the data is no object."""
        return self._data.get(key, default) if isinstance(self._data, dict) else default

    def __getitem__(self, key: str | int | slice) -> Any:
        try:
            return self._data[key]
        except TypeError:
            raise ValueError("this response cannot be indexed like that") from None

    def __contains__(self, item: object) -> bool:
        return self._data is not None and item in self._data

    def __bool__(self) -> bool:
        return bool(self._data)

    def __str__(self) -> str:
        return json.dumps(redacted(self._data), indent=2)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.http_status}>"


class IterableResponse(GlobusHTTPResponse):
    """An answer with one list in it, that can be iterated over. A null in its place counts as an empty list."""

    default_iter_key: ClassVar[str]

    def __init__(
        self,
        response: "Reply | GlobusHTTPResponse | requests.Response",
        client: Any = None,
        *,
        iter_key: str | None = None,
    ) -> None:
        if iter_key is None and not hasattr(self, "default_iter_key"):
            raise TypeError(f"{type(self).__name__} has no default_iter_key")
        super().__init__(response, client)
        self.iter_key = iter_key if iter_key is not None else self.default_iter_key

    def __iter__(self) -> Iterator[Any]:
        if not isinstance(self._data, dict):
            raise TypeError("this response holds no object to iterate over")
        return iter(self._data[self.iter_key] or ())


class GetProjectsResponse(IterableResponse):
    """The answer to `get_projects`, iterating over its projects."""

    default_iter_key = "projects"


class GetPoliciesResponse(IterableResponse):
    """The answer to `get_policies`, iterating over its policies."""

    default_iter_key = "policies"


class GetClientsResponse(IterableResponse):
    """The answer to `get_clients`, iterating over its clients."""

    default_iter_key = "clients"


class GetClientCredentialsResponse(IterableResponse):
    """The answer to `get_client_credentials`, iterating over its credentials."""

    default_iter_key = "credentials"


class GetScopesResponse(IterableResponse):
    """The answer to `get_scopes`, iterating over its scopes."""

    default_iter_key = "scopes"


class GetConsentsResponse(IterableResponse):
    """The answer to `get_consents`, iterating over the consents."""

    default_iter_key = "consents"


class GetIdentitiesResponse(IterableResponse):
    """The answer to `get_identities`, iterating over its identities."""

    default_iter_key = "identities"


class GetIdentityProvidersResponse(IterableResponse):
    """The answer to `get_identity_providers`, iterating over its identity providers."""

    default_iter_key = "identity_providers"
