"""Parts of a root, replacements by name, and the end of everything, as people run them."""

from collections.abc import Callable
from typing import Any

import pytest

Copied = Callable[[str], Any]
CLIENT, PROJECT = "client/genomics/web", "project/genomics"


def test_target_applies_a_part_and_the_rest_follows(copied: Copied) -> None:
    bench = copied("genomics-portal")
    ran = bench.must_apply("--target", "scope/genomics/api/read")
    assert "This is a part of the root" in ran.out
    assert bench.bound() == {
        PROJECT,
        "client/genomics/api",
        "client/genomics/deployer",  # administers the project
        "client/genomics/index",
        "scope/genomics/api/read",
        "scope/genomics/index/query",
    }
    nothing = bench.plan("--target", "scope/genomics/api/read")
    assert nothing.code == 0
    assert "No changes. The service is as the manifests say, in the part that this is about." in nothing.out
    assert bench.plan().code == 2
    bench.must_apply()
    bench.must_be_done()


def test_exclude_leaves_a_part_out(copied: Copied) -> None:
    bench = copied("genomics-portal")
    bench.must_apply("--exclude", "client/genomics/index", "--exclude", "policy/genomics/campus-login")
    left_out = {"client/genomics/index", "scope/genomics/index/query", "scope/genomics/api/read"}
    assert not bench.bound() & {*left_out, "policy/genomics/campus-login"}
    assert {PROJECT, CLIENT, "client/genomics/api", "credential/genomics/web/django"} < bench.bound()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["--target", "client/genomics/wep"],
            "--target client/genomics/wep: there is none in the manifests, and none is bound; did you mean `client/",
        ),
        (["--exclude", "policy/genomics/x"], "--exclude policy/genomics/x: there is none in the manifests"),
        (["--replace", "client/genomics/old"], "--replace client/genomics/old: there is none in the manifests"),
        (["--target", "clients/genomics/web"], "there is no kind `clients`"),
        (["--target", "all"], "`all` is no address"),
    ],
)
def test_address_that_leads_nowhere_is_wrong_usage(copied: Copied, arguments: list[str], told: str) -> None:
    ran = copied("genomics-portal").plan(*arguments)
    assert ran.code == 64
    assert told in ran.err


def test_renamed_address_is_told_by_its_name_of_now(copied: Copied) -> None:
    bench = copied("genomics-portal")
    bench.edit(
        "portal.yaml",
        "      web:\n        extends: portal",
        "      site:\n        previously: [web]\n        extends: portal",
    )
    bench.edit("portal.yaml", "client/genomics/web.id", "client/genomics/site.id")
    ran = bench.plan("--target", CLIENT)
    assert ran.code == 64
    assert f"--target {CLIENT}: it is client/genomics/site now" in ran.err


def test_replacement_by_name_makes_an_object_anew(copied: Copied) -> None:
    bench = copied("genomics-portal")
    bench.must_apply()
    before = (bench.folder / "secrets" / "web.env").read_text()
    ran = bench.must_apply("--replace", CLIENT)
    assert "because --replace asks for it" in ran.out
    assert "whatever uses the client id" in ran.out
    assert (bench.folder / "secrets" / "web.env").read_text() != before
    bench.must_be_done()


def test_destroy_deletes_all_that_is_bound_and_then_nothing(copied: Copied) -> None:
    bench = copied("genomics-portal")
    bench.must_apply()
    ran = bench.run("destroy", "--emulator", stdin="y\n")
    assert ran.code == 1
    assert "Delete all of this? There is no way back. Only `yes` is taken as consent:" in ran.out
    assert "Nothing was changed." in ran.err
    assert bench.run("destroy", "--emulator", "--no-input").code == 1
    assert len(bench.bound()) == 9
    ran = bench.run("destroy", "--emulator", stdin="yes\n")
    assert ran.code == 0
    assert "0 to replace, 9 to delete." in ran.out
    assert bench.bound() == set()
    with bench.behind_its_back() as api:
        assert api.call("GET", "/v2/api/projects")["projects"] == []
        assert api.call("GET", "/v2/api/clients")["clients"] == []
    again = bench.run("destroy", "--emulator", "--auto-approve")
    assert (again.code, again.out) == (0, "Nothing to destroy: nothing is bound here.\n")
    assert "what was delivered stays in file secrets/web.env; move it away before this is made again" in ran.out
    (bench.folder / "secrets" / "web.env").unlink()
    (bench.folder / "secrets" / "web.env.meta.json").unlink()
    bench.must_apply()


def test_destroy_refuses_what_is_protected_and_deletes_nothing(copied: Copied) -> None:
    bench = copied("genomics-portal")
    bench.must_apply()
    bench.edit(
        "portal.yaml", "    contact_email: ops@", "    lifecycle: {prevent_destroy: true}\n    contact_email: ops@"
    )
    ran = bench.run("destroy", "--emulator", "--auto-approve")
    assert ran.code == 11
    assert f"{PROJECT}: `prevent_destroy` protects it" in ran.out
    assert len(bench.bound()) == 9
