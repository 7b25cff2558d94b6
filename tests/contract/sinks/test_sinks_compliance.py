"""What every sink must do, against its real counterpart. A sink joins by a line in `COUNTERPARTS`."""

import copy
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import Place, SinkFailed
from reconciler.model import Secret, digest
from reconciler.sinks import SINKS, Delivery, Meta, Sink, make
from tests.contract.sinks.counterparts import COUNTERPARTS, Counterpart, Servers
from tests.contract.sinks.relay import Fate

PLACE = Place("m.yaml", 1, 1)
FILES = [name for name in COUNTERPARTS if name.startswith(("file", "age"))]
REMOTE = [name for name in COUNTERPARTS if name.startswith(("vault", "aws", "github"))]
READABLE = [name for name in COUNTERPARTS if not name.startswith("github")]

FATES: tuple[Fate, ...] = ("refuse", "lose")

readable = pytest.mark.parametrize("counterpart", READABLE, indirect=True)
remote = pytest.mark.parametrize("counterpart", REMOTE, indirect=True)


def sink_of(counterpart: Counterpart, root: Path, **environ: str) -> Sink:
    """Make the sink; it waits no time at all."""
    return make(
        counterpart.settings,
        root=root,
        place=PLACE,
        environ={**counterpart.environ, **environ},
        sleep=lambda _: None,
    )


@pytest.fixture
def sink(counterpart: Counterpart, root: Path) -> Sink:
    return sink_of(counterpart, root)


def delivery(number: int) -> Delivery:
    return Delivery(
        client_id="client-1",
        client_secret=Secret(f"s3cret/{number}+=="),
        credential_id=f"credential-{number}",
        name=f"django#{number}",
        created="2026-01-01T00:00:00.000000+00:00",
    )


def meta(counterpart: Counterpart, number: int) -> Meta:
    return Meta(
        credential_id=f"credential-{number}",
        client_id="client-1",
        name=f"django#{number}",
        created="2026-01-01T00:00:00.000000+00:00",
        settings=digest(counterpart.settings),
    )


def snapshot(root: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(root)): file.read_bytes()
        for file in sorted(root.rglob("*"))
        if file.is_file() and file.suffix != ".lock"
    }


def told(sink: Sink) -> Meta | None:
    """Whose secret it says it holds, if it can."""
    return sink.head() if sink.readable else None


def check(sink: Sink, counterpart: Counterpart, number: int) -> None:
    """See that the delivery of that number is what is there, and what the sink says is there."""
    assert counterpart.held() == f"s3cret/{number}+=="
    assert told(sink) == (meta(counterpart, number) if counterpart.readable else None)


def test_every_sink_is_tried_here() -> None:
    assert {name.partition("-")[0] for name in COUNTERPARTS} == set(SINKS)


def test_nothing_is_held_at_first(sink: Sink, counterpart: Counterpart) -> None:
    assert sink.readable == counterpart.readable
    assert told(sink) is None
    assert counterpart.held() is None


@pytest.mark.parametrize("counterpart", [name for name in COUNTERPARTS if name not in READABLE], indirect=True)
def test_what_cannot_be_read_back_says_so(sink: Sink) -> None:
    with pytest.raises(SinkFailed, match="cannot be read back"):
        sink.head()


@readable
def test_head_writes_nothing(sink: Sink, root: Path) -> None:
    before = snapshot(root)
    sink.head()
    assert snapshot(root) == before
    assert not (root / "secrets").exists()


def test_put_delivers_and_head_says_whose_it_is(sink: Sink, counterpart: Counterpart) -> None:
    sink.preflight()
    assert counterpart.held() is None
    sink.put(delivery(1), None)
    check(sink, counterpart, 1)


def test_put_replaces_what_it_expects(sink: Sink, counterpart: Counterpart) -> None:
    sink.put(delivery(1), None)
    sink.preflight()
    sink.put(delivery(2), "credential-1")
    check(sink, counterpart, 2)


def test_put_without_expectation_replaces_what_is_ours(sink: Sink, counterpart: Counterpart) -> None:
    sink.put(delivery(1), None)
    sink.put(delivery(2), None)
    check(sink, counterpart, 2)


def test_put_can_be_repeated(sink: Sink, counterpart: Counterpart) -> None:
    sink.put(delivery(1), None)
    for _ in range(2):
        sink.put(delivery(2), "credential-1")
        check(sink, counterpart, 2)


def test_another_run_finds_what_was_delivered(sink: Sink, counterpart: Counterpart, root: Path) -> None:
    sink.put(delivery(1), None)
    later = sink_of(counterpart, root)
    check(later, counterpart, 1)
    later.put(delivery(2), "credential-1" if counterpart.readable else None)
    check(sink, counterpart, 2)


@readable
@pytest.mark.parametrize("before", [None, 1])
def test_put_refuses_when_something_else_is_held(
    sink: Sink, counterpart: Counterpart, root: Path, before: int | None
) -> None:
    if before:
        sink.put(delivery(before), None)
    held = snapshot(root)
    with pytest.raises(SinkFailed) as caught:
        sink.put(delivery(3), "credential-2")
    assert caught.value.conflict
    assert snapshot(root) == held
    assert counterpart.held() == (f"s3cret/{before}+==" if before else None)


@readable
@pytest.mark.parametrize("delivered", [False, True])
def test_what_is_foreign_is_neither_claimed_nor_touched(
    sink: Sink, counterpart: Counterpart, root: Path, *, delivered: bool
) -> None:
    assert counterpart.overwrite
    if delivered:
        sink.put(delivery(1), None)
    counterpart.overwrite()
    before = snapshot(root)
    assert sink.head() is None
    for attempt in (
        sink.preflight,
        lambda: sink.put(delivery(2), None),
        lambda: sink.put(delivery(2), "credential-1"),
        sink.delete,
    ):
        with pytest.raises(SinkFailed) as caught:
            attempt()
        assert caught.value.conflict
    assert snapshot(root) == before
    counterpart_holds = counterpart.held() if not counterpart.files else "theirs"
    assert counterpart_holds == "theirs"


def test_preflight_changes_nothing(sink: Sink, counterpart: Counterpart, root: Path) -> None:
    sink.put(delivery(1), None)
    before = snapshot(root)
    sink.preflight()
    assert snapshot(root) == before
    check(sink, counterpart, 1)


def test_who_may_not_write_learns_it_before_anything_is_made(counterpart: Counterpart, root: Path) -> None:
    sink_of(counterpart, root).put(delivery(1), None)
    environ = counterpart.forbid() or {}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        sink = sink_of(counterpart, root, **environ)
        attempts: list[Callable[[], None]] = [lambda: sink.put(delivery(2), None)]
        if counterpart.readable:
            attempts.insert(0, sink.preflight)
        for attempt in attempts:
            with pytest.raises(SinkFailed) as caught:
                attempt()
            assert not caught.value.conflict
            assert "s3cret" not in str(caught.value)
    assert counterpart.held() == "s3cret/1+=="


def test_delete_removes_what_was_delivered_and_can_be_repeated(sink: Sink, counterpart: Counterpart) -> None:
    sink.put(delivery(1), None)
    for _ in range(2):
        sink.delete()
        assert told(sink) is None
        assert counterpart.held() is None
    sink.preflight()
    sink.put(delivery(2), None)
    check(sink, counterpart, 2)


@readable
def test_settings_that_changed_show_in_the_metadata(sink: Sink, counterpart: Counterpart, root: Path) -> None:
    sink.put(delivery(1), None)
    changed: Any = copy.deepcopy(dict(counterpart.settings))
    ((_, own),) = changed.items()
    own["keys"] = {"client_secret": "OTHER"}
    own.pop("format", None)
    head = make(changed, root=root, place=PLACE, environ=counterpart.environ).head()
    assert head == meta(counterpart, 1)
    assert head.settings != digest(changed)


@remote
def test_a_lost_answer_is_looked_into(sink: Sink, counterpart: Counterpart) -> None:
    assert counterpart.relay
    sink.put(delivery(1), None)
    counterpart.relay.once(counterpart.first, "lose")
    sink.put(delivery(2), "credential-1" if counterpart.readable else None)
    assert len([call for call in counterpart.relay.calls if call.startswith(counterpart.first)]) > 1
    check(sink, counterpart, 2)


@remote
def test_a_call_that_did_not_arrive_is_made_again(sink: Sink, counterpart: Counterpart) -> None:
    assert counterpart.relay
    counterpart.relay.once(counterpart.first, "refuse")
    sink.put(delivery(1), None)
    check(sink, counterpart, 1)


@remote
def test_a_sink_that_is_down_says_so_within_a_minute(counterpart: Counterpart, root: Path) -> None:
    assert counterpart.relay
    slept: list[float] = []
    made = make(counterpart.settings, root=root, place=PLACE, environ=counterpart.environ, sleep=slept.append)
    counterpart.relay.from_call(0, "refuse")
    for attempt in (made.preflight, lambda: made.put(delivery(1), None), made.delete):
        slept.clear()
        with pytest.raises(SinkFailed) as caught:
            attempt()
        assert not caught.value.conflict
        assert 30 < sum(slept) <= 60
    counterpart.relay.reset()
    assert counterpart.held() is None


@remote
@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("before", [False, True])
def test_put_that_breaks_off_at_any_call_leaves_the_truth(
    counterpart: Counterpart, root: Path, request: pytest.FixtureRequest, *, fate: Fate, before: bool
) -> None:
    relay = counterpart.relay
    assert relay
    outcomes, broken = set(), 0
    for number in range(20):
        fresh = COUNTERPARTS[request.node.callspec.params["counterpart"]](
            root, root.parent / "aside", request.getfixturevalue("servers"), relay
        )
        relay.reset()
        sink = sink_of(fresh, root)
        if before:
            sink.put(delivery(1), None)
        relay.from_call(number, fate)
        try:
            sink.put(delivery(2), "credential-1" if before and fresh.readable else None)
        except SinkFailed:
            broken += 1
        else:
            break
        finally:
            relay.reset()
        held, head = fresh.held(), told(sink)
        if head:
            assert held == f"s3cret/{head.credential_id.removeprefix('credential-')}+=="
        assert held in {"s3cret/2+==", "s3cret/1+==" if before else None}
        outcomes.add(held)
        sink.preflight()
        sink.put(delivery(3), head.credential_id if head else None)
        check(sink, fresh, 3)
    assert broken > 1
    assert "s3cret/2+==" in outcomes or fate == "refuse"


def everything(folder: Path, leaving: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    for file in folder.rglob("*"):
        if file.is_file() and str(file.relative_to(folder)) not in leaving:
            yield str(file), file.read_bytes()


def test_secrets_are_in_no_text_about_a_delivery(
    counterpart: Counterpart,
    root: Path,
    servers: Servers,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    one, sink = delivery(1), sink_of(counterpart, root)
    texts = [f"{one!r} {one} {sink!r} {sink.destination}"]

    def failing(do: Callable[[], None]) -> None:
        with pytest.raises(SinkFailed) as caught:
            do()
        texts.append(f"{caught.value!r} {caught.value} {caught.value.__cause__!r}")

    sink.preflight()
    sink.put(one, None)
    texts.append(repr(told(sink)))
    if counterpart.overwrite:
        counterpart.overwrite()
        failing(lambda: sink.put(one, None))
    if counterpart.relay:
        for fate in FATES:
            counterpart.relay.from_call(1, fate)
            failing(lambda: sink_of(counterpart, root).put(delivery(2), None))
            texts += counterpart.relay.calls
        counterpart.relay.reset()
    printed = capfd.readouterr()
    kept = servers.bao.call("LIST", "secret/metadata/genomics") if "vault" in counterpart.settings else None
    texts += [caplog.text, printed.out, printed.err, json.dumps(kept)]
    for text in texts:
        assert "s3cret" not in text
    for name, content in everything(root, counterpart.files):
        assert b"s3cret" not in content, name


SWEEP = """
import itertools, json, os, signal, sys
from pathlib import Path
from reconciler.errors import Place
from reconciler.model import Secret
from reconciler.sinks import Delivery, make
settings, work, before = json.loads(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "1"
def delivery(number):
    return Delivery("client-1", Secret(f"s3cret/{number}+=="), f"credential-{number}", f"django#{number}", "2026")
def deliver(root, step):
    seen = 0
    def deadly(original):
        def call(*args, **named):
            nonlocal seen
            seen += 1
            if seen == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*args, **named)
        return call
    for name in ("open", "mkdir", "write", "fchmod", "fsync", "rename", "unlink", "close"):
        setattr(os, name, deadly(getattr(os, name)))
    make(settings, root=root, place=Place("m", 1, 1)).put(delivery(2), "credential-1" if before else None)
for step in itertools.count(1):
    root = work / str(step)
    root.mkdir()
    if before:
        make(settings, root=root, place=Place("m", 1, 1)).put(delivery(1), None)
    child = os.fork()
    if not child:
        deliver(root, step)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status == 0:
        break
    assert os.WTERMSIG(status) == signal.SIGKILL, status
"""


def held_below(root: Path, counterpart: Counterpart, aside: Path) -> str | None:
    """Read what a file holds, as an application would."""
    (path,) = counterpart.files
    if not (root / path).exists():
        return None
    text = (root / path).read_bytes()
    if "age" in counterpart.settings:
        keys = next(file for name in ("id_ed25519", "key.txt") if (file := aside / name).exists())
        command = ["age", "--decrypt", "--identity", str(keys)]
        text = subprocess.run(command, check=True, capture_output=True, input=text).stdout
    found = text.decode()
    settings = next(iter(counterpart.settings.values()))
    if settings.get("format") == "env":
        return found.splitlines()[0].partition("=")[2]
    return found if settings.get("format") == "plain" else str(json.loads(found)["client_secret"])


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("name", FILES)
def test_put_that_is_killed_at_any_step_leaves_the_truth(name: str, tmp_path: Path, aside: Path, before: int) -> None:
    make_one: Any = COUNTERPARTS[name]
    first, work = make_one(tmp_path, aside, None, None), tmp_path / "work"
    work.mkdir()
    command = [sys.executable, "-c", SWEEP, json.dumps(first.settings), str(work), str(before)]
    subprocess.run(command, check=True)
    roots = sorted(work.iterdir())
    assert len(roots) > 15
    outcomes = set()
    for root in roots:
        sink = make(first.settings, root=root, place=PLACE)
        held, head = held_below(root, first, aside), sink.head()
        claimed = head.credential_id.removeprefix("credential-") if head else None
        assert (f"s3cret/{claimed}+==" if head else None) == held
        outcomes.add(claimed)
        assert all(file.stat().st_mode & 0o077 == 0 for file in root.rglob("*"))
        sink.put(delivery(3), head.credential_id if head else None)
        assert held_below(root, first, aside) == "s3cret/3+=="
        assert sink.head() == meta(first, 3)
        assert not [file for file in root.rglob("*") if ".tmp." in file.name]
    assert outcomes == {"1" if before else None, "2"}
