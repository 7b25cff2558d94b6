"""Secrets over the years: weekly runs of which some are missed, fail, or have lost their files."""

import json
import os
import random
import shutil
from typing import Any

import pytest
import requests

from reconciler.auth import AccessTokenAuthorizer
from reconciler.model import Action, Address, Aim, Failed, Skipped

WEEK = 7 * 86_400
MANIFEST = """\
projects:
  g:
    display_name: G
    contact_email: a@b.org
    admin_ids: [rosalind@globusid.org]
    clients:
      web:
        name: Web
        client_type: confidential_client
        credentials:
          django: {rotate_after: 90d, overlap: 14d, sink: {file: {path: secrets/web.json}}}
"""
DJANGO = Address("credential", ("g", "web", "django"))
PEOPLE = "rosalind@globusid.org"


class Years:
    """A root whose secrets live on, and an application that uses what was delivered last, or the time before."""

    def __init__(self, runs: Any) -> None:
        self.runs = runs
        self.delivered: list[dict[str, str]] = []
        self.most = 0

    def pass_by(self, seconds: float) -> None:
        self.runs.emulator.clock.advance(seconds)
        self.runs.client.authorizer = AccessTokenAuthorizer(self.runs.emulator.person_token(PEOPLE))

    def run(self, **asked: Any) -> bool:
        """Plan and apply, and look at every moment in between; say whether all went well."""
        planned = self.runs.plan(aim=Aim(**asked)) if asked else self.runs.plan()
        assert planned.plan.refusals == ()
        well = True
        for event in self.runs.begin(planned):
            well = well and not isinstance(event, Failed | Skipped)
            self.look()
        self.look()
        return well

    def look(self) -> None:
        """Read the sink as the application does, and see that one of its last two secrets works."""
        file = self.runs.folder / "secrets/web.json"
        if file.exists():
            held = json.loads(file.read_text())
            if held not in self.delivered:
                self.delivered.append(held)
        if self.delivered:
            assert any(self.works(each) for each in self.delivered[-2:]), "an outage"
            live = self.live()
            assert len(live) <= 3
            self.most = max(self.most, len(live))

    def works(self, held: dict[str, str]) -> bool:
        basic = held["client_id"], held["client_secret"]
        url = f"{self.runs.emulator.base_url}/v2/api/clients/{held['client_id']}"
        return requests.get(url, auth=basic, timeout=20).status_code == 200

    def live(self) -> list[str]:
        client = self.runs.id("client/g/web") if self.runs.site.bindings.exists() else self.delivered[-1]["client_id"]
        rows = self.runs.call("GET", f"/v2/api/clients/{client}/credentials")["credentials"]
        return [row["id"] for row in rows if row["name"].startswith("django#")]

    def actions(self) -> list[Action]:
        return [change.action for change in self.runs.plan().plan.changes if change.address == DJANGO]


@pytest.fixture
def years(runs: Any) -> Years:
    runs.write(MANIFEST)
    found = Years(runs)
    assert found.run()
    return found


def test_secret_lives_its_time_beside_its_successor(years: Years) -> None:
    first = years.delivered[-1]
    years.pass_by(89 * 86_400)
    assert years.actions() == [Action.NO_OP]
    years.pass_by(86_400 + 60)
    assert years.actions() == [Action.ROTATE]
    assert years.run()
    assert years.actions() == [Action.NO_OP]
    assert len(years.delivered) == 2
    assert all(years.works(each) for each in years.delivered)
    years.pass_by(13 * 86_400)
    assert years.actions() == [Action.NO_OP]
    years.pass_by(86_400 + 60)
    assert years.actions() == [Action.NO_OP, Action.RETIRE]
    assert years.run()
    assert not years.works(first)
    assert years.live() == [years.delivered[-1]["credential_id"]]
    assert years.most == 2


@pytest.mark.chaos
@pytest.mark.parametrize("seed", range(int(os.environ.get("CHAOS", "2"))))
def test_two_years_of_weeks_without_an_outage(years: Years, seed: int) -> None:
    chance, rotated = random.Random(seed), 0
    for _ in range(104):
        years.pass_by(WEEK)
        match chance.randrange(8):
            case 0:
                continue
            case 1:
                shutil.rmtree(years.runs.folder / "secrets", ignore_errors=True)
            case 2:
                years.runs.site.bindings.unlink()
                shutil.rmtree(years.runs.site.folder / ".reconciler", ignore_errors=True)
                years.runs.site.journal.unlink()
            case 3:
                paths = ("/v2/api/clients", "/v2/oauth2/token")
                method, path = chance.choice(("POST", "DELETE")), chance.choice(paths)
                years.runs.fault(method, path, 503, after=chance.random() < 0.5, times=chance.randrange(1, 5))
            case _:
                pass
        before = years.delivered[-1]
        if years.run():
            assert len(years.live()) <= 2
        years.runs.emulator.clear_faults()
        rotated += years.delivered[-1] != before
    assert rotated >= 8
    assert years.run()
    assert years.actions() == [Action.NO_OP]


def test_leaked_secret_ends_as_soon_as_its_successor_is_there(years: Years) -> None:
    years.pass_by(WEEK)
    assert years.run(rotate=(DJANGO,), revoke=True)
    first, second = years.delivered
    assert not years.works(first)
    assert years.works(second)
    assert years.live() == [second["credential_id"]]


def test_leaked_secret_stays_when_its_successor_cannot_be_delivered(years: Years) -> None:
    years.pass_by(WEEK)
    years.runs.fault("POST", "/v2/oauth2/token", 401, times=4)
    assert not years.run(rotate=(DJANGO,), revoke=True)
    assert years.works(years.delivered[0])
    assert years.live() == [years.delivered[0]["credential_id"]]
