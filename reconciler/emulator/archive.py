"""Owns the whole world as one document: written out, read back whole or not at all, and made anew.

It holds hashes of secrets and tokens, never one of them in clear; the key that signs ID tokens stays with the file.
"""

import json
import math
from typing import Any

from reconciler.emulator import entries
from reconciler.emulator.checks import is_uuid
from reconciler.emulator.entries import KINDS
from reconciler.emulator.sessions import is_session
from reconciler.emulator.store import Document, Store
from reconciler.emulator.world import populate

FORMAT = 1
_KEY = "signing_key"
_BOOTSTRAP = ("bootstrap", "bootstrap_credentials")
_OWN_SECTIONS = frozenset({"meta", "objects", "links", "members", "secrets"})
"""The tables that have sections of their own; of all others ``tables`` holds the rows."""
_SECTIONS = ("settings", "identity_providers", "identities", "groups", *KINDS, "others", "tables")


def export(store: Store) -> Document:
    """Write the world out; the same world is always the same document."""
    hashes = dict(store.rows("SELECT credential, hash FROM secrets"))
    members = store.rows("SELECT collection, identity FROM members ORDER BY identity")
    groups = [
        group | {"members": [identity for collection, identity in members if collection == group["id"]]}
        for group in store.all("group")
    ]
    kinds = {section: store.all(kind.name) for section, kind in KINDS.items()}
    kinds["credentials"] = [one | {"hash": hashes.get(one["id"])} for one in kinds["credentials"]]
    return {
        "format": FORMAT,
        "settings": dict(store.rows("SELECT name, value FROM meta WHERE name != ? ORDER BY name", _KEY)),
        "identity_providers": store.all("identity_provider"),
        "identities": store.all("identity"),
        "groups": groups,
        **kinds,
        "others": entries.others(store),
        "tables": {table: _rows(store, table) for table in _tables(store)},
    }


def replace_world(store: Store, document: object, now: float) -> None:
    """Put a world in the place of what there is, within a transaction; what it leaves out is empty.

    Raises:
        ValueError: What is wrong with the document, and where.
    """
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f"format: expected an object of format {FORMAT}")
    strange = sorted(set(document) - {"format", *_SECTIONS})
    if strange:
        raise ValueError(f"{strange[0]}: there is no such section")
    settings = _settings(document.get("settings"))
    read = entries.read(document)
    tables = document.get("tables", {})
    if not isinstance(tables, dict) or not set(tables) <= set(_tables(store)):
        raise ValueError(f"tables: expected an object with some of {', '.join(_tables(store))}")
    _wipe(store)
    for name, value in settings.items():
        store.set_setting(name, value)
    entries.keep(store, read)
    for table, rows in tables.items():
        _insert(store, table, rows)
    populate(store, now)


def reset(store: Store, now: float) -> None:
    """Make a new world, within a transaction; only Bootstrap stays as it is, since processes hold its secrets."""
    kept = {name: value for name in _BOOTSTRAP if (value := store.setting(name)) is not None}
    client = store.setting("bootstrap") or ""
    credentials = store.children("credential", [client])
    hashes = store.rows("SELECT credential, client, hash FROM secrets WHERE client = ?", client)
    _wipe(store)
    for name, value in kept.items():
        store.set_setting(name, value)
    populate(store, now)
    for credential in credentials:
        store.insert("credential", credential, parent=client)
    for row in hashes:
        store.rows("INSERT INTO secrets VALUES (?, ?, ?)", *row)


def _settings(stated: object) -> dict[str, str]:
    settings = stated if isinstance(stated, dict) else {}
    if not all(isinstance(value, str) for value in settings.values()) or "world" not in settings or _KEY in settings:
        raise ValueError("settings: expected an object of texts with the id of the world")
    for name in ("world", "bootstrap"):
        if name in settings and not is_uuid(settings[name]):
            raise ValueError(f"settings.{name}: expected a UUID")
    try:
        issued = json.loads(settings.get("bootstrap_credentials", "[]"))
        wrong = not all(isinstance(one, str) and isinstance(when, int | float) for one, when in issued)
    except (ValueError, TypeError):
        wrong = True
    if wrong:
        raise ValueError("settings.bootstrap_credentials: expected ids and times, as JSON")
    return settings


def _wipe(store: Store) -> None:
    for table in (*_OWN_SECTIONS - {"meta"}, *_tables(store)):
        store.rows(f"DELETE FROM {table}")  # noqa: S608 - names from the schema
    store.rows("DELETE FROM meta WHERE name != ?", _KEY)


def _tables(store: Store) -> list[str]:
    statement = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    return [row[0] for row in store.rows(statement) if row[0] not in _OWN_SECTIONS]


def _columns(store: Store, table: str) -> dict[str, str]:
    return {row[1]: row[2] for row in store.rows(f"PRAGMA table_info({table})")}


def _rows(store: Store, table: str) -> list[Document]:
    columns = list(_columns(store, table))
    rows = store.rows(f"SELECT {', '.join(columns)} FROM {table} ORDER BY 1, 2")  # noqa: S608 - names from the schema
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _insert(store: Store, table: str, rows: object) -> None:
    columns = _columns(store, table)
    for place, row in entries.each(f"tables.{table}", rows):
        if set(row) != set(columns):
            raise ValueError(f"{place}: expected {', '.join(columns)}")
        for name, kind in columns.items():
            if row[name] is not None and not _fits(row[name], kind):
                raise ValueError(f"{place}.{name}: expected {kind.lower()}")
            if name == "session" and row[name] is not None and not is_session(row[name]):
                raise ValueError(f"{place}.{name}: expected a session, as an export has it")
        marks = ", ".join("?" * len(columns))
        with entries.placed(place):
            store.rows(f"INSERT INTO {table} VALUES ({marks})", *(row[name] for name in columns))  # noqa: S608 - likewise


def _fits(value: Any, kind: str) -> bool:  # noqa: ANN401 - JSON is anything
    match kind:
        case "TEXT":
            return isinstance(value, str)
        case "INTEGER":
            return isinstance(value, int)
        case _:
            return isinstance(value, int | float) and math.isfinite(value)
