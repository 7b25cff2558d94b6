"""Secrets that move: the old one works until the new one was delivered, whatever happens on the way."""

import json
from collections.abc import Callable
from typing import Any

from reconciler.model import Event

TWO = """\
projects:
  g:
    display_name: G
    contact_email: a@b.org
    admin_ids: [rosalind@globusid.org]
    clients:
      one:
        name: One
        client_type: confidential_client
        credentials: {key: {sink: {file: {path: secrets/key.json}}}}
      two:
        name: Two
        client_type: confidential_client
"""
MOVED = """\
projects:
  g:
    display_name: G
    contact_email: a@b.org
    admin_ids: [rosalind@globusid.org]
    clients:
      one:
        name: One
        client_type: confidential_client
      two:
        name: Two
        client_type: confidential_client
        credentials: {key: {previously: [credential/g/one/key], sink: {file: {path: secrets/key.json}}}}
"""


def live(runs: Any, client: str) -> list[str]:
    rows = runs.call("GET", f"/v2/api/clients/{runs.id(f'client/g/{client}')}/credentials")["credentials"]
    return [row["id"] for row in rows]


def test_moved_credential_ends_only_after_its_successor_was_delivered(
    runs: Any, failed: Callable[[list[Event]], list[str]], skipped: Callable[[list[Event]], list[str]]
) -> None:
    runs.write(TWO)
    runs.settle()
    before = live(runs, "one")
    runs.write(MOVED)
    runs.fault("POST", f"/v2/api/clients/{runs.id('client/g/two')}/credentials", 403)
    events = runs.apply(delete=frozenset({"all"}))
    assert failed(events) == ["create credential/g/two/key"]
    assert skipped(events) == ["delete credential/g/one/key"]
    assert live(runs, "one") == before
    runs.apply(delete=frozenset({"all"}))
    assert live(runs, "one") == []
    assert json.loads((runs.folder / "secrets/key.json").read_text())["credential_id"] == live(runs, "two")[0]


def test_moved_credential_is_ended_by_the_next_run_where_the_first_stops_between(runs: Any) -> None:
    runs.write(TWO)
    runs.settle()
    runs.write(MOVED)
    runs.fault("DELETE", "/v2/api/clients/", 403)
    runs.apply(delete=frozenset({"all"}))
    assert len(live(runs, "one")) == len(live(runs, "two")) == 1
    runs.settle(delete=frozenset({"all"}))
    assert live(runs, "one") == []
    assert runs.plan().plan.operations == ()
