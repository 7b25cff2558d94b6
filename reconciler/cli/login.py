"""`login`, `logout`, `whoami`: the login of a person, and who a command acts as."""

import json
import os
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli import terminal
from reconciler.cli.credentials import acting, as_person, client, native, settings, target
from reconciler.cli.load import config
from reconciler.cli.options import LoginOptions, TargetOptions, WhoamiOptions
from reconciler.errors import CallFailed, InvalidSettings, NotAuthenticated
from reconciler.render.safe import safe

if TYPE_CHECKING:
    from reconciler.auth import AuthClient, NativeAppAuthClient
    from reconciler.login import Demands, Login, Way

_REMOTE = ("SSH_CONNECTION", "SSH_TTY")


def login(options: LoginOptions) -> None:
    """Log in as a person, in a browser. What is kept is a refresh token, in the keyring or a private file."""
    from reconciler.login import Demands

    app = native(options, _client_id(options))
    demands = Demands(
        policies=tuple(options.policy or ()),
        identities=tuple(options.identity or ()),
        domains=tuple(options.domain or ()),
        mfa=options.mfa,
    )
    made, where = _log_in(app, demands, _way(local=not options.no_local_server, no_input=options.no_input))
    terminal.say(
        f"Logged in as {safe(made.username)}. The login is kept in {safe(where)}; end it with: reconciler logout"
    )


def logout(options: TargetOptions) -> None:
    """Revoke the login that is kept, and forget it."""
    from reconciler.login import Keep, log_out

    with client(options, None) as made:
        where = target(made)
    found = Keep.of_user().find(where)
    if found is None:
        terminal.say(f"Nobody is logged in to {safe(where)}.")
        return
    kept, _ = found
    log_out(native(options, kept.client_id), kept)
    Keep.of_user().drop(where)
    terminal.say(f"{safe(kept.username)} is logged out of {safe(where)}.")


def whoami(options: WhoamiOptions) -> None:
    """Say as whom commands act here, with which credentials, for what, and for how long."""
    from reconciler.cli.session import STATE, emulated
    from reconciler.login import ask
    from reconciler.render import who as rendered

    if options.emulator:
        db = options.emulator_db or Path(STATE, "emulator.db")
        with emulated(db, settings(options)) as (made, world):
            who = ask(made, target=world, source="--emulator")
    else:
        chosen = acting(options)
        with client(options, chosen.authorizer) as made:
            who = ask(made, target=target(made), source=chosen.source)
    terminal.say(json.dumps(rendered.document(who), indent=2) if options.json else rendered.text(who))


def renewing(made: "AuthClient", *, no_input: bool) -> Callable[[CallFailed], bool]:
    """Make what a run does when only a new login helps: offer one to a person at a terminal, and go on with it."""

    def renew(refused: CallFailed) -> bool:
        from reconciler.auth import NativeAppAuthClient, RefreshTokenAuthorizer
        from reconciler.login import Demands

        acts = made.authorizer
        app = acts.auth_client if isinstance(acts, RefreshTokenAuthorizer) else None
        if not isinstance(app, NativeAppAuthClient) or no_input or not terminal.interactive():
            return False
        terminal.warn(safe(str(refused)))
        if not terminal.ask("Log in again, as this asks for, and go on? Only `yes` is taken as consent: "):
            return False
        try:
            again, _ = _log_in(app, Demands.of(refused.session), _way(local=True, no_input=False))
        except (NotAuthenticated, CallFailed) as error:
            terminal.warn(f"Error: {safe(str(error))}")
            return False
        made.authorizer = as_person(app, again)
        return True

    return renew


def _log_in(app: "NativeAppAuthClient", demands: "Demands", way: "Way") -> tuple["Login", str]:
    """Log in, keep it, and revoke the login that was kept before."""
    from reconciler.auth import AuthScopes
    from reconciler.login import Keep, log_in, log_out
    from reconciler.remote import SCOPES

    keep, where = Keep.of_user(), target(app)
    try:
        former = keep.find(where)
    except NotAuthenticated as error:
        terminal.warn(f"warning: {safe(str(error))}")
        former = None
    made = log_in(app, (*SCOPES, AuthScopes.profile), demands, way)
    kept = keep.put(where, made)
    if former:
        with suppress(CallFailed):
            log_out(app, former[0])
    return made, kept


def _client_id(options: LoginOptions) -> str:
    chosen = options.client_id or config().client_id
    if chosen:
        return chosen
    raise InvalidSettings(
        "a login needs an application: register a client of type public_installed_client with the redirect URI "
        "http://localhost once, and write its id to reconciler.toml ([login] client_id) or give --client-id"
    )


def _way(*, local: bool, no_input: bool) -> "Way":
    from reconciler.login import by_redirect, pasted

    if no_input:
        raise NotAuthenticated("a login needs a person; in a pipeline, set RECONCILER_CLIENT_ID and its secret instead")
    if local and not any(os.environ.get(name) for name in _REMOTE):
        return by_redirect(_open)
    return pasted(_paste)


def _open(address: str) -> None:
    terminal.say(f"Log in in the browser. If none opens, open this address:\n\n{safe(address)}\n")
    with suppress(webbrowser.Error):
        webbrowser.open(address)


def _paste(address: str) -> str:
    terminal.say(f"Open this address, log in, and paste the code that it shows:\n\n{safe(address)}\n")
    return terminal.answer("Code: ")
