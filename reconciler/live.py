"""Reads what is there: the lists of every kind at once, and one by one what a list should have shown but did not."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from reconciler.errors import CallFailed
from reconciler.kinds import KINDS
from reconciler.model import Live, Snapshot
from reconciler.remote import Reader, permitted

Expected = Mapping[str, Iterable[str]]
"""Ids by kind that must be there unless the service says that they are gone."""


def read(reader: Reader, *, caller: str, expected: Expected, parallelism: int) -> Snapshot:
    """Read every kind that has a list of its own.

    A list that fails poisons its kind. An expected object that is not in its list is asked for by id: only a 404 is
    absence, any other failure poisons the kind.
    """
    kinds = [name for name, kind in KINDS.items() if not kind.listed_by_owner]
    objects: dict[str, dict[str, Live]] = {}
    poisoned: dict[str, str] = {}
    with ThreadPoolExecutor(parallelism) as pool:
        lists = {kind: pool.submit(reader.listed, kind) for kind in kinds}
        failures = []
        for kind, listed in lists.items():
            try:
                objects[kind] = {live.id: live for live in listed.result()}
            except CallFailed as error:
                _raise_if_hopeless(error)
                failures.append(error)
                objects[kind] = {}
                poisoned[kind] = str(error)
        if len(failures) == len(kinds):
            with permitted():
                raise failures[0]
        missing = [
            (kind, identifier)
            for kind in kinds
            for identifier in sorted(set(expected.get(kind, ())))
            if identifier not in objects[kind]
        ]
        singles = {(kind, identifier): pool.submit(reader.one, kind, identifier) for kind, identifier in missing}
        for (kind, identifier), single in singles.items():
            try:
                live = single.result()
            except CallFailed as error:
                _raise_if_hopeless(error)
                poisoned.setdefault(kind, str(error))
                continue
            if live:
                objects[kind][identifier] = live
    return Snapshot(objects, caller, poisoned)


def read_owned(
    reader: Reader, snapshot: Snapshot, *, owners: Mapping[str, Iterable[str]], parallelism: int
) -> Snapshot:
    """Read the kinds that only their owners list, of the given owners; a failed one poisons the kind."""
    objects = {kind: dict(each) for kind, each in snapshot.objects.items()}
    poisoned = dict(snapshot.poisoned)
    with ThreadPoolExecutor(parallelism) as pool:
        for kind, ids in owners.items():
            rows = {identifier: pool.submit(reader.listed, kind, identifier) for identifier in sorted(set(ids))}
            objects[kind] = {}
            for listed in rows.values():
                try:
                    objects[kind] |= {live.id: live for live in listed.result()}
                except CallFailed as error:
                    _raise_if_hopeless(error)
                    poisoned.setdefault(kind, str(error))
    return replace(snapshot, objects=objects, poisoned=poisoned)


def _raise_if_hopeless(error: CallFailed) -> None:
    """Go on after a failure only where the rest of the picture is still worth having."""
    if error.status == 401:
        raise error
