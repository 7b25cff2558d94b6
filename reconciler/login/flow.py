"""The login itself: a person goes to the service with a demand, a code comes back, and tokens are got for it (PKCE)."""

from collections.abc import Callable, Iterable

import jwt

from reconciler.auth import AuthAPIError, GlobusError, NativeAppAuthClient
from reconciler.errors import CallFailed, NotAuthenticated, Outcome
from reconciler.login.demands import Demands
from reconciler.login.keep import Login
from reconciler.login.redirect import AddressOf, redirected
from reconciler.model import Secret

Way = Callable[[AddressOf], str]
"""Takes a person to the service, and brings back the code."""

_RESOURCE_SERVER = "auth.globus.org"


def pasted(ask: Callable[[str], str]) -> Way:
    """Let the service show the code on a page, and a person paste it; `ask` shows the address and returns the code."""

    def way(address_of: AddressOf) -> str:
        code = ask(address_of(None, "pasted")).strip()
        if not code:
            raise NotAuthenticated("no code was given, so nobody is logged in")
        return code

    return way


def by_redirect(show: Callable[[str], None]) -> Way:
    """Let the browser bring the code to a web server of this program; `show` shows or opens the address."""
    return lambda address_of: redirected(address_of, show)


def log_in(app: NativeAppAuthClient, scopes: Iterable[str], demands: Demands, way: Way) -> Login:
    """Log a person in; who it is comes from the ID token.

    Raises:
        NotAuthenticated: The person or the service refused, or not all scopes were granted.
        CallFailed: The service could not be reached, or gave no answer that counts.
    """
    wanted = list(scopes)

    def address_of(back: str | None, state: str) -> str:
        app.oauth2_start_flow(wanted, redirect_uri=back, state=state, refresh_tokens=True)
        return app.oauth2_get_authorize_url(**demands.parameters())

    code = way(address_of)
    try:
        answer = app.oauth2_exchange_code_for_tokens(code)
        tokens = answer.by_resource_server.get(_RESOURCE_SERVER, {})
        claims = answer.decode_id_token()
    except AuthAPIError as error:
        raise NotAuthenticated(f"the service refused the login: {error.message or error.http_reason}") from None
    except GlobusError as error:
        raise CallFailed("log in", Outcome.UNKNOWN, str(error)) from None
    except (KeyError, jwt.PyJWTError) as error:
        raise NotAuthenticated(f"the answer does not prove who logged in ({type(error).__name__})") from None
    granted = str(tokens.get("scope", "")).split()
    missing = [scope for scope in wanted if scope not in granted]
    if missing or not tokens.get("refresh_token"):
        raise NotAuthenticated(f"the login did not grant {', '.join(missing) or 'a refresh token'}; log in again")
    who = str(claims["sub"])
    return Login(str(app.client_id), who, str(claims.get("preferred_username", who)), Secret(tokens["refresh_token"]))


def log_out(app: NativeAppAuthClient, login: Login) -> None:
    """Revoke what renews a login.

    Raises:
        CallFailed: The service could not be reached, or refused.
    """
    try:
        app.oauth2_revoke_token(login.refresh_token.reveal())
    except AuthAPIError as error:
        raise CallFailed("log out", Outcome.NOT_DONE, str(error.message), status=error.http_status) from None
    except GlobusError as error:
        raise CallFailed("log out", Outcome.UNKNOWN, str(error)) from None
