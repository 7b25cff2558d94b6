"""Owns the SQLite file: documents, the links between them, and nothing about what they mean.

What a request has written is on the disk before its answer is sent (WAL, synchronous=FULL), all of it or nothing.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from reconciler.emulator.errors import CannotServe
from reconciler.emulator.transactions import Transactions

Document = dict[str, Any]
T = TypeVar("T")

_BUSY_SECONDS = 5
"""How long to wait for another process that holds the file."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL, parent TEXT, key TEXT, document TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS objects_by_key ON objects (kind, key);
CREATE UNIQUE INDEX IF NOT EXISTS objects_by_id ON objects (kind, id);
CREATE INDEX IF NOT EXISTS objects_by_parent ON objects (parent, kind);
CREATE TABLE IF NOT EXISTS links (
    source TEXT NOT NULL, target TEXT NOT NULL, PRIMARY KEY (source, target)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS links_by_target ON links (target);
CREATE TABLE IF NOT EXISTS members (
    identity TEXT NOT NULL, collection TEXT NOT NULL, PRIMARY KEY (identity, collection)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS secrets (
    credential TEXT PRIMARY KEY, client TEXT NOT NULL, hash TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS secrets_by_client ON secrets (client);
CREATE TABLE IF NOT EXISTS tokens (
    hash TEXT PRIMARY KEY, identity TEXT NOT NULL, client TEXT NOT NULL, scope TEXT NOT NULL,
    issued REAL NOT NULL, expires REAL NOT NULL, authenticated REAL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tokens_by_client ON tokens (client);
CREATE TABLE IF NOT EXISTS refresh_tokens (
    hash TEXT PRIMARY KEY, identity TEXT NOT NULL, client TEXT NOT NULL, scope TEXT NOT NULL, authenticated REAL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS codes (
    hash TEXT PRIMARY KEY, identity TEXT NOT NULL, client TEXT NOT NULL, scope TEXT NOT NULL, authenticated REAL,
    redirect_uri TEXT NOT NULL, challenge TEXT, nonce TEXT, offline INTEGER NOT NULL, expires REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sessions (
    hash TEXT PRIMARY KEY, session TEXT NOT NULL, expires REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS accounts (identity TEXT PRIMARY KEY, account TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS accounts_by_account ON accounts (account);
CREATE TABLE IF NOT EXISTS consents (
    id INTEGER PRIMARY KEY AUTOINCREMENT, identity TEXT NOT NULL, root TEXT NOT NULL, scopes TEXT NOT NULL,
    parent INTEGER, client TEXT NOT NULL, scope TEXT NOT NULL, allows_refresh INTEGER NOT NULL,
    revocable INTEGER NOT NULL, auto_approved INTEGER NOT NULL, created REAL NOT NULL, updated REAL NOT NULL,
    last_used REAL NOT NULL, UNIQUE (identity, root, scopes)
);
CREATE INDEX IF NOT EXISTS consents_by_parent ON consents (parent);
CREATE TRIGGER IF NOT EXISTS consents_to_deleted AFTER DELETE ON objects WHEN OLD.kind IN ('client', 'scope') BEGIN
    DELETE FROM consents WHERE root = OLD.id OR client = OLD.id OR instr(scopes, OLD.id); END;
"""
_ADDED_COLUMNS = (
    ("tokens", "session"),
    ("tokens", "refresh"),
    ("refresh_tokens", "session"),
    ("codes", "session"),
    ("codes", "state"),
)
"""What tables have gained: files of older versions lack these columns, and hold null in them from then on."""


class Store:
    """One connection to the file and the one thread that uses it once the server runs.

    So a request never meets half of another, and waiting for the file keeps nobody from stopping the server.
    Without a file all is in memory, and ends with the store.
    """

    def __init__(self, path: Path | None) -> None:
        with usable(path):
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                if not path.exists():
                    path.touch(mode=0o600)  # it holds the key that signs ID tokens
            if path is not None and path.is_file():
                # Of a file that cannot be written, SQLite would leave a companion that cannot be written for ever.
                path.open("r+b").close()
            self.connection = sqlite3.connect(
                path or ":memory:", timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        self._path, self._inode = path, _inode(path)
        self._transactions = Transactions(self.connection, self._require_file)
        try:
            with usable(path):
                self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        tables = {row[0] for row in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and not {"meta", "objects"} <= tables:
            raise sqlite3.DatabaseError("it holds the tables of another program")
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=FULL")
        with self.transaction():
            self._create_tables()

    def _require_file(self) -> None:
        """Refuse to go on with a file that nobody will find again.

        Raises:
            sqlite3.OperationalError: The file was removed, or another one put in its place.
        """
        if _inode(self._path) != self._inode:
            raise sqlite3.OperationalError("it was removed or replaced since the start")

    def _create_tables(self) -> None:
        """Create what is missing of the tables and their columns."""
        for statement in _SCHEMA.split(";\n"):
            self.connection.execute(statement)
        for table, column in _ADDED_COLUMNS:
            if not self.rows("SELECT 1 FROM pragma_table_info(?) WHERE name = ?", table, column):
                self.connection.execute(f"ALTER TABLE {table} ADD COLUMN {column} TEXT")

    def close(self) -> None:
        """Close the file when what is under way has ended; what still waits is not done."""
        self._transactions.close()
        self.connection.close()

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Let the thread do something as a transaction; its outcome is known when it is on the disk."""
        return self._transactions.submit(work)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make the body one transaction: committed when it ends, undone when it raises."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.connection.execute("COMMIT")
        finally:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")

    def transact(self, work: Callable[[], T]) -> T:
        """Do something as one transaction."""
        with self.transaction():
            return work()

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""
        return self.connection.execute(statement, values).fetchall()

    def setting(self, name: str) -> str | None:
        """Return a setting of the world."""
        found = self.rows("SELECT value FROM meta WHERE name = ?", name)
        return str(found[0][0]) if found else None

    def set_setting(self, name: str, value: str) -> None:
        """Keep a setting of the world."""
        self.rows("INSERT OR REPLACE INTO meta VALUES (?, ?)", name, value)

    def find(self, kind: str, identifier: str) -> Document | None:
        """Return one document by its id."""
        found = self.rows("SELECT document FROM objects WHERE kind = ? AND id = ?", kind, identifier)
        return _parse(found[0][0]) if found else None

    def find_by_key(self, kind: str, key: str) -> Document | None:
        """Return one document by what is unique in its kind besides the id."""
        found = self.rows("SELECT document FROM objects WHERE kind = ? AND key = ?", kind, key)
        return _parse(found[0][0]) if found else None

    def all(self, kind: str) -> list[Document]:
        """Return all documents of a kind, oldest first."""
        return [_parse(row[0]) for row in self.rows("SELECT document FROM objects WHERE kind = ? ORDER BY seq", kind)]

    def children(self, kind: str, parents: Iterable[str]) -> list[Document]:
        """Return the documents of a kind below some parents, oldest first."""
        found: list[tuple[int, str]] = []
        for parent in parents:
            found += self.rows("SELECT seq, document FROM objects WHERE parent = ? AND kind = ?", parent, kind)
        return [_parse(document) for _, document in sorted(found)]

    def child_ids(self, kind: str, parent: str) -> list[str]:
        """Return the ids of the documents of a kind below a parent, oldest first."""
        statement = "SELECT id FROM objects WHERE parent = ? AND kind = ? ORDER BY seq"
        return [row[0] for row in self.rows(statement, parent, kind)]

    def insert(self, kind: str, document: Document, *, parent: str | None = None, key: str | None = None) -> None:
        """Add a document under its id."""
        self.rows(
            "INSERT INTO objects (id, kind, parent, key, document) VALUES (?, ?, ?, ?, ?)",
            *(document["id"], kind, parent, key, json.dumps(document)),
        )

    def update(self, kind: str, document: Document, *, parent: str | None = None, key: str | None = None) -> None:
        """Replace a document by its id."""
        self.rows(
            "UPDATE objects SET parent = ?, key = ?, document = ? WHERE kind = ? AND id = ?",
            *(parent, key, json.dumps(document), kind, document["id"]),
        )

    def delete(self, kind: str, identifier: str) -> None:
        """Remove a document and the links from it."""
        self.rows("DELETE FROM objects WHERE kind = ? AND id = ?", kind, identifier)
        self.link(identifier, ())

    def link(self, source: str, targets: Iterable[str]) -> None:
        """Replace the links from a document."""
        self.rows("DELETE FROM links WHERE source = ?", source)
        for target in targets:
            self.rows("INSERT OR IGNORE INTO links VALUES (?, ?)", source, target)

    def sources(self, target: str) -> list[str]:
        """Return the ids of the documents that link to something."""
        return [row[0] for row in self.rows("SELECT source FROM links WHERE target = ?", target)]


@contextmanager
def usable(path: Path | None) -> Iterator[None]:
    """Say of the file what is wrong with it.

    Raises:
        CannotServe: The body could not use the file.
    """
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise CannotServe(f"{path or 'memory'} cannot be the emulator's database: {why}") from error


def _inode(path: Path | None) -> int | None:
    """Return what tells a file from another one at its place; None where there is none."""
    return path.stat().st_ino if path is not None and path.exists() else None


def _parse(document: str) -> Document:
    parsed: Document = json.loads(document)
    return parsed
