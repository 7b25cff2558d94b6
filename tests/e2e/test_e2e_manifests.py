"""The commands that need nothing but the manifests."""

from typing import Any

import pytest

PROJECT = "projects:\n  p:\n    display_name: no\n    contact_email: p@example.org\noutputs: {P: project/p.id}\n"
WARNING = "a.yaml:3:19: warning: `no` is text here, but a truth value to readers of YAML 1.1"


@pytest.mark.parametrize("command", ["validate", "build"])
def test_warnings_are_no_result(bench: Any, command: str) -> None:
    bench.write("a.yaml", PROJECT)
    ran = bench.run(command)
    assert ran.code == 0
    assert ran.err.startswith(WARNING)
    assert "warning" not in ran.out


def test_output_tells_names_from_paths(bench: Any) -> None:
    bench.write("a.yaml", PROJECT)
    for arguments, said in (
        (["nosuch.yaml"], "nosuch.yaml:1:1: there is no such file"),
        (["no-such-folder"], "no-such-folder:1:1: there is no such file"),
        (["P", "nosuch.yaml"], "nosuch.yaml:1:1: there is no such file"),
        (["P", "a.yaml"], "P is not applied yet"),
        (["Q", "a.yaml"], "Q is no output of these manifests, and there is no such file"),
    ):
        ran = bench.run("output", *arguments)
        assert ran.code == 1
        assert ran.err.splitlines()[-1] == said


def test_outputs_that_are_not_applied_yet_are_no_empty_line(bench: Any) -> None:
    bench.write("a.yaml", PROJECT)
    for form, said in (("text", ""), ("env", ""), ("github", ""), ("json", "{}\n")):
        ran = bench.run("output", "--format", form)
        assert (ran.code, ran.out) == (0, said)
        assert "warning: P is not applied yet" in ran.err


def test_exclude_is_relative_to_the_folder_of_the_settings(bench: Any) -> None:
    bench.write("env/a.yaml", PROJECT)
    bench.write("env/drafts/b.yaml", "nonsense")
    bench.write("reconciler.toml", '[manifests]\nexclude = ["./env/drafts"]\n')
    for arguments in ([], ["env"]):
        assert bench.run("validate", *arguments).code == 0
