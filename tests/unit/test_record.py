import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reconciler import record
from reconciler.errors import CannotRead
from reconciler.journal import Journal, path_of
from reconciler.kinds import parse
from reconciler.model import Binding, Operation, Run, Verb
from reconciler.render import record as rendered

WEB, READ, API = parse("client/p/web"), parse("scope/p/web/read"), parse("client/p/api")


def runs(folder: Path, limit: int | None = None, address: str | None = None) -> list[Run]:
    return list(record.runs(folder, None, limit=limit, address=parse(address) if address else None))


def one_run(folder: Path, number: int, **said: Any) -> None:
    with Journal.open(folder, environment=None, run={"caller": "c-id", "plan": "d" * 64, "serial": number}) as journal:
        intent = journal.intend(Operation("create client/p/web", Verb.CREATE, WEB))
        journal.outcome(intent, "done", address=WEB, binding=Binding(f"w{number}"))
        intent = journal.intend(Operation("update client/p/api", Verb.UPDATE, API, id="a1"))
        journal.outcome(intent, "not done", error="update client a1: no (409)")
        journal.checkpoint(done=1, failed=1, not_begun=2, **said)


def test_runs_tell_who_did_what_and_what_came_of_it(tmp_path: Path) -> None:
    one_run(tmp_path, 1, bound={"client/p/web": "w1", "scope/p/web/read": "s1"}, forgotten={"client/p/old": "o1"})
    (run,) = runs(tmp_path)
    assert (run.command, run.caller, run.plan, run.serial, run.not_begun) == ("apply", "c-id", "d" * 64, 1, 2)
    assert "@" in run.who
    assert [(step.verb, step.address, step.id, step.outcome, step.error) for step in run.steps] == [
        ("create", "client/p/web", "w1", "done", None),
        ("update", "client/p/api", "a1", "not done", "update client a1: no (409)"),
        ("bind", "scope/p/web/read", "s1", "done", None),
        ("forget", "client/p/old", "o1", "done", None),
    ]


def test_runs_of_journals_without_the_newer_words_are_read(tmp_path: Path) -> None:
    with Journal.open(tmp_path, environment=None, run={}) as journal:
        intent = journal.intend(Operation("delete", Verb.DELETE, WEB, id="w1"))
        journal.outcome(intent, "done", address=WEB, binding=None)
        journal.checkpoint()
    (run,) = runs(tmp_path)
    assert [(step.verb, step.id, step.outcome) for step in run.steps] == [("delete", "w1", "done")]
    assert "deleted client/p/web w1" in rendered.text(run)


def test_run_that_was_killed_did_not_end(tmp_path: Path) -> None:
    with Journal.open(tmp_path, environment=None, run={}) as journal:
        journal.intend(Operation("create", Verb.CREATE, WEB))
    with path_of(tmp_path, None).open("ab") as file:
        file.write(b'{"line":"run","when":"torn')
    (run,) = runs(tmp_path)
    text = rendered.text(run)
    assert run.ended is None
    assert "create client/p/web: its outcome was not recorded" in text
    assert text.endswith("did not end: killed, or still under way")


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_limit_gives_the_newest_and_the_newest_last(tmp_path: Path, count: int) -> None:
    for number in range(5):
        one_run(tmp_path, number)
    assert [run.serial for run in runs(tmp_path, limit=count)] == list(range(5))[-count:]
    assert [run.serial for run in runs(tmp_path)] == list(range(5))


def test_address_gives_what_concerns_it_and_all_below(tmp_path: Path) -> None:
    one_run(tmp_path, 1, bound={"scope/p/web/read": "s1"})
    with Journal.open(tmp_path, environment=None, run={"serial": 2}) as journal:
        journal.checkpoint(bound={"client/p/api": "a1"})
    assert [[step.address for step in run.steps] for run in runs(tmp_path, address="client/p/web")] == [
        ["client/p/web", "scope/p/web/read"]
    ]
    assert [run.serial for run in runs(tmp_path, limit=1, address="scope/p/web/read")] == [1]
    assert runs(tmp_path, address="client/p/none") == []


def test_no_journal_is_no_run(tmp_path: Path) -> None:
    assert runs(tmp_path / "none") == []


def test_environments_have_records_of_their_own(tmp_path: Path) -> None:
    with Journal.open(tmp_path, environment="prod", run={}) as journal:
        journal.checkpoint()
    assert runs(tmp_path) == []
    assert len(list(record.runs(tmp_path, "prod", limit=None))) == 1


@pytest.mark.parametrize(
    "damage", [b"\x00\xff\xfe", b"[]", b"1", b"{}", b'{"line":"outcome"}', b'{"line":"later"}', b"[" * 200_000, b""]
)
def test_damaged_lines_are_counted_and_the_rest_is_shown(tmp_path: Path, damage: bytes) -> None:
    one_run(tmp_path, 1)
    with path_of(tmp_path, None).open("ab") as file:
        file.write(damage + b"\n")
    one_run(tmp_path, 2)
    first, second = runs(tmp_path)
    assert (first.damaged, second.damaged) == (1, 0)
    assert "1 line(s) cannot be read" in rendered.text(first)


@pytest.mark.parametrize("content", [b"", b"\n", b"\n\n\n", b"no newline", b"\x00" * 70_000, b"rubbish\n" * 10_000])
def test_rubbish_is_no_crash(tmp_path: Path, content: bytes) -> None:
    path_of(tmp_path, None).write_bytes(content)
    found = runs(tmp_path)
    assert sum(run.damaged for run in found) == content.count(b"\n")
    assert [rendered.text(run)[:11] for run in found] == ["Of no run: "] * len(found)


@pytest.mark.parametrize("size", [*range(2**16 - 24, 2**16 + 8), 2**17 - 5])
def test_block_borders_lose_no_run(tmp_path: Path, size: int) -> None:
    line = '{"line":"run","when":"w","format":1,"run":"r","who":"u@h","serial":%d,"pad":"%s"}\n'
    last = line % (3, "x" * (size - len(line % (3, ""))))
    assert len(last) == size
    path_of(tmp_path, None).write_text(line % (1, "") + line % (2, "") + last)
    assert [run.serial for run in runs(tmp_path)] == [1, 2, 3]


def test_links_and_pipes_are_no_journal(tmp_path: Path) -> None:
    file = path_of(tmp_path, None)
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CannotRead, match="symbolic link"):
        runs(tmp_path)
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(CannotRead, match="not a regular file"):
        runs(tmp_path)


HUGE = """
import resource
import sys
from pathlib import Path
from reconciler import record
resource.setrlimit(resource.RLIMIT_AS, (200 * 2**20, 200 * 2**20))
print([run.serial for run in record.runs(Path(sys.argv[1]), None, limit=int(sys.argv[2]))])
"""


def test_journal_of_100_mb_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    block = "".join(
        json.dumps({"line": "intent", "when": "w", "intent": "i", "verb": "update", "address": "client/p/web"}) + "\n"
        for _ in range(5000)
    )
    with path_of(tmp_path, None).open("w") as file:
        for number in range(240):
            head = {"line": "run", "when": "w", "format": 1, "run": "r", "who": "u@h", "serial": number}
            file.write(json.dumps(head, separators=(",", ":")) + "\n" + block)
        size = file.tell()
    assert size > 100 * 2**20

    command = [sys.executable, "-c", HUGE, str(tmp_path), "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "[238, 239]\n", done.stderr


def test_text_is_safe_for_terminals_and_json_is_one_line(tmp_path: Path) -> None:
    with Journal.open(tmp_path, environment=None, run={"caller": "c", "caller_name": "\x1b[2Jeve\n"}) as journal:
        intent = journal.intend(Operation("delete", Verb.DELETE, WEB, id="w1"))
        journal.outcome(intent, "not done", error="::set-output\x1b]8;;\x07\u202e")
    (run,) = runs(tmp_path)
    text = rendered.text(run)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\u{1b}[2Jeve\\u{a}" in text
    assert len(text.splitlines()) == 3
    assert json.loads(rendered.json_line(run))["caller_name"] == "\x1b[2Jeve\n"
    assert "\n" not in rendered.json_line(run)
