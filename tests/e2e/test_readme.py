"""What the README shows is what happens."""

import os
import re
import subprocess
import sys
from pathlib import Path

from reconciler.manifest import load

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert isinstance(found, str)
    return found


def plain(text: str) -> str:
    """Replace what differs from run to run: the ids that the service makes, and durations."""
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", text)
    return re.sub(r"\d+\.\d\d s", "TIME", text)


def test_demo_prints_what_the_readme_shows() -> None:
    done = subprocess.run(
        ["sh", str(REPOSITORY / "examples" / "demo.sh")],
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    printed = plain(done.stdout)
    at = 0
    for part in plain(block("console")).split("…\n"):
        found = printed.find(part.strip("\n"), at)
        assert found >= at, f"the README shows, but the demo does not print:\n{part}"
        at = found + len(part.strip("\n"))


def test_manifest_of_the_readme_is_valid(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(block("yaml"), encoding="utf-8")
    manifests = load([tmp_path])
    assert len(manifests.resources) == 6
    assert not manifests.warnings
