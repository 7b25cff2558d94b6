"""What a run knows of each object, and since when: nothing is written on an observation that is too old.

An object is expected to be as the plan saw it, or as this run has written it since.
"""

import threading
from collections.abc import Callable, Iterable, Mapping

from reconciler.errors import CallFailed
from reconciler.kinds import KINDS, differing
from reconciler.model import Live
from reconciler.remote import Reader

FRESH_FOR = 30.0
"""How old an observation may be, in seconds."""

_Key = tuple[str, str]


class Observed:
    """All objects that were observed, each with its time by `clock`. Safe to use from many threads."""

    def __init__(
        self, reader: Reader, objects: Mapping[str, Mapping[str, Live]], at: float, clock: Callable[[], float]
    ) -> None:
        self._reader = reader
        self._clock = clock
        self._expected: dict[_Key, Live] = {
            (kind, identifier): live for kind, each in objects.items() for identifier, live in each.items()
        }
        self._latest: dict[_Key, tuple[Live | None, float]] = {key: (live, at) for key, live in self._expected.items()}
        self._lists = dict.fromkeys(objects, at)
        self._deleted: set[str] = set()
        self._lock = threading.Lock()

    def wrote(self, live: Live) -> None:
        """Take note of an object as this run has just made or changed it."""
        with self._lock:
            key = (live.kind, live.id)
            self._expected[key] = live
            self._latest[key] = (live, self._clock())

    def ended(self, kind: str, identifier: str) -> None:
        """Take note of an object that this run has just deleted."""
        with self._lock:
            self._deleted.add(identifier)
            self._expected.pop((kind, identifier), None)
            self._latest[kind, identifier] = (None, self._clock())

    def look(self, kind: str, identifier: str, parent: str | None) -> Live | None:
        """Give an object as it was at most 30 seconds ago, asking for it again where that is longer ago."""
        with self._lock:
            live, at = self._latest.get((kind, identifier), (None, None))
        fresh = at is not None and self._clock() - at < FRESH_FOR
        return live if fresh else self._read(kind, identifier, parent)

    def changed(self, live: Live, names: Iterable[str]) -> set[str]:
        """Name the fields of an object that somebody else has changed; what this run deleted counts for nothing."""
        with self._lock:
            expected, deleted = self._expected.get((live.kind, live.id)), frozenset(self._deleted)
        if expected is None:
            return set()
        kind = KINDS[live.kind]
        known = {**expected.fields, **({kind.owner_field: expected.parent} if kind.owner_field else {})}
        return differing(kind, live, {name: known[name] for name in names if name in known}, deleted)

    def appeared(self, kind: str) -> tuple[set[str], list[Live]]:
        """List the ids of a kind as they were at most 30 seconds ago, and what of it nobody here has made or seen."""
        with self._lock:
            expected = {identifier for each, identifier in self._expected if each == kind}
            at = self._lists.get(kind)
        now = self._clock()
        if at is not None and now - at < FRESH_FOR:
            return expected, []
        there = self._reader.listed(kind)
        with self._lock:
            self._lists[kind] = now
            self._latest |= {(kind, live.id): (live, now) for live in there}
            expected |= {identifier for each, identifier in self._expected if each == kind}
        return {live.id for live in there}, [live for live in there if live.id not in expected]

    def strange(self, kind: str, there: Iterable[Live]) -> list[Live]:
        """Pick what nobody here has made or seen before."""
        with self._lock:
            known = {identifier for each, identifier in self._expected if each == kind} | self._deleted
        return [live for live in there if live.id not in known]

    def _read(self, kind: str, identifier: str, parent: str | None) -> Live | None:
        if not KINDS[kind].listed_by_owner:
            return self._reader.one(kind, identifier)
        try:
            rows = self._reader.listed(kind, parent or "")
        except CallFailed as error:
            if error.status != 404:
                raise
            return None
        return next((live for live in rows if live.id == identifier), None)
