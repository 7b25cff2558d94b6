"""Owns consents: who lets which client use which scope, and by way of that the scopes that it depends on.

A consent to a dependent scope hangs below that of the scope that needs it and is given to the client that owns that
scope (the shape of the official SDK's recorded consents). Deleting a client or scope takes its consents along.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reconciler.emulator.callers import Caller, require_scope, timestamp
from reconciler.emulator.calls import Answer, Call, Service, caller_of
from reconciler.emulator.errors import forbidden
from reconciler.emulator.requested import Asked
from reconciler.emulator.store import Document, Store
from reconciler.emulator.wellknown import AUTH, PERSON_SCOPES, SERVICES, derived_id

_DEEPEST = 5
_GLOBUS = frozenset(service.client for service in SERVICES)
_PLAIN = {derived_id("scope", name): name for name in PERSON_SCOPES if not name.startswith(AUTH)}
"""The scopes of OpenID Connect, which no client of the world owns; their ids are made up."""

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Needed:
    """A consent that a request needs, or that a person may add: the ids of its scopes from the root on."""

    path: Path
    scope_string: str
    client: str
    refresh: bool
    revocable: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Giving:
    """What consents are given for: the identity, the client that asks, the scopes, and whether for refresh tokens."""

    identity: str
    client: str
    asked: tuple[Asked, ...]
    offline: bool


def needed(store: Store, giving: Giving, chosen: Iterable[Path] = ()) -> list[Needed]:
    """List the consents that scopes need, parents first, with the optional ones that were chosen marked so."""
    picked = set(chosen)
    found = {one.path: one for one in _all(store, giving, picked) if not one.optional or one.path in picked}
    return list(found.values())


def offered(store: Store, giving: Giving) -> list[Needed]:
    """List the optional dependent scopes that a person may add."""
    return [one for one in _all(store, giving, set()) if one.optional]


def missing(store: Store, giving: Giving, wanted: Iterable[Needed]) -> list[Needed]:
    """Return what has not been consented to yet, or not for refresh tokens."""
    return [one for one in wanted if not _holds(store, giving, one)]


def record(store: Store, giving: Giving, wanted: Iterable[Needed], now: float) -> None:
    """Keep consents; those that are there already are renewed."""
    for one in wanted:
        parent = _row(store, giving, one.path[:-1])
        store.rows(
            "INSERT INTO consents (identity, root, scopes, parent, client, scope, allows_refresh, revocable, "
            "auto_approved, created, updated, last_used) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?) "
            "ON CONFLICT (identity, root, scopes) DO UPDATE SET updated = excluded.updated, "
            "allows_refresh = max(allows_refresh, excluded.allows_refresh), revocable = excluded.revocable",
            *(giving.identity, giving.client, " ".join(one.path), parent, one.client, one.path[-1]),
            *(one.refresh, one.revocable, now, now, now),
        )


def dependents_consented(store: Store, presented: Caller, scope: str) -> dict[str, bool]:
    """Return the ids of the dependent scopes consented to below a scope, and whether for refresh tokens."""
    statement = (
        "SELECT scope, max(allows_refresh) FROM consents WHERE parent IN "
        "(SELECT id FROM consents WHERE identity = ? AND client = ? AND scope = ?) GROUP BY scope ORDER BY min(id)"
    )
    return {row[0]: bool(row[1]) for row in store.rows(statement, presented.identity, presented.client, scope)}


def note_use(store: Store, caller: Caller, now: float) -> None:
    """Remember that tokens were issued on the ground of consents."""
    for scope in caller.scopes:
        store.rows(
            "UPDATE consents SET last_used = ? WHERE identity = ? AND client = ? AND scope = ?",
            *(now, caller.identity, caller.client, scope_id(store, scope)),
        )


def list_consents(service: Service, call: Call) -> Answer:
    """Answer the consents of the caller: those rooted at the calling client, or with ``all`` those to all clients."""
    caller = caller_of(service, call)
    if call.params["id"].lower() != caller.identity:
        raise forbidden("Only one's own consents can be seen")
    everything = call.flag("all")
    if everything:
        require_scope(caller, f"{AUTH}view_consents")
    rows = service.store.rows(
        "SELECT id, client, scope, allows_refresh, revocable, auto_approved, created, updated, last_used, parent "
        "FROM consents WHERE identity = ? AND (root = ? OR ?) ORDER BY id",
        *(caller.identity, caller.client, everything),
    )
    paths: dict[int, list[int]] = {}
    for row in rows:
        paths[row[0]] = [*paths.get(row[9], []), row[0]]
    return Answer({"consents": [_shown(service.store, caller.identity, row, paths[row[0]]) for row in rows]})


def scope_id(store: Store, string: str) -> str:
    """Return the id of a scope that is known."""
    found = store.find_by_key("scope", string)
    return derived_id("scope", string) if found is None else str(found["id"])


def _all(store: Store, giving: Giving, picked: set[Path]) -> Iterator[Needed]:
    for one in giving.asked:
        scope = store.find_by_key("scope", one.scope)
        if scope is None and one.scope in PERSON_SCOPES:
            yield Needed((scope_id(store, one.scope),), one.scope, giving.client, giving.offline)
        elif scope is not None:
            refresh = giving.offline and scope["allows_refresh_token"]
            root = Needed((scope["id"],), one.scope, giving.client, refresh, one.revocable)
            yield root
            yield from _below(store, root, scope, one.below, picked)


def _below(
    store: Store, parent: Needed, scope: Document, asked: tuple[Asked, ...], picked: set[Path]
) -> Iterator[Needed]:
    """Go down the dependent scopes: those that are needed or named in brackets, and optional ones as an offer."""
    named = {one.scope: one for one in asked}
    for dependent in _dependents(store, scope, named):
        known = store.find("scope", dependent["scope"])
        if known is None or known["id"] in parent.path or len(parent.path) > _DEEPEST:
            continue
        name = named.get(known["scope_string"])
        refresh = known["allows_refresh_token"] and (parent.refresh or dependent["requires_refresh_token"])
        path = (*parent.path, str(known["id"]))
        optional = dependent["optional"] and name is None
        child = Needed(
            path, known["scope_string"], scope["client"], refresh, name is not None and name.revocable, optional
        )
        yield child
        if not optional or path in picked:
            yield from _below(store, child, known, () if name is None else name.below, picked)


def _dependents(store: Store, scope: Document, named: Iterable[str]) -> list[Document]:
    """Return the dependent scopes, and those of others that a request names below a scope of Globus's own."""
    found: dict[str, Document] = {one["scope"]: one for one in scope["dependent_scopes"]}
    if scope["client"] in _GLOBUS:
        for name in named:
            known = store.find_by_key("scope", name)
            if known is not None:
                dependent = {"scope": known["id"], "optional": True, "requires_refresh_token": False}
                found.setdefault(known["id"], dependent)
    return list(found.values())


def _holds(store: Store, giving: Giving, one: Needed) -> bool:
    found = store.rows(
        "SELECT allows_refresh FROM consents WHERE identity = ? AND root = ? AND scopes = ?",
        *(giving.identity, giving.client, " ".join(one.path)),
    )
    return bool(found) and bool(found[0][0] or not one.refresh)


def _row(store: Store, giving: Giving, path: Path) -> int | None:
    statement = "SELECT id FROM consents WHERE identity = ? AND root = ? AND scopes = ?"
    found = store.rows(statement, giving.identity, giving.client, " ".join(path))
    return int(found[0][0]) if found else None


def _shown(store: Store, identity: str, row: tuple[object, ...], path: list[int]) -> Document:
    identifier, client, scope, refresh, revocable, auto_approved, *times, _ = row
    known = store.find("scope", str(scope))
    created, updated, used = (timestamp(float(str(one))) for one in times)
    return {
        "id": identifier,
        "client": client,
        "scope": scope,
        "scope_name": _PLAIN.get(str(scope)) if known is None else known["scope_string"],
        "effective_identity": identity,
        "status": "approved",
        "allows_refresh": bool(refresh),
        "auto_approved": bool(auto_approved),
        "atomically_revocable": bool(revocable),
        "dependency_path": path,
        "created": created,
        "updated": updated,
        "last_used": used,
    }
