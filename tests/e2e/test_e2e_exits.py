"""Exit codes that wrappers rely on, each with the message that says what to do."""

import json
import os
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from reconciler.emulator import Emulator, Switches
from reconciler.lock import hold

MANIFEST = """\
projects:
  p:
    display_name: P
    contact_email: p@example.org
    admin_ids: [rosalind@globusid.org]
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan", "--no-such-option"],
        ["nonsense"],
        ["plan", "--parallelism", "0"],
        ["plan", "--parallelism", "257"],
        ["plan", "--allow-delete", "client"],
        ["apply", "--allow-replace", "clients/p/web"],
        ["plan", "--allow-create", "client/p/web/x"],
        ["plan", "--allow-lockout", "."],
        ["apply", "--detailed-exitcode"],
        ["output", "--format", "xml"],
        ["schema", "nonsense"],
        ["emulator", "serve", "--port", "70000"],
        ["emulator", "serve", "--switch", "nonsense=1"],
        ["emulator", "serve", "--switch", "foreign_status=500"],
        ["emulator", "serve", "--switch", "session_gate=yes"],
        ["emulator", "serve", "--switch", "session_seconds=soon"],
        ["apply", "--emulator", "--auto-approve", "--bindings", "."],
        ["plan", "--emulator", "--bindings", ".."],
    ],
)
def test_wrong_usage_is_64(bench: Any, arguments: list[str]) -> None:
    ran = bench.run(*arguments)
    assert ran.code == 64
    assert "Error: " in ran.err


def test_no_arguments_show_the_help(bench: Any) -> None:
    ran = bench.run()
    assert ran.code == 0
    assert "plan" in ran.out
    assert "apply" in ran.out


@pytest.mark.parametrize("arguments", [["--help"], ["version"]])
def test_what_needs_little_loads_little(bench: Any, arguments: list[str]) -> None:
    ran = bench.run(*arguments, PYTHONPROFILEIMPORTTIME="1")
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in ran.err.splitlines()}
    assert ran.code == 0
    assert "typer" in loaded
    assert loaded.isdisjoint(
        {"cryptography", "deepdiff", "jsonschema_rs", "jwt", "keyring", "pydantic", "requests", "yaml"}
    )


def test_no_credentials_is_10(bench: Any) -> None:
    bench.write("a.yaml", MANIFEST)
    ran = bench.run("plan")
    assert ran.code == 10
    assert "RECONCILER_CLIENT_ID" in ran.err
    half = bench.run("plan", RECONCILER_CLIENT_ID="a")
    assert half.code == 10
    assert "belong together" in half.err


def test_rejected_credentials_are_10(bench: Any, tmp_path: Path) -> None:
    bench.write("a.yaml", MANIFEST)
    with Emulator(tmp_path / "world.db") as emulator:
        ran = bench.run("plan", "--base-url", emulator.base_url, RECONCILER_ACCESS_TOKEN="stale")
        wrong = bench.run(
            "plan",
            "--base-url",
            emulator.base_url,
            RECONCILER_CLIENT_ID=emulator.client_id,
            RECONCILER_CLIENT_SECRET="x",
        )
    assert (ran.code, wrong.code) == (10, 10)
    assert "stale" not in ran.err
    assert "First put RECONCILER_ACCESS_TOKEN right, or unset it: it goes before a login." in ran.err
    assert "First put RECONCILER_CLIENT_ID right" in wrong.err


@pytest.mark.parametrize("token", ["secret\nvalue", "secret\n", "sécret", "secret\x1b"])
def test_token_that_cannot_be_one_is_10_and_not_shown(bench: Any, token: str) -> None:
    bench.write("a.yaml", MANIFEST)
    ran = bench.run("plan", "--base-url", "http://127.0.0.1:9", RECONCILER_ACCESS_TOKEN=token)
    assert ran.code == 10
    assert ran.err.startswith("Error: RECONCILER_ACCESS_TOKEN holds what no token has")
    assert "cret" not in ran.out + ran.err


AUTH = "urn:globus:auth:scope:auth.globus.org:"


@pytest.mark.parametrize("lacking", ["openid", f"{AUTH}manage_projects", f"{AUTH}view_identities"])
def test_token_without_a_scope_is_10_and_the_scopes_are_named(bench: Any, tmp_path: Path, lacking: str) -> None:
    bench.write("a.yaml", MANIFEST)
    scopes = ["openid", f"{AUTH}manage_projects", f"{AUTH}view_identities"]
    with Emulator(tmp_path / "world.db", switches=Switches(identities_need_view_identities=True)) as emulator:
        given = {"grant_type": "client_credentials", "scope": " ".join(each for each in scopes if each != lacking)}
        basic = (emulator.client_id, emulator.client_secret)
        answer = requests.post(f"{emulator.base_url}/v2/oauth2/token", data=given, auth=basic, timeout=20).json()
        tokens = [answer, *answer["other_tokens"]]
        token = next(each["access_token"] for each in tokens if each["resource_server"] == "auth.globus.org")
        ran = bench.run("plan", "--base-url", emulator.base_url, RECONCILER_ACCESS_TOKEN=token)
    assert ran.code == 10, ran.err
    assert f"get a token with the scopes {', '.join(scopes)}" in ran.err


def test_login_that_is_too_old_is_10_and_nothing_is_written(bench: Any, tmp_path: Path) -> None:
    bench.write("a.yaml", MANIFEST)
    with Emulator(tmp_path / "world.db") as emulator:
        token = emulator.person_token("rosalind@globusid.org", session_age=3600)
        environment = {"RECONCILER_ACCESS_TOKEN": token, "GLOBUS_SDK_SERVICE_URL_AUTH": emulator.base_url}
        assert bench.run("plan", **environment).code == 0
        ran = bench.run("apply", "--auto-approve", **environment)
    assert ran.code == 10
    assert "in session within the last 30 minutes" in ran.out
    assert token not in ran.out + ran.err


def test_client_identity_applies_as_a_pipeline_does(bench: Any, tmp_path: Path) -> None:
    bench.write("a.yaml", MANIFEST.replace("    admin_ids: [rosalind@globusid.org]\n", ""))
    with Emulator(tmp_path / "world.db") as emulator:
        environment = {
            "RECONCILER_CLIENT_ID": emulator.client_id,
            "RECONCILER_CLIENT_SECRET": emulator.client_secret,
            "GLOBUS_SDK_SERVICE_URL_AUTH": emulator.base_url,
        }
        assert bench.run("apply", "--auto-approve", CI="true", **environment).code == 0
        again = bench.run("plan", "--detailed-exitcode", **environment)
    assert again.code == 0
    assert (bench.folder / "reconciler.bindings.json").exists()


def test_service_that_cannot_be_reached_is_16(bench: Any) -> None:
    bench.write("a.yaml", MANIFEST)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        ran = bench.run("plan", "--base-url", url, RECONCILER_ACCESS_TOKEN="t", GLOBUS_SDK_HTTP_TIMEOUT="1")
    assert ran.code == 16


def test_held_lock_is_14_and_names_its_holder(bench: Any) -> None:
    bench.write("a.yaml", MANIFEST)
    assert bench.plan().code == 2
    with hold(bench.folder / ".reconciler" / "emulator" / "lock", timeout=0):
        ran = bench.apply()
        assert bench.plan().code == 2
    assert ran.code == 14
    assert f"{os.getpid()}" in ran.err


@pytest.mark.parametrize(
    "change",
    [
        {"checksum": "0" * 64},
        {"format": 99},
        {"base_url": "https://auth.globus.org"},
    ],
    ids=["altered", "newer format", "another target"],
)
def test_bindings_that_cannot_be_used_are_12_and_stay(bench: Any, change: dict[str, Any]) -> None:
    bench.write("a.yaml", MANIFEST)
    bench.must_apply()
    file = bench.folder / ".reconciler" / "reconciler.bindings.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    before = file.read_bytes()
    for ran in (bench.plan(), bench.apply()):
        assert ran.code == 12
        assert "reconciler.bindings.json" in ran.err
    assert file.read_bytes() == before


def test_partly_applied_is_13_and_running_again_finishes(bench: Any) -> None:
    bench.write("a.yaml", MANIFEST + "    clients: {web: {name: Web, client_type: client_identity}}\n")
    with Emulator(bench.folder / "world.db") as emulator:
        environment = {
            "RECONCILER_ACCESS_TOKEN": emulator.person_token("rosalind@globusid.org"),
            "GLOBUS_SDK_SERVICE_URL_AUTH": emulator.base_url,
        }
        order = {"method": "POST", "path_prefix": "/v2/api/clients", "status": 409}
        requests.post(f"{emulator.base_url}/_emulator/faults", json=order, timeout=20).raise_for_status()
        ran = bench.run("apply", "--auto-approve", **environment)
        assert ran.code == 13
        assert "To go on from here: reconciler apply --auto-approve" in ran.out
        assert bench.run("apply", "--auto-approve", **environment).code == 0
        assert bench.run("plan", "--detailed-exitcode", **environment).code == 0


@pytest.mark.parametrize("option", ["--bindings", "journal"])
def test_state_that_cannot_be_written_is_refused_before_anything_is_changed(bench: Any, option: str) -> None:
    bench.write("a.yaml", MANIFEST)
    if option == "journal":
        (bench.folder / ".reconciler" / "emulator").mkdir(parents=True)
        (bench.folder / ".reconciler" / "emulator" / "journal.jsonl").symlink_to("/proc/journal")
        ran = bench.apply()
    else:
        ran = bench.apply("--bindings", "/proc/bindings.json")
    assert ran.code in (1, 12)
    assert "journal.jsonl" in ran.err or "/proc/bindings.json" in ran.err
    with bench.behind_its_back() as api:
        assert api.call("GET", "/v2/api/projects")["projects"] == []


@pytest.mark.parametrize("name", [".", ".reconciler", ".reconciler/emulator.db"])
def test_what_may_not_be_written_is_an_error_that_says_so_and_leaves_no_trace(bench: Any, name: str) -> None:
    drop = "setpriv --bounding-set=-dac_override,-dac_read_search" if os.geteuid() == 0 else ""
    bench.write("a.yaml", MANIFEST)
    if name != ".":
        bench.must_apply()
    closed = bench.folder / name
    mode = closed.stat().st_mode
    closed.chmod(0o555)
    try:
        for command in ("plan --emulator", "apply --emulator --auto-approve"):
            ran = bench.shell(f"{drop} $reconciler {command}")
            assert ran.code == 1
            assert "emulator.db cannot be the emulator's database: " in ran.err
    finally:
        closed.chmod(mode)
    if name != ".":
        bench.must_be_done()
    assert bench.apply().code == 0


def _other_tables(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE notes (text TEXT)")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (Path.mkdir, "unable to open database file"),
        (lambda file: file.write_text("no database" * 100), "file is not a database"),
        (_other_tables, "it holds the tables of another program"),
    ],
)
def test_a_file_that_is_no_world_is_refused_and_left_alone(bench: Any, make: Callable[[Path], None], told: str) -> None:
    bench.write("a.yaml", MANIFEST)
    file = bench.folder / "world.db"
    make(file)
    before = file.read_bytes() if file.is_file() else b""
    for arguments in (["plan", "--emulator", "--emulator-db", "world.db"], ["emulator", "serve", "--db", "world.db"]):
        ran = bench.run(*arguments)
        assert ran.code == 1
        assert ran.err == f"Error: world.db cannot be the emulator's database: {told}\n"
    assert (file.read_bytes() if file.is_file() else b"") == before


def test_what_the_emulator_cannot_write_or_serve_is_said(bench: Any) -> None:
    (bench.folder / "taken").mkdir()
    ran = bench.run("emulator", "serve", "--db", "world.db", "--env-file", "taken")
    assert (ran.code, ran.err) == (1, "Error: taken cannot be written: Is a directory\n")
    assert sorted(each.name for each in bench.folder.iterdir() if "taken" in each.name) == ["taken"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = bench.run("emulator", "serve", "--db", "world.db", "--port", str(port))
    assert (ran.code, ran.err) == (1, f"Error: port {port} cannot be served: Address already in use\n")


def test_overlay_without_environment_over_bindings_is_warned_of(bench: Any) -> None:
    bench.write("a.yaml", MANIFEST)
    bench.write("x.overlay.yaml", "projects: {p: {display_name: Q}}\n")
    bench.write("y.overlay.yaml", "environment: y\n")
    first = bench.plan("--overlay", "x.overlay.yaml")
    assert (first.code, first.err) == (2, "")
    bench.must_apply()
    ran = bench.plan("--overlay", "x.overlay.yaml")
    assert ran.code == 2
    assert ran.err.startswith("warning: no overlay names its `environment`")
    assert bench.plan("--overlay", "x.overlay.yaml", "--overlay", "y.overlay.yaml").err == ""
    assert bench.plan().err == ""


WITH_A_SECRET = (
    MANIFEST
    + """\
    clients:
      web:
        name: Web
        client_type: client_identity
        credentials: {main: {sink: {file: {path: secrets/web.json}}}}
outputs: {WEB: client/p/web.id}
"""
)


def test_pipeline_is_told_every_file_that_it_must_keep(bench: Any) -> None:
    bench.write("a.yaml", WITH_A_SECRET)
    options = ["apply", "--emulator", "--auto-approve"]
    ran = bench.run(*options, CI="true")
    secret = bench.folder / "secrets" / "web.json"
    bindings, delivered = ran.err.splitlines()
    assert ran.code == 0
    assert bindings.startswith(f"Keep {bench.folder}/.reconciler/reconciler.bindings.json: without it, ")
    assert delivered.startswith(f"Keep {secret} and {secret}.meta.json: the secret of credential/p/web/main ")
    assert secret.exists()
    assert Path(f"{secret}.meta.json").exists()
    assert "secrets" not in bench.run(*options, CI="true").err


def test_run_whose_bindings_cannot_be_written_is_13_and_not_called_complete(bench: Any) -> None:
    # The folder of the sink stands where the bindings should, but only once the run has begun.
    bench.write("a.yaml", WITH_A_SECRET.replace("secrets/web.json", "it/web.json"))
    bench.write("a b/none", "")
    ran = bench.run("apply", "--emulator", "--auto-approve", "--bindings", "it", "a b/../a.yaml")
    assert ran.code == 13
    assert "Error: it: is not a regular file. What it would say is:" in ran.err
    assert "complete!" not in ran.out
    assert "Outputs:" not in ran.out
    assert ran.out.endswith(
        "Apply incomplete: 3 created, 0 changed, 0 deleted, 0 failed, 0 not begun.\n"
        "The bindings do not say yet what was done; the journal does. "
        "To go on from here: reconciler apply --emulator --auto-approve --bindings it 'a b/../a.yaml'\n"
    )
    assert bench.run("apply", "--emulator", "--auto-approve", "--bindings", "other.json").code == 0
    with bench.behind_its_back() as api:
        assert len(api.call("GET", "/v2/api/clients")["clients"]) == 1
