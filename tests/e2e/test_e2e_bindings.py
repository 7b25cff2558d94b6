"""The commands around the bindings, as processes: list, show, mv, rm, rebuild, import, pin, log."""

import json
import stat
from typing import Any

import pytest
import requests

ROOT = """\
projects:
  p:
    display_name: P  # the name
    contact_email: p@example.org
    admin_ids: [rosalind@globusid.org]
    clients:
      web: {name: Web, client_type: client_identity}
"""


@pytest.fixture
def applied(bench: Any) -> Any:
    bench.write("a.yaml", ROOT)
    bench.must_apply()
    return bench


def ids(bench: Any) -> dict[str, str]:
    document = json.loads((bench.folder / ".reconciler" / "reconciler.bindings.json").read_text())
    return {address: binding["id"] for address, binding in document["bindings"].items()}


def must(bench: Any, *arguments: str) -> str:
    ran = bench.run(*arguments, "--emulator")
    assert ran.code == 0, ran.out + ran.err
    out: str = ran.out
    return out


def test_bindings_are_listed_and_shown(applied: Any) -> None:
    known = ids(applied)
    assert must(applied, "bindings", "list").splitlines() == [
        f"client/p/web  {known['client/p/web']}",
        f"project/p     {known['project/p']}",
    ]
    rows = json.loads(must(applied, "bindings", "list", "--json"))["bindings"]
    assert rows[0] == {"address": "client/p/web", "kind": "client", "id": known["client/p/web"]}
    assert "managed fields: client_type, name" in must(applied, "bindings", "show", "client/p/web", "a.yaml")
    assert json.loads(must(applied, "bindings", "show", "client/p/web", "--json"))["managed"] == ["client_type", "name"]
    assert applied.run("bindings", "show", "client/p/none", "--emulator").code == 1
    assert applied.run("bindings", "show", "nonsense", "--emulator").code == 64


def test_listing_needs_no_credentials_and_no_network(bench: Any) -> None:
    bench.write("a.yaml", ROOT)
    for command in (["bindings", "list"], ["log"]):
        ran = bench.run(*command, "--base-url", "http://127.0.0.1:9")
        assert (ran.code, ran.out) == (0, "")


def test_moved_key_is_no_rename_any_more_and_stays_in_the_record(applied: Any) -> None:
    applied.edit("a.yaml", "web: {", "www: {")
    known = ids(applied)["client/p/web"]
    assert must(applied, "bindings", "mv", "client/p/web", "client/p/www") == (
        f"client/p/web -> client/p/www ({known})\n"
    )
    applied.must_be_done()
    assert applied.run("bindings", "mv", "client/p/www", "client/p/www", "--emulator").code == 1
    run = json.loads(must(applied, "log", "--json", "--limit", "1"))
    assert (run["command"], run["serial"]) == ("bindings mv", 1)
    assert [(step["verb"], step["address"]) for step in run["steps"]] == [
        ("bind", "client/p/www"),
        ("forget", "client/p/web"),
    ]


def test_forgetting_asks_first_and_then_keeps_the_object(applied: Any) -> None:
    before = ids(applied)
    for stdin in ("", "no\n"):
        ran = applied.run("bindings", "rm", "project/p", "--emulator", stdin=stdin)
        assert ran.code == 1
        assert ran.err.endswith("Nothing was changed.\n")
    assert ids(applied) == before
    ran = applied.run("bindings", "rm", "project/p", "--emulator", stdin="yes\n")
    assert ran.code == 0
    assert "the next plan looks for it by its name" in ran.out
    assert ids(applied) == {}
    applied.must_apply()
    assert ids(applied) == before


@pytest.mark.parametrize("content", [b"", b'{"format": 1', b"\x00" * 100])
def test_damaged_bindings_are_rebuilt_and_kept_as_a_copy(applied: Any, content: bytes) -> None:
    before, file = ids(applied), applied.folder / ".reconciler" / "reconciler.bindings.json"
    file.write_bytes(content)
    assert applied.plan().code == 12
    assert applied.run("bindings", "rebuild", "--emulator", "--no-input").code == 1
    assert file.read_bytes() == content
    must(applied, "bindings", "rebuild", "--auto-approve")
    assert ids(applied) == before
    assert file.with_name(f"{file.name}.old").read_bytes() == content
    applied.must_be_done()


def test_bindings_of_a_newer_program_are_not_rebuilt(applied: Any) -> None:
    file = applied.folder / ".reconciler" / "reconciler.bindings.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"format": 2}))
    before = file.read_bytes()
    ran = applied.run("bindings", "rebuild", "--auto-approve", "--emulator")
    assert ran.code == 12
    assert "use a newer one" in ran.err
    assert file.read_bytes() == before


def test_import_answers_what_a_plan_asks(applied: Any) -> None:
    known = ids(applied)["client/p/web"]
    must(applied, "bindings", "rm", "client/p/web", "--auto-approve")
    with applied.behind_its_back() as api:
        twin = {"name": "Web", "project": ids(applied)["project/p"], "client_type": "client_identity"}
        api.call("POST", "/v2/api/clients", {"client": twin})
    assert applied.plan().code == 1
    assert "changes nothing of it" in must(applied, "import", "client/p/web", known.upper())
    applied.must_be_done()
    before = (applied.folder / ".reconciler" / "reconciler.bindings.json").read_bytes()
    assert must(applied, "import", "client/p/web", known) == f"client/p/web is {known} already.\n"
    assert (applied.folder / ".reconciler" / "reconciler.bindings.json").read_bytes() == before
    assert applied.run("import", "client/p/web", "no-uuid", "--emulator").code == 64
    assert "import" in must(applied, "log", "--address", "client/p/web", "--limit", "1")


def test_pin_writes_ids_and_nothing_else(applied: Any) -> None:
    known, file = ids(applied), applied.folder / "a.yaml"
    file.chmod(0o640)
    pinned = ROOT.replace("  p:\n", f"  p:\n    id: {known['project/p']}\n").replace(
        "{name: Web", f"{{id: {known['client/p/web']}, name: Web"
    )
    assert f"+    id: {known['project/p']}" in must(applied, "pin", "--check")
    assert file.read_text() == ROOT
    must(applied, "pin", "client/p/web", "a.yaml")
    assert file.read_text() != pinned
    must(applied, "pin")
    assert file.read_text() == pinned
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert must(applied, "pin") == "Pinned: 0, in 0 files.\n"
    applied.must_be_done()
    applied.edit("a.yaml", "web: {", "www: {")
    assert "Plan: 0 to adopt, 0 to add, 0 to change, 0 to replace, 0 to delete, 1 renamed." in applied.plan().out


def test_pin_of_what_cannot_be_written_changes_no_file(applied: Any) -> None:
    web = "projects: {p: {clients: {api: {name: Api, client_type: client_identity}}}}\n"
    applied.write("b/b.yaml", web)
    applied.must_apply()
    (applied.folder / "b" / "b.yaml").chmod(0o444)
    for prepare, told in ((None, "b.yaml: is read-only"), ("link", "b.yaml: is a symbolic link")):
        if prepare:
            (applied.folder / "b" / "b.yaml").rename(applied.folder / "b" / "real")
            (applied.folder / "b" / "b.yaml").symlink_to("real")
        ran = applied.run("pin", "--emulator")
        assert ran.code == 1
        assert told in ran.err
        assert "no manifest was changed" in ran.err
        assert (applied.folder / "a.yaml").read_text() == ROOT
    assert sorted(each.name for each in (applied.folder / "b").iterdir()) == ["b.yaml", "real"]


def test_pins_of_an_environment_go_into_its_overlay(bench: Any) -> None:
    bench.write("a.yaml", ROOT)
    overlay = "environment: prod\nprojects:\n  p:\n    contact_email: prod@example.org\n"
    bench.write("prod.overlay.yaml", overlay)
    options = ("--overlay", "prod.overlay.yaml")
    bench.must_apply(*options)
    ran = bench.run("pin", "--emulator", *options)
    assert ran.code == 1
    assert "client/p/web cannot be pinned: its key stands in files that other environments share" in ran.err
    must(bench, "pin", "project/p", *options)
    assert (bench.folder / "a.yaml").read_text() == ROOT
    assert (bench.folder / "prod.overlay.yaml").read_text().startswith("environment: prod\nprojects:\n  p:\n    id: ")
    bench.must_be_done(*options)
    assert "journal.prod.jsonl" in bench.run("log", "--emulator").err
    assert "created project/p" in must(bench, "log", *options)


def test_pin_of_what_only_a_template_states_is_refused(bench: Any) -> None:
    template = "templates: {projects: {t: {clients: {web: {name: W, client_type: client_identity}}}}}\n"
    rest = "    extends: t\n    display_name: P\n    contact_email: a@b.org\n    admin_ids: [rosalind@globusid.org]\n"
    bench.write("a.yaml", f"{template}projects:\n  p:\n{rest}")
    bench.must_apply()
    ran = bench.run("pin", "client/p/web", "--emulator")
    assert ran.code == 1
    assert "all of it stands in a template" in ran.err
    must(bench, "pin", "project/p")
    bench.must_be_done()


def test_log_tells_why_a_call_failed(bench: Any) -> None:
    bench.write("a.yaml", ROOT)
    with bench.behind_its_back() as api:
        fault = {"method": "POST", "path_prefix": "/v2/api/clients", "status": 409}
        requests.post(f"{api.url}/_emulator/faults", json=fault, timeout=20).raise_for_status()
        environment = {"RECONCILER_ACCESS_TOKEN": api.token, "GLOBUS_SDK_SERVICE_URL_AUTH": api.url}
        assert bench.run("apply", "--auto-approve", **environment).code == 13
        out = bench.run("log", **environment).out
    assert "created project/p" in out
    assert "create client/p/web: not done, create client: " in out
    assert "(409)" in out
    assert api.token not in (bench.folder / ".reconciler" / "journal.jsonl").read_text() + out
