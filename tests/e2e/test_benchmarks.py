"""The benchmarks still run. How fast they are is nothing that a test asserts."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def test_load_of_the_emulator_prints_a_row_for_each_round(tmp_path: Path) -> None:
    command = [sys.executable, str(REPOSITORY / "benchmarks" / "emulator_load.py")]
    done = subprocess.run(
        [*command, "--requests", "32", "--folder", str(tmp_path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rounds = [line.split()[:2] for line in done.stdout.splitlines()[2:]]
    assert rounds == [[operation, count] for operation in ("read", "write") for count in ("1", "8", "32")]
