"""Owns the authorize endpoint: a page where a person is chosen and consents, and the way back with a code."""

from dataclasses import dataclass
from html import escape
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from reconciler.emulator.callers import Caller
from reconciler.emulator.calls import Answer, Call, Service, context_of
from reconciler.emulator.clients import grant_types, takes_redirect
from reconciler.emulator.errors import TokenError, invalid
from reconciler.emulator.grants import Consent, keep_code, requested_scopes
from reconciler.emulator.identities import identity_by_username
from reconciler.emulator.store import Document

_FIRST_PERSON = "rosalind@globusid.org"
_CODE_PAGE = "/v2/web/auth-code"
_ADDRESS = "%/:=&?~#+!$,;'@()*[]"
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body><main><h1>{title}</h1>{content}</main></body></html>
"""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request whose client and address to return to are certain."""

    client: Document
    redirect_uri: str
    parameters: dict[str, str]

    def back(self, **answer: str) -> Answer:
        """Send the browser back to the application, with the state that it gave."""
        state = {"state": self.parameters["state"]} if "state" in self.parameters else {}
        try:
            parts = urlsplit(self.redirect_uri)
        except ValueError:
            raise invalid("redirect_uri: no address") from None
        query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *(answer | state).items()])
        location = quote(urlunsplit(parts._replace(query=query)), safe=_ADDRESS)
        return Answer(None, 302, {"Location": location, "Cache-Control": "no-store"})


def ask(service: Service, call: Call) -> Answer:
    """Show the page; with the switch, approve at once as the person that the request hints at."""
    asked = _asked(service, call, {name: values[-1] for name, values in call.query.items()})
    try:
        scopes = _checked(service, asked)
    except TokenError as error:
        return asked.back(error=error.error)
    if not service.switches.approve_without_asking:
        return _page("Log in and consent", _form(service, asked, scopes))
    hints = [asked.parameters.get(name, "") for name in ("session_required_identities", "login_hint")]
    return _approve(service, asked, scopes, next(filter(None, hints), _FIRST_PERSON).split(",")[0])


def decide(service: Service, call: Call) -> Answer:
    """Take what the page sends: the request once more, the person, and the decision."""
    form = call.form()
    asked = _asked(service, call, form)
    try:
        scopes = _checked(service, asked)
    except TokenError as error:
        return asked.back(error=error.error)
    if form.get("decision") != "allow":
        return asked.back(error="access_denied")
    return _approve(service, asked, scopes, form.get("username", ""))


def show_code(_service: Service, call: Call) -> Answer:
    """Show the code to a person who carries it to a program without an address of its own."""
    code = call.query.get("code", [""])[-1]
    return _page("Authorization code", f"<p>Give this to the program:</p><p><code>{escape(code)}</code></p>")


def _asked(service: Service, call: Call, parameters: dict[str, str]) -> _Asked:
    """Find the client and check the address; a browser is never sent to one that the client has not registered."""
    client = service.store.find("client", parameters.get("client_id", "").lower())
    if client is None:
        raise invalid("client_id: no such client")
    address = parameters.get("redirect_uri", "")
    if not takes_redirect(service.store, client, address, call.base_url + _CODE_PAGE):
        raise invalid("redirect_uri: not one that the client has registered")
    return _Asked(client, address, parameters)


def _checked(service: Service, asked: _Asked) -> list[str]:
    given, client = asked.parameters, asked.client
    context = context_of(service, Caller(client["id"], client["id"], frozenset()))
    if given.get("response_type") != "code":
        raise TokenError(400, "unsupported_response_type")
    if "authorization_code" not in grant_types(context, client):
        raise TokenError(400, "unauthorized_client")
    if "code_challenge" not in given and client["public_client"]:
        raise TokenError(400, "invalid_request")
    if "code_challenge" in given and given.get("code_challenge_method") != "S256":
        raise TokenError(400, "invalid_request")
    return requested_scopes(context, given.get("scope", ""))


def _approve(service: Service, asked: _Asked, scopes: list[str], username: str) -> Answer:
    store, given, now = service.store, asked.parameters, service.clock()
    person = store.find("identity", username.lower()) or identity_by_username(store, username)
    if person is None or store.find("identity", person["id"]) is None:
        raise invalid("username: no such person")
    consent = Consent(
        caller=Caller(person["id"], asked.client["id"], frozenset(), now),
        scopes=scopes,
        redirect_uri=asked.redirect_uri,
        challenge=given.get("code_challenge"),
        nonce=given.get("nonce"),
        offline=given.get("access_type") == "offline",
    )
    return asked.back(code=keep_code(store, consent, now))


def _form(service: Service, asked: _Asked, scopes: list[str]) -> str:
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in asked.parameters.items()
        if name not in ("username", "decision")
    )
    people = "".join(f"<option>{escape(one['username'])}</option>" for one in service.store.all("identity"))
    wanted = "".join(f"<li>{escape(scope)}</li>" for scope in scopes)
    message = escape(asked.parameters.get("session_message", ""))
    return (
        f"<p>{message}</p><p>{escape(asked.client['name'])} wants to:</p><ul>{wanted}</ul>"
        f'<form method="post" action="/v2/oauth2/authorize">{hidden}'
        f'<p><label>Log in as <select name="username">{people}</select></label></p>'
        '<p><button name="decision" value="allow">Allow</button> <button name="decision" value="deny">Deny</button></p>'
        "</form>"
    )


def _page(title: str, content: str) -> Answer:
    headers = {"Cache-Control": "no-store", "X-Frame-Options": "DENY", "Content-Security-Policy": "default-src 'none'"}
    return Answer(_PAGE.format(title=title, content=content), headers=headers, media_type="text/html")
