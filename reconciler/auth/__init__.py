"""A client library for Globus Auth: the names and calls of the official SDK, over requests, with honest outcomes."""

from reconciler.auth.api_error import AuthAPIError, ErrorSubdocument
from reconciler.auth.auth_client import AuthClient
from reconciler.auth.authorizers import (
    AccessTokenAuthorizer,
    BasicAuthorizer,
    ClientCredentialsAuthorizer,
    GlobusAuthorizer,
    NullAuthorizer,
    RefreshTokenAuthorizer,
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
from reconciler.auth.flow_managers import (
    GlobusAuthorizationCodeFlowManager,
    GlobusNativeAppFlowManager,
    GlobusOAuthFlowManager,
)
from reconciler.auth.identity_map import IdentityMap
from reconciler.auth.login_client import AuthLoginClient
from reconciler.auth.missing import MISSING, MissingType
from reconciler.auth.native_client import NativeAppAuthClient
from reconciler.auth.responses import (
    GetConsentsResponse,
    GetIdentitiesResponse,
    GetIdentityProvidersResponse,
    GlobusHTTPResponse,
    IterableResponse,
)
from reconciler.auth.retry import RetryPolicy, RetryQuota
from reconciler.auth.scopes import AuthScopes, ScopeBuilder
from reconciler.auth.tokens import OAuthDependentTokenResponse, OAuthTokenResponse

__all__ = [
    "MISSING",
    "AccessTokenAuthorizer",
    "AuthAPIError",
    "AuthClient",
    "AuthLoginClient",
    "AuthScopes",
    "BasicAuthorizer",
    "ClientCredentialsAuthorizer",
    "ConfidentialAppAuthClient",
    "DependentScopeSpec",
    "ErrorSubdocument",
    "GetConsentsResponse",
    "GetIdentitiesResponse",
    "GetIdentityProvidersResponse",
    "GlobusAuthorizationCodeFlowManager",
    "GlobusAuthorizer",
    "GlobusConnectionError",
    "GlobusConnectionTimeoutError",
    "GlobusError",
    "GlobusHTTPResponse",
    "GlobusNativeAppFlowManager",
    "GlobusOAuthFlowManager",
    "GlobusSDKUsageError",
    "GlobusTLSError",
    "GlobusTimeoutError",
    "IdentityMap",
    "InvalidResponseError",
    "IterableResponse",
    "MissingType",
    "NativeAppAuthClient",
    "NetworkError",
    "NullAuthorizer",
    "OAuthDependentTokenResponse",
    "OAuthTokenResponse",
    "Outcome",
    "RefreshTokenAuthorizer",
    "RenewingAuthorizer",
    "RetryPolicy",
    "RetryQuota",
    "ScopeBuilder",
]
