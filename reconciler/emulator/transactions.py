"""Owns the one thread that uses the file once the server runs, and the transactions that requests share.

Requests that wait together share one commit and so one write to the disk, but each is a savepoint of its own: it is
undone alone, and its answer is known only when all is on the disk.
"""

import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

_AT_ONCE = 64
"""How many requests share one commit at most, so that none waits long for those behind it."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    work: Callable[[], Any]
    future: Future[Any]


class Transactions:
    """The thread, and what waits for it."""

    def __init__(self, connection: sqlite3.Connection, check: Callable[[], None]) -> None:
        self._connection = connection
        self._check = check
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="emulator-store", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Let the thread do something as a transaction, after all that was submitted before."""
        future: Future[T] = Future()
        self._waiting.put(_Waiting(work, future))
        if self._closing:
            future.cancel()
        return future

    def close(self) -> None:
        """Wait for what is under way; what still waits is not done."""
        self._closing = True
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            group = self._next_group()
            if self._closing:
                for one in group:
                    one.future.cancel()
                return
            self._commit([one for one in group if one.future.set_running_or_notify_cancel()])

    def _next_group(self) -> list[_Waiting]:
        """Return what waits, at least one; at the end, all that is left."""
        first = self._waiting.get()
        group = [] if first is None else [first]
        while (len(group) < _AT_ONCE or self._closing) and not self._waiting.empty():
            one = self._waiting.get()
            group += [] if one is None else [one]
        return group

    def _commit(self, group: list[_Waiting]) -> None:
        outcomes: list[Callable[[], None]] = []
        try:
            self._check()
            self._connection.execute("BEGIN IMMEDIATE")
            outcomes += [self._attempt(one) for one in group]
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            for one in group:
                one.future.set_exception(error)
            return
        for settle in outcomes:
            settle()

    def _attempt(self, one: _Waiting) -> Callable[[], None]:
        """Do one piece of work and return what tells its outcome.

        Raises:
            sqlite3.Error: SQLite has undone the transaction, and with it what others have done in it.
        """
        self._connection.execute("SAVEPOINT request")
        try:
            result = one.work()
        except Exception as error:  # noqa: BLE001 - whoever waits for the outcome gets it
            refusal = error
            self._connection.execute("ROLLBACK TO request")
            self._connection.execute("RELEASE request")
            return lambda: one.future.set_exception(refusal)
        self._connection.execute("RELEASE request")
        return lambda: one.future.set_result(result)
