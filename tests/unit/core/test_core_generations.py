from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from reconciler.model import Action, Address, Aim, Live, Plan, Verb

SINK = {"file": {"path": "secret.json"}}
LIFE = {"rotate_after": "90d", "overlap": "14d"}
DJANGO = Address("credential", ("genomics", "web", "django"))
START = datetime(2026, 1, 1, tzinfo=UTC)

Planned = Callable[..., Plan]


@pytest.fixture
def made(resource: Any, live: Any, planned: Planned) -> Callable[..., Plan]:
    """Plan for generations `{mark: day on which it was made}`, of which the sink holds one, on a day."""

    def made(generations: dict[str, int], *, held: str | None, day: float, life: Any = None, **world: Any) -> Plan:
        client = world.pop("client", "w")
        things: list[Live] = [live("project", "p"), live("client", client, "p")]
        for mark, on in generations.items():
            name = mark if mark.endswith("hand") else f"django#{mark}"
            one = live("credential", mark, client, name=name)
            things.append(replace(one, attributes={"created": _day(on).isoformat()}))
        return planned(
            resource("project/genomics", id="p"),
            resource("client/genomics/web", id=client),
            resource(str(DJANGO), sink=SINK, life=LIFE if life is None else life),
            live=things,
            held={str(DJANGO): held},
            now=_day(day),
            **world,
        )

    return made


def _day(number: float) -> datetime:
    return datetime.fromtimestamp(START.timestamp() + number * 86_400, UTC)


def done(plan: Plan) -> dict[str, list[str | None]]:
    """Say which generations are rotated (by the one beside which the new is made) and retired."""
    changes = [change for change in plan.changes if change.address == DJANGO]
    return {
        "rotated": [change.id for change in changes if change.action is Action.ROTATE],
        "made": [str(change.address) for change in changes if change.action is Action.CREATE],
        "retired": [change.id for change in changes if change.action is Action.RETIRE],
    }


def later(plan: Plan) -> list[tuple[str, str | None, float]]:
    return [(each.action, each.id, (each.when - START).total_seconds() / 86_400) for each in plan.upcoming]


def nothing(plan: Plan) -> bool:
    return not any(done(plan).values())


@pytest.mark.parametrize(("day", "due"), [(0, False), (89.99, False), (90, True), (400, True)])
def test_a_secret_is_rotated_at_its_age_and_not_before(made: Any, day: float, due: bool) -> None:
    plan = made({"a": 0}, held="a", day=day)
    assert done(plan)["rotated"] == (["a"] if due else [])
    assert done(plan)["retired"] == []
    assert later(plan)[0] == ("rotate", None if due else "a", (day if due else 0) + 90)


def test_without_an_age_a_secret_is_never_due(made: Any) -> None:
    plan = made({"a": 0}, held="a", day=10_000, life={})
    assert nothing(plan)
    assert later(plan) == []


@pytest.mark.parametrize(("day", "over"), [(90, False), (103.99, False), (104, True), (170, True)])
def test_the_earlier_generation_is_retired_after_the_overlap(made: Any, day: float, over: bool) -> None:
    plan = made({"a": 0, "b": 90}, held="b", day=day)
    assert done(plan) == {"rotated": [], "made": [], "retired": ["a"] if over else []}
    retirements = [each for each in later(plan) if each[0] == "retire"]
    assert retirements == ([] if over else [("retire", "a", 104)])


def test_the_overlap_is_a_day_where_none_is_given(made: Any) -> None:
    assert done(made({"a": 0, "b": 90}, held="b", day=90.9, life={}))["retired"] == []
    assert done(made({"a": 0, "b": 90}, held="b", day=91, life={}))["retired"] == ["a"]


def test_a_schedule_that_missed_months_rotates_once_and_keeps_the_last_secret(made: Any) -> None:
    plan = made({"a": 0, "b": 90}, held="b", day=400)
    assert done(plan) == {"rotated": ["b"], "made": [], "retired": ["a"]}
    (create,) = [each for each in plan.operations if each.verb is Verb.CREATE]
    (delete,) = [each for each in plan.operations if each.verb is Verb.DELETE]
    assert create.key in delete.after


def test_lost_sink_makes_a_generation_and_keeps_one_beside_it(made: Any) -> None:
    plan = made({"a": 0, "b": 5, "c": 6}, held=None, day=7)
    assert done(plan) == {"rotated": [], "made": [str(DJANGO)], "retired": ["b", "a"]}
    assert later(plan) == [("rotate", None, 97), ("retire", "c", 21)]


def test_never_more_than_one_earlier_generation_is_kept(made: Any) -> None:
    assert done(made({"a": 0, "b": 5, "c": 6}, held="c", day=7))["retired"] == ["a"]


def test_the_sink_may_hold_an_older_one_than_the_newest(made: Any) -> None:
    """Somebody put yesterday's file back: what the sink holds is current, however old."""
    plan = made({"a": 0, "b": 5}, held="a", day=6)
    assert done(plan) == {"rotated": [], "made": [], "retired": []}
    assert later(plan) == [("rotate", "a", 90), ("retire", "b", 14)]


def test_what_was_made_by_hand_or_under_another_name_stays(made: Any) -> None:
    plan = made({"by-hand": 0, "b": 90}, held="b", day=200)
    assert done(plan) == {"rotated": ["b"], "made": [], "retired": []}


def test_credential_of_another_environment_with_the_same_name_is_refused(
    resource: Any, live: Any, matched: Any
) -> None:
    """Which of the generations are whose could not be told."""
    client, theirs = live("client", "w", "p"), live("credential", "a", "w", name="django#a")
    owners = [resource("project/genomics", id="p"), resource("client/genomics/web", id="w")]
    world: dict[str, Any] = {"live": [live("project", "p"), client, theirs], "elsewhere": {"a": "prod"}}
    (problem,) = matched(*owners, resource(str(DJANGO), sink=SINK), **world).problems
    assert problem.what == "this client has a credential django of another environment, prod"
    assert matched(*owners, resource(str(DJANGO), sink=SINK, name="other"), **world).problems == ()


def test_removal_leaves_the_generations_of_another_environment(
    resource: Any, live: Any, bound: Any, planned: Planned, removal: Any
) -> None:
    ours, theirs = (live("credential", mark, "w", name=f"django#{mark}") for mark in "ab")
    plan = planned(
        resource("project/genomics", id="p"),
        resource("client/genomics/web", id="w"),
        live=[live("project", "p"), live("client", "w", "p"), ours, theirs],
        bindings={str(DJANGO): bound(ours, sink=SINK)},
        removed=(removal(str(DJANGO)),),
        elsewhere={"b": "prod"},
    )
    assert [change.id for change in plan.changes if change.address == DJANGO] == ["a"]


@pytest.mark.parametrize("approved", [False, True])
def test_inventory_that_leaves_the_manifests_is_forgotten_unless_its_removal_is_asked_for(
    resource: Any, live: Any, bound: Any, planned: Planned, removal: Any, approved: bool
) -> None:
    listed = live("credential", "a", "w", name="django")
    plan = planned(
        resource("project/genomics", id="p"),
        resource("client/genomics/web", id="w"),
        live=[live("project", "p"), live("client", "w", "p"), listed],
        bindings={str(DJANGO): bound(listed)},
        removed=(removal(str(DJANGO)),) if approved else (),
    )
    (change,) = [change for change in plan.changes if change.address == DJANGO]
    assert change.action is (Action.DELETE if approved else Action.FORGET)
    assert plan.applyable


def test_inventory_goes_with_its_client(resource: Any, live: Any, bound: Any, planned: Planned, removal: Any) -> None:
    client, listed = live("client", "w", "p"), live("credential", "a", "w", name="django")
    plan = planned(
        resource("project/genomics", id="p"),
        live=[live("project", "p"), client, listed],
        bindings={"client/genomics/web": bound(client, "name"), str(DJANGO): bound(listed)},
        removed=(removal("client/genomics/web"),),
    )
    assert plan.applyable


@pytest.mark.parametrize("aim", [Aim(), Aim(rotate=(DJANGO,))])
def test_inventory_is_found_by_its_exact_name_and_left_as_it_is(
    resource: Any, live: Any, planned: Planned, aim: Aim
) -> None:
    names = ["django", "django#1", "Django"]
    plan = planned(
        resource("project/genomics", id="p"),
        resource("client/genomics/web", id="w"),
        resource(str(DJANGO)),
        live=[live("project", "p"), live("client", "w", "p"), *(live("credential", n, "w", name=n) for n in names)],
        now=_day(10_000),
        aim=aim,
    )
    (change,) = [change for change in plan.changes if change.address == DJANGO]
    assert (change.action, change.id) == (Action.ADOPT, "django")
    assert {each.verb for each in plan.operations if each.address == DJANGO} == {Verb.BIND}


def test_inventory_that_is_not_there_is_not_made(resource: Any, live: Any, planned: Planned) -> None:
    plan = planned(
        resource("project/genomics", id="p"),
        resource("client/genomics/web", id="w"),
        resource(str(DJANGO)),
        live=[live("project", "p"), live("client", "w", "p"), live("credential", "a", "w", name="django#a")],
    )
    assert not [each for each in plan.operations if each.address == DJANGO]


def test_asked_rotation_is_made_at_any_age(made: Any) -> None:
    plan = made({"a": 0, "b": 1}, held="b", day=2, aim=Aim(rotate=(DJANGO,)))
    assert done(plan) == {"rotated": ["b"], "made": [], "retired": ["a"]}


def test_leaked_secret_ends_with_its_rotation_and_not_before(made: Any) -> None:
    plan = made({"a": 0, "b": 1}, held="b", day=2, aim=Aim(rotate=(DJANGO,), revoke=True))
    assert done(plan) == {"rotated": ["b"], "made": [], "retired": ["b", "a"]}
    (create,) = [each for each in plan.operations if each.verb is Verb.CREATE]
    assert all(create.key in each.after for each in plan.operations if each.verb is Verb.DELETE)


def test_incomplete_list_of_credentials_changes_nothing(made: Any) -> None:
    assert done(made({"a": 0, "b": 90}, held="b", day=400, poisoned={"credential": "cut"}))["retired"] == []


@pytest.mark.parametrize(
    ("in_use", "retired"), [(None, []), ("a", []), ("b", ["a"]), ("gone", [])], ids=["unknown", "old", "new", "gone"]
)
def test_run_does_not_retire_what_it_may_be_using(made: Any, in_use: str | None, retired: list[str]) -> None:
    aim = Aim(in_use=in_use)
    plan = made({"a": 0, "b": 90}, held="b", day=150, client="me", caller="me", aim=aim)
    assert done(plan)["retired"] == retired
    assert plan.applyable


def test_run_does_not_delete_the_credential_that_it_may_be_using(
    resource: Any, live: Any, bound: Any, planned: Planned, removal: Any
) -> None:
    credential = live("credential", "a", "me", name="django#a")
    world: dict[str, Any] = {
        "live": [live("project", "p"), live("client", "me", "p"), credential],
        "bindings": {str(DJANGO): bound(credential, sink=SINK)},
        "removed": (removal(str(DJANGO)),),
        "caller": "me",
    }
    owners = [resource("project/genomics", id="p"), resource("client/genomics/web", id="me")]
    (refusal,) = planned(*owners, **world).refusals
    assert "RECONCILER_CREDENTIAL_ID" in refusal.reason
    assert refusal.consent is None
