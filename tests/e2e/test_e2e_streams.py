"""Standard streams that are closed, full, read by nobody, or not what the program expects."""

from pathlib import Path
from typing import Any

import pytest

PROJECT = "projects: {p: {display_name: P, contact_email: p@example.org, admin_ids: [rosalind@globusid.org]}}\n"
MANY = """\
projects:
  p:
    display_name: P
    contact_email: p@example.org
    admin_ids: [rosalind@globusid.org]
    clients:
""" + "".join(f"      c{number}: {{name: C{number}, client_type: client_identity}}\n" for number in range(40))


def test_full_output_is_an_error(bench: Any) -> None:
    bench.write("a.yaml", PROJECT)
    ran = bench.shell("$reconciler build > /dev/full")
    assert (ran.code, ran.err) == (1, "Error: the standard output: no space left on device\n")


def test_output_that_nobody_reads_is_silent(bench: Any) -> None:
    bench.write("a.yaml", MANY)
    ran = bench.shell("$reconciler build | true")
    assert (ran.code, ran.err) == (1, "")


def test_apply_whose_output_ends_stops_in_order_and_the_next_one_goes_on(bench: Any) -> None:
    bench.write("a.yaml", MANY)
    # The plan has four lines a resource; then the pipe ends, in the midst of the run.
    ran = bench.shell("$reconciler apply --emulator --auto-approve --parallelism 1 | head -n 180")
    assert ran.code == 13
    assert "broken pipe; stopping" in ran.err.lower()
    made = len(bench.bound())
    assert 0 < made < 41
    assert bench.apply().code == 0
    assert (len(bench.bound()), bench.plan().code) == (41, 0)
    with bench.behind_its_back() as api:
        assert len(api.call("GET", "/v2/api/clients")["clients"]) == 40


@pytest.mark.parametrize("stdin", ["<&-", "</dev/null", "< bytes"])
def test_no_answer_is_no(bench: Any, stdin: str) -> None:
    bench.write("a.yaml", PROJECT)
    (bench.folder / "bytes").write_bytes(b"\xff\xfe\n")
    ran = bench.shell(f"$reconciler apply --emulator {stdin}")
    assert ran.code == 1
    assert "Nothing was changed." in ran.err


def test_closed_output_hinders_nothing(bench: Any) -> None:
    bench.write("a.yaml", PROJECT)
    ran = bench.shell("$reconciler apply --emulator --auto-approve >&-")
    assert (ran.code, ran.err) == (0, "")
    assert len(bench.bound()) == 1


def test_characters_that_the_output_cannot_show_are_written_out(bench: Any) -> None:
    bench.write("a.yaml", PROJECT.replace("display_name: P", "display_name: Жук"))
    ran = bench.shell("PYTHONIOENCODING=latin-1 $reconciler plan --emulator")
    assert ran.code == 0
    assert 'display_name: "\\u0416\\u0443\\u043a"' in ran.out


def test_folder_that_is_gone_is_an_error(bench: Any) -> None:
    for command in ("validate", "plan --emulator", "output"):
        ran = bench.shell(f"mkdir gone && cd gone && rmdir ../gone && $reconciler {command}")
        assert ran.code == 1
        assert "the current folder cannot be used: no such file or directory" in ran.err
    assert not Path(bench.folder, "gone").exists()
