"""Owns the authorize endpoint: who logs in and consents, on a page or at once, and the way back with a code."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from reconciler.emulator import browser, consents, pages
from reconciler.emulator.accounts import effective_identity, identity_set
from reconciler.emulator.callers import Caller
from reconciler.emulator.calls import Answer, Call, Service, context_of
from reconciler.emulator.clients import grant_types, takes_redirect
from reconciler.emulator.consents import Giving, Path
from reconciler.emulator.demands import Demands, could_meet, read_demands, unmet
from reconciler.emulator.errors import TokenError, invalid
from reconciler.emulator.grants import Approval, keep_code
from reconciler.emulator.identities import identity_by_username
from reconciler.emulator.requested import Asked, parsed, requested_scopes
from reconciler.emulator.sessions import Authentication, Session
from reconciler.emulator.store import Document, Store

_FIRST_PERSON = "rosalind@globusid.org"
_CODE_PAGE = "/v2/web/auth-code"
_ADDRESS = "%/:=&?~#+!$,;'@()*[]"
_OF_THE_PAGE = ("username", "decision", "mfa", "link", "optional", "label")
"""The fields of the page's form that are not of the request."""


@dataclass(frozen=True, slots=True)
class _Request:
    """A request whose client and address to return to are certain."""

    client: Document
    redirect_uri: str
    parameters: dict[str, str]

    @property
    def offline(self) -> bool:
        """Say whether refresh tokens are asked for."""
        return self.parameters.get("access_type") == "offline"

    def back(self, headers: Mapping[str, str] | None = None, **answer: str) -> Answer:
        """Send the browser back to the application, with the state that it gave."""
        state = {"state": self.parameters["state"]} if "state" in self.parameters else {}
        try:
            parts = urlsplit(self.redirect_uri)
        except ValueError:
            raise invalid("redirect_uri: no address") from None
        query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *(answer | state).items()])
        location = quote(urlunsplit(parts._replace(query=query)), safe=_ADDRESS)
        return Answer(None, 302, {"Location": location, "Cache-Control": "no-store", **(headers or {})})


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a request that is in order asks for."""

    request: _Request
    scopes: list[str]
    asked: tuple[Asked, ...]
    demands: Demands


@dataclass(frozen=True, slots=True)
class _Again:
    """Why the page is shown once more to somebody who has logged in, with the header that says so to the browser."""

    person: str
    problems: list[str]
    headers: Mapping[str, str]


def ask(service: Service, call: Call) -> Answer:
    """Go on at once where nothing is left to ask, and where the switch says so; else show the page."""
    request = _request(service, call, {name: values[-1] for name, values in call.query.items()})
    try:
        wanted = _checked(service, request)
    except TokenError as error:
        return request.back(error=error.error)
    if service.switches.approve_without_asking:
        return _approve_at_once(service, wanted)
    session = browser.remembered(service, call)
    person = _fitting(service, wanted, session)
    if session is not None and person is not None:
        giving = _giving(service, wanted, person)
        if giving is not None and not consents.missing(service.store, giving, consents.needed(service.store, giving)):
            return _approve(service, wanted, giving, session)
    return _page(service, wanted, session)


def decide(service: Service, call: Call) -> Answer:
    """Take what the page sends: the request once more, the person, the choices and the decision."""
    form = call.form()
    request = _request(service, call, form)
    try:
        wanted = _checked(service, request)
    except TokenError as error:
        return request.back(error=error.error)
    if form.get("decision") != "allow":
        return request.back(error="access_denied")
    person = _person(service.store, form.get("username", ""))
    if person is None:
        raise invalid("username: no such person")
    session, headers = browser.remembered(service, call), dict[str, str]()
    if session is None or person not in _who_may_go_on(service, wanted, session):
        mfa, linked = form.get("mfa") == "true", form.get("link") == "true"
        session = browser.log_in(service, session, person, mfa=mfa, linked=linked)
        headers = browser.remember(service, call, session)
    problems = unmet(service, wanted.demands, session)
    giving = _giving(service, wanted, person)
    if giving is None:
        problems.append("The application requires an identity of another provider.")
    if giving is None or problems:
        return _page(service, wanted, session, again=_Again(person, problems, headers))
    chosen = [tuple(path.split()) for path in call.fields().get("optional", ())]
    return _approve(service, wanted, giving, session, chosen=chosen, headers=headers)


def show_code(_service: Service, call: Call) -> Answer:
    """Show the code to a person who carries it to a program without an address of its own."""
    code = call.query.get("code", [""])[-1]
    error = call.query.get("error", [""])[-1]
    if error:
        return pages.page("No authorization code", f"<p>The request was refused: <code>{escape(error)}</code></p>")
    return pages.page("Authorization code", f"<p>Give this to the program:</p><p><code>{escape(code)}</code></p>")


def log_out(service: Service, call: Call) -> Answer:
    """End the session of the browser; tokens stay valid."""
    headers = browser.forget(service, call)
    return pages.page("Logged out", "<p>This browser remembers no login any more.</p>", headers)


def _request(service: Service, call: Call, parameters: dict[str, str]) -> _Request:
    """Find the client and check the address; a browser is never sent to one that the client has not registered."""
    client = service.store.find("client", parameters.get("client_id", "").lower())
    if client is None:
        raise invalid("client_id: no such client")
    address = parameters.get("redirect_uri", "")
    if not takes_redirect(service.store, client, address, call.base_url + _CODE_PAGE):
        raise invalid("redirect_uri: not one that the client has registered")
    return _Request(client, address, parameters)


def _checked(service: Service, request: _Request) -> _Wanted:
    given, client = request.parameters, request.client
    context = context_of(service, Caller(client["id"], client["id"], frozenset()))
    if given.get("response_type") != "code":
        raise TokenError(400, "unsupported_response_type")
    if "authorization_code" not in grant_types(context, client):
        raise TokenError(400, "unauthorized_client")
    if "code_challenge" not in given and client["public_client"]:
        raise TokenError(400, "invalid_request")
    if "code_challenge" in given and given.get("code_challenge_method") != "S256":
        raise TokenError(400, "invalid_request")
    text = given.get("scope", "")
    return _Wanted(request, requested_scopes(context, text), parsed(text), read_demands(service, given))


def _giving(service: Service, wanted: _Wanted, person: str) -> Giving | None:
    """Return what a person would consent to, or None where the application may not see this person."""
    client = wanted.request.client
    identity = effective_identity(service, client, person)
    return None if identity is None else Giving(identity, client["id"], wanted.asked, wanted.request.offline)


def _who_may_go_on(service: Service, wanted: _Wanted, session: Session | None) -> list[str]:
    """Return the identities in session that need no new login, the last that logged in first."""
    if session is None or wanted.demands.new_login or unmet(service, wanted.demands, session):
        return []
    client = wanted.request.client
    return [one for one in session.newest_first() if effective_identity(service, client, one) is not None]


def _fitting(service: Service, wanted: _Wanted, session: Session | None) -> str | None:
    """Return who goes on without being asked who it is."""
    present = _who_may_go_on(service, wanted, session)
    hint = _person(service.store, wanted.request.parameters.get("login_hint", ""))
    if hint is not None:
        return hint if hint in present else None
    required = [one for one in present if one in wanted.demands.identities]
    return next(iter([*required, *present]), None)


def _approve_at_once(service: Service, wanted: _Wanted) -> Answer:
    """Log in and approve as the first person that fits: who is hinted at, who is required, rosalind, anybody."""
    store, demands = service.store, wanted.demands
    hints = (_person(store, wanted.request.parameters.get("login_hint", "")), *demands.identities)
    people = [one["id"] for one in store.all("identity")]
    first = [one for one in (*hints, _person(store, _FIRST_PERSON)) if one in people]
    login = Authentication(service.clock(), demands.wants_mfa)
    for person in dict.fromkeys([*first, *people]):
        giving = _giving(service, wanted, person)
        if giving is None or not could_meet(service, demands, person):
            continue
        session = browser.new_session().joined(person, login)
        if unmet(service, demands, session):
            for member in identity_set(store, person):
                session = session.joined(member["id"], login)
        return _approve(service, wanted, giving, session)
    return wanted.request.back(error="access_denied", error_description="Nobody can meet what the request demands")


def _approve(
    service: Service,
    wanted: _Wanted,
    giving: Giving,
    session: Session,
    *,
    chosen: list[Path] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    store, request, now = service.store, wanted.request, service.clock()
    given = request.parameters
    consents.record(store, giving, consents.needed(store, giving, chosen or ()), now)
    approval = Approval(
        caller=Caller(giving.identity, giving.client, frozenset(), session),
        scopes=wanted.scopes,
        redirect_uri=request.redirect_uri,
        challenge=given.get("code_challenge"),
        nonce=given.get("nonce"),
        state=given.get("state"),
        offline=giving.offline,
    )
    return request.back(headers, code=keep_code(store, approval, now))


def _page(
    service: Service,
    wanted: _Wanted,
    session: Session | None,
    *,
    again: _Again | None = None,
) -> Answer:
    """Show the page, once more if something was lacking."""
    store, request = service.store, wanted.request
    given = request.parameters
    present = _who_may_go_on(service, wanted, session)
    fitting = [one for one in store.all("identity") if _may_log_in(service, wanted, one["id"])]
    preselected = request.client["preselect_idp"]
    fitting.sort(key=lambda one: one["identity_provider"] != preselected if preselected else False)
    hint = again.person if again else _person(store, given.get("login_hint", "")) or _fitting(service, wanted, session)
    giving = Giving("", request.client["id"], wanted.asked, request.offline)
    names = {one["id"]: one["username"] for one in store.all("identity")}
    last = None if session is None else names.get(session.newest_first()[0])
    shown = pages.ConsentPage(
        client=request.client,
        hidden={name: value for name, value in given.items() if name not in _OF_THE_PAGE},
        present=[names[one] for one in present if one in names],
        people=[one["username"] for one in fitting if one["id"] not in present],
        chosen=names.get(hint or ""),
        lines=[_line(store, one) for one in consents.needed(store, giving)],
        optional=[_line(store, one) for one in consents.offered(store, giving)],
        problems=again.problems if again else [],
        message=given.get("session_message", ""),
        mfa=wanted.demands.wants_mfa,
        stays=last,
        label=given.get("prefill_named_grant", "") if request.client["prompt_for_named_grant"] else None,
    )
    return pages.consent_page(shown, again.headers if again else {})


def _may_log_in(service: Service, wanted: _Wanted, person: str) -> bool:
    allowed = effective_identity(service, wanted.request.client, person) is not None
    return allowed and could_meet(service, wanted.demands, person)


def _line(store: Store, one: consents.Needed) -> pages.Line:
    scope = store.find("scope", one.path[-1]) or {"name": one.scope_string, "description": "Who you are"}
    return pages.Line(
        scope=one.scope_string,
        name=scope["name"],
        description=scope["description"],
        depth=len(one.path) - 1,
        choice=" ".join(one.path),
    )


def _person(store: Store, stated: str) -> str | None:
    """Return the id of the person with a username or an id; clients do not log in."""
    found = store.find("identity", stated.lower()) or identity_by_username(store, stated)
    return None if found is None or store.find("identity", found["id"]) is None else str(found["id"])
