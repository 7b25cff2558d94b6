"""Owns the rules of scopes: their strings, what they may depend on, and what a deletion does to those who depend."""

from reconciler.emulator import checks
from reconciler.emulator.callers import Context
from reconciler.emulator.errors import conflict, invalid
from reconciler.emulator.kinds import Draft, Field, Kind
from reconciler.emulator.store import Document, Store


def scope_string(host: str, suffix: str) -> str:
    """Return the scope string of a client's scope."""
    return f"https://auth.globus.org/scopes/{host}/{suffix}"


def _rules(context: Context, draft: Draft) -> Document:
    document = dict(draft.document)
    suffix = document.pop("scope_suffix", None)
    if suffix is not None and (draft.before is None or context.switches.scope_suffix_is_mutable):
        document["scope_string"] = scope_string(document["client"], suffix)
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
    return document


def _may_depend(store: Store, client: str, identifier: str) -> bool:
    """Say whether a client's scopes may depend on a scope, whoever asks: its clients' projects decide [DOC]."""
    scope = store.find("scope", identifier)
    if scope is None:
        return False
    if scope["advertised"] or scope["client"] == client:
        return True
    own, other = store.find("client", client) or {}, store.find("client", scope["client"]) or {}
    if other.get("visibility") == "public":
        return True
    return own.get("project") is not None and own["project"] == other.get("project")


def dependents(document: Document) -> list[str]:
    """Return the ids of the scopes that a scope depends on."""
    return [dependent["scope"] for dependent in document["dependent_scopes"]]


def release_dependents(context: Context, document: Document, *, client: str | None = None) -> None:
    """Do to those who depend on a deleted scope what the switch says [UNK], except to those that go with ``client``."""
    store, choice = context.store, context.switches.deleted_scope_in_use
    identifier = document["id"]
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
    before_delete=release_dependents,
    links=dependents,
    key=lambda document: str(document["scope_string"]),
)
