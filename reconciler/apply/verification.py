"""The trial of a new secret, before it is delivered: it must authenticate its client, as an application would.

What sinks hold has been tried, so that a secret that works is never replaced by one that does not.
"""

import time
from collections.abc import Callable

from reconciler.auth import AuthAPIError, AuthClient, ConfidentialAppAuthClient, GlobusError
from reconciler.errors import Unverified
from reconciler.model import Secret

Verify = Callable[[str, Secret], None]
"""Tries a secret of a client; raises Unverified when it does not work."""

_SCOPE = "openid"
_PAUSES = (0.5, 1.0, 2.0)


def verifier(client: AuthClient, sleep: Callable[[float], None] = time.sleep) -> Verify:
    """Make the trial: a client-credentials grant, or for clients without it, an introspection with Basic.

    A secret that is refused is given a few seconds to become known everywhere.
    """

    def verify(client_id: str, secret: Secret) -> None:
        app = ConfidentialAppAuthClient(client_id, secret.reveal(), base_url=client.base_url)
        app.transport = client.transport
        for pause in (*_PAUSES, None):
            refused = _refused(app)
            if refused is None:
                return
            if pause is None:
                raise Unverified(refused)
            sleep(pause)

    return verify


def _refused(app: ConfidentialAppAuthClient) -> str | None:
    """Say why a secret was refused; None when it was not."""
    try:
        try:
            app.oauth2_client_credentials_tokens(_SCOPE)
        except AuthAPIError as error:
            if error.http_status == 401:
                return _said(error)
            app.oauth2_token_introspect("none")
    except AuthAPIError as error:
        return _said(error)
    except GlobusError as error:
        return str(error)
    return None


def _said(error: AuthAPIError) -> str:
    return f"{error.message or error.http_reason} ({error.http_status})"
