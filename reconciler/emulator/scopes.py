"""Owns the rules of scopes: their strings, what they may depend on, and what a deletion does to those who depend."""

import re
import uuid

from reconciler.emulator import checks
from reconciler.emulator.access import project_of
from reconciler.emulator.callers import Context
from reconciler.emulator.errors import conflict, invalid
from reconciler.emulator.kinds import Draft, Field, Kind
from reconciler.emulator.store import Document, Store


def scope_string(host: str, suffix: str) -> str:
    """Return the scope string of a client's scope."""
    return f"https://auth.globus.org/scopes/{host}/{suffix}"


def _rules(context: Context, draft: Draft) -> Document:
    document = dict(draft.document)
    if draft.before is not None:
        suffix = document.pop("scope_suffix", None)
        if suffix is not None and context.switches.scope_suffix_is_mutable:
            document["scope_string"] = _renamed(document, suffix)
        if document["scope_string"] != draft.before["scope_string"]:
            _end_refreshing(context.store, draft.before["scope_string"])
        holder = context.store.find_by_key("scope", document["scope_string"])
        if holder is not None and holder["id"] != document["id"]:
            raise conflict(f"The client already has a scope {document['scope_string']}")
    if draft.changes("dependent_scopes"):
        known = {one["scope"] for one in (draft.before or {}).get("dependent_scopes", ())}
        for dependent in document["dependent_scopes"]:
            identifier = dependent["scope"]
            if identifier not in known and not _may_depend(context.store, document["client"], identifier):
                raise invalid(
                    f"scope.dependent_scopes: no scope with id {identifier} that is advertised, of a public client, "
                    "or of a client in the same project"
                )
        if context.switches.scope_circles == "refuse" and _reaches(context.store, document, document["id"]):
            raise invalid("scope.dependent_scopes: the scope would depend on itself")
    return document


def _renamed(document: Document, suffix: str) -> str:
    """Return a scope string with another suffix; those of Globus's own end with a colon and the name."""
    return re.sub(r"[^/:]*\Z", suffix, str(document["scope_string"]), count=1)


def _suffix(document: Document) -> str:
    return str(document["scope_string"]).rpartition("/")[2]


def _minted(context: Context, document: Document) -> list[Document]:
    """Make one scope for the client's id and one for each of its FQDNs, where there is none yet [OBS]."""
    store, client = context.store, document["client"]
    fqdns = (store.find("client", client) or {}).get("fqdns", [])
    hosts = [*fqdns, client] if context.switches.fqdn_scopes_first else [client, *fqdns]
    suffix = document.pop("scope_suffix")
    strings = [scope_string(host, suffix) for host in hosts]
    new = [string for string in strings if store.find_by_key("scope", string) is None]
    if not new:
        raise conflict(f"The client already has a scope {strings[0]}")
    return [document | {"id": str(uuid.uuid4()), "scope_string": string} for string in new]


def _siblings(context: Context, document: Document) -> list[Document]:
    """Return the scopes of the same client with the same suffix, when the switch says that they go together."""
    if context.switches.scope_siblings == "apart":
        return []
    others = context.store.children("scope", [document["client"]])
    return [one for one in others if one["id"] != document["id"] and _suffix(one) == _suffix(document)]


def mint_for_host(context: Context, client: str, host: str) -> None:
    """Make what a new FQDN brings its client: a scope for each suffix, as the switch says."""
    if context.switches.scopes_of_new_fqdn == "none":
        return
    bare: Document = {name: field.default for name, field in SCOPE.fields.items() if not field.required}
    bare |= {"client": client}
    known = {_suffix(scope): scope for scope in reversed(context.store.children("scope", [client]))}
    for suffix, scope in reversed(known.items()):
        string = scope_string(host, suffix)
        document = scope if context.switches.scopes_of_new_fqdn == "copy" else bare | _unnamed(string)
        document = document | {"id": str(uuid.uuid4()), "scope_string": string}
        context.store.insert("scope", document, parent=client, key=document["scope_string"])
        context.store.link(document["id"], dependents(document))


def _unnamed(string: str) -> Document:
    """Return what a scope is called until somebody names it."""
    return {"name": string, "description": string}


def _reaches(store: Store, document: Document, target: str) -> bool:
    """Say whether a scope depends on another, directly or by others."""
    seen, left = set[str](), dependents(document)
    while left:
        identifier = left.pop()
        if identifier == target:
            return True
        found = store.find("scope", identifier) if identifier not in seen else None
        seen.add(identifier)
        left += dependents(found) if found is not None else []
    return False


def _may_depend(store: Store, client: str, identifier: str) -> bool:
    """Say whether a client's scopes may depend on a scope, whoever asks: its clients' projects decide [DOC]."""
    scope = store.find("scope", identifier)
    if scope is None:
        return False
    if scope["advertised"] or scope["client"] == client:
        return True
    other, own_project = store.find("client", scope["client"]) or {}, project_of(store, client)
    if other.get("visibility") == "public":
        return True
    return own_project is not None and own_project == project_of(store, scope["client"])


def dependents(document: Document) -> list[str]:
    """Return the ids of the scopes that a scope depends on."""
    return [dependent["scope"] for dependent in document["dependent_scopes"]]


def _end_refreshing(store: Store, string: str) -> None:
    """Take a scope that is no more from refresh tokens; access tokens stay valid until they expire [INF]."""
    held = "instr(' ' || scope || ' ', ' ' || ?1 || ' ')"
    rest = "trim(replace(' ' || scope || ' ', ' ' || ?1 || ' ', ' '))"
    store.rows("DELETE FROM refresh_tokens WHERE scope = ?1", string)
    store.rows(f"UPDATE refresh_tokens SET scope = {rest} WHERE {held}", string)  # noqa: S608 - constants


def release_dependents(context: Context, document: Document, *, client: str | None = None) -> None:
    """Do to those who depend on a deleted scope what the switch says [UNK], except to those that go with ``client``."""
    store, choice = context.store, context.switches.deleted_scope_in_use
    identifier = document["id"]
    _end_refreshing(store, document["scope_string"])
    for source in store.sources(identifier):
        other = store.find("scope", source)
        if other is None or choice == "keep" or identifier == other["id"] or client == other["client"]:
            continue
        if choice == "refuse":
            raise conflict(f"The scope {other['scope_string']} depends on {document['scope_string']}")
        kept = [dependent for dependent in other["dependent_scopes"] if dependent["scope"] != identifier]
        other = other | {"dependent_scopes": kept}
        store.update("scope", other, parent=other["client"], key=other["scope_string"])
        store.link(other["id"], dependents(other))


SCOPE = Kind(
    name="scope",
    plural="scopes",
    fields={
        "name": Field(checks.text, required=True),
        "description": Field(checks.text, required=True),
        "scope_suffix": Field(checks.suffix, required=True),
        "required_domains": Field(checks.list_of(checks.text), default=[]),
        "dependent_scopes": Field(checks.list_of(checks.dependent_scope), default=[]),
        "advertised": Field(checks.boolean, default=False),
        "allows_refresh_token": Field(checks.boolean, default=True),
    },
    owner=("client", "client"),
    rules=_rules,
    minted=_minted,
    siblings=_siblings,
    before_delete=release_dependents,
    links=dependents,
    key=lambda document: str(document["scope_string"]),
)
