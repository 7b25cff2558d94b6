"""A new secret is tried before it is delivered: what does not work never takes the place of what does."""

import json
from typing import Any

import pytest

from reconciler import pipeline
from reconciler.errors import Undecided, Unverified
from reconciler.model import Failed, Secret

PROJECT = """\
projects:
  g:
    display_name: G
    contact_email: a@b.org
    admin_ids: [rosalind@globusid.org]
    clients:
"""
WEB = PROJECT + "      web: {name: Web, client_type: TYPE, credentials: {k: {sink: {file: {path: s/k.json}}MORE}}}\n"
TOKEN = "/v2/oauth2/token"


def manifest(client_type: str = "confidential_client", more: str = "") -> str:
    return WEB.replace("TYPE", client_type).replace("MORE", more)


def generations(runs: Any) -> list[str]:
    client = runs.id("client/g/web")
    return [each["id"] for each in runs.call("GET", f"/v2/api/clients/{client}/credentials")["credentials"]]


def test_secret_that_does_not_work_is_revoked_and_the_sink_keeps_its_own(runs: Any) -> None:
    runs.write(manifest())
    runs.settle()
    held, before = (runs.folder / "s/k.json").read_text(), generations(runs)
    runs.write(manifest(more=", name: other"))
    planned = runs.plan(replace=frozenset({"all"}))
    runs.fault("POST", TOKEN, 401, times=4)
    (failure,) = [event for event in runs.carry_out(planned) if isinstance(event, Failed)]
    assert isinstance(failure.error, Unverified)
    assert runs.slept == [0.5, 1.0, 2.0]
    assert (runs.folder / "s/k.json").read_text() == held
    assert generations(runs) == before
    runs.settle(replace=frozenset({"all"}))


def test_secret_that_the_service_knows_a_moment_later_is_delivered(runs: Any) -> None:
    runs.write(manifest())
    planned = runs.plan()
    runs.fault("POST", TOKEN, 401, times=3)
    assert not [event for event in runs.carry_out(planned) if isinstance(event, Failed)]
    assert generations(runs) == [json.loads((runs.folder / "s/k.json").read_text())["credential_id"]]


@pytest.mark.parametrize(
    ("client_type", "tried"),
    [
        ("confidential_client", [TOKEN]),
        ("client_identity", [TOKEN]),
        ("public_installed_client", [TOKEN, f"{TOKEN}/introspect"]),
    ],
)
def test_client_without_the_grant_is_tried_by_introspection(runs: Any, client_type: str, tried: list[str]) -> None:
    runs.write(manifest(client_type))
    planned = runs.plan()
    runs.forget_calls()
    assert not [event for event in runs.carry_out(planned) if isinstance(event, Failed)]
    assert [call for call in runs.calls() if "/oauth2/" in call] == [f"POST {path}" for path in tried]


def test_secret_is_not_tried_where_the_manifest_says_so(runs: Any) -> None:
    runs.write(manifest(more=", verify: false"))
    planned = runs.plan()
    runs.forget_calls()
    runs.carry_out(planned)
    assert not [call for call in runs.calls() if "/oauth2/" in call]
    assert len(generations(runs)) == 1


def test_secret_is_masked_before_it_is_tried_and_delivered(runs: Any) -> None:
    runs.write(manifest())
    planned = runs.plan()
    runs.forget_calls()
    told: list[tuple[str, list[str], bool]] = []

    def mask(secret: Secret) -> None:
        told.append((secret.reveal(), runs.calls()[-1:], (runs.folder / "s/k.json").exists()))

    list(pipeline.apply(planned, runs.client, runs.site, pipeline.Steering(1, mask=mask)))
    ((value, last, delivered),) = told
    assert value == json.loads((runs.folder / "s/k.json").read_text())["client_secret"]
    assert last == [f"POST /v2/api/clients/{runs.id('client/g/web')}/credentials"]
    assert not delivered


def test_secret_that_neither_works_nor_can_be_revoked_is_left_to_a_person(runs: Any) -> None:
    runs.write(manifest())
    planned = runs.plan()
    runs.fault("POST", TOKEN, 401, times=4)
    runs.fault("DELETE", "/v2/api/clients", 403)
    (failure,) = [event for event in runs.carry_out(planned) if isinstance(event, Failed)]
    assert isinstance(failure.error, Undecided)
    assert list(failure.error.ids) == generations(runs)
    assert not (runs.folder / "s/k.json").exists()
    runs.settle()
    assert generations(runs) == [json.loads((runs.folder / "s/k.json").read_text())["credential_id"]]
