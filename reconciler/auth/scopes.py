"""Owns the names of scopes: those of Globus Auth itself, and how a request names some."""

import warnings
from collections.abc import Iterable, Mapping
from typing import Final

from reconciler.auth.errors import GlobusSDKUsageError

TRANSFER_ALL = "urn:globus:auth:scope:transfer.api.globus.org:all"
DEFAULT_REQUESTED_SCOPES = ("openid", "profile", "email", TRANSFER_ALL)

KnownScopes = str | tuple[str, str] | list[str | tuple[str, str]] | None


def _pairs(known: KnownScopes) -> list[tuple[str, str]]:
    listed = [known] if isinstance(known, (str, tuple)) else known or []
    return [(each, each) if isinstance(each, str) else each for each in listed]


class ScopeBuilder:
    """The scopes of a resource server: each is an attribute, by its short name, and holds the whole text.

    `known_scopes` become `urn:globus:auth:scope:…`, `known_url_scopes` become `https://auth.globus.org/scopes/…`. A
    pair is the attribute's name and the scope's. [DOC] SDK 3.40.
    """

    def __init__(
        self, resource_server: str, *, known_scopes: KnownScopes = None, known_url_scopes: KnownScopes = None
    ) -> None:
        self.resource_server = resource_server
        self._texts: Mapping[str, str] = {
            **{name: self.urn_scope_string(scope) for name, scope in _pairs(known_scopes)},
            **{name: self.url_scope_string(scope) for name, scope in _pairs(known_url_scopes)},
        }

    @property
    def scope_names(self) -> list[str]:
        """The short names, each of them an attribute."""
        return list(self._texts)

    def urn_scope_string(self, scope_name: str) -> str:
        """Write a scope as those of Globus's own services are written."""
        return f"urn:globus:auth:scope:{self.resource_server}:{scope_name}"

    def url_scope_string(self, scope_name: str) -> str:
        """Write a scope as everybody else's are written."""
        return f"https://auth.globus.org/scopes/{self.resource_server}/{scope_name}"

    def __getattr__(self, name: str) -> str:
        texts: Mapping[str, str] = self.__dict__.get("_texts", {})
        if name in texts:
            return texts[name]
        raise AttributeError(f"no scope {name!r} is known")

    def __str__(self) -> str:
        lines = [f"  {name}:\n    {getattr(self, name)}" for name in self.scope_names]
        return "\n".join([f"ScopeBuilder[{self.resource_server}]", *lines])


class AuthScopeBuilder(ScopeBuilder):
    """The scopes of Globus Auth itself, and those of OpenID Connect, which have no long form."""

    openid: Final = "openid"
    email: Final = "email"
    profile: Final = "profile"

    @property
    def scope_names(self) -> list[str]:
        """The short names, each of them an attribute."""
        return ["openid", "email", "profile", *super().scope_names]


AuthScopes: Final = AuthScopeBuilder(
    "auth.globus.org",
    known_scopes=[
        "manage_projects",
        "view_authentications",
        "view_clients",
        "view_clients_and_scopes",
        "view_consents",
        "view_identities",
        "view_identity_set",
    ],
)


def scopes_to_str(scopes: str | Iterable[object] | None) -> str:
    """Write scopes with spaces between, as OAuth2 has them. None is the SDK's default, and warned of.

    Raises:
        GlobusSDKUsageError: if there is none.
    """
    if scopes is None:
        warnings.warn("no scopes were requested: say which are needed", DeprecationWarning, stacklevel=3)
        scopes = DEFAULT_REQUESTED_SCOPES
    text = _joined(scopes)
    if not text.strip():
        raise GlobusSDKUsageError("no scopes were requested")
    return text


def _joined(scopes: object) -> str:
    """Write scopes, or collections of them within each other, with spaces between."""
    if isinstance(scopes, str) or not isinstance(scopes, Iterable):
        return str(scopes)
    return " ".join(_joined(scope) for scope in scopes)
