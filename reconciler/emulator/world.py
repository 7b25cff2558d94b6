"""Owns what a new world holds: documented people, groups, identity providers and Globus's own scopes.

The same names have the same ids in every world; only the world's own id and the Bootstrap client are its own.
"""

import uuid
from dataclasses import dataclass

from reconciler.emulator.callers import Caller, forget_expired, issue_token
from reconciler.emulator.sessions import Authentication, Session
from reconciler.emulator.store import Document, Store
from reconciler.emulator.wellknown import CLI_TEMPLATE, PERSON_SCOPES, SERVICES, derived_id

GLOBUS_ID = "41143743-f3c8-4d60-bbdb-eeecaba85bd9"
"""Globus ID, the provider that the SDK's documentation shows."""
BOOTSTRAP = "Bootstrap"
CLIENT_DOMAIN = "clients.auth.globus.org"
CLIENT_PROVIDER = derived_id("provider", CLIENT_DOMAIN)
"""The provider of client identities; its true id is not public."""


@dataclass(frozen=True, slots=True)
class Person:
    """One documented person."""

    username: str
    name: str
    organization: str

    @property
    def id(self) -> str:
        """Return the person's identity id, the same in every world."""
        return identity_id(self.username)


def identity_id(username: str) -> str:
    """Derive the id of the identity with this username."""
    return derived_id("identity", username.lower())


PROVIDERS: tuple[Document, ...] = (
    {"id": GLOBUS_ID, "name": "Globus ID", "short_name": "globusid", "domains": ["globusid.org"]},
    {
        "id": derived_id("provider", "example.edu"),
        "name": "Example State University",
        "short_name": "example",
        "domains": ["example.edu"],
    },
    {
        "id": derived_id("provider", "uni.example.org"),
        "name": "University of Example",
        "short_name": "uniexample",
        "domains": ["uni.example.org"],
    },
    {"id": CLIENT_PROVIDER, "name": "Globus Clients", "short_name": "clients", "domains": [CLIENT_DOMAIN]},
)

PEOPLE = (
    Person("rosalind@globusid.org", "Rosalind Franklin", "Example Genomics"),
    Person("barbara@globusid.org", "Barbara McClintock", "Example Genomics"),
    Person("carl@example.edu", "Carl Woese", "Example State University"),
    Person("dorothy@example.edu", "Dorothy Hodgkin", "Example State University"),
    Person("ada@uni.example.org", "Ada Lovelace", "University of Example"),
)

GROUPS = {
    "Genomics operators": ("rosalind@globusid.org", "barbara@globusid.org"),
    "Example campus IT": ("carl@example.edu", "dorothy@example.edu"),
}


def group_id(name: str) -> str:
    """Derive the id of a documented group."""
    return derived_id("group", name)


def populate(store: Store, now: float) -> None:
    """Make the world if there is none yet, or Bootstrap if it is gone; forget the tokens that have expired."""
    forget_expired(store, now)
    add_bootstrap(store)
    if store.setting("world"):
        return
    for provider in PROVIDERS:
        store.insert("identity_provider", {"alternative_names": [], **provider})
    for person in PEOPLE:
        add_identity(store, person.username, name=person.name, organization=person.organization, status="used")
    for name, members in GROUPS.items():
        store.insert("group", _group(name, members[0]))
        for username in members:
            store.rows("INSERT INTO members VALUES (?, ?)", identity_id(username), group_id(name))
    _add_services(store)
    store.set_setting("world", str(uuid.uuid4()))


def add_identity(
    store: Store, username: str, *, name: str | None = None, organization: str | None = None, status: str = "unused"
) -> Document:
    """Add the identity with this username, of the provider that its domain belongs to."""
    domain, identifier = username.rpartition("@")[2].lower(), identity_id(username)
    if store.find("identity", identifier) is not None:  # an imported one that was called so once
        identifier = str(uuid.uuid4())
    known = (provider["id"] for provider in store.all("identity_provider") if domain in provider["domains"])
    identity = {
        "id": identifier,
        "username": username,
        "email": username if status == "used" else None,
        "name": name,
        "organization": organization,
        "identity_provider": next(known, derived_id("provider", domain)),
        "identity_type": "login",
        "status": status,
    }
    store.insert("identity", identity, key=username.lower())
    return identity


def _group(name: str, first: str) -> Document:
    organization = next(person.organization for person in PEOPLE if person.username == first)
    about = {"description": f"Members of {name}", "organization": organization}
    return {"id": group_id(name), "name": name} | about


def add_bootstrap(store: Store) -> str:
    """Make the Bootstrap client where there is none, with the id that it had if somebody deleted it; return the id."""
    client = store.setting("bootstrap") or str(uuid.uuid4())
    if store.find("client", client) is None:
        _add_client(store, client, BOOTSTRAP, "client_identity")
        store.set_setting("bootstrap", client)
    return client


def issue_person_token(store: Store, username: str, now: float, *, session_age: float = 0) -> str:
    """Issue a token of a person, whose login was some seconds ago, for all scopes of Globus Auth."""
    person = store.find_by_key("identity", username.lower())
    if person is None:
        raise KeyError(username)
    return issue_identity_token(store, person["id"], now, session_age=session_age)


def issue_identity_token(store: Store, identity: str, now: float, *, session_age: float = 0) -> str:
    """Issue a token of a person or a client by id, as somebody who has just logged in, or was some seconds ago."""
    is_client = store.find("client", identity) is not None
    if not is_client and store.find("identity", identity) is None:
        raise KeyError(identity)
    session = None if is_client else Session(str(uuid.uuid4()), {identity: Authentication(now - session_age)})
    client = identity if is_client else str(store.setting("bootstrap"))
    return issue_token(store, Caller(identity, client, frozenset(PERSON_SCOPES), session), now)


def _add_services(store: Store) -> None:
    _add_client(store, CLI_TEMPLATE, "Globus CLI", "public_installed_client", redirect_uris=["http://localhost"])
    for service in SERVICES:
        fqdns = [service.resource_server] if "." in service.resource_server else []
        _add_client(store, service.client, service.name, "resource_server", fqdns=fqdns)
        for name, public_id in service.scopes.items():
            string = service.prefix + name
            scope = {
                "id": public_id or derived_id("scope", string),
                "client": service.client,
                "scope_string": string,
                "name": f"{service.name}: {name}",
                "description": f"Use {service.name} ({name})",
                "required_domains": [],
                "dependent_scopes": [],
                "advertised": True,
                "allows_refresh_token": True,
            }
            store.insert("scope", scope, parent=service.client, key=string)


def _add_client(store: Store, client: str, name: str, client_type: str, **more: list[str]) -> None:
    public = client_type == "public_installed_client"
    document: Document = {
        "id": client,
        "name": name,
        "project": None,
        "client_type": client_type,
        "public_client": public,
        "visibility": "private" if client_type == "client_identity" else "public",
        "redirect_uris": [],
        "links": {"privacy_policy": None, "terms_and_conditions": None},
        "required_idp": None,
        "preselect_idp": None,
        "fqdns": [],
        "parent_client": None,
        "userinfo_from_effective_identity": True,
        "prompt_for_named_grant": public,
    }
    store.insert("client", document | more)
