"""What may be wrong with the files of a root (C9 to C14): each ends in its exit code, before any call that writes."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.exits import Exit, of_error
from reconciler.errors import CannotWrite, StaleBindings
from reconciler.lock import hold
from reconciler.model import digest

PROJECT = "projects: {p: {display_name: P, contact_email: p@example.org, admin_ids: [rosalind@globusid.org]}}\n"
MORE = PROJECT.replace("}}\n", ", policies: {a: {display_name: A, description: A}}}}\n")


def changed(**said: object) -> Callable[[Path], None]:
    """Make a file whose checksum is right, and which says something else."""

    def change(file: Path) -> None:
        document = json.loads(file.read_text()) | said
        document.pop("checksum")
        file.write_text(json.dumps({**document, "checksum": digest(document)}))

    return change


def filled(content: bytes) -> Callable[[Path], None]:
    return lambda file: void(file.write_bytes(content))


def void(_: object) -> None:
    """Return nothing."""


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-40])


def huge(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.truncate(100 * 2**20)


def by_hand(file: Path) -> None:
    text = file.read_text()
    file.write_text(text.replace('"serial": 1', '"serial": 2'))


def linked(file: Path) -> None:
    file.rename(file.with_name("real"))
    file.symlink_to(file.with_name("real"))


def doubled(file: Path) -> None:
    file.with_name("second").hardlink_to(file)


def piped(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def open_to_all(file: Path) -> None:
    file.chmod(0o666)


def of_somebody(file: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(file, 12345, 12345)


def parent_open_to_all(file: Path) -> None:
    file.parent.chmod(0o777)


NO_FILE = [linked, doubled, piped, folder, open_to_all, of_somebody, parent_open_to_all]


def refused(runs: Any, told: str) -> Exit:
    """Plan what would be a create; nothing may be sent that writes."""
    runs.write(MORE)
    runs.forget_calls()
    with pytest.raises((StaleBindings, CannotWrite), match=told) as caught:
        runs.apply()
    assert all(call.startswith("GET ") for call in runs.calls()), runs.calls()
    return of_error(caught.value)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (filled(b""), "damaged"),
        (filled(b"\x00\xff\xfe\x00" * 1000), "damaged"),
        (filled(b'{"format": 1}'), "damaged"),
        (filled(b"<<<<<<< ours\n{}\n=======\n{}\n>>>>>>> theirs\n"), "damaged"),
        (cut, "damaged"),
        (huge, "is larger than"),
        (by_hand, "altered by hand"),
        (changed(format=2), "has format 2; this version of the program knows up to 1"),
        (changed(serial=0), "is older"),
        (changed(lineage="another"), "another history"),
        (changed(base_url="https://auth.globus.org"), "belongs to https://auth.globus.org"),
        (changed(environment="prod"), "belongs to the environment prod"),
        *((each, "bindings.json: ") for each in NO_FILE),
    ],
)
def test_bindings_that_are_not_to_be_trusted_are_12_and_stay(
    runs: Any, spoil: Callable[[Path], None], told: str
) -> None:
    runs.write(PROJECT)
    runs.settle()
    spoil(runs.site.bindings)
    before = runs.site.bindings.lstat()
    assert refused(runs, told) is Exit.STALE
    after = runs.site.bindings.lstat()
    assert (after.st_ino, after.st_size, after.st_mtime_ns) == (before.st_ino, before.st_size, before.st_mtime_ns)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (filled(b"\x00\xff\n"), "damaged"),
        (filled(b'{"line":"run","format":2}\n'), "newer version"),
        (filled(b'{"line":"checkpoint","open":[{}]}\n'), "damaged"),
        (huge, "is larger than"),
        *((each, "journal.jsonl: ") for each in NO_FILE),
    ],
)
def test_journals_that_are_not_to_be_trusted_are_12_and_stay(
    runs: Any, spoil: Callable[[Path], None], told: str
) -> None:
    runs.write(PROJECT)
    runs.site = replace(runs.site, folder=runs.folder / ".reconciler")
    runs.settle()
    if spoil is huge:
        runs.site.journal.write_bytes(b'{"line":"later"}\n' * (2 * 2**20))
    else:
        spoil(runs.site.journal)
    before = runs.site.journal.lstat()
    assert refused(runs, told) is Exit.STALE
    assert runs.site.journal.lstat().st_ino == before.st_ino
    assert runs.site.journal.lstat().st_size == before.st_size


@pytest.mark.parametrize("spoil", [*NO_FILE])
def test_locks_that_are_none_are_1(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    file = tmp_path / "state" / "lock"
    file.parent.mkdir()
    file.write_text("")
    spoil(file)
    with pytest.raises(CannotWrite) as caught, hold(file):
        pass
    assert of_error(caught.value) is Exit.ERROR


def test_torn_journal_and_lost_files_are_no_reason_to_stop(runs: Any) -> None:
    runs.write(PROJECT)
    runs.settle()
    with runs.site.journal.open("ab") as file:
        file.write(b'{"line":"intent","intent":"torn')
    runs.write(MORE)
    runs.settle()
    runs.site.journal.unlink()
    runs.settle()
    runs.site.bindings.unlink()
    runs.settle()
    assert len(runs.call("GET", "/v2/api/policies")["policies"]) == 1
