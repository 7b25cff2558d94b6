"""Owns the objects of an imported world: each in the developer API's form, checked whole before anything is kept."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from reconciler.emulator.callers import timestamp
from reconciler.emulator.checks import is_uuid
from reconciler.emulator.clients import CLIENT
from reconciler.emulator.credentials import CREDENTIAL
from reconciler.emulator.errors import ApiError
from reconciler.emulator.kinds import Kind
from reconciler.emulator.policies import POLICY
from reconciler.emulator.projects import PROJECT
from reconciler.emulator.scopes import SCOPE
from reconciler.emulator.store import Document, Store
from reconciler.emulator.wellknown import derived_id

KINDS = {"projects": PROJECT, "policies": POLICY, "clients": CLIENT, "scopes": SCOPE, "credentials": CREDENTIAL}
_PLAIN = {"identity_providers": "identity_provider", "identities": "identity", "groups": "group"}
_DERIVED = {"project": ("project_name", "admins"), "client": ("grant_types", "scopes")}
"""What answers add to what is kept."""
_NEEDED = {
    "identity_providers": ("id", "name", "domains"),
    "identities": ("id", "username"),
    "groups": ("id", "name"),
    "clients": ("client_type",),
    "scopes": ("scope_string",),
}
_SCOPE_STRING = re.compile(r"[^\s,\[\]]+\Z")
_NOT_KEPT = frozenset({"scope_suffix"})
_STARTED = timestamp(0)
_DEFAULTS: dict[str, Document] = {
    "identity_providers": {"alternative_names": [], "short_name": None},
    "identities": {
        "email": None,
        "name": None,
        "organization": None,
        "identity_type": "login",
        "status": "used",
    },
    "clients": {"fqdns": [], "parent_client": None},
    "credentials": {"created": _STARTED, "secret": None},
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One object and how it is kept; ``place`` says where in the imported document it stands."""

    place: str
    kind: str
    document: Document
    parent: str | None = None
    key: str | None = None
    links: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    hash: str | None = None


def read(world: Document) -> list[Entry]:
    """Read the objects of a world.

    Raises:
        ValueError: What is wrong with one of them, and where.
    """
    found = [_plain(section, place, one) for section in _PLAIN for place, one in _objects(world, section)]
    found = [_with_provider(entry, found) for entry in found]
    found += [_entry(section, place, one) for section in KINDS for place, one in _objects(world, section)]
    found += [_other(place, one) for place, one in each("others", world.get("others", []))]
    known: set[tuple[str, str]] = set()
    for entry in found:
        for name in (("id", entry.document["id"]), *((("key", entry.key),) if entry.key is not None else ())):
            if (entry.kind, str(name)) in known:
                raise ValueError(f"{entry.place}: another {entry.kind} has the {name[0]} {name[1]}")
            known.add((entry.kind, str(name)))
    _check_owners(found)
    _check_clients(found)
    return found


def keep(store: Store, found: list[Entry]) -> None:
    """Keep the objects, within a transaction."""
    for entry in found:
        identifier = entry.document["id"]
        with placed(entry.place):
            store.insert(entry.kind, entry.document, parent=entry.parent, key=entry.key)
            store.link(identifier, entry.links)
            for member in entry.members:
                store.rows("INSERT OR IGNORE INTO members VALUES (?, ?)", member, identifier)
            if entry.hash is not None:
                store.rows("INSERT INTO secrets VALUES (?, ?, ?)", identifier, entry.parent, entry.hash)


def others(store: Store) -> list[Document]:
    """Return the objects of all kinds that have no section of their own, as they are kept."""
    known = [kind.name for kind in KINDS.values()] + list(_PLAIN.values())
    marks = ", ".join("?" * len(known))
    statement = f"SELECT kind, parent, key, document FROM objects WHERE kind NOT IN ({marks}) ORDER BY seq"  # noqa: S608 - marks
    found = []
    for kind, parent, key, text in store.rows(statement, *known):
        document = json.loads(text)
        rows = store.rows("SELECT target FROM links WHERE source = ? ORDER BY target", document["id"])
        links = [row[0] for row in rows]
        found.append({"kind": kind, "parent": parent, "key": key, "links": links, "document": document})
    return found


def each(section: str, listed: object) -> Iterator[tuple[str, Document]]:
    """Yield the objects of a section, each with its place."""
    if not isinstance(listed, list):
        raise ValueError(f"{section}: expected a list")  # noqa: TRY004 - all that is wrong is a ValueError
    for number, one in enumerate(listed):
        if not isinstance(one, dict):
            raise ValueError(f"{section}[{number}]: expected an object")  # noqa: TRY004 - likewise
        yield f"{section}[{number}]", one


@contextmanager
def placed(place: str) -> Iterator[None]:
    """Say where in the document it is that the file refuses."""
    try:
        yield
    except (sqlite3.IntegrityError, OverflowError) as error:
        raise ValueError(f"{place}: {error}") from None


def _objects(world: Document, section: str) -> Iterator[tuple[str, Document]]:
    kind = KINDS.get(section)
    needed = {"id", *_NEEDED.get(section, ())}
    if kind is not None:
        needed |= {kind.owner[0]} if kind.owner else set()
        needed |= {name for name, field in kind.fields.items() if field.required} - _NOT_KEPT
    for place, one in each(section, world.get(section, [])):
        missing = sorted(needed - set(one))
        if missing:
            raise ValueError(f"{place}.{missing[0]}: is missing")
        if not (isinstance(one["id"], str) and is_uuid(one["id"]) and one["id"] == one["id"].lower()):
            raise ValueError(f"{place}.id: expected a UUID in lower case")
        yield place, one


def _plain(section: str, place: str, stated: Document) -> Entry:
    document = _DEFAULTS.get(section, {}) | stated
    members = document.pop("members", []) if section == "groups" else []
    for name in ("username", "identity_provider", *(("name",) if "name" in _NEEDED[section] else ())):
        if name in document and not (isinstance(document[name], str) and document[name]):
            raise ValueError(f"{place}.{name}: expected a text")
    for name, listed in (("domains", document.get("domains", [])), ("members", members)):
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise ValueError(f"{place}.{name}: expected a list of texts")
    key = document["username"].lower() if section == "identities" else None
    return Entry(place, _PLAIN[section], document, key=key, members=tuple(sorted(members)))


def _with_provider(entry: Entry, among: list[Entry]) -> Entry:
    """Complete an identity by the provider that its domain belongs to."""
    if entry.kind != "identity" or "identity_provider" in entry.document:
        return entry
    domain = str(entry.key).rpartition("@")[2]
    providers = (one.document for one in among if one.kind == "identity_provider")
    known = (provider["id"] for provider in providers if domain in provider["domains"])
    document = entry.document | {"identity_provider": next(known, derived_id("provider", domain))}
    return Entry(entry.place, entry.kind, document, key=entry.key)


def _entry(section: str, place: str, stated: Document) -> Entry:
    kind = KINDS[section]
    owner = kind.owner[0] if kind.owner else ""
    checked = {name: value for name, value in stated.items() if name != owner or value is not None}
    try:
        read = kind.read(checked)
    except ApiError as error:
        raise ValueError(f"{place}: {error.detail}") from None
    document = _defaults(section, kind, stated) | stated | read
    for name in (*_DERIVED.get(kind.name, ()), "hash", "scope_suffix"):
        document.pop(name, None)
    if document.get("secret") is not None:
        raise ValueError(f"{place}.secret: a secret is never kept; give the hash of it")
    if kind.owner and not isinstance(document[owner], str | None):
        raise ValueError(f"{place}.{owner}: expected a UUID")
    if not isinstance(stated.get("hash"), str | None):
        raise ValueError(f"{place}.hash: expected a text")  # noqa: TRY004 - likewise
    _check_form(place, document)
    parent, key = kind.parent(document), kind.key(document)
    return Entry(place, kind.name, document, parent, key, tuple(kind.links(document)), hash=stated.get("hash"))


def _check_form(place: str, document: Document) -> None:
    """Check what no caller of the developer API sends, and so no field of a kind does."""
    string, parent, fqdns = (document.get(name) for name in ("scope_string", "parent_client", "fqdns"))
    if "scope_string" in document and not (isinstance(string, str) and _SCOPE_STRING.match(string)):
        raise ValueError(f"{place}.scope_string: expected a text without spaces, commas and brackets")
    if parent is not None and not (isinstance(parent, str) and is_uuid(parent)):
        raise ValueError(f"{place}.parent_client: expected a UUID")
    if "fqdns" in document and not (isinstance(fqdns, list) and all(isinstance(one, str) and one for one in fqdns)):
        raise ValueError(f"{place}.fqdns: expected a list of texts")


def _defaults(section: str, kind: Kind, stated: Document) -> Document:
    """Return what a document of the API may leave out."""
    fields = {name: field.default for name, field in kind.fields.items() if not field.required}
    public = str(stated.get("client_type")).startswith("public_")
    typed = {"public_client": public, "prompt_for_named_grant": public} if section == "clients" else {}
    return fields | typed | _DEFAULTS.get(section, {})


def _other(place: str, one: Document) -> Entry:
    document = one.get("document")
    wrong = set(one) != {"kind", "parent", "key", "links", "document"} or not isinstance(document, dict)
    if wrong or not isinstance(document, dict) or not isinstance(document.get("id"), str):
        raise ValueError(f"{place}: expected kind, parent, key, links and a document with an id")
    links = one["links"] if isinstance(one["links"], list) else [None]
    nullable = [text for text in (one["parent"], one["key"]) if text is not None]
    if not all(isinstance(text, str) for text in (one["kind"], *nullable, *links)):
        raise ValueError(f"{place}: kind, parent, key and links are texts")
    if one["kind"] in (*_PLAIN.values(), *(kind.name for kind in KINDS.values())):
        raise ValueError(f"{place}.kind: a {one['kind']} has a section of its own")
    return Entry(place, one["kind"], document, one["parent"], one["key"], tuple(one["links"]))


def _check_owners(found: list[Entry]) -> None:
    ids = {(entry.kind, entry.document["id"]) for entry in found}
    owners = {kind.name: kind.owner for kind in KINDS.values() if kind.owner}
    for entry in found:
        if entry.kind not in owners or entry.parent is None:
            continue
        field, kind = owners[entry.kind]
        if entry.document[field] is not None and (kind, entry.parent) not in ids:
            raise ValueError(f"{entry.place}.{field}: no {kind} with id {entry.parent}")


def _check_clients(found: list[Entry]) -> None:
    """Check that no two clients have the same FQDN, and that none is above itself."""
    clients = {entry.document["id"]: entry for entry in found if entry.kind == CLIENT.name}
    taken: dict[str, str] = {}
    for identifier, entry in clients.items():
        for fqdn in entry.document["fqdns"]:
            if taken.setdefault(fqdn, identifier) != identifier:
                raise ValueError(f"{entry.place}.fqdns: another client has {fqdn}")
        above, seen = entry.document["parent_client"], set[str]()
        while above in clients and above not in seen:
            seen.add(above)
            above = clients[above].document["parent_client"]
        if identifier in seen:
            raise ValueError(f"{entry.place}.parent_client: the client is above itself")
