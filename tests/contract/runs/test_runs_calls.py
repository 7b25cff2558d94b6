"""What a run costs: a plan without changes takes 4 + C lists, and an apply exactly the calls and lists announced."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.kinds import KINDS
from reconciler.model import Address, Aim, Event
from reconciler.plan.twins import looked_through

EXAMPLES = Path(__file__).parents[3] / "examples"
LISTS = {f"GET /v2/api/{name}" for name in ("projects", "policies", "clients", "scopes")}
APART = {"GET /v2/oauth2/userinfo", "GET /v2/api/identities", "GET /v2/api/identity_providers"}
TRIAL = "POST /v2/oauth2/token"
"""A new secret is tried: counted apart, as all that gets tokens."""
Keys = Callable[[list[Event]], list[str]]


@pytest.fixture(params=["academy-exchange", "action-provider", "datafed", "genomics-portal"])
def example(request: pytest.FixtureRequest, runs: Any) -> Any:
    for file in (EXAMPLES / request.param).glob("*.yaml"):
        shutil.copy(file, runs.folder / file.name)
    return runs


def reads(runs: Any) -> list[str]:
    """Tell the calls since they were last forgotten, without the look-ups: those of scopes by name are a second one."""
    calls = [call for call in runs.calls() if call not in APART]
    named = calls.count("GET /v2/api/scopes") > 1
    if named:
        calls.remove("GET /v2/api/scopes")
    return sorted(calls)


def with_credentials(runs: Any) -> set[str]:
    owners = {address.rpartition("/")[0] for address in runs.entries() if address.startswith("credential/")}
    return {f"GET /v2/api/clients/{runs.id(each.replace('credential/', 'client/', 1))}/credentials" for each in owners}


def carried_out(runs: Any, failed: Keys, **given: Any) -> int:
    """Plan and carry it out; the calls are those that were announced, with only the lists for twins after them."""
    planned = runs.plan(**given)
    assert planned.plan.refusals == ()
    runs.forget_calls()
    assert failed(runs.carry_out(planned)) == []
    calls = [call for call in runs.calls() if call != TRIAL]
    lists = [f"GET /v2/api/{KINDS[kind].section}" for kind in looked_through(planned.plan.operations)]
    written = len(calls) - len(lists)
    assert calls[written:] == lists
    assert [call for call in calls[:written] if call.startswith("GET ")] == []
    assert written == planned.plan.calls()
    return written


def test_apply_and_destroy_take_the_calls_that_were_announced(example: Any, failed: Keys) -> None:
    assert carried_out(example, failed) >= len(example.entries())
    assert carried_out(example, failed) == 0
    bound = len(example.entries())
    assert 0 < carried_out(example, failed, aim=Aim(destroy=True)) <= bound
    assert carried_out(example, failed, aim=Aim(destroy=True)) == 0


def test_empty_plan_takes_four_lists_and_one_for_each_client_with_credentials(example: Any, failed: Keys) -> None:
    carried_out(example, failed)
    expected = sorted({*LISTS, *with_credentials(example)})
    example.forget_calls()
    assert example.plan().plan.empty
    assert reads(example) == expected


def test_drift_takes_the_calls_of_an_empty_plan(example: Any, failed: Keys) -> None:
    carried_out(example, failed)
    example.forget_calls()
    example.plan()
    planned = sorted(example.calls())
    example.forget_calls()
    assert example.drift().found == ()
    assert sorted(example.calls()) == planned


def test_replacements_by_name_take_the_calls_that_were_announced(example: Any, failed: Keys) -> None:
    carried_out(example, failed)
    clients = tuple(Address.parse(each) for each in example.entries() if each.startswith("client/"))
    assert carried_out(example, failed, aim=Aim(replace=clients)) > len(clients)
    assert example.plan().plan.empty


def test_each_part_can_be_applied_alone(example: Any, failed: Keys) -> None:
    for address in sorted(change.address for change in example.plan().plan.changes):
        carried_out(example, failed, aim=Aim(targets=(address,)))
    assert example.plan().plan.empty
