"""Requests that share a commit: undone alone, answered only when all is on the disk."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "emulator.db")) as store:
        yield store


def insert(store: Store, name: str) -> Callable[[], str]:
    def work() -> str:
        store.set_setting(name, name)
        return name

    return work


def seen(tmp_path: Path) -> set[str]:
    """Read the file as another process does: only what is committed."""
    with closing(sqlite3.connect(tmp_path / "emulator.db")) as other:
        return {row[0] for row in other.execute("SELECT name FROM meta")}


def together(store: Store, *works: Callable[[], Any]) -> list[Future[Any]]:
    """Submit while the thread is held, so that all of them share one commit."""
    holding, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        holding.set()
        let_go.wait()

    store.submit(hold)
    holding.wait()
    futures = [store.submit(work) for work in works]
    let_go.set()
    return futures


def test_file_is_written_through_at_each_commit(store: Store) -> None:
    assert store.rows("PRAGMA synchronous") == [(2,)]
    assert store.rows("PRAGMA journal_mode") == [("wal",)]


def test_one_that_fails_is_undone_alone(store: Store, tmp_path: Path) -> None:
    def half() -> None:
        store.set_setting("half", "half")
        raise KeyError("half")

    first, failed, last = together(store, insert(store, "a"), half, insert(store, "b"))
    assert (first.result(), last.result()) == ("a", "b")
    with pytest.raises(KeyError):
        failed.result()
    assert seen(tmp_path) == {"a", "b"}


def test_nothing_is_answered_before_the_commit_and_all_share_one(store: Store, tmp_path: Path) -> None:
    answered: list[tuple[bool, set[str]]] = []
    commits: list[str] = []

    def look() -> None:
        answered.append((any(one.done() for one in futures), seen(tmp_path)))

    futures: list[Future[Any]] = []
    gate = threading.Event()
    store.connection.set_trace_callback(lambda statement: commits.append(statement) if "COMMIT" in statement else None)
    futures += together(store, gate.wait, insert(store, "a"), insert(store, "b"), look)
    gate.set()
    for one in futures:
        one.result()
    assert answered == [(False, set())]
    assert len(commits) == 2  # of what held the thread, and of the four
    assert seen(tmp_path) == {"a", "b"}


def test_failed_commit_fails_all_that_share_it(store: Store, tmp_path: Path) -> None:
    def break_off() -> None:
        store.connection.execute("ROLLBACK")  # as SQLite itself does when the disk is full

    first, second = together(store, insert(store, "a"), break_off)
    for one in (first, second):
        with pytest.raises(sqlite3.Error):
            one.result()
    assert store.submit(insert(store, "b")).result() == "b"
    assert seen(tmp_path) == {"b"}


def test_what_still_waits_at_the_end_is_not_done(store: Store, tmp_path: Path) -> None:
    holding, let_go = threading.Event(), threading.Event()

    def work() -> None:
        holding.set()
        let_go.wait()
        store.set_setting("a", "a")

    under_way = store.submit(work)
    holding.wait()
    waiting = store.submit(insert(store, "b"))
    closing_thread = threading.Thread(target=store._transactions.close)
    closing_thread.start()
    while not store._transactions._closing:
        pass
    let_go.set()
    closing_thread.join()
    assert under_way.done()
    assert waiting.cancelled()
    assert seen(tmp_path) == {"a"}
    assert store.submit(insert(store, "c")).cancelled()
    store._transactions.close()
