"""Log a person in, in the browser: the code flow with PKCE, and a local web server that takes the redirect.

Takes the id of a client of type `public_installed_client`, and the port of `http://localhost:PORT/`, which must be one
of its redirect URIs. Prints who it is, from the ID token and from the service.
"""

import json
import secrets
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

from reconciler.auth import (
    AuthClient,
    AuthScopes,
    NativeAppAuthClient,
    RefreshTokenAuthorizer,
)


class Redirect(BaseHTTPRequestHandler):
    """Takes the browser that comes back, and tells the person to close the page."""

    query: dict[str, list[str]]

    def do_GET(self) -> None:
        """Keep what the address says."""
        type(self).query = parse_qs(urlsplit(self.path).query)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"You can close this page.")

    def log_message(self, *_: object) -> None:
        """Keep quiet: the address holds the code."""


def main(client_id: str, port: int) -> int:
    """Log in, and ask the service who that is."""
    state = secrets.token_urlsafe(16)
    with HTTPServer(("localhost", port), Redirect) as server, NativeAppAuthClient(client_id) as app:
        app.oauth2_start_flow(
            [AuthScopes.openid, AuthScopes.email, AuthScopes.profile],
            redirect_uri=f"http://localhost:{port}/",
            state=state,
            refresh_tokens=True,
        )
        print("Open", app.oauth2_get_authorize_url(prompt="login"), flush=True)
        server.handle_request()
        if Redirect.query.get("state") != [state] or "code" not in Redirect.query:
            print("The login was refused, or was not ours.", file=sys.stderr)
            return 1
        tokens = app.oauth2_exchange_code_for_tokens(Redirect.query["code"][0])
        claims = tokens.decode_id_token()
        token = tokens.by_resource_server[AuthScopes.resource_server]
        authorizer = RefreshTokenAuthorizer(token["refresh_token"], app)
        with AuthClient(authorizer=authorizer) as auth:
            who = auth.userinfo()
        app.oauth2_revoke_token(token["refresh_token"])
    print(json.dumps({"id": claims["sub"], "username": who["preferred_username"], "same": claims["sub"] == who["sub"]}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
