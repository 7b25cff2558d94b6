"""Owns the answers of the token endpoint: one answer holds a token for each resource server."""

import json
import time
from collections.abc import Iterator
from typing import Any

from reconciler.auth.responses import GlobusHTTPResponse, redacted


def _token(item: Any) -> dict[str, Any]:
    return {
        "scope": item["scope"],
        "access_token": item["access_token"],
        "refresh_token": item.get("refresh_token"),
        "token_type": item.get("token_type"),
        "expires_at_seconds": int(time.time() + (item.get("expires_in") or 0)),
        "resource_server": item["resource_server"],
    }


class TokensByScope:
    """Tokens by scope. Several scopes with spaces between are one key if one token has them all."""

    def __init__(self, scope_map: dict[str, dict[str, Any]]) -> None:
        self.scope_map = scope_map

    def __getitem__(self, scope: str) -> dict[str, Any]:
        if not isinstance(scope, str):
            raise KeyError(f"a scope is text, not {type(scope).__name__}")
        names = scope.split()
        if unknown := [name for name in names if name not in self.scope_map]:
            raise KeyError(f"no token has the scope {unknown[0]!r}")
        found = {self.scope_map[name]["resource_server"]: self.scope_map[name] for name in names}
        if len(found) != 1:
            raise KeyError(f"{scope!r} does not belong to exactly one token")
        return found.popitem()[1]

    def __contains__(self, scope: object) -> bool:
        try:
            self[scope]  # type: ignore[index]
        except KeyError:
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self.scope_map)

    def __str__(self) -> str:
        return json.dumps(redacted(self.scope_map))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {list(self.scope_map)}>"


class OAuthTokenResponse(GlobusHTTPResponse):
    """Tokens that a grant returned."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        tokens = [_token(item) for item in self._items()]
        self._by_resource_server = {token["resource_server"]: token for token in tokens}
        self._by_scopes = TokensByScope(
            {scope: token for token in self._by_resource_server.values() for scope in token["scope"].split()}
        )

    def _items(self) -> list[Any]:
        return [self.data, *(self.get("other_tokens") or ())]

    @property
    def by_resource_server(self) -> dict[str, dict[str, Any]]:
        """The tokens by resource server.

        Each has scope, access_token, refresh_token, token_type, expires_at_seconds and resource_server.
        """
        return self._by_resource_server

    @property
    def by_scopes(self) -> TokensByScope:
        """The tokens by scope."""
        return self._by_scopes
