import json
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import CannotWrite, InvalidSettings, StaleBindings
from reconciler.journal import Journal, Left, path_of, replay
from reconciler.model import Address, Binding, Operation, Ref, Secret, Verb, Want, digest

WEB = Address("client", ("genomics", "web"))
API = Address("client", ("genomics", "api"))
CREATE = Operation("create client/genomics/web", Verb.CREATE, WEB, parent="p1", fields={"name": "Web", "links": None})
BOUND = Binding("c1", {"name": "0a"}, prevent_destroy=True, attributes={"username": "u"}, sink="5a")

KILLED = """
import os, signal, sys
from pathlib import Path
from reconciler.journal import Journal
from reconciler.model import Address, Binding, Operation, Verb
folder, call, step, seen = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), 0
original = getattr(os, call)
def deadly(*args, **named):
    global seen
    seen += 1
    if seen == step:
        if call == "write":
            original(args[0], bytes(args[1])[:-9])
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*args, **named)
web = Address("client", ("genomics", "web"))
with Journal.open(folder, environment=None, run={}) as journal:
    setattr(os, call, deadly)
    intent = journal.intend(Operation("create", Verb.CREATE, web), mark="m1")
    print(intent, flush=True)
    journal.outcome(intent, "done", address=web, binding=Binding("c1"))
    print("done", flush=True)
    journal.checkpoint()
    print("settled", flush=True)
"""


def marks(left: Left) -> tuple[str, ...]:
    return tuple(str(each.facts["mark"]) for each in left.open if "mark" in each.facts)


def opened(folder: Path, **run: str) -> Any:
    return Journal.open(folder, environment=None, run=run)


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path_of(folder, None).read_text().splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ".reconciler"


def test_path_of_names_the_environment(tmp_path: Path) -> None:
    assert path_of(tmp_path, None) == tmp_path / "journal.jsonl"
    assert path_of(tmp_path, "prod") == tmp_path / "journal.prod.jsonl"
    with pytest.raises(InvalidSettings):
        path_of(tmp_path, "../prod")


def test_open_makes_a_folder_that_ignores_itself_and_a_private_file(folder: Path) -> None:
    before = os.umask(0)
    try:
        with opened(folder):
            pass
    finally:
        os.umask(before)
    assert (folder / ".gitignore").read_text() == "*\n"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(path_of(folder, None).stat().st_mode) == 0o600


def test_open_beside_another_file_leaves_that_folder_as_it_is(tmp_path: Path) -> None:
    with opened(tmp_path):
        pass
    assert [file.name for file in tmp_path.iterdir()] == ["journal.jsonl"]


def test_open_says_who_runs_what(folder: Path) -> None:
    for plan in ("one", "two"):
        with opened(folder, plan=plan):
            pass
    first, second = lines(folder)
    assert (first["line"], first["plan"], second["plan"]) == ("run", "one", "two")
    assert first["run"] != second["run"]
    assert "@" in first["who"]
    assert first["when"].endswith("+00:00")


def test_intend_records_what_is_about_to_be_sent_as_digests(folder: Path) -> None:
    with opened(folder) as journal:
        intent = journal.intend(CREATE, mark="1f", pre_ids=["a"])
    recorded = lines(folder)[-1]
    assert recorded == {
        "line": "intent",
        "when": recorded["when"],
        "intent": intent,
        "key": "create client/genomics/web",
        "verb": "create",
        "address": "client/genomics/web",
        "id": None,
        "parent": "p1",
        "previous": None,
        "sent": {"links": digest(None), "name": digest("Web")},
        "mark": "1f",
        "pre_ids": ["a"],
    }


def test_replay_finds_nothing_where_nothing_is(tmp_path: Path) -> None:
    assert (
        replay(tmp_path / "missing" / "journal.jsonl", target="here")
        == replay(tmp_path / "journal.jsonl", target="here")
        == Left()
    )


def test_replay_returns_bindings_that_were_not_written(folder: Path) -> None:
    with opened(folder) as journal:
        journal.outcome(journal.intend(CREATE), "done", address=WEB, binding=BOUND)
        journal.outcome(journal.intend(CREATE), "done", address=API, binding=None)
        journal.outcome(journal.intend(CREATE), "not done")
    assert replay(path_of(folder, None), target="here") == Left(bound={WEB: BOUND}, dropped=frozenset({API}))


def test_replay_lets_the_later_outcome_win(folder: Path) -> None:
    with opened(folder) as journal:
        intent = journal.intend(CREATE)
        journal.outcome(intent, "done", address=WEB, binding=BOUND)
        journal.outcome(intent, "done", address=WEB, binding=None)
        journal.outcome(intent, "done", address=API, binding=None)
        journal.outcome(intent, "done", address=API, binding=BOUND)
    left = replay(path_of(folder, None), target="here")
    assert (left.bound, left.dropped) == ({API: BOUND}, frozenset({WEB}))


def test_replay_names_what_nobody_knows_the_outcome_of(folder: Path) -> None:
    with opened(folder) as journal:
        silent = journal.intend(CREATE, mark="1f")
        unknown = journal.intend(CREATE)
        journal.outcome(unknown, "unknown")
        resolved = journal.intend(CREATE)
        journal.outcome(resolved, "unknown")
        journal.outcome(resolved, "done", address=WEB, binding=BOUND)
        journal.outcome(journal.intend(CREATE), "not done")
    left = replay(path_of(folder, None), target="here")
    assert [each.intent for each in left.open] == [silent, unknown]
    assert (left.open[0].address, left.open[0].verb, left.open[0].sent["name"]) == (WEB, "create", digest("Web"))
    assert marks(left) == ("1f",)


def test_checkpoint_settles_everything_but_what_is_open(folder: Path) -> None:
    with opened(folder) as journal:
        journal.outcome(journal.intend(CREATE), "done", address=WEB, binding=BOUND)
        lost = journal.intend(CREATE, mark="1f")
        journal.outcome(lost, "unknown")
        journal.checkpoint()
        assert replay(path_of(folder, None), target="here") == Left(
            open=replay(path_of(folder, None), target="here").open
        )
        journal.outcome(journal.intend(CREATE), "done", address=API, binding=BOUND)
    left = replay(path_of(folder, None), target="here")
    assert ([each.intent for each in left.open], marks(left)) == ([lost], ("1f",))
    assert left.bound == {API: BOUND}


def test_a_later_run_closes_what_an_earlier_one_left_open(folder: Path) -> None:
    with opened(folder) as journal:
        lost = journal.intend(CREATE)
        journal.checkpoint()
    with opened(folder) as journal:
        journal.outcome(lost, "not done")
    assert replay(path_of(folder, None), target="here") == Left()


def test_a_later_checkpoint_no_longer_carries_it(folder: Path) -> None:
    with opened(folder) as journal:
        journal.intend(CREATE)
    with opened(folder) as journal:
        assert len(replay(path_of(folder, None), target="here").open) == 1
        journal.checkpoint()
    assert replay(path_of(folder, None), target="here") == Left()


def test_a_later_checkpoint_carries_what_it_is_told_to_and_nobody_closed(folder: Path) -> None:
    with opened(folder) as journal:
        journal.intend(CREATE, mark="1f")
        closed = journal.intend(CREATE, mark="2e")
    before = replay(path_of(folder, None), target="here")
    with opened(folder) as journal:
        journal.outcome(closed, "not done")
        journal.checkpoint(unsettled=before.open)
    assert replay(path_of(folder, None), target="here").open == before.open[:1]


def test_replay_tells_which_bindings_the_last_run_saw(folder: Path) -> None:
    with opened(folder, lineage="l1") as journal:
        journal.checkpoint(lineage="l1", serial=4)
        assert (
            replay(path_of(folder, None), target="here").lineage,
            replay(path_of(folder, None), target="here").serial,
        ) == ("l1", 4)


@pytest.mark.parametrize(
    "torn", [b"{", b'{"line":"outcome","int', b"\0\0\0", b"\xff", b'{"line":"checkpoint","open":[]}']
)
def test_a_torn_last_line_does_not_count_and_is_dropped(folder: Path, torn: bytes) -> None:
    with opened(folder) as journal:
        journal.outcome(journal.intend(CREATE), "done", address=WEB, binding=BOUND)
    file = path_of(folder, None)
    whole = file.read_bytes()
    file.write_bytes(whole + torn)
    assert replay(file, target="here").bound == {WEB: BOUND}
    assert file.read_bytes() == whole + torn
    with opened(folder):
        pass
    assert file.read_bytes().startswith(whole + b'{"line":"run"')
    assert replay(file, target="here").bound == {WEB: BOUND}


def test_every_truncation_is_read_as_what_was_whole(folder: Path) -> None:
    with opened(folder) as journal:
        journal.outcome(journal.intend(CREATE), "done", address=WEB, binding=BOUND)
        journal.checkpoint()
        journal.outcome(journal.intend(CREATE), "done", address=API, binding=BOUND)
    file = path_of(folder, None)
    content = file.read_bytes()
    seen = set()
    for size in range(len(content) + 1):
        file.write_bytes(content[:size])
        left = replay(file, target="here")
        seen.add((tuple(left.bound), len(left.open)))
    assert seen == {((), 0), ((), 1), ((WEB,), 0), ((API,), 0)}


@pytest.mark.parametrize(
    "damage",
    [b"rubbish", b"\0\0", b"[]", b"{}", b'{"line":"later"}', b'{"line":"run","format":2}', b'{"line":"outcome"}', b"["],
)
def test_damage_before_the_last_line_is_refused(folder: Path, damage: bytes) -> None:
    with opened(folder) as journal:
        journal.outcome(journal.intend(CREATE), "done", address=WEB, binding=BOUND)
    file = path_of(folder, None)
    content = file.read_bytes()
    for damaged, where in ((damage + b"\n" + content, 4), (content + damage + b"\n", 1)):
        file.write_bytes(damaged)
        told = rf"journal.jsonl: line {where} from its end is (damaged|of a newer version)"
        with pytest.raises(StaleBindings, match=told):
            replay(file, target="here")


@pytest.mark.parametrize("address", ["widget/genomics/web", "client/web", "client"])
def test_address_of_no_kind_is_damage(folder: Path, address: str) -> None:
    with opened(folder) as journal:
        journal.outcome(journal.intend(CREATE), "done", address=WEB, binding=BOUND)
    file = path_of(folder, None)
    for line in lines(folder)[1:]:
        file.write_text(json.dumps(line | {"address": address}) + "\n")
        with pytest.raises(StaleBindings, match="line 1 from its end"):
            replay(file, target="here")


def test_a_long_history_does_not_matter(folder: Path) -> None:
    with opened(folder) as journal:
        journal.checkpoint()
        journal.outcome(journal.intend(CREATE), "done", address=WEB, binding=BOUND)
    file = path_of(folder, None)
    recent = file.read_bytes().partition(b"\n")[2]
    with file.open("wb") as old:
        old.truncate(40 * 2**20)
        old.seek(0, os.SEEK_END)
        old.write(b"\n" + recent + b'{"line":"intent","filler":"')
        old.write(b"x" * 200_000)
    assert replay(file, target="here").bound == {WEB: BOUND}


@pytest.mark.parametrize(
    "write",
    [
        lambda journal, secret: journal.intend(Operation("k", Verb.CREATE, WEB, fields={"client_secret": secret})),
        lambda journal, secret: journal.intend(CREATE, answer={"deep": [secret]}),
        lambda journal, secret: journal.outcome("i", "done", address=WEB, binding=secret),
    ],
)
def test_secrets_are_refused(folder: Path, write: Callable[[Journal, Secret], object]) -> None:
    with opened(folder) as journal:
        with pytest.raises(TypeError) as caught:
            write(journal, Secret("hunter2"))
        journal.checkpoint()
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in path_of(folder, None).read_text()
    assert replay(path_of(folder, None), target="here") == Left()


def test_outcome_refuses_what_is_none(folder: Path) -> None:
    with opened(folder) as journal, pytest.raises(ValueError, match="perhaps"):
        journal.outcome("i", "perhaps")


def test_references_are_recorded_by_name(folder: Path) -> None:
    parent = Ref(Want.IDENTITY, "project/genomics", Address("project", ("genomics",)))
    with opened(folder) as journal:
        journal.intend(Operation("k", Verb.CREATE, WEB, parent=parent, fields={"admins": [parent]}))
    assert lines(folder)[-1]["parent"] == {"ref": "project/genomics"}


def test_names_with_line_breaks_stay_in_their_line(folder: Path) -> None:
    with opened(folder) as journal:
        journal.intend(CREATE, note='a\nb\u2028c\u0085d\r{"line":"checkpoint"')
    (left,) = replay(path_of(folder, None), target="here").open
    assert left.facts["note"] == 'a\nb\u2028c\u0085d\r{"line":"checkpoint"'


def test_many_threads_lose_nothing(folder: Path) -> None:
    def work(number: int, journal: Journal) -> None:
        for step in range(20):
            address = Address("client", (f"t{number}", f"s{step}"))
            journal.outcome(journal.intend(CREATE), "done", address=address, binding=Binding(f"{number}-{step}"))

    with opened(folder) as journal:
        threads = [threading.Thread(target=work, args=(number, journal)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    left = replay(path_of(folder, None), target="here")
    assert len(left.bound) == 160
    assert not left.open
    intents = [line["intent"] for line in lines(folder) if line["line"] == "intent"]
    assert len(set(intents)) == 160


def test_threads_that_wait_together_share_one_fsync(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original, calls, others_wrote = os.fsync, 0, threading.Event()

    with opened(folder) as journal:

        def fsync(descriptor: int) -> None:
            nonlocal calls
            calls += 1
            if calls == 1:
                assert others_wrote.wait(60)
            original(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)
        threads = [threading.Thread(target=journal.intend, args=(CREATE,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        while len(lines(folder)) < 7:
            threads[0].join(0.001)
        others_wrote.set()
        for thread in threads:
            thread.join()
    assert calls == 2


@pytest.mark.parametrize(
    ("call", "step", "said", "left"),
    [
        ("write", 1, [], Left()),
        ("fsync", 1, [], "open"),
        ("write", 2, ["intent"], "open"),
        ("fsync", 2, ["intent"], "bound"),
        ("write", 3, ["intent", "done"], "bound"),
        ("fsync", 3, ["intent", "done"], Left()),
    ],
)
def test_what_was_reported_is_found_after_a_kill(
    folder: Path, call: str, step: int, said: list[str], left: object
) -> None:
    command = [sys.executable, "-c", KILLED, str(folder), call, str(step)]
    killed = subprocess.run(command, check=False, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(killed.stdout.split()) == len(said)
    for _ in range(2):
        found = replay(path_of(folder, None), target="here")
        if left == "open":
            assert (marks(found), found.bound) == (("m1",), {})
        elif left == "bound":
            assert (marks(found), found.bound) == ((), {WEB: Binding("c1")})
        else:
            assert found == left
        with opened(folder):
            pass


def test_a_full_disk_stops_the_journal_before_the_next_step(folder: Path) -> None:
    with opened(folder) as journal:
        kept = journal.intend(CREATE)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (path_of(folder, None).stat().st_size + 10, hard))
        try:
            with pytest.raises(CannotWrite, match=r"journal\.jsonl: file too large"):
                journal.outcome(kept, "done", address=WEB, binding=BOUND)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        with pytest.raises(CannotWrite):
            journal.checkpoint()
    assert [each.intent for each in replay(path_of(folder, None), target="here").open] == [kept]
    with opened(folder):
        pass
    assert [each.intent for each in replay(path_of(folder, None), target="here").open] == [kept]


def test_links_are_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".reconciler").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "target").write_text("theirs")
    (tmp_path / "journal.jsonl").symlink_to(tmp_path / "target")
    for folder in (tmp_path / ".reconciler", tmp_path, tmp_path / "missing"):
        with pytest.raises(CannotWrite), opened(folder):
            pass
    with pytest.raises(StaleBindings):
        replay(tmp_path / "journal.jsonl", target="here")
    assert (tmp_path / "target").read_text() == "theirs"
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_what_was_left_on_another_target_is_forgotten(folder: Path) -> None:
    with opened(folder, target="there") as journal:
        journal.outcome(journal.intend(CREATE), "done", address=WEB, binding=BOUND)
        journal.intend(CREATE)
    assert replay(path_of(folder, None), target="here") == Left()
    assert replay(path_of(folder, None), target="there").bound == {WEB: BOUND}
    with opened(folder, target="here") as journal:
        journal.outcome(journal.intend(CREATE), "done", address=API, binding=BOUND)
    assert replay(path_of(folder, None), target="here") == Left(bound={API: BOUND})
