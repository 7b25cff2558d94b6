"""A client library for Globus Auth: the names and calls of the official SDK, over requests, with honest outcomes."""

from reconciler.auth.api_error import AuthAPIError, ErrorSubdocument
from reconciler.auth.auth_client import AuthClient
from reconciler.auth.authorizers import (
    AccessTokenAuthorizer,
    BasicAuthorizer,
    ClientCredentialsAuthorizer,
    GlobusAuthorizer,
    NullAuthorizer,
    RenewingAuthorizer,
)
from reconciler.auth.confidential_client import ConfidentialAppAuthClient
from reconciler.auth.endpoints.scopes import DependentScopeSpec
from reconciler.auth.errors import (
    GlobusConnectionError,
    GlobusConnectionTimeoutError,
    GlobusError,
    GlobusSDKUsageError,
    GlobusTimeoutError,
    GlobusTLSError,
    InvalidResponseError,
    NetworkError,
    Outcome,
)
from reconciler.auth.identity_map import IdentityMap
from reconciler.auth.missing import MISSING, MissingType
from reconciler.auth.responses import (
    GetIdentitiesResponse,
    GetIdentityProvidersResponse,
    GlobusHTTPResponse,
    IterableResponse,
)
from reconciler.auth.retry import RetryPolicy, RetryQuota
from reconciler.auth.scopes import AuthScopes
from reconciler.auth.tokens import OAuthTokenResponse

__all__ = [
    "MISSING",
    "AccessTokenAuthorizer",
    "AuthAPIError",
    "AuthClient",
    "AuthScopes",
    "BasicAuthorizer",
    "ClientCredentialsAuthorizer",
    "ConfidentialAppAuthClient",
    "DependentScopeSpec",
    "ErrorSubdocument",
    "GetIdentitiesResponse",
    "GetIdentityProvidersResponse",
    "GlobusAuthorizer",
    "GlobusConnectionError",
    "GlobusConnectionTimeoutError",
    "GlobusError",
    "GlobusHTTPResponse",
    "GlobusSDKUsageError",
    "GlobusTLSError",
    "GlobusTimeoutError",
    "IdentityMap",
    "InvalidResponseError",
    "IterableResponse",
    "MissingType",
    "NetworkError",
    "NullAuthorizer",
    "OAuthTokenResponse",
    "Outcome",
    "RenewingAuthorizer",
    "RetryPolicy",
    "RetryQuota",
]
