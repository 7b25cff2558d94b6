"""Two environments of one root, and two clones of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler import pipeline
from reconciler.errors import InvalidManifests
from reconciler.guards import Consents
from reconciler.manifest import load
from reconciler.model import Manifests

BASE = """\
projects:
  g:
    display_name: G
    contact_email: a@b.org
    admin_ids: [rosalind@globusid.org]
    clients: {web: {name: Web, client_type: client_identity}}
"""


class Environments:
    def __init__(self, runs: Any) -> None:
        self.runs = runs

    def use(self, name: str, more: str = "") -> None:
        """Go on in this environment."""
        overlay: Path = self.runs.folder / f"{name}.overlay.yaml"
        overlay.write_text(f"environment: {name}\n{more}", encoding="utf-8")
        bindings = self.runs.site.folder / f"reconciler.bindings.{name}.json"
        self.runs.site = replace(self.runs.site, environment=name, bindings=bindings)
        self.overlay = overlay

    def load(self) -> Manifests:
        return load([self.runs.folder], overlays=[self.overlay])

    def plan(self) -> pipeline.Planned:
        return pipeline.plan(self.load(), self.runs.client, self.runs.site, consents=Consents(), parallelism=2)

    def apply(self) -> None:
        planned = self.plan()
        assert planned.plan.refusals == ()
        self.runs.carry_out(planned)
        assert self.plan().plan.operations == ()


@pytest.fixture
def environments(runs: Any) -> Environments:
    return Environments(runs)


def test_objects_of_another_environment_are_not_adopted(runs: Any, environments: Environments) -> None:
    runs.write(BASE)
    environments.use("dev")
    environments.apply()
    dev = {runs.id("project/g"), runs.id("client/g/web")}
    environments.use("prod", "projects: {g: {contact_email: prod@b.org}}\n")
    environments.apply()
    assert not dev & {runs.id("project/g"), runs.id("client/g/web")}
    environments.use("dev")
    assert environments.plan().plan.operations == ()


def test_objects_of_a_killed_run_of_another_environment_are_not_adopted(runs: Any, environments: Environments) -> None:
    runs.write(BASE)
    environments.use("dev")
    events = runs.begin(environments.plan())
    for _ in range(2):
        next(events)
    record = runs.site.journal.read_text()
    events.close()
    runs.site.bindings.unlink()
    runs.site.journal.write_text(record)
    dev = set(runs.entries())
    assert dev
    taken = {runs.id(address) for address in dev}
    environments.use("prod")
    environments.apply()
    assert not taken & {runs.id("project/g"), runs.id("client/g/web")}


def test_pin_to_an_object_that_another_environment_manages_is_refused(runs: Any, environments: Environments) -> None:
    runs.write(BASE)
    environments.use("dev")
    environments.apply()
    project = runs.id("project/g")
    environments.use("prod", f"projects: {{g: {{id: {project}, contact_email: prod@b.org}}}}\n")
    with pytest.raises(InvalidManifests) as raised:
        environments.plan()
    assert "is managed in another environment already" in raised.value.problems[0].what
    runs.write(
        f"projects: {{g: {{id: {project}, clients: {{other: {{name: Other, client_type: client_identity}}}}}}}}\n"
    )
    environments.use("prod")
    environments.apply()


def test_second_file_of_one_environment_is_no_other_environment(runs: Any) -> None:
    runs.write(BASE)
    runs.settle()
    before = runs.id("project/g")
    runs.site = replace(runs.site, bindings=runs.site.bindings.with_name("reconciler.bindings.other.json"))
    runs.site.journal.unlink()
    runs.settle()
    assert runs.id("project/g") == before


def test_newer_bindings_go_before_what_a_killed_run_left(runs: Any) -> None:
    runs.write(BASE)
    runs.settle()
    first, project = runs.site.bindings.read_text(), runs.id("project/g")
    two = BASE.replace("clients: {", "clients: {b: {name: B, client_type: client_identity}, ")
    runs.write(two)
    runs.settle()
    # Killed before it could write the bindings, and take its checkpoint.
    journal = runs.site.journal.read_text().splitlines(keepends=True)
    runs.site.bindings.write_text(first)
    old = runs.call("GET", "/v2/api/clients")["clients"]
    # Elsewhere, somebody went on: adopted B, replaced it, and committed newer bindings.
    runs.site.journal.write_text("".join(journal[:4]))
    runs.settle()
    b = next(each["id"] for each in old if each["name"] == "B")
    runs.write(two.replace("{name: B, client_type: client_identity}", "{name: B, client_type: confidential_client}"))
    runs.settle(replace=frozenset({"all"}))
    new = runs.id("client/g/b")
    assert new != b
    # Back here, with what was pulled.
    runs.site.journal.write_text("".join(journal[:-1]))
    assert (runs.id("client/g/b"), runs.id("project/g")) == (new, project)
    assert runs.plan().plan.operations == ()
