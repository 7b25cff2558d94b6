"""Saved plans as a pipeline uses them: made in one run, shown, applied in another; and every reason not to."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from reconciler.emulator import Emulator
from reconciler.lock import hold
from reconciler.model import digest

PERSON = "rosalind@globusid.org"
PROJECT = """\
projects:
  p:
    display_name: P
    contact_email: p@example.org
    admin_ids: [rosalind@globusid.org]
    clients:
      api: {name: Api, client_type: resource_server}
"""
MORE = PROJECT.replace("p@example.org", "q@example.org") + "      web: {name: Web, client_type: client_identity}\n"
OVERLAY = "environment: prod\nprojects: {p: {display_name: Prod}}\n"


@dataclass(frozen=True)
class Served:
    """A folder, and the service that it is reconciled with over the network."""

    bench: Any
    emulator: Emulator

    @property
    def plan_file(self) -> Path:
        return Path(self.bench.folder) / "plan.json"

    def run(self, *arguments: str, **environment: str) -> Any:
        token = self.emulator.person_token(PERSON)
        given = {"RECONCILER_ACCESS_TOKEN": token, "GLOBUS_SDK_SERVICE_URL_AUTH": self.emulator.base_url}
        return self.bench.run(*arguments, **(given | environment))

    def must(self, *arguments: str) -> str:
        ran = self.run(*arguments)
        assert ran.code == 0, ran.out + ran.err
        return str(ran.out)

    def call(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {self.emulator.person_token(PERSON)}"}
        answer = requests.request(method, self.emulator.base_url + path, json=body, headers=headers, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def calls(self) -> list[str]:
        """Tell the calls since the last time, without those of the test itself."""
        log = self.call("GET", "/_emulator/requests")
        self.call("DELETE", "/_emulator/requests")
        return [f"{row['method']} {row['path']}" for row in log if not row["path"].startswith("/_emulator/")]

    def writes(self) -> list[str]:
        return [call for call in self.calls() if not call.startswith("GET ") and "/oauth2/" not in call]

    def alter(self, edit: Callable[[dict[str, Any]], object], *, sealed: bool) -> None:
        """Edit the plan's file; `sealed`: so that nobody sees it from the checksum."""
        form = json.loads(self.plan_file.read_text())
        edit(form)
        if sealed:
            form.pop("checksum")
            form["checksum"] = digest(form)
        self.plan_file.write_text(json.dumps(form))

    def refused(self, *arguments: str, code: int = 12, **environment: str) -> str:
        """Apply the plan; it is refused before any call that writes."""
        self.calls()
        ran = self.run("apply", "plan.json", *arguments, **environment)
        assert ran.code == code, ran.out + ran.err
        return str(ran.err)


@pytest.fixture
def served(bench: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Emulator(tmp_path_factory.mktemp("world") / "world.db") as emulator:
        yield Served(bench, emulator)


@pytest.fixture
def saved(served: Served) -> Served:
    """A folder that was applied once, with a plan for two changes."""
    served.bench.write("a.yaml", PROJECT)
    served.must("apply", "--auto-approve")
    served.bench.write("a.yaml", MORE)
    assert "Saved as plan.json; it holds until " in served.must("plan", "--out", "plan.json")
    return served


def test_saved_plan_is_shown_and_applied_and_then_nothing_is_left(saved: Served) -> None:
    shown = saved.bench.run("show", "plan.json")
    assert (shown.code, shown.err) == (0, "")
    form = json.loads(saved.plan_file.read_text())
    assert shown.out.startswith(f"Saved plan {form['digest']}\n  for {saved.emulator.base_url}\n  made ")
    assert "  + client/p/web" in shown.out
    assert '"p@example.org" -> "q@example.org"  (pending)' in shown.out
    out = saved.must("apply", "plan.json")
    assert "Apply complete! 1 created, 1 changed, 0 deleted." in out
    assert saved.run("plan", "--detailed-exitcode").code == 0
    saved.calls()
    assert saved.must("apply", "plan.json").endswith("Nothing is left to do of this plan.\n")
    assert saved.writes() == []
    journal = (saved.bench.folder / ".reconciler" / "journal.jsonl").read_text()
    assert json.loads(journal.splitlines()[-1])["line"] == "checkpoint"
    assert f'"plan":"{form["digest"]}"' in journal


def test_saved_plan_is_closed_to_others_and_the_one_for_tools_is_the_same(saved: Served) -> None:
    saved.must("plan", "--out", "plan.json", "--json-into", "tools.json")
    assert saved.plan_file.stat().st_mode & 0o777 == 0o600
    tools = (saved.bench.folder / "tools.json").read_text()
    assert tools == saved.plan_file.read_text()
    assert saved.bench.run("show", "plan.json", "--json").out == tools
    form = json.loads(tools)
    assert (form["format_version"], form["applyable"], form["errored"]) == ("1.0", True, False)
    actions = {each["address"]: each["change"]["actions"] for each in form["resource_changes"]}
    assert actions == {"project/p": ["update"], "client/p/api": ["no-op"], "client/p/web": ["create"]}


def test_plan_replaces_nothing_but_a_plan(bench: Any) -> None:
    bench.write("a.yaml", PROJECT).chmod(0o600)
    ran = bench.run("plan", "--emulator", "--out", "a.yaml")
    assert ran.code == 1
    assert "a.yaml: is there already, and no saved plan" in ran.err
    assert (bench.folder / "a.yaml").read_text() == PROJECT
    for _ in range(2):
        assert bench.run("plan", "--emulator", "--out", "plan.json").code == 0


def test_plan_that_is_not_there_is_no_damaged_one(bench: Any) -> None:
    for command in ("show", "apply"):
        ran = bench.run(command, "plan.json")
        assert (ran.code, ran.out) == (1, "")
        assert "there is no such file" in ran.err


def test_show_needs_neither_manifests_nor_credentials_nor_the_service(saved: Served, tmp_path_factory: Any) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    shutil.copy(saved.plan_file, elsewhere)
    saved.calls()
    ran = replace(saved.bench, folder=elsewhere).run("show", "plan.json", RECONCILER_ACCESS_TOKEN="")
    assert ran.code == 0, ran.err
    assert "client/p/web" in ran.out
    assert saved.calls() == []
    assert sorted(each.name for each in elsewhere.iterdir()) == ["plan.json"]


def test_plan_of_one_checkout_is_applied_in_another(saved: Served, tmp_path_factory: Any) -> None:
    other = tmp_path_factory.mktemp("clone") / "deep"
    ignored = shutil.ignore_patterns(".reconciler")
    shutil.copytree(saved.bench.folder, other, ignore=ignored)
    clone = Served(replace(saved.bench, folder=other), saved.emulator)
    clone.must("apply", "plan.json")
    assert clone.run("plan", "--detailed-exitcode").code == 0
    before, after = (
        json.loads((each / "reconciler.bindings.json").read_text()) for each in (saved.bench.folder, other)
    )
    assert (before["lineage"], before["serial"] + 1) == (after["lineage"], after["serial"])


def test_paths_and_overlays_are_those_of_the_plan(served: Served, tmp_path_factory: Any) -> None:
    served.bench.write("infra/auth/a.yaml", PROJECT)
    served.bench.write("infra/prod.overlay.yaml", OVERLAY)
    served.must("plan", "infra/auth", "--overlay", "infra/prod.overlay.yaml", "--out", "plan.json")
    form = json.loads(served.plan_file.read_text())
    assert form["manifests"] | {"digest": ""} == {
        "digest": "",
        "root": "infra/auth",
        "paths": ["."],
        "overlays": ["../prod.overlay.yaml"],
    }
    other = tmp_path_factory.mktemp("clone")
    shutil.copytree(served.bench.folder, other, dirs_exist_ok=True)
    clone = Served(replace(served.bench, folder=other), served.emulator)
    assert f"for {served.emulator.base_url}, environment prod\n" in clone.must("apply", "plan.json")
    assert (other / "infra" / "auth" / "reconciler.bindings.prod.json").exists()
    (project,) = served.call("GET", "/v2/api/projects")["projects"]
    assert project["display_name"] == "Prod"


def reset(name: str, when: timedelta) -> Callable[[dict[str, Any]], None]:
    """Set a time of the plan, relative to the time at which that is done."""

    def edit(form: dict[str, Any]) -> None:
        form[name] = (datetime.now(UTC) + when).isoformat(timespec="seconds").replace("+00:00", "Z")

    return edit


WITHOUT_A_CALL: dict[str, tuple[Callable[[dict[str, Any]], object], bool, str]] = {
    "altered": (lambda form: form["operations"][0].update(id="other"), False, "was altered since it was made"),
    "altered with its checksum": (
        lambda form: form["operations"][0].update(id="other"),
        True,
        "was altered since it was made",
    ),
    "target altered": (lambda form: form.update(base_url="https://auth.globus.org"), False, "was altered"),
    "newer format": (lambda form: form.update(format_version="2.0"), True, "has format 2.0"),
    "damaged": (lambda form: form.pop("operations"), True, "is damaged"),
    "expired": (reset("expires", timedelta(seconds=-1)), True, "has expired at "),
    "of the future": (reset("timestamp", timedelta(minutes=7)), True, "was made in the future, at "),
    "another version": (lambda form: form.update(version="0.2.0"), True, "was made by version 0.2.0"),
}


def test_plan_that_does_not_hold_by_itself_is_12_without_any_call(saved: Served) -> None:
    whole = saved.plan_file.read_text()
    for name, (edit, sealed, told) in WITHOUT_A_CALL.items():
        saved.plan_file.write_text(whole)
        saved.alter(edit, sealed=sealed)
        assert saved.refused().startswith(f"Error: plan.json: the plan {told}"), name
        assert saved.calls() == [], name
    saved.plan_file.write_text(whole[: len(whole) // 2])
    assert saved.refused() == "Error: plan.json: the plan is damaged: it is not the JSON of a plan; plan again\n"
    assert saved.calls() == []


def test_clock_that_is_a_little_behind_is_no_reason(saved: Served) -> None:
    saved.alter(reset("timestamp", timedelta(minutes=4)), sealed=True)
    saved.must("apply", "plan.json")


def test_plan_for_another_target_is_12_without_any_call(saved: Served, tmp_path_factory: Any) -> None:
    with Emulator(tmp_path_factory.mktemp("other") / "world.db") as other:
        elsewhere = Served(saved.bench, other)
        err = elsewhere.refused()
        assert f"the plan is for {saved.emulator.base_url}, not for {other.base_url}" in err
        assert elsewhere.calls() == []
        url = other.base_url
        err = saved.refused(RECONCILER_ACCESS_TOKEN="", GLOBUS_SDK_SERVICE_URL_AUTH=url)
        assert err.startswith("Error: plan.json: the plan is for ")
    assert saved.calls() == []


def test_plan_for_another_world_of_the_emulator_is_12(bench: Any) -> None:
    bench.write("a.yaml", PROJECT)
    assert bench.run("plan", "--emulator", "--out", "plan.json").code == 0
    ran = bench.run("apply", "plan.json", "--emulator", "--emulator-db", "other.db")
    assert ran.code == 12
    assert "the plan is for emulator:" in ran.err
    assert bench.run("apply", "plan.json", "--emulator").code == 0
    bench.must_be_done()


def test_other_manifests_are_12_without_any_call(saved: Served) -> None:
    others = {
        MORE.replace("name: Api", "name: Other"): "was made from other manifests than these: they have changed",
        PROJECT: "was made from other manifests than these: they have changed",
        "projects: {p: {nonsense: 1}}\n": "was made from other manifests than these, which are not valid",
    }
    for text, told in others.items():
        saved.bench.write("a.yaml", text)
        assert f"Error: plan.json: the plan {told}" in saved.refused()
        assert saved.calls() == []


def test_another_environment_is_12_without_any_call(saved: Served) -> None:
    saved.bench.write("o.overlay.yaml", "projects: {}\n")
    saved.must("plan", "--out", "plan.json", "--overlay", "o.overlay.yaml")
    saved.bench.write("o.overlay.yaml", "environment: prod\nprojects: {}\n")
    assert "the plan is for no environment, and the manifests are for prod; plan again" in saved.refused()
    assert saved.calls() == []


def test_comments_and_order_are_no_other_manifests(saved: Served) -> None:
    saved.bench.write("a.yaml", f"# a comment\n{MORE}")
    saved.must("apply", "plan.json")


def test_folder_that_is_not_here_is_12(served: Served) -> None:
    served.bench.write("infra/a.yaml", PROJECT)
    served.must("plan", "infra", "--out", "plan.json")
    (served.bench.folder / "infra").rename(served.bench.folder / "moved")
    assert "the plan was made of the folder infra, which is not here" in served.refused()
    assert served.calls() == []


def test_service_that_has_changed_is_12_before_any_write(saved: Served) -> None:
    bound = json.loads((saved.bench.folder / "reconciler.bindings.json").read_text())["bindings"]
    saved.call("PUT", f"/v2/api/clients/{bound['client/p/api']['id']}", {"client": {"name": "Theirs"}})
    err = saved.refused()
    what = f"client/p/api: name of {bound['client/p/api']['id']} was changed since the plan was made"
    assert err == f"Error: plan.json: the plan does not fit what is there any more ({what}); plan again\n"
    assert saved.writes() == []
    rows = saved.call("GET", "/v2/api/clients")["clients"]
    assert [row["name"] for row in rows if row["project"] == bound["project/p"]["id"]] == ["Theirs"]


def test_plan_of_somebody_else_is_12_before_any_write(saved: Served) -> None:
    err = saved.refused(RECONCILER_ACCESS_TOKEN=saved.emulator.person_token("barbara@globusid.org"))
    assert "Error: plan.json: the plan was made as bf343d4f-" in err
    assert saved.writes() == []


def test_bindings_that_are_older_or_not_here_are_12_before_any_write(saved: Served) -> None:
    file = saved.bench.folder / "reconciler.bindings.json"
    first = file.read_bytes()
    saved.must("apply", "plan.json")
    saved.bench.write("a.yaml", MORE.replace("name: Web", "name: Site"))
    saved.must("plan", "--out", "plan.json")
    shutil.rmtree(saved.bench.folder / ".reconciler")
    file.write_bytes(first)
    assert "the plan was made from newer bindings (serial 2) than " in saved.refused()
    assert saved.calls() == []
    file.unlink()
    assert "the plan was made from bindings (serial 2) that are not here" in saved.refused()
    assert saved.calls() == []


def test_refused_plan_is_saved_shown_and_not_applied(served: Served) -> None:
    served.bench.write("a.yaml", MORE)
    served.must("apply", "--auto-approve")
    served.bench.write("a.yaml", PROJECT.replace("p@", "q@"))
    ran = served.run("plan", "--out", "plan.json")
    assert ran.code == 11
    assert "Saved as" not in ran.out
    form = json.loads(served.plan_file.read_text())
    assert form["applyable"] is False
    assert [each["address"]["name"] for each in form["checks"] if each["status"] == "fail"] == ["unapproved_deletions"]
    served.calls()
    applied = served.run("apply", "plan.json")
    assert applied.code == 11
    assert "--allow-delete client/p/web\n" in applied.out
    assert served.calls() == []


def test_planning_from_a_saved_plan_is_wrong_usage_that_names_what_was_meant(served: Served) -> None:
    served.bench.write("a.yaml", PROJECT)
    served.must("plan", "--out", "plan.json")
    for command in ("plan", "diff"):
        ran = served.run(command, "plan.json")
        assert ran.code == 64
        assert "plan.json is a saved plan; see it with `reconciler show`, and apply it with" in ran.err


def test_consents_are_given_to_the_plan_and_never_to_its_apply(served: Served) -> None:
    served.bench.write("a.yaml", MORE)
    served.must("apply", "--auto-approve")
    served.bench.write("a.yaml", PROJECT.replace("p@", "q@"))
    served.must("plan", "--out", "plan.json", "--allow-delete", "client/p/web")
    assert "  agreed to: delete client/p/web\n" in served.bench.run("show", "plan.json").out
    for more in (["--allow-delete", "all"], ["--no-adopt"], ["--overlay", "a.yaml"], ["--allow-lockout", "project/p"]):
        assert f"give {more[0]} to `plan`" in served.refused(*more, code=64)
        assert served.calls() == []
    assert "is a saved plan, and is applied alone" in served.refused("a.yaml", code=64)
    assert "0 created, 0 changed, 1 deleted" in served.must("apply", "plan.json")
    assert served.run("plan", "--detailed-exitcode").code == 0


def test_plan_that_was_applied_in_part_is_applied_again(saved: Served) -> None:
    order = {"method": "POST", "path_prefix": "/v2/api/clients", "status": 409}
    saved.call("POST", "/_emulator/faults", order)
    ran = saved.run("apply", "plan.json")
    assert ran.code == 13
    assert "To go on from here: reconciler apply plan.json" in ran.out
    saved.calls()
    assert "A part of this plan was applied before: 1 of 2 calls are left." in saved.must("apply", "plan.json")
    assert saved.writes() == ["POST /v2/api/clients"]
    assert saved.run("plan", "--detailed-exitcode").code == 0


def test_plan_holds_as_long_as_the_option_or_the_settings_say(served: Served) -> None:
    served.bench.write("a.yaml", PROJECT)

    def lifetime(*arguments: str) -> timedelta:
        served.must("plan", "--out", "plan.json", *arguments)
        form = json.loads(served.plan_file.read_text())
        return datetime.fromisoformat(form["expires"]) - datetime.fromisoformat(form["timestamp"])

    assert lifetime() == timedelta(days=3)
    served.bench.write("reconciler.toml", '[plan]\nexpires_after = "2w"\n')
    assert lifetime() == timedelta(weeks=2)
    assert lifetime("--expires-after", "12h") == timedelta(hours=12)
    assert served.run("plan", "--out", "plan.json", "--expires-after", "soon").code == 64


def test_held_lock_is_14_for_a_saved_plan_too(saved: Served) -> None:
    with hold(saved.bench.folder / ".reconciler" / "lock", timeout=0):
        saved.refused(code=14)
    assert saved.calls() == []


def test_place_that_cannot_be_written_is_1(saved: Served) -> None:
    for option in ("--out", "--json-into"):
        ran = saved.run("plan", option, "nowhere/plan.json")
        assert ran.code == 1
        assert ran.err == "Error: nowhere/plan.json: no such file or directory\n"


def test_commands_of_the_page_about_saved_plans_do_what_it_says(served: Served) -> None:
    served.bench.write("a.yaml", PROJECT)
    page = (Path(__file__).parents[2] / "docs" / "plans.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    for line in block.splitlines():
        program, *arguments = line.split()
        assert program == "reconciler"
        served.must(*arguments)
    assert served.run("plan", "--detailed-exitcode").code == 0
