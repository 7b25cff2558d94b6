"""Two runs at once (C1, C3, K7): one at a time changes a root, and the other says whom it waits for."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
PROJECT = "projects: {p: {display_name: P, contact_email: p@example.org, admin_ids: [rosalind@globusid.org]}}\n"


@contextmanager
def asking(bench: Any) -> Iterator[subprocess.Popen[str]]:
    """Apply up to the question: from there on the run holds the lock, and waits."""
    command = [sys.executable, "-u", "-m", "reconciler", "apply", "--emulator"]
    with subprocess.Popen(
        command,
        cwd=bench.folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        said = ""
        while not said.endswith("Only `yes` is taken as consent: "):
            character = process.stdout.read(1)
            assert character, said
            said += character
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    "command",
    [
        ("apply", "--auto-approve"),
        ("bindings", "mv", "client/p/a", "client/p/b"),
        ("bindings", "rm", "project/p", "--auto-approve"),
        ("bindings", "rebuild", "--auto-approve"),
        ("import", "project/p", "00000000-0000-4000-8000-000000000000"),
    ],
)
def test_second_run_ends_with_14_and_names_the_first(bench: Any, command: tuple[str, ...]) -> None:
    bench.write("a.yaml", PROJECT)
    with asking(bench) as first:
        ran = bench.run(*command, "--emulator")
        assert ran.code == 14
        assert f"pid {first.pid} since 20" in ran.err
        assert bench.run("bindings", "list", "--emulator").code == 0
        out, _ = first.communicate("yes\n", timeout=60)
    assert "Apply complete! 1 created" in out
    bench.must_be_done()


def test_stopped_run_keeps_its_lock_and_goes_on(bench: Any) -> None:
    bench.write("a.yaml", PROJECT)
    with asking(bench) as first:
        first.send_signal(signal.SIGSTOP)
        ran = bench.apply("--lock-timeout", "0.3")
        assert ran.code == 14
        assert f"pid {first.pid} " in ran.err
        first.send_signal(signal.SIGCONT)
        out, _ = first.communicate("yes\n", timeout=60)
    assert first.returncode == 0
    assert "Apply complete! 1 created" in out
    bench.must_be_done()


def test_killed_holder_is_followed_at_once(bench: Any) -> None:
    bench.write("a.yaml", PROJECT)
    with asking(bench) as first:
        first.kill()
        first.wait()
        assert bench.apply().code == 0


def test_run_waits_for_the_first_as_long_as_it_is_told_to(bench: Any) -> None:
    bench.write("a.yaml", PROJECT)
    with asking(bench) as first:
        command = [sys.executable, "-m", "reconciler", "apply", "--emulator", "--auto-approve", "--lock-timeout", "60"]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        with subprocess.Popen(
            command, cwd=bench.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as second:
            assert second.stderr
            told = second.stderr.readline()
            first.communicate("yes\n", timeout=60)
            out, _ = second.communicate(timeout=60)
    assert told.startswith("Waiting for 60 s at most: ")
    assert f"pid {first.pid}" in told
    assert (first.returncode, second.returncode) == (0, 0)
    assert "No changes." in out


def test_holder_names_the_run_of_its_pipeline(bench: Any) -> None:
    bench.write("a.yaml", PROJECT)
    bench.must_apply()
    script = "exec $reconciler bindings rm project/p --emulator"
    variables = {"CI_JOB_URL": "https://ci.example.org/jobs/7", "PYTHONPATH": str(REPOSITORY)}
    command = ["bash", "-c", script]
    environment = {**os.environ, **variables, "reconciler": f"{sys.executable} -u -m reconciler"}
    with subprocess.Popen(
        command, cwd=bench.folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout
        assert first.stdout.readline().startswith("project/p: ")
        ran = bench.apply()
        first.communicate("no\n", timeout=60)
    assert ran.code == 14
    assert "(https://ci.example.org/jobs/7)" in ran.err
