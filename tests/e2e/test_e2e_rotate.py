"""`rotate` as people run it: a few credentials, now; and what a plan says of their life."""

import json
import re
import resource
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from reconciler.emulator import Emulator

PERSON = "rosalind@globusid.org"
WEB, OTHER = "credential/p/web/django", "credential/p/web/other"
DAY = 86_400
MANIFEST = """\
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
          django: {rotate_after: 90d, overlap: 14d, sink: {file: {path: secrets/web.json}}}
          other: {sink: {file: {path: secrets/other.json}}}
          listed: {}
"""


@dataclass
class Desk:
    """A root with secrets, and an emulator whose clock can be moved."""

    bench: Any
    emulator: Emulator
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, **more: str) -> Any:
        person = {
            "RECONCILER_ACCESS_TOKEN": self.emulator.person_token(PERSON),
            "GLOBUS_SDK_SERVICE_URL_AUTH": self.emulator.base_url,
        }
        return self.bench.run(*arguments, **{**person, **self.environment, **more})

    def must(self, *arguments: str, code: int = 0, **more: str) -> Any:
        ran = self.run(*arguments, **more)
        assert ran.code == code, ran.out + ran.err
        return ran

    def held(self, name: str = "web") -> dict[str, str]:
        found = json.loads((self.bench.folder / "secrets" / f"{name}.json").read_text())
        assert isinstance(found, dict)
        return found

    def works(self, held: dict[str, str]) -> bool:
        form = {"grant_type": "client_credentials", "scope": "openid"}
        basic = held["client_id"], held["client_secret"]
        answer = requests.post(f"{self.emulator.base_url}/v2/oauth2/token", data=form, auth=basic, timeout=20)
        return answer.status_code == 200

    def live(self) -> list[str]:
        """List the credentials of the client that holds the secret of the web application."""
        url = f"{self.emulator.base_url}/v2/api/clients/{self.held()['client_id']}/credentials"
        headers = {"Authorization": f"Bearer {self.emulator.person_token(PERSON)}"}
        return [each["id"] for each in requests.get(url, headers=headers, timeout=20).json()["credentials"]]


@pytest.fixture
def desk(bench: Any, tmp_path: Path) -> Iterator[Desk]:
    bench.write("a.yaml", MANIFEST)
    with Emulator(tmp_path / "world.db") as emulator:
        yield Desk(bench, emulator)


@pytest.fixture
def applied(desk: Desk) -> Desk:
    desk.must("apply", "--auto-approve")
    return desk


def test_rotate_replaces_the_named_secret_alone_and_keeps_the_old_one_for_a_while(applied: Desk) -> None:
    web, other = applied.held(), applied.held("other")
    applied.bench.edit("a.yaml", "contact_email: p@", "contact_email: q@")
    ran = applied.must("rotate", WEB, "--auto-approve")
    assert f"↻ {WEB}" in ran.out
    assert "because it was asked for" in ran.out
    assert "project/p" not in ran.out
    assert (
        "Plan: 0 to adopt, 0 to add, 0 to change, 0 to replace, 0 to delete, 1 to rotate.\nApplying takes 1 call."
        in ran.out
    )
    assert applied.held("other") == other
    assert applied.held() != web
    assert applied.works(web)
    assert applied.works(applied.held())
    assert re.search(rf"Later: {WEB}: {web['credential_id']} is revoked from ", ran.out)


def test_rotate_after_a_leak_says_what_stops_and_ends_the_old_secret(applied: Desk) -> None:
    leaked = applied.held()
    ran = applied.must("rotate", WEB, "--revoke-old", "--auto-approve")
    assert f"⌫ {WEB}  is revoked, {leaked['credential_id']}" in ran.out
    assert "! whatever uses its secret can get no token any more" in ran.out
    assert "tokens that were given before stay valid, for up to 48 hours" in ran.out
    assert not applied.works(leaked)
    assert applied.works(applied.held())
    assert sorted(applied.live()) == sorted([applied.held()["credential_id"], applied.held("other")["credential_id"]])


def test_rotate_after_a_leak_works_without_bindings_and_without_the_file(applied: Desk) -> None:
    leaked = applied.held()
    (applied.bench.folder / "reconciler.bindings.json").unlink()
    (applied.bench.folder / ".reconciler" / "journal.jsonl").unlink()
    for file in (applied.bench.folder / "secrets").glob("web.json*"):
        file.unlink()
    applied.must("rotate", WEB, "--revoke-old", "--auto-approve")
    assert not applied.works(leaked)
    assert applied.works(applied.held())


def test_rotate_takes_several_addresses_and_the_manifests_by_path(applied: Desk) -> None:
    before = applied.held(), applied.held("other")
    applied.must("rotate", WEB, OTHER, ".", "--auto-approve")
    assert all(new != old for new, old in zip((applied.held(), applied.held("other")), before, strict=True))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["client/p/web"], "rotate client/p/web: a client has no secret; name one of its credentials"),
        (["credential/p/web/listed"], "rotate credential/p/web/listed: it has no `sink`, so it is only looked for"),
        (["credential/p/web/djang"], "none is bound; did you mean `credential/p/web/django`?"),
        (["credentials/p/web/django"], "there is no kind `credentials`, did you mean `credential`?"),
        (["nowhere.yaml", WEB], "`nowhere.yaml` is no address"),
        (["."], "name what is to be rotated"),
        ([], "Missing argument"),
        ([WEB, "--replace", WEB], "No such option"),
    ],
)  # fmt: skip
def test_what_cannot_be_rotated_is_wrong_usage(applied: Desk, arguments: list[str], told: str) -> None:
    before = applied.held()
    ran = applied.must("rotate", *arguments, "--auto-approve", code=64)
    assert told in ran.err
    assert applied.held() == before


def test_what_was_never_made_is_not_rotated(desk: Desk) -> None:
    for arguments in ([WEB], [WEB, "--revoke-old"]):
        ran = desk.must("rotate", *arguments, "--auto-approve", code=64)
        assert f"rotate {WEB}: it has no secret yet that could be replaced; `apply` makes its first" in ran.err
    desk.must("apply", "--auto-approve", "--exclude", WEB)
    assert "it has no secret yet" in desk.must("rotate", WEB, "--auto-approve", code=64).err


def test_rotate_asks_first(applied: Desk) -> None:
    before = applied.held()
    ran = applied.must("rotate", WEB, "--no-input", code=1)
    assert "give --auto-approve" in ran.err
    assert "Nothing was changed." in ran.err
    assert applied.held() == before


def test_rotation_that_is_due_is_a_change_and_said_before_and_after(applied: Desk) -> None:
    ran = applied.must("plan", "--detailed-exitcode")
    assert "No changes." in ran.out
    assert len(re.findall(rf"^Later: {WEB} gets a new secret from \d{{4}}-", ran.out, re.MULTILINE)) == 1
    assert ran.out.count("Later:") == 1
    first = applied.held()
    applied.emulator.clock.advance(90 * DAY)
    ran = applied.must("plan", "--detailed-exitcode", "--out", "due.plan", code=2)
    told = applied.must("show", "due.plan").out
    for out in (ran.out, told):
        assert f"↻ {WEB}" in out
        assert "and is to be replaced after 90d" in out
        assert f"Later: {WEB} gets a new secret from " in out
        assert f"Later: {WEB}: {first['credential_id']} is revoked from " in out
    applied.must("apply", "--auto-approve")
    assert applied.must("plan", "--detailed-exitcode").out.count("Later:") == 2
    applied.emulator.clock.advance(14 * DAY)
    assert f"⌫ {WEB}" in applied.must("plan", "--detailed-exitcode", code=2).out


SINK = """\
import json, os, sys
asked = json.load(sys.stdin)
if asked["action"] == "ACTION": ENDING
print("null" if asked["action"] == "head" else "{}")
"""


def exec_sink(desk: Desk, ending: str, action: str = "put") -> None:
    """Deliver by a program that ends one of its actions in some way."""
    desk.bench.write("sink.py", SINK.replace("ENDING", ending).replace("ACTION", action))
    sink = f"{{exec: {{command: [{json.dumps(sys.executable)}, sink.py], readable: false}}}}"
    desk.bench.write("a.yaml", MANIFEST.replace("{file: {path: secrets/other.json}}", sink))


def test_sink_that_cannot_be_read_is_believed_and_the_plan_says_so(desk: Desk) -> None:
    exec_sink(desk, "pass")
    desk.must("apply", "--auto-approve")
    ran = desk.must("plan", "--detailed-exitcode", "--out", "p.plan")
    (note,) = [line for line in ran.out.splitlines() if "not checked" in line]
    assert note.startswith(f"Note: {OTHER}: not checked: ")
    assert "cannot be read back, and by the bindings holds the secret " in note
    assert note in desk.must("show", "p.plan").out


@pytest.mark.parametrize(("revocable", "code"), [(True, 1), (False, 15)])
def test_rotation_that_cannot_be_delivered_keeps_the_old_secret(desk: Desk, revocable: bool, code: int) -> None:
    exec_sink(desk, "pass")
    desk.must("apply", "--auto-approve")
    before = desk.live()
    exec_sink(desk, "sys.exit(1)")
    if not revocable:
        desk.emulator.add_fault({"method": "DELETE", "path_prefix": "/v2/api/clients", "status": 403})
    ran = desk.must("rotate", OTHER, "--auto-approve", code=code)
    left = [each for each in desk.live() if each not in before]
    assert set(before) <= set(desk.live())
    assert bool(left) is not revocable
    assert all(f"revoke: {each}" in ran.out for each in left)
    exec_sink(desk, "pass")
    desk.must("apply", "--auto-approve")
    assert set(before) <= set(desk.live())
    assert not set(left) & set(desk.live())


def test_secret_that_was_put_back_since_the_plan_is_not_revoked(applied: Desk) -> None:
    file, beside = (applied.bench.folder / "secrets" / name for name in ("web.json", "web.json.meta.json"))
    old = {each: each.read_bytes() for each in (file, beside)}
    applied.emulator.clock.advance(91 * DAY)
    applied.must("apply", "--auto-approve")
    applied.emulator.clock.advance(15 * DAY)
    planned = applied.must("plan", "--out", "later.plan")
    assert f"⌫ {WEB}  is revoked" in planned.out
    for each, content in old.items():
        each.write_bytes(content)
    ran = applied.must("apply", "later.plan", "--auto-approve", code=12)
    assert f"file secrets/web.json holds the secret of {applied.held()['credential_id']} again; plan again" in ran.out
    assert applied.works(applied.held())


PROGRAM = """\
#!{python}
import json, os, sys
question = json.load(sys.stdin)
match question["action"]:
    case "put":
        with open("held.json", "w") as file:
            json.dump(question, file)
        sys.exit(os.path.exists("put fails"))
    case "head":
        held = json.load(open("held.json")) if os.path.exists("held.json") else {{}}
        if held and os.path.exists("head fails"):
            print(held, file=sys.stderr)
            sys.exit(1)
        print(json.dumps({{"metadata": held.get("metadata")}}))
"""


def programmed(desk: Desk, settings: str = "") -> None:
    keep = desk.bench.write("keep.py", PROGRAM.format(python=sys.executable))
    keep.chmod(0o755)
    desk.bench.edit("a.yaml", "file: {path: secrets/web.json}", f"exec: {{command: [./keep.py]{settings}}}")


@pytest.mark.parametrize("failing", ["put fails", "head fails"])
def test_secret_that_arrived_is_not_revoked_when_its_delivery_fails(desk: Desk, failing: str) -> None:
    programmed(desk)
    (desk.bench.folder / failing).touch()
    ran = desk.must("apply", "--auto-approve", code=13)
    held = json.loads((desk.bench.folder / "held.json").read_text())["delivery"]
    assert "it may hold the new secret all the same, which stays valid: the next run looks again" in ran.out
    assert held["client_secret"] not in ran.out + ran.err
    assert desk.works(held)
    (desk.bench.folder / failing).unlink()
    assert "No changes" in desk.must("apply", "--auto-approve").out
    assert desk.works(held)


def test_credential_takes_no_place_of_another_one(desk: Desk) -> None:
    programmed(desk, ", with: {of: web}")
    desk.bench.edit("a.yaml", "file: {path: secrets/other.json}", "exec: {command: [./keep.py], with: {of: other}}")
    ran = desk.must("apply", "--auto-approve", "--parallelism", "1", code=12)
    assert "holds the secret of another credential, django#" in ran.out
    assert desk.works(json.loads((desk.bench.folder / "held.json").read_text())["delivery"])


def test_sink_that_is_down_before_a_rotation_makes_nothing(desk: Desk) -> None:
    exec_sink(desk, "pass")
    desk.must("apply", "--auto-approve")
    before = desk.live()
    exec_sink(desk, "sys.exit(1)", "preflight")
    desk.emulator.forget_requests()
    desk.must("rotate", OTHER, "--auto-approve", code=1)
    paths = [each["path"] for each in desk.emulator.requests if each["method"] == "POST"]
    assert not [path for path in paths if path.endswith("/credentials")]
    assert desk.live() == before


def test_program_leaves_no_core_nor_does_what_it_runs(desk: Desk) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    assert hard, "where no process may leave a core, nothing is tested"
    exec_sink(desk, "open('limits', 'w').write(open(f'/proc/{os.getppid()}/limits').read())")
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        desk.must("apply", "--auto-approve")
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
    (core,) = [line for line in (desk.bench.folder / "limits").read_text().splitlines() if "core file" in line]
    assert core.split()[-3] == "0"


Masked = Callable[[str], list[str]]


@pytest.fixture
def masked() -> Masked:
    return lambda out: re.findall(r"^::add-mask::(.+)$", out, re.MULTILINE)


def test_new_secret_is_masked_on_github_before_anything_is_done_with_it(desk: Desk, masked: Masked) -> None:
    exec_sink(desk, "sys.exit(1)")
    ran = desk.run("apply", "--auto-approve", GITHUB_ACTIONS="true")
    assert ran.code == 13
    secret = desk.held()["client_secret"]
    assert secret in masked(ran.out)
    assert len(masked(ran.out)) == 2  # that of the failed delivery too
    rest = re.sub(r"^::add-mask::.+$", "", ran.out, flags=re.MULTILINE) + ran.err
    assert not [each for each in masked(ran.out) if each in rest]


def test_nothing_is_masked_elsewhere(desk: Desk) -> None:
    ran = desk.must("apply", "--auto-approve", GITHUB_ACTIONS="")
    assert "add-mask" not in ran.out + ran.err
    assert desk.held()["client_secret"] not in ran.out + ran.err
