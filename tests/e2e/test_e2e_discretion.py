"""What the program says of its own doing: log lines when they are asked for, no core file, no value in a traceback."""

import re
import sys
from typing import Any

from reconciler.cli import discretion

MANIFEST = f"""\
projects:
  p:
    display_name: P
    contact_email: p@example.org
    admin_ids: [rosalind@globusid.org]
    clients:
      web:
        name: Web
        client_type: confidential_client
        credentials:
          a: {{sink: {{exec: {{command: [{sys.executable}, limit.py], readable: false}}}}}}
"""
LIMIT = "import pathlib, resource; pathlib.Path('limit').write_text(str(resource.getrlimit(resource.RLIMIT_CORE)[0]))\n"


def test_log_has_a_line_for_each_call(bench: Any) -> None:
    bench.write("a.yaml", MANIFEST)
    bench.write("limit.py", LIMIT)
    ran = bench.run("plan", "--emulator", RECONCILER_LOG="debug")
    lines = ran.err.splitlines()
    call = r"[-0-9]+ [0-9:,]+ DEBUG reconciler\.auth\.transport: [A-Z]+ /\S+: \d+ in \d+\.\d{3} s, request id \S+"
    assert len(lines) >= 4
    assert all(re.fullmatch(call, line) for line in lines)
    assert any(" GET /v2/api/projects: 200 in " in line for line in lines)
    assert bench.run("plan", "--emulator", RECONCILER_LOG="error").err == bench.run("plan", "--emulator").err == ""


def test_unknown_log_level_is_an_error(bench: Any) -> None:
    ran = bench.run("version", RECONCILER_LOG="chatty")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "Error: RECONCILER_LOG must be one of debug, info, warning, error\n"


def test_no_core_file_is_left(bench: Any) -> None:
    bench.write("a.yaml", MANIFEST)
    bench.write("limit.py", LIMIT)
    ran = bench.shell("ulimit -S -c 4096; $reconciler apply --emulator --auto-approve")
    assert ran.code == 0, ran.err
    assert (bench.folder / "limit").read_text() == "0"


def test_traceback_shows_the_way_and_not_the_words() -> None:
    word = "s3" + "cret"
    known: dict[str, str] = {}
    try:
        try:
            known[word]
        except KeyError as error:
            raise ValueError(f"cannot read {word}") from error
    except ValueError as error:
        told = discretion.trace(error)
    assert word not in told
    first, second = told.index("builtins.KeyError"), told.index("builtins.ValueError")
    assert 0 < told.index("test_traceback_shows_the_way") < first < second
