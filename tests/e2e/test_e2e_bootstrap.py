"""The life of a pipeline that makes, uses and rotates its own client identity: it is never locked out."""

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from dotenv import dotenv_values

from reconciler.emulator import Emulator
from reconciler.manifest import load

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "pipelines.md").read_text(encoding="utf-8")
CI = "credential/infrastructure/pipeline/ci"
DAY = 86_400
Secrets = dict[str, str]


@dataclass
class Pipeline:
    """A checkout of the example, and what the pipeline's place for secrets holds."""

    bench: Any
    emulator: Emulator

    def run(self, *arguments: str, secrets: Secrets, code: int = 0) -> str:
        """Run the program with these secrets; whatever it does, the next run must be able to act."""
        url = {"GLOBUS_SDK_SERVICE_URL_AUTH": self.emulator.base_url}
        ran = self.bench.run(*arguments, **secrets, **url)
        assert ran.code == code, ran.out + ran.err
        assert self.works(self.secrets()), "locked out"
        return str(ran.out)

    def secrets(self) -> Secrets:
        """Read what the next run would get."""
        found = dotenv_values(self.bench.folder / "secrets" / "pipeline.env")
        return {name: str(value) for name, value in found.items()}

    def works(self, secrets: Secrets) -> bool:
        form = {"grant_type": "client_credentials", "scope": "openid"}
        basic = secrets["RECONCILER_CLIENT_ID"], secrets["RECONCILER_CLIENT_SECRET"]
        answer = requests.post(f"{self.emulator.base_url}/v2/oauth2/token", data=form, auth=basic, timeout=20)
        return answer.status_code == 200


@pytest.fixture
def pipeline(copied: Callable[[str], Any], tmp_path: Path) -> Iterator[Pipeline]:
    with Emulator(tmp_path / "world.db") as emulator:
        yield Pipeline(copied("bootstrap"), emulator)


def test_pipeline_is_made_by_a_person_and_keeps_itself_alive(pipeline: Pipeline) -> None:
    person = {"RECONCILER_ACCESS_TOKEN": pipeline.emulator.person_token("rosalind@globusid.org")}
    pipeline.run("apply", "--auto-approve", secrets=person)
    first = pipeline.secrets()
    assert set(first) == {"RECONCILER_CLIENT_ID", "RECONCILER_CLIENT_SECRET", "RECONCILER_CREDENTIAL_ID"}

    assert "No changes." in pipeline.run("apply", "--auto-approve", secrets=first)
    pipeline.emulator.clock.advance(7 * DAY)
    assert "No changes." in pipeline.run("plan", "--detailed-exitcode", secrets=first)

    pipeline.emulator.clock.advance(28 * DAY)
    pipeline.run("plan", "--detailed-exitcode", secrets=first, code=2)
    assert f"↻ {CI}" in pipeline.run("apply", "--auto-approve", "--target", CI, secrets=first)
    second = pipeline.secrets()
    assert second["RECONCILER_CREDENTIAL_ID"] != first["RECONCILER_CREDENTIAL_ID"]
    assert second["RECONCILER_CLIENT_ID"] == first["RECONCILER_CLIENT_ID"]
    assert pipeline.works(first)

    pipeline.emulator.clock.advance(7 * DAY)
    unnamed = {name: value for name, value in second.items() if name != "RECONCILER_CREDENTIAL_ID"}
    for secrets in (first, unnamed):
        told = pipeline.run("apply", "--auto-approve", secrets=secrets)
        assert f"{first['RECONCILER_CREDENTIAL_ID']} stays, since this run may be using it itself" in told
        assert pipeline.works(first)

    pipeline.run("plan", "--out", "saved.plan", secrets=second)
    for secrets in (first, unnamed):
        pipeline.run("apply", "saved.plan", secrets=secrets, code=12)
        assert pipeline.works(first)
    assert f"⌫ {CI}" in pipeline.run("apply", "saved.plan", secrets=second)
    assert not pipeline.works(first)
    assert "No changes." in pipeline.run("plan", "--detailed-exitcode", secrets=second)

    pipeline.emulator.clock.advance(365 * DAY)
    pipeline.run("apply", "--auto-approve", secrets=second)
    assert pipeline.works(second)
    third = pipeline.secrets()
    pipeline.emulator.clock.advance(7 * DAY)
    pipeline.run("apply", "--auto-approve", secrets=third)
    assert not pipeline.works(second)


def test_pipeline_answers_a_leak_of_its_own_secret_in_two_runs(pipeline: Pipeline) -> None:
    person = {"RECONCILER_ACCESS_TOKEN": pipeline.emulator.person_token("rosalind@globusid.org")}
    pipeline.run("apply", "--auto-approve", secrets=person)
    leaked = pipeline.secrets()
    told = pipeline.run("rotate", CI, "--revoke-old", "--auto-approve", secrets=leaked)
    assert "stays, since this run may be using it itself" in told
    pipeline.run("rotate", CI, "--revoke-old", "--auto-approve", secrets=pipeline.secrets())
    assert not pipeline.works(leaked)


def test_tokens_of_a_run_are_masked_on_github_where_the_output_is_no_data(pipeline: Pipeline) -> None:
    person = {"RECONCILER_ACCESS_TOKEN": pipeline.emulator.person_token("rosalind@globusid.org")}
    pipeline.run("apply", "--auto-approve", secrets=person)
    secrets = {**pipeline.secrets(), "GITHUB_ACTIONS": "true"}
    (token,) = re.findall(r"^::add-mask::(.+)$", pipeline.run("apply", secrets=secrets), re.MULTILINE)
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.get(f"{pipeline.emulator.base_url}/v2/oauth2/userinfo", headers=headers, timeout=20)
    assert answer.status_code == 200
    for command in (["plan"], ["drift", "--json"], ["whoami", "--json"]):
        assert "add-mask" not in pipeline.run(*command, secrets=secrets)


def test_manifest_and_commands_of_the_page_work(pipeline: Pipeline, tmp_path: Path) -> None:
    manifest, workflow = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    page = tmp_path / "page"
    page.mkdir()
    (page / "a.yaml").write_text(manifest, encoding="utf-8")
    shown = load([page])
    assert not shown.warnings
    assert set(shown.resources) == set(load([REPOSITORY / "examples" / "bootstrap"]).resources)
    commands = [shlex.split(each) for each in re.findall(r"run: reconciler (.*)", workflow)]
    assert {each[0] for each in commands} == {"validate", "plan", "apply", "drift"}
    person = {"RECONCILER_ACCESS_TOKEN": pipeline.emulator.person_token("rosalind@globusid.org")}
    (page / "a.yaml").unlink()
    pipeline.run("apply", "--auto-approve", secrets=person)
    for each in commands:
        pipeline.run(*each, secrets=pipeline.secrets())
