"""From manifests to live objects and back to an empty plan, as people and pipelines run it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

REPOSITORY = Path(__file__).parents[2]
EXAMPLES = sorted({path.parent.name for path in (REPOSITORY / "examples").glob("*/*.yaml")})


def bindings(folder: Path, name: str = "reconciler.bindings.json") -> dict[str, Any]:
    document = json.loads((folder / ".reconciler" / name).read_text())
    entries = document["bindings"]
    assert isinstance(entries, dict)
    return entries


def changed(out: str) -> list[str]:
    """The addresses that a plan shows a change of, with their signs."""
    return [" ".join(match) for match in re.findall(r"^ {0,2}(\S{1,3}) (\w+/\S+)", out, flags=re.MULTILINE)]


def test_demo_runs_from_plan_to_an_empty_plan() -> None:
    done = subprocess.run(
        ["sh", str(REPOSITORY / "examples" / "demo.sh")],
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Plan: 0 to adopt, 9 to add, 0 to change, 0 to replace, 0 to delete." in done.stdout
    assert "Apply complete! 9 created, 1 changed, 0 deleted." in done.stdout
    assert "No changes." in done.stdout
    assert "GENOMICS_CLIENT_ID=" in done.stdout


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_converges(example: str, copied: Callable[[str], Any]) -> None:
    bench = copied(example)
    assert bench.run("validate").code == 0
    assert bench.plan().code == 2
    bench.must_apply()
    bench.must_be_done()
    again = bench.must_apply()
    assert "No changes." in again.out


def test_plan_writes_nothing(copied: Callable[[str], Any]) -> None:
    bench = copied("genomics-portal")
    assert bench.plan().code == 2
    with bench.behind_its_back() as api:
        assert api.call("GET", "/v2/api/projects")["projects"] == []
    assert not (bench.folder / ".reconciler" / "reconciler.bindings.json").exists()
    assert not (bench.folder / "secrets").exists()


def test_change_behind_its_back_is_found_as_drift_of_exactly_that_field(copied: Callable[[str], Any]) -> None:
    bench = copied("genomics-portal")
    bench.must_apply()
    ids = {address: entry["id"] for address, entry in bindings(bench.folder).items()}
    client = ids["client/genomics/web"]
    with bench.behind_its_back() as api:
        api.call("PUT", f"/v2/api/projects/{ids['project/genomics']}", {"project": {"contact_email": "x@example.org"}})
        api.call("PUT", f"/v2/api/policies/{ids['policy/genomics/campus-login']}", {"policy": {"description": "?"}})
        api.call("PUT", f"/v2/api/clients/{client}", {"client": {"visibility": "private"}})
        api.call("PUT", f"/v2/api/scopes/{ids['scope/genomics/api/read']}", {"scope": {"name": "Other"}})
        api.call("DELETE", f"/v2/api/clients/{client}/credentials/{ids['credential/genomics/web/django']}")
    ran = bench.plan()
    assert ran.code == 2
    assert changed(ran.out) == [
        "~ project/genomics",
        "~ policy/genomics/campus-login",
        "~ client/genomics/web",
        "~ scope/genomics/api/read",
        "+ credential/genomics/web/django",
    ]
    assert ran.out.count("->") == 4
    assert ran.out.count("(drift)") == 4
    assert 'contact_email: "x@example.org" -> "ops@genomics.example.edu"  (drift)' in ran.out
    bench.must_apply()
    bench.must_be_done()


def test_change_in_the_manifest_is_found_as_pending(copied: Callable[[str], Any]) -> None:
    bench = copied("genomics-portal")
    bench.must_apply()
    bench.edit("portal.yaml", "contact_email: ops@", "contact_email: team@")
    bench.edit("portal.yaml", "authentication_assurance_timeout: 3600", "authentication_assurance_timeout: 1800")
    bench.edit("portal.yaml", "genomics.example.edu/callback", "genomics.example.edu/back")
    bench.edit("portal.yaml", "name: Query,", "name: Ask,")
    ran = bench.plan()
    assert changed(ran.out) == [
        "~ project/genomics",
        "~ policy/genomics/campus-login",
        "~ client/genomics/web",
        "~ scope/genomics/index/query",
    ]
    assert ran.out.count("(pending)") == 4
    assert '+ "https://genomics.example.edu/back"' in ran.out
    assert '- "https://genomics.example.edu/callback"' in ran.out
    bench.must_apply()
    bench.must_be_done()


def test_removal_is_refused_until_it_is_approved_and_then_done_in_order(copied: Callable[[str], Any]) -> None:
    bench = copied("genomics-portal")
    bench.must_apply()
    before = bindings(bench.folder)
    bench.edit("portal.yaml", "              - scope/./index/query\n", "")
    text = (bench.folder / "portal.yaml").read_text()
    start, end = text.index("      # Used by the API only"), text.index("outputs:")
    bench.write("portal.yaml", text[:start] + text[end:])
    refused = bench.apply()
    assert refused.code == 11
    assert "client/genomics/index: it has left the manifests" in refused.out
    assert bindings(bench.folder) == before
    bench.write("removed.yaml", "version: 1\nremoved:\n  - address: client/genomics/index\n")
    ran = bench.must_apply()
    order = [ran.out.index(text) for text in ("scope/genomics/api/read: changed", "client/genomics/index: deleted")]
    assert order == sorted(order)
    bench.must_be_done()
    with bench.behind_its_back() as api:
        names = {client["name"] for client in api.call("GET", "/v2/api/clients")["clients"]}
        assert names == {"Genomics Portal", "Genomics API", "Genomics deployer"}


def test_lost_bindings_come_back_by_adoption(copied: Callable[[str], Any]) -> None:
    bench = copied("genomics-portal")
    bench.must_apply()
    before = bindings(bench.folder)
    (bench.folder / ".reconciler" / "reconciler.bindings.json").unlink()
    (bench.folder / ".reconciler" / "emulator" / "journal.jsonl").unlink()
    ran = bench.plan()
    assert "Plan: 8 to adopt, 0 to add, 0 to change, 0 to replace, 0 to delete." in ran.out
    assert "Applying takes 0 calls." in ran.out
    assert bench.plan("--no-adopt").code == 11
    bench.must_apply()
    assert bindings(bench.folder) == before
    bench.must_be_done()


def test_two_environments_never_touch_each_other(copied: Callable[[str], Any]) -> None:
    bench = copied("portal-environments")
    development, production = "development.overlay.yaml", "production.overlay.yaml"
    bench.must_apply("--overlay", development)
    one = bindings(bench.folder, "reconciler.bindings.development.json")
    bench.must_apply("--overlay", production)
    two = bindings(bench.folder, "reconciler.bindings.production.json")
    assert not {entry["id"] for entry in one.values()} & {entry["id"] for entry in two.values()}
    assert bindings(bench.folder, "reconciler.bindings.development.json") == one
    bench.must_be_done("--overlay", development)
    bench.must_be_done("--overlay", production)


def test_secret_is_delivered_and_nowhere_else(copied: Callable[[str], Any]) -> None:
    bench = copied("genomics-portal")
    ran = bench.must_apply()
    delivered = (bench.folder / "secrets" / "web.env").read_text()
    secret = re.search(r"^AUTH_SECRET=(.+)$", delivered, flags=re.MULTILINE)
    assert secret is not None
    assert (bench.folder / "secrets" / "web.env").stat().st_mode & 0o777 == 0o600
    value = secret.group(1).strip("'\"")
    assert len(value) > 20
    assert value not in ran.out + ran.err
    for file in bench.folder.rglob("*"):
        if file.is_file() and file.name != "web.env":
            assert value.encode() not in file.read_bytes(), file


def test_delivered_secret_works(copied: Callable[[str], Any]) -> None:
    bench = copied("genomics-portal")
    bench.must_apply()
    lines = (bench.folder / "secrets" / "web.env").read_text().splitlines()
    pairs = {name: value.strip("'\"") for name, value in (line.split("=", 1) for line in lines)}
    with bench.behind_its_back() as api:
        answer = requests.post(
            f"{api.url}/v2/oauth2/token",
            data={"grant_type": "client_credentials", "scope": "openid"},
            auth=(pairs["AUTH_KEY"], pairs["AUTH_SECRET"]),
            timeout=20,
        )
    assert answer.status_code == 200, answer.text


def test_apply_asks_and_takes_only_yes(copied: Callable[[str], Any]) -> None:
    bench = copied("action-provider")
    for answer in ("", "no\n", "y\n", "YES\n"):
        ran = bench.run("apply", "--emulator", stdin=answer)
        assert ran.code == 1
        assert "Nothing was changed." in ran.err
    assert bench.run("apply", "--emulator", "--no-input").code == 1
    assert bench.run("apply", "--emulator", stdin="yes\n").code == 0
    bench.must_be_done()
