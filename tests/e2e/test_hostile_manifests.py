"""Hostile files, each in a process of its own with limited memory and time: exit 1, one line with its place."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CORPUS = Path(__file__).parents[1] / "corpus" / "hostile"
LIMITED = 'ulimit -v 524288 && ulimit -t 8 && exec "$0" -m reconciler validate "$1"'
PLACED = re.compile(r"[^\s:][^:\n]*:[1-9][0-9]*:[1-9][0-9]*: \S.*")
MIB = 2**20
PROJECT = "projects:\n  p:\n    display_name: P\n    contact_email: p@example.org\n"
POLICY = PROJECT + "    policies:\n      x: {display_name: X, description: X, authentication_assurance_timeout: "


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(100 * MIB)


def text(content: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_text(content, encoding="utf-8")

    return write


GENERATED: dict[str, Callable[[Path], None]] = {
    "y04-deep-list": text("a: " + "[" * 100_000),
    "y04-deep-map": text("a: " + "{a: " * 100_000),
    "y04-deep-blocks": text("a:\n  " + "- " * 100_000),
    "y04-deep-indentation": text("".join(" " * depth + "a:\n" for depth in range(3_000))),
    "y05-100-mib-of-nothing": sparse,
    "y05-17-mib": text(PROJECT + "# 34 bytes a line, and no end of it\n" * (17 * MIB // 36)),
    "y05-too-many-values": text("projects: [" + "a," * (8 * MIB - 100) + "]"),
    "y05-many-empty-projects": text("projects: {" + ",".join(f"p{number}: {{}}" for number in range(300_000)) + "}"),
    "y05-one-long-word": text(POLICY + "x" * (15 * MIB) + "}\n"),
    "y05-one-long-key": text("projects: {? " + "x" * (15 * MIB) + " : {}}\n"),
    "y06-many-duplicates": text("projects: {" + "p: {}, " * 100_000 + "}"),
    "y11-long-number": text(POLICY + "9" * 100_000 + "}\n"),
    "y11-long-hexadecimal": text(POLICY + "0x" + "f" * 100_000 + "}\n"),
    "y15-pattern": text(PROJECT + "    clients: {web: {redirect_uris: ['" + "a" * 1_000_000 + "!']}}\n"),
}
ONE_LINE_EACH = {"y05-many-empty-projects", "y06-many-duplicates", "y15-pattern"}
"""There are many things wrong with these, so there are many lines."""


def validate(file: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", LIMITED, sys.executable, str(file)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def errors(ran: subprocess.CompletedProcess[str]) -> list[str]:
    assert ran.returncode == 1, ran.stderr[-2000:]
    assert "Traceback" not in ran.stderr
    assert not ran.stdout
    lines = [line for line in ran.stderr.splitlines() if ": warning: " not in line]
    assert all(PLACED.fullmatch(line) for line in lines), lines[:5]
    assert all(len(line) < 500 for line in lines)
    return lines


@pytest.mark.parametrize("name", sorted(path.name for path in CORPUS.iterdir()))
def test_hostile_file_ends_in_one_line_with_its_place(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes((CORPUS / name).read_bytes())
    (line,) = errors(validate(file, tmp_path))
    assert line.startswith(f"{name}:")
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("name", GENERATED)
def test_huge_file_ends_in_lines_with_places(name: str, tmp_path: Path) -> None:
    file = tmp_path / f"{name}.yaml"
    GENERATED[name](file)
    lines = errors(validate(file, tmp_path))
    assert lines
    assert len(lines) == 1 or name in ONE_LINE_EACH


def test_link_out_of_the_root_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside.yaml").write_text(PROJECT)
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.yaml").symlink_to("../outside.yaml")
    assert errors(validate(root, tmp_path)) == ["root/a.yaml:1:1: this link leads out of the root"]


def test_manifests_are_bounded_together(tmp_path: Path) -> None:
    for number in range(5):
        with (tmp_path / f"{number}.yaml").open("w") as file:
            file.write("# 34 bytes a line, and no end of it\n" * (15 * MIB // 36))
    (line,) = errors(validate(tmp_path, tmp_path))
    assert line.startswith("4.yaml:1:1: ")
