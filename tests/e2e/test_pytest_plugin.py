"""The pytest fixture as other projects use it: the installed package, in a folder of theirs."""

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    unset = ("PYTEST_", "GLOBUS_", "RECONCILER_", "PYTHONPATH", "COV_")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(unset)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, env=plain, capture_output=True, text=True, timeout=120, check=False)


def test_page_about_testing_shows_tests_that_pass(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert [name for name, _ in blocks] == ["portal.py", "test_portal.py"]
    for name, text in blocks:
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = run(tmp_path, "--strict-markers")
    assert (done.returncode, "5 passed" in done.stdout) == (0, True), done.stdout + done.stderr


def test_each_test_has_a_new_world_and_the_environment_is_restored(tmp_path: Path) -> None:
    (tmp_path / "test_worlds.py").write_text("""
import os
import pytest

worlds, urls = set(), []

@pytest.mark.parametrize("number", range(3))
def test_world(number, globus_auth_emulator):
    world = globus_auth_emulator
    worlds.add(world.world_id)
    urls.append(world.base_url)
    assert len(worlds) == number + 1
    assert (world.requests, world.faults, world.clock.offset) == ([], [], 0)
    stated = [each["GLOBUS_SDK_SERVICE_URL_AUTH"] for each in (os.environ, world.environment)]
    assert stated == [urls[0] + "/"] * 2
    world.clock.advance(100)
    world.add_fault({"status": 500})

@pytest.mark.globus_auth_emulator(session_seconds=60)
def test_switches(globus_auth_emulator):
    assert globus_auth_emulator.base_url not in urls

@pytest.mark.globus_auth_emulator(no_such_switch=60)
def test_wrong_switch(globus_auth_emulator):
    pass

def test_afterwards():
    assert "GLOBUS_SDK_SERVICE_URL_AUTH" not in os.environ
""")
    done = run(tmp_path, "-p", "no:randomly")
    assert "5 passed, 1 error" in done.stdout, done.stdout + done.stderr
    assert "unexpected keyword argument 'no_such_switch'" in done.stdout


def test_run_that_does_not_ask_loads_nothing_of_the_emulator(tmp_path: Path) -> None:
    (tmp_path / "test_light.py").write_text("""
import sys

def test_nothing_is_loaded():
    assert "reconciler.pytest_plugin" in sys.modules
    ours = [name for name in sys.modules if name.startswith("reconciler.")]
    assert ours == ["reconciler.pytest_plugin"]
    assert not {"starlette", "uvicorn", "sqlite3", "jwt"} & set(sys.modules)
""")
    done = run(tmp_path, "-p", "no:hypothesispytest", "-p", "no:randomly")
    assert "1 passed" in done.stdout, done.stdout + done.stderr
