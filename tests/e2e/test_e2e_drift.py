"""`drift`, as a schedule runs it."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reconciler.model import UUID

Copied = Callable[[str], Any]


def ids(bench: Any) -> dict[str, str]:
    entries = json.loads((bench.db.parent / "reconciler.bindings.json").read_text())["bindings"]
    return {address: entry["id"] for address, entry in entries.items()}


def disturb(bench: Any, *, gone: bool = True) -> None:
    there = ids(bench)
    with bench.behind_its_back() as api:
        api.call("PUT", f"/v2/api/clients/{there['client/genomics/web']}", {"client": {"visibility": "private"}})
        api.call("PUT", f"/v2/api/scopes/{there['scope/genomics/api/read']}", {"scope": {"name": "Theirs"}})
        if gone:
            api.call("DELETE", f"/v2/api/policies/{there['policy/genomics/campus-login']}")


def test_drift_is_told_and_changes_nothing(copied: Copied) -> None:
    bench = copied("genomics-portal")
    assert "Nothing is bound here" in bench.run("drift", "--emulator").out
    bench.must_apply()
    ran = bench.run("drift", "--emulator", "--detailed-exitcode")
    assert (ran.code, ran.out) == (0, "No drift. 9 bound objects compared with what was last applied.\n")
    disturb(bench)
    bench.edit("portal.yaml", "name: Read genomes", "name: Read all genomes")
    bench.edit("portal.yaml", "name: Genomics index", "name: Index of genomes")
    before = (bench.db.parent / "reconciler.bindings.json").read_bytes()
    ran = bench.run("drift", "--emulator")
    assert ran.code == 0
    there = ids(bench)
    assert ran.out.splitlines() == [
        f"  ~ client/genomics/web  {there['client/genomics/web']}",
        "      at portal.yaml:36:7",
        '      visibility: "public" -> "private"',
        "",
        f"  - policy/genomics/campus-login  {there['policy/genomics/campus-login']}, is gone",
        "      at portal.yaml:22:7",
        "",
        f"  ~ scope/genomics/api/read  {there['scope/genomics/api/read']}",
        "      at portal.yaml:56:11",
        '      name: (as last applied) -> "Theirs"',
        "",
        "Drift: 2 of 9 bound objects changed, 1 gone, since they were last applied.",
    ]
    assert bench.run("drift", "--emulator", "--detailed-exitcode").code == 2
    assert (bench.db.parent / "reconciler.bindings.json").read_bytes() == before


def test_drift_is_as_the_documentation_shows_it(copied: Copied) -> None:
    text = (Path(__file__).parents[2] / "docs" / "parts.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```console\n\$ reconciler (.*?)\n(.*?)```", text, re.DOTALL)
    bench = copied("genomics-portal")
    bench.must_apply()
    disturb(bench, gone=False)
    bench.edit("portal.yaml", "name: Read genomes", "name: Read all genomes")
    plain = [UUID.sub("ID", shown) for shown in (block[1], bench.run(*block[0].split()).out)]
    assert plain[0] == plain[1]


def test_drift_as_json_is_stable(copied: Copied) -> None:
    bench = copied("genomics-portal")
    bench.must_apply()
    disturb(bench)
    ran = bench.run("drift", "--emulator", "--json")
    document = json.loads(ran.out)
    assert {name: document[name] for name in ("format_version", "drifted", "compared", "changed", "gone")} == {
        "format_version": "1.0",
        "drifted": True,
        "compared": 9,
        "changed": 2,
        "gone": 1,
    }
    first = document["diagnostics"][0]
    assert first == {
        "severity": "warning",
        "summary": "client/genomics/web: visibility was changed",
        "detail": '"private" instead of "public"',
        "address": "client/genomics/web",
        "id": ids(bench)["client/genomics/web"],
        "range": {"filename": "portal.yaml", "start": {"line": 36, "column": 7}},
        "field": "visibility",
        "live": "private",
        "applied": "public",
        "applied_known": True,
    }
    assert [each["summary"] for each in document["diagnostics"][1:]] == [
        "policy/genomics/campus-login: is gone",
        "scope/genomics/api/read: name was changed",
    ]
    assert json.loads(bench.run("drift", "--emulator", "--json").out) == document


def test_drift_needs_no_valid_manifests(copied: Copied) -> None:
    bench = copied("genomics-portal")
    bench.must_apply()
    disturb(bench)
    bench.edit("portal.yaml", "visibility: public\n      links", "visibility: publick\n      links")
    ran = bench.run("drift", "--emulator", "--detailed-exitcode")
    assert ran.code == 2
    assert "portal.yaml:8:19:" in ran.err
    assert "going on without the manifests" in ran.err
    assert 'visibility: (as last applied) -> "private"' in ran.out
    (bench.folder / "portal.yaml").unlink()
    ran = bench.run("drift", "--emulator", "--detailed-exitcode")
    assert ran.code == 2
    assert "Drift: 2 of 9 bound objects changed, 1 gone" in ran.out
    assert bench.run("drift", "--emulator", "nowhere").code == 1


def test_drift_of_single_files_is_about_what_is_in_them(copied: Copied) -> None:
    bench = copied("genomics-portal")
    bench.write("more.yaml", "projects: {genomics: {clients: {more: {name: More, client_type: client_identity}}}}\n")
    bench.must_apply()
    disturb(bench)
    header = "projects: {genomics: {display_name: Genomics Portal, contact_email: ops@genomics.example.edu, "
    bench.write("more.yaml", f"{header}clients: {{more: {{name: More, client_type: client_identity}}}}}}}}\n")
    ran = bench.run("drift", "--emulator", "more.yaml")
    assert ran.out == "No drift. 2 bound objects compared with what was last applied.\n"
