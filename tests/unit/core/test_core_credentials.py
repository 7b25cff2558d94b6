from collections.abc import Callable
from typing import Any

import pytest
from inline_snapshot import snapshot

from reconciler.match import Found, Matches
from reconciler.model import Action, Address, Aim, Binding, Live, Plan, Resource, Undelivered

SINK = {"file": {"path": "secret.json"}}
DJANGO = Address("credential", ("genomics", "web", "django"))

Make = Callable[..., Resource]
See = Callable[..., Live]
Bind = Callable[..., Binding]
Settle = Callable[..., dict[str, Any]]
Matched = Callable[..., Matches]
Planned = Callable[..., Plan]


@pytest.fixture
def owners(resource: Make) -> list[Resource]:
    return [resource("project/genomics", id="p"), resource("client/genomics/web", id="w")]


@pytest.fixture
def things(live: See) -> list[Live]:
    project, client, other = live("project", "p"), live("client", "w", "p"), live("client", "x", "p")
    generations = [live("credential", name, "w", name=f"django#{name}") for name in ("g1", "g2")]
    return [project, client, other, *generations, live("credential", "else", "x", name="django#else")]


def test_the_credential_that_the_sink_holds_is_current(
    resource: Make, owners: list[Resource], things: list[Live], bound: Bind, matched: Matched
) -> None:
    bindings = {str(DJANGO): bound(things[3])}
    held = {str(DJANGO): "g2"}
    credential = resource(str(DJANGO), sink=SINK)
    found = matched(*owners, credential, live=things, bindings=bindings, held=held).found[DJANGO]
    assert (found.live, found.binding) == (things[4], None)


def test_the_binding_tells_where_the_sink_cannot_be_read(
    resource: Make, owners: list[Resource], things: list[Live], bound: Bind, matched: Matched
) -> None:
    bindings = {str(DJANGO): bound(things[3], sink=SINK)}
    found = matched(*owners, resource(str(DJANGO), sink=SINK), live=things, bindings=bindings).found[DJANGO]
    assert (found.how, found.live, found.binding) == (Found.BOUND, things[3], bindings[str(DJANGO)])
    moved = resource(str(DJANGO), sink={"file": {"path": "elsewhere.json"}})
    assert matched(*owners, moved, live=things, bindings=bindings).found[DJANGO].live is None


@pytest.mark.parametrize("held", [None, "gone", "else"], ids=["nothing", "what is gone", "another client's"])
def test_a_sink_that_holds_no_live_credential_needs_a_new_one(
    resource: Make,
    owners: list[Resource],
    things: list[Live],
    bound: Bind,
    planned: Planned,
    held: str | None,
) -> None:
    plan = planned(
        *owners,
        resource(str(DJANGO), sink=SINK),
        live=things,
        bindings={str(DJANGO): bound(things[3])},
        held={str(DJANGO): held},
    )
    # Of the two earlier generations one stays beside the new one.
    actions = [change.action for change in plan.changes if change.address == DJANGO]
    assert actions == [Action.CREATE, Action.RETIRE]


def test_a_generation_is_never_found_by_its_name(
    resource: Make, owners: list[Resource], live: See, matched: Matched
) -> None:
    things = [live("project", "p"), live("client", "w", "p"), live("credential", "c", "w", name="django")]
    assert matched(*owners, resource(str(DJANGO), sink=SINK), live=things).found[DJANGO].how is Found.ABSENT


def test_a_credential_without_a_sink_is_known_by_its_exact_name(
    resource: Make, owners: list[Resource], live: See, things: list[Live], matched: Matched
) -> None:
    inventory = resource(str(DJANGO))
    assert matched(*owners, inventory, live=things).found[DJANGO].how is Found.ABSENT
    exact = live("credential", "c", "w", name="django")
    found = matched(*owners, inventory, live=[*things, exact]).found[DJANGO]
    assert (found.how, found.live) == (Found.NATURAL, exact)


def test_a_credential_without_a_sink_is_never_made(
    resource: Make, owners: list[Resource], things: list[Live], planned: Planned
) -> None:
    plan = planned(*owners, resource(str(DJANGO)), live=things)
    change = next(change for change in plan.changes if change.address == DJANGO)
    assert (change.action, change.because) == snapshot(
        (Action.NO_OP, "listed without a sink: it is only looked for, and was not found")
    )
    assert not [operation for operation in plan.operations if operation.address == DJANGO]


def test_a_new_credential_is_made_with_its_settings_and_without_digests_of_its_name(
    resource: Make, owners: list[Resource], live: See, planned: Planned
) -> None:
    things = [live("project", "p"), live("client", "w", "p")]
    plan = planned(*owners, resource(str(DJANGO), sink=SINK), live=things)
    create = next(operation for operation in plan.operations if operation.address == DJANGO)
    assert (create.key, create.parent, create.fields, create.settings) == (
        "create credential/genomics/web/django",
        "w",
        {"name": "django"},
        {"sink": SINK},
    )


def test_a_credential_that_is_current_needs_nothing(resource: Make, settled: Settle, planned: Planned) -> None:
    manifests = [
        resource("project/genomics"),
        resource("client/genomics/web"),
        resource(str(DJANGO), sink=SINK),
    ]
    plan = planned(*manifests, **settled(*manifests))
    assert plan.empty
    assert {change.action for change in plan.changes} == {Action.NO_OP}


def test_a_generation_whose_secret_was_lost_is_revoked(
    resource: Make, settled: Settle, live: See, planned: Planned
) -> None:
    manifests = [
        resource("project/genomics"),
        resource("client/genomics/web"),
        resource(str(DJANGO), sink=SINK),
    ]
    world = settled(*manifests)
    lost, foreign = (
        live("credential", name, "client-genomics-web", name=f"django#{name}") for name in ("lost", "foreign")
    )
    world["live"] += [lost, foreign]
    plan = planned(*manifests, **world, undelivered=(Undelivered(DJANGO, "client-genomics-web", "lost"),))
    assert [operation.key for operation in plan.operations] == ["delete credential/genomics/web/django lost"]
    assert (plan.operations[0].id, plan.operations[0].parent) == ("lost", "client-genomics-web")
    assert plan.applyable


def test_a_lost_generation_goes_before_a_rotation_and_after_what_a_sink_lacks(
    resource: Make, settled: Settle, live: See, planned: Planned
) -> None:
    manifests = [
        resource("project/genomics"),
        resource("client/genomics/web"),
        resource(str(DJANGO), sink=SINK),
    ]
    world = settled(*manifests)
    world["live"] += [live("credential", "lost", "client-genomics-web", name="django#lost")]
    lost = (Undelivered(DJANGO, "client-genomics-web", "lost"),)
    create, delete = f"create {DJANGO}", f"delete {DJANGO} lost"
    rotated = planned(*manifests, **world, undelivered=lost, aim=Aim(rotate=(DJANGO,)))
    assert [operation.key for operation in rotated.operations] == [delete, create]
    assert rotated.operations[1].after == (delete,)
    # What the sink holds is not known: that may be the lost one.
    emptied = planned(*manifests, **{**world, "held": {str(DJANGO): None}}, undelivered=lost)
    assert [operation.key for operation in emptied.operations][:2] == [create, delete]


def test_the_current_generation_is_not_revoked_though_an_interrupted_run_made_it(
    resource: Make, settled: Settle, planned: Planned
) -> None:
    manifests = [
        resource("project/genomics"),
        resource("client/genomics/web"),
        resource(str(DJANGO), sink=SINK),
    ]
    assert planned(
        *manifests, **settled(*manifests), undelivered=(Undelivered(DJANGO, "client-genomics-web", "1"),)
    ).empty
