"""The bindings and the journal of a root, over several runs: which of them are believed."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import CannotWrite, StaleBindings, Unrecorded

PROJECT = "projects: {p: {display_name: P, contact_email: p@example.org, admin_ids: [rosalind@globusid.org]}}\n"
MORE = PROJECT.replace("}}\n", ", policies: {a: {display_name: A, description: A}}}}\n")


def test_older_bindings_are_refused(runs: Any) -> None:
    runs.write(PROJECT)
    runs.settle()
    older = runs.site.bindings.read_bytes()
    runs.write(MORE)
    runs.settle()
    runs.site.bindings.write_bytes(older)
    with pytest.raises(StaleBindings, match="older"):
        runs.plan()


def test_bindings_of_another_history_are_refused_and_lost_ones_are_not(runs: Any) -> None:
    runs.write(PROJECT)
    runs.settle()
    theirs = runs.site.bindings.read_bytes()
    runs.site.bindings.unlink()
    runs.settle()
    runs.settle()
    runs.site.bindings.write_bytes(theirs)
    with pytest.raises(StaleBindings, match="another history"):
        runs.plan()


def test_another_world_of_the_emulator_is_no_bindings(runs: Any) -> None:
    runs.write(PROJECT)
    runs.settle()
    runs.call("DELETE", f"/v2/api/projects/{runs.id('project/p')}")
    runs.site = replace(runs.site, target="emulator:another-world")
    assert runs.entries() == {}
    runs.settle()


def test_bindings_of_another_service_are_refused(runs: Any) -> None:
    runs.write(PROJECT)
    runs.settle()
    runs.site = replace(runs.site, target="https://auth.globus.org")
    with pytest.raises(StaleBindings, match="belongs to emulator:"):
        runs.plan()


def test_bindings_that_could_not_be_written_stop_a_run_before_it_begins(runs: Any) -> None:
    runs.write(PROJECT)
    runs.site = replace(runs.site, bindings=Path("/proc/bindings.json"))
    with pytest.raises(CannotWrite, match="bindings"):
        runs.apply()
    assert runs.call("GET", "/v2/api/projects")["projects"] == []


def test_bindings_that_cannot_be_written_at_the_end_are_told_and_made_up_for(runs: Any) -> None:
    runs.write(PROJECT)
    carried = runs.begin(runs.plan())
    next(carried)
    os.symlink("/nowhere", runs.site.bindings)  # noqa: PTH211 - a trap
    with pytest.raises(Unrecorded) as caught:
        list(carried)
    told = json.loads(caught.value.entries)["bindings"]
    runs.site.bindings.unlink()
    assert {address: binding.id for address, binding in runs.entries().items()} == {
        address: form["id"] for address, form in told.items()
    }
    assert runs.plan().plan.operations == ()


def test_run_that_was_given_up_is_made_up_for_by_the_journal(runs: Any) -> None:
    runs.write(PROJECT)
    runs.settle()
    before = runs.site.bindings.read_bytes()
    runs.write(MORE)
    runs.settle()
    made = runs.id("policy/p/a")
    text = runs.site.journal.read_text().splitlines(keepends=True)
    runs.site.journal.write_text("".join(text[:-1]))  # as if it had been killed before its checkpoint …
    runs.site.bindings.write_bytes(before)  # … and before the bindings were replaced
    assert runs.id("policy/p/a") == made
    assert runs.plan().plan.operations == ()
