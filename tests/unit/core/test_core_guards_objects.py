from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from reconciler.guards import Consents
from reconciler.model import Binding, Live, Plan, Ref, Removal, Resource

Make = Callable[..., Resource]
See = Callable[..., Live]
Bind = Callable[..., Binding]
Settle = Callable[..., dict[str, Any]]
Planned = Callable[..., Plan]
Named = Callable[[str], Ref]
Remove = Callable[..., Removal]

GENOMICS, WEB, READ = "project/genomics", "client/genomics/web", "scope/genomics/web/read"
DJANGO = "credential/genomics/web/django"
SINK = {"file": {"path": "secret.json"}}
ALL = frozenset({"all"})
EVERYTHING = Consents(delete=ALL, replace=ALL, create=ALL, lockout=ALL)


def refused(plan: Plan) -> list[str]:
    return sorted({str(refusal.address) for refusal in plan.refusals})


def test_the_client_that_runs_this_program_is_never_deleted_or_replaced(
    resource: Make, settled: Settle, planned: Planned, removal: Remove
) -> None:
    world: dict[str, Any] = {**settled(resource(GENOMICS), resource(WEB)), "consents": EVERYTHING}
    deleted = planned(resource(GENOMICS), **world, caller="client-genomics-web", removed=(removal(WEB),))
    replaced = planned(
        resource(GENOMICS), resource(WEB, client_type="client_identity"), **world, caller="client-genomics-web"
    )
    for plan in (deleted, replaced):
        assert [(str(refusal.address), refusal.consent) for refusal in plan.refusals] == [(WEB, None)]
    assert planned(resource(GENOMICS), **world, removed=(removal(WEB),)).applyable


def test_secret_of_the_client_that_runs_this_program_is_neither_deleted_nor_replaced(
    resource: Make, settled: Settle, planned: Planned, removal: Remove
) -> None:
    owners = [resource(GENOMICS), resource(WEB)]
    world: dict[str, Any] = {**settled(*owners, resource(DJANGO, sink=SINK)), "consents": EVERYTHING}
    for caller, left in (("client-genomics-web", [(DJANGO, None)]), ("rosalind", [])):
        deleted = planned(*owners, **world, caller=caller, removed=(removal(DJANGO),))
        replaced = planned(*owners, resource(DJANGO, sink=SINK, name="other"), **world, caller=caller)
        for plan in (deleted, replaced):
            assert [(str(refusal.address), refusal.consent) for refusal in plan.refusals] == left


@pytest.mark.parametrize("kind", ["project", "client", "scope"])
def test_nothing_of_a_poisoned_kind_or_below_is_made(resource: Make, planned: Planned, kind: str) -> None:
    manifests = [resource(GENOMICS), resource(WEB), resource(READ), resource("policy/genomics/login")]
    below = {
        "project": [WEB, "policy/genomics/login", GENOMICS, READ],
        "client": [WEB, READ],
        "scope": [READ],
    }
    plan = planned(*manifests, poisoned={kind: "503"}, consents=EVERYTHING)
    assert refused(plan) == below[kind]
    assert {refusal.consent for refusal in plan.refusals} == {None}


def test_nothing_of_a_poisoned_kind_is_replaced_or_deleted_but_it_is_updated(
    resource: Make, settled: Settle, planned: Planned, removal: Remove
) -> None:
    world = settled(resource(GENOMICS), resource(WEB), resource("client/genomics/old"), resource("client/genomics/up"))
    plan = planned(
        resource(GENOMICS),
        resource(WEB, client_type="client_identity"),
        resource("client/genomics/up", visibility="public"),
        **world,
        removed=(removal("client/genomics/old"),),
        poisoned={"client": "503"},
        consents=EVERYTHING,
    )
    assert refused(plan) == ["client/genomics/old", WEB]


def test_a_client_is_not_deleted_while_its_scopes_were_read_incompletely(
    resource: Make, settled: Settle, planned: Planned, removal: Remove
) -> None:
    world = settled(resource(GENOMICS), resource(WEB))
    for kind in ("scope", "credential"):
        plan = planned(
            resource(GENOMICS), **world, removed=(removal(WEB),), poisoned={kind: "503"}, consents=EVERYTHING
        )
        assert refused(plan) == [WEB]


def test_a_bound_object_that_an_incomplete_read_does_not_show_is_neither_made_nor_forgotten(
    resource: Make, settled: Settle, planned: Planned
) -> None:
    world = settled(resource(GENOMICS), resource(WEB))
    world["live"].pop()
    wanted = planned(resource(GENOMICS), resource(WEB), **world, poisoned={"client": "503"}, consents=EVERYTHING)
    left = planned(resource(GENOMICS), **world, poisoned={"client": "503"}, consents=EVERYTHING)
    assert (refused(wanted), refused(left)) == ([WEB], [WEB])
    assert left.empty


def test_what_nobody_asked_to_delete_is_not_taken_along(
    resource: Make, settled: Settle, live: See, planned: Planned, removal: Remove
) -> None:
    world = settled(resource(GENOMICS), resource(WEB), resource(READ))
    world["live"].append(live("scope", "theirs", "client-genomics-web", scope_suffix="their-scope"))
    world["live"].append(live("credential", "secret", "client-genomics-web", name="their-secret"))
    deleted = planned(resource(GENOMICS), **world, removed=(removal(WEB),), consents=EVERYTHING)
    replaced = planned(
        resource(GENOMICS), resource(WEB, client_type="client_identity"), resource(READ), **world, consents=EVERYTHING
    )
    for plan in (deleted, replaced):
        assert {(str(refusal.address), refusal.consent) for refusal in plan.refusals} == {(WEB, None)}
        reasons = " ".join(refusal.reason for refusal in plan.refusals)
        assert "scope their-scope (theirs)" in reasons
        assert "credential their-secret (secret)" in reasons


def test_what_is_kept_is_not_taken_along(resource: Make, settled: Settle, planned: Planned, removal: Remove) -> None:
    world = settled(resource(GENOMICS), resource(WEB), resource(READ))
    removed = (removal(WEB), removal(READ, keep=True))
    assert refused(planned(resource(GENOMICS), **world, removed=removed, consents=EVERYTHING)) == [WEB]


def test_what_moves_away_is_not_taken_along(resource: Make, settled: Settle, planned: Planned, removal: Remove) -> None:
    world = settled(resource(GENOMICS), resource("policy/genomics/login"))
    moved = resource("policy/new/login", previously=["policy/genomics/login"])
    assert planned(resource("project/new"), moved, **world, removed=(removal(GENOMICS),)).applyable


@pytest.fixture
def server(resource: Make) -> Resource:
    return resource(WEB, client_type="globus_connect_server")


def test_what_other_tools_make_is_never_made(resource: Make, server: Resource, planned: Planned) -> None:
    assert refused(planned(resource(GENOMICS), server, consents=EVERYTHING)) == [WEB]


def test_what_other_tools_make_is_never_deleted_or_replaced(
    resource: Make, server: Resource, settled: Settle, planned: Planned
) -> None:
    world: dict[str, Any] = {**settled(resource(GENOMICS), server), "consents": EVERYTHING}
    assert refused(planned(resource(GENOMICS), **world)) == [WEB]
    assert refused(planned(resource(GENOMICS), resource(WEB), **world)) == [WEB]


def test_what_other_tools_make_is_adopted_and_updated(
    resource: Make, server: Resource, live: See, settled: Settle, planned: Planned
) -> None:
    theirs = live("client", "w", "p", name="web", client_type="globus_connect_server")
    things = [live("project", "p", display_name="genomics"), theirs]
    assert planned(resource(GENOMICS), server, live=things).applyable
    changed = resource(WEB, client_type="globus_connect_server", visibility="public")
    assert planned(resource(GENOMICS), changed, **settled(resource(GENOMICS), server)).applyable


def test_no_adopt_refuses_to_take_over_what_is_there(resource: Make, live: See, planned: Planned) -> None:
    things = [live("project", "p", display_name="genomics")]
    assert planned(resource(GENOMICS), live=things).applyable
    plan = planned(resource(GENOMICS), live=things, consents=Consents(adopt=False))
    assert [(str(refusal.address), refusal.consent) for refusal in plan.refusals] == [
        (GENOMICS, "leave out --no-adopt")
    ]
    assert "p" in plan.refusals[0].reason


def test_no_adopt_lets_what_is_bound_alone(resource: Make, settled: Settle, planned: Planned) -> None:
    assert planned(resource(GENOMICS), **settled(resource(GENOMICS)), consents=Consents(adopt=False)).applyable


def test_without_bindings_a_create_beside_unclaimed_siblings_needs_consent(
    resource: Make, live: See, bound: Bind, planned: Planned
) -> None:
    project = live("project", "p", display_name="genomics")
    things = [project, live("client", "old", "p", name="renamed")]
    manifests = [resource(GENOMICS), resource(WEB)]
    plan = planned(*manifests, live=things)
    (refusal,) = plan.refusals
    assert str(refusal.address) == WEB
    assert "renamed (old)" in refusal.reason
    assert f"--allow-create {WEB}" in (refusal.consent or "")
    for word in (WEB, "all"):
        assert planned(*manifests, live=things, consents=Consents(create=frozenset({word}))).applyable
    assert planned(*manifests, live=things, bindings={GENOMICS: bound(project)}).applyable


def test_without_bindings_a_create_beside_claimed_siblings_is_none_of_them(
    resource: Make, live: See, planned: Planned
) -> None:
    things = [live("project", "p", display_name="genomics"), live("client", "w", "p", name="web")]
    assert planned(resource(GENOMICS), resource(WEB), resource("client/genomics/new"), live=things).applyable


def test_without_bindings_a_new_project_has_no_siblings_to_fear(resource: Make, live: See, planned: Planned) -> None:
    assert planned(resource(GENOMICS), live=[live("project", "p", display_name="other")]).applyable


def test_a_scope_of_a_domain_is_made_only_where_its_client_has_that_domain(
    resource: Make, settled: Settle, planned: Planned
) -> None:
    owners = [resource(GENOMICS), resource(WEB)]
    scope = resource(READ, fqdn="api.example.edu")
    world: dict[str, Any] = {**settled(*owners), "consents": EVERYTHING}
    before = next(each for each in world["live"] if each.kind == "client")
    rest = [each for each in world["live"] if each.kind != "client"]

    def reasons(*manifests: Resource, fqdns: list[str]) -> list[tuple[str, str]]:
        there = replace(before, fields={**before.fields, "fqdns": fqdns})
        plan = planned(*manifests, **{**world, "live": [*rest, there]})
        return [(str(refusal.address), refusal.reason) for refusal in plan.refusals]

    assert reasons(*owners, scope, fqdns=["api.example.edu"]) == []
    ((address, reason),) = reasons(*owners, scope, fqdns=["www.example.edu"])
    assert address == READ
    assert "no verified domain api.example.edu (it has www.example.edu)" in reason
    anew = [resource(GENOMICS), resource(WEB, client_type="client_identity"), scope]
    assert [address for address, _ in reasons(*anew, fqdns=["api.example.edu"])] == [READ]
    assert refused(planned(*owners, scope)) == [READ]
