"""What every sink must do. A sink joins by a line in `CASES`."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import Place, SinkFailed
from reconciler.model import Secret, digest
from reconciler.sinks import SINKS, Delivery, Meta, Sink, make

PLACE = Place("m.yaml", 1, 1)


@dataclass(frozen=True)
class Case:
    """How to make a sink below a folder, to read the secret it holds without it, and to disturb it."""

    settings: Mapping[str, Any]
    held: Callable[[Path], str | None]
    overwrite: Callable[[Path], object]
    break_down: Callable[[Path], object]


def read(path: str, pick: Callable[[str], str]) -> Callable[[Path], str | None]:
    return lambda root: pick((root / path).read_text()) if (root / path).exists() else None


def overwrite(path: str) -> Callable[[Path], object]:
    def do(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("theirs")
        (root / path).chmod(0o600)

    return do


def line(name: str) -> Callable[[str], str]:
    return lambda text: next(each.partition("=")[2] for each in text.splitlines() if each.startswith(name + "="))


def file_case(path: str, pick: Callable[[str], str], **settings: Any) -> Case:
    return Case(
        settings={"file": {"path": path, **settings}},
        held=read(path, pick),
        overwrite=overwrite(path),
        break_down=lambda root: (root / path).parent.chmod(0o777),
    )


CASES = {
    "file-json": file_case("secrets/web.json", lambda text: str(json.loads(text)["client_secret"])),
    "file-env": file_case("secrets/web.env", line("KEY"), format="env", keys={"client_secret": "KEY"}),
    "file-plain": file_case("a/b/web", str, format="plain"),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def sink(case: Case, tmp_path: Path) -> Sink:
    return make(case.settings, root=tmp_path, place=PLACE)


def delivery(number: int) -> Delivery:
    return Delivery(
        client_id="client-1",
        client_secret=Secret(f"s3cret/{number}+=="),
        credential_id=f"credential-{number}",
        name=f"django#{number}",
        created="2026-01-01T00:00:00.000000+00:00",
    )


def meta(case: Case, number: int) -> Meta:
    return Meta(
        credential_id=f"credential-{number}",
        client_id="client-1",
        name=f"django#{number}",
        created="2026-01-01T00:00:00.000000+00:00",
        settings=digest(case.settings),
    )


def snapshot(root: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(root)): file.read_bytes()
        for file in sorted(root.rglob("*"))
        if file.is_file() and file.suffix != ".lock"
    }


def test_every_sink_is_tried_here() -> None:
    assert {name for case in CASES.values() for name in case.settings} == set(SINKS)


def test_nothing_is_held_at_first(sink: Sink, case: Case, tmp_path: Path) -> None:
    assert sink.head() is None
    assert case.held(tmp_path) is None


def test_head_writes_nothing(sink: Sink, tmp_path: Path) -> None:
    sink.head()
    assert list(tmp_path.iterdir()) == []


def test_put_delivers_and_head_says_whose_it_is(sink: Sink, case: Case, tmp_path: Path) -> None:
    sink.preflight()
    sink.put(delivery(1), None)
    assert case.held(tmp_path) == "s3cret/1+=="
    assert sink.head() == meta(case, 1)


def test_put_replaces_what_it_expects(sink: Sink, case: Case, tmp_path: Path) -> None:
    sink.put(delivery(1), None)
    sink.put(delivery(2), "credential-1")
    assert case.held(tmp_path) == "s3cret/2+=="
    assert sink.head() == meta(case, 2)


def test_put_without_expectation_replaces_what_is_ours(sink: Sink, case: Case, tmp_path: Path) -> None:
    sink.put(delivery(1), None)
    sink.put(delivery(2), None)
    assert case.held(tmp_path) == "s3cret/2+=="


def test_put_can_be_repeated(sink: Sink, case: Case, tmp_path: Path) -> None:
    sink.put(delivery(1), None)
    for _ in range(2):
        sink.put(delivery(2), "credential-1")
    assert case.held(tmp_path) == "s3cret/2+=="
    assert sink.head() == meta(case, 2)


@pytest.mark.parametrize("before", [None, 1])
def test_put_refuses_when_something_else_is_held(sink: Sink, case: Case, tmp_path: Path, before: int | None) -> None:
    if before:
        sink.put(delivery(before), None)
    held = snapshot(tmp_path)
    with pytest.raises(SinkFailed) as caught:
        sink.put(delivery(3), "credential-2")
    assert caught.value.conflict
    assert snapshot(tmp_path) == held
    assert case.held(tmp_path) == (f"s3cret/{before}+==" if before else None)


@pytest.mark.parametrize("delivered", [False, True])
def test_what_is_foreign_is_neither_claimed_nor_touched(
    sink: Sink, case: Case, tmp_path: Path, *, delivered: bool
) -> None:
    if delivered:
        sink.put(delivery(1), None)
    case.overwrite(tmp_path)
    before = snapshot(tmp_path)
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
    assert snapshot(tmp_path) == before


def test_preflight_changes_nothing(sink: Sink, tmp_path: Path) -> None:
    sink.put(delivery(1), None)
    before = snapshot(tmp_path)
    sink.preflight()
    assert snapshot(tmp_path) == before


def test_preflight_fails_where_a_delivery_would(sink: Sink, case: Case, tmp_path: Path) -> None:
    sink.put(delivery(1), None)
    case.break_down(tmp_path)
    for attempt in (sink.preflight, lambda: sink.put(delivery(2), "credential-1")):
        with pytest.raises(SinkFailed) as caught:
            attempt()
        assert not caught.value.conflict
    assert case.held(tmp_path) == "s3cret/1+=="


def test_delete_removes_what_was_delivered_and_can_be_repeated(sink: Sink, case: Case, tmp_path: Path) -> None:
    sink.put(delivery(1), None)
    for _ in range(2):
        sink.delete()
        assert sink.head() is None
        assert case.held(tmp_path) is None
    sink.put(delivery(2), None)
    assert case.held(tmp_path) == "s3cret/2+=="


def test_settings_that_changed_show_in_the_metadata(sink: Sink, case: Case, tmp_path: Path) -> None:
    sink.put(delivery(1), None)
    changed: Any = copy.deepcopy(dict(case.settings))
    ((_, own),) = changed.items()
    own["format"] = "plain" if own.get("format") != "plain" else "json"
    own.pop("keys", None)
    head = make(changed, root=tmp_path, place=PLACE).head()
    assert head == meta(case, 1)
    assert head.settings != digest(changed)


def test_secrets_are_in_no_text_about_a_delivery(sink: Sink, case: Case, tmp_path: Path) -> None:
    one = delivery(1)
    assert "s3cret" not in f"{one!r} {one} {sink!r} {sink.destination}"
    sink.put(one, None)
    assert "s3cret" not in repr(sink.head())
    case.overwrite(tmp_path)
    with pytest.raises(SinkFailed) as caught:
        sink.put(one, None)
    assert "s3cret" not in f"{caught.value!r} {caught.value}"


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


@pytest.mark.parametrize("before", [0, 1])
def test_put_that_is_killed_at_any_step_leaves_the_truth(case: Case, tmp_path: Path, before: int) -> None:
    command = [sys.executable, "-c", SWEEP, json.dumps(case.settings), str(tmp_path), str(before)]
    subprocess.run(command, check=True)
    roots = sorted(tmp_path.iterdir())
    assert len(roots) > 15
    outcomes = set()
    for root in roots:
        sink = make(case.settings, root=root, place=PLACE)
        held, head = case.held(root), sink.head()
        claimed = head.credential_id.removeprefix("credential-") if head else None
        assert (f"s3cret/{claimed}+==" if head else None) == held
        outcomes.add(claimed)
        assert all(file.stat().st_mode & 0o077 == 0 for file in root.rglob("*"))
        sink.put(delivery(3), head.credential_id if head else None)
        assert case.held(root) == "s3cret/3+=="
        assert sink.head() == meta(case, 3)
        assert not [file for file in root.rglob("*") if ".tmp." in file.name]
    assert outcomes == {"1" if before else None, "2"}
