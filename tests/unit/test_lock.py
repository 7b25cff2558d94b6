import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reconciler import lock
from reconciler.errors import CannotWrite, Locked

HOLD = """
import sys
from pathlib import Path
from reconciler import lock
with lock.hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
TRY = """
import sys
from pathlib import Path
from reconciler import lock
from reconciler.errors import Locked
try:
    with lock.hold(Path(sys.argv[1])):
        print("held")
except Locked as locked:
    print(locked.holder)
"""


@contextmanager
def another_process(file: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLD, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def attempt(file: Path) -> str:
    return subprocess.run([sys.executable, "-c", TRY, str(file)], check=True, capture_output=True, text=True).stdout


def test_hold_refuses_while_another_process_holds_and_says_who(tmp_path: Path) -> None:
    file = tmp_path / ".reconciler" / "lock"
    with another_process(file) as process:
        with pytest.raises(Locked) as caught, lock.hold(file):
            pass
        assert caught.value.file == str(file)
        assert re.fullmatch(
            rf"\S+@\S+ pid {process.pid} since \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", caught.value.holder
        )


def test_hold_is_seen_by_other_processes_until_it_ends(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    with lock.hold(file):
        assert f"pid {os.getpid()} since" in attempt(file)
    assert attempt(file) == "held\n"


def test_hold_takes_over_from_a_killed_process(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    with another_process(file) as process:
        process.kill()
        process.wait()
        assert f"pid {process.pid}" in file.read_text()
        with lock.hold(file):
            assert f"pid {os.getpid()}" in file.read_text()


def test_hold_waits_for_the_holder(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    with another_process(file) as process:
        assert process.stdin
        threading.Timer(0.1, process.stdin.close).start()
        with lock.hold(file, timeout=60):
            assert process.wait() == 0


def test_hold_excludes_other_threads(tmp_path: Path) -> None:
    refused: list[str] = []

    def work() -> None:
        try:
            with lock.hold(tmp_path / "lock"):
                pass
        except Locked as locked:
            refused.append(locked.holder)

    with lock.hold(tmp_path / "lock"):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert len(refused) == 1


def test_hold_is_not_taken_twice_by_one_thread(tmp_path: Path) -> None:
    with lock.hold(tmp_path / "lock"), pytest.raises(Locked), lock.hold(tmp_path / "lock"):
        pass


def test_hold_lets_go_when_the_body_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), lock.hold(tmp_path / "lock"):
        raise ZeroDivisionError
    with lock.hold(tmp_path / "lock"):
        pass


def test_hold_makes_the_own_folder_which_ignores_itself(tmp_path: Path) -> None:
    with lock.hold(tmp_path / ".reconciler" / "lock"):
        pass
    assert (tmp_path / ".reconciler" / ".gitignore").read_text() == "*\n"
    assert (tmp_path / ".reconciler").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / ".reconciler" / "lock").stat().st_mode & 0o777 == 0o600


def test_hold_refuses_links_and_what_is_no_file(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("theirs")
    (tmp_path / "link").symlink_to(target)
    (tmp_path / "hard").hardlink_to(target)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".reconciler").symlink_to(tmp_path / "elsewhere")
    for name in ("link", "hard", "pipe", ".reconciler/lock", "missing/lock"):
        with pytest.raises(CannotWrite), lock.hold(tmp_path / name):
            pass
    assert target.read_text() == "theirs"
    assert list((tmp_path / "elsewhere").iterdir()) == []
