from collections.abc import Callable
from typing import Any

import pytest

from reconciler.guards import Consents
from reconciler.model import Address, Aim, Live, Plan, Ref, Removal, Resource

Make = Callable[..., Resource]
See = Callable[..., Live]
Settle = Callable[..., dict[str, Any]]
Planned = Callable[..., Plan]
Named = Callable[[str], Ref]
Remove = Callable[..., Removal]

GENOMICS, WEB, API, INDEX = "project/genomics", "client/genomics/web", "client/genomics/api", "client/genomics/index"
READ, QUERY, LOGIN = "scope/genomics/api/read", "scope/genomics/index/query", "policy/genomics/login"
DJANGO = "credential/genomics/web/django"
SINK = {"file": {"path": "secret.json"}}


def only(*addresses: str) -> Aim:
    return Aim(targets=tuple(map(Address.parse, addresses)))


def but(*addresses: str) -> Aim:
    return Aim(excluded=tuple(map(Address.parse, addresses)))


def keys(plan: Plan) -> list[str]:
    return [operation.key for operation in plan.operations]


@pytest.fixture
def genomics(resource: Make, ref: Named) -> list[Resource]:
    """A project with three clients, of which the scope of one depends on the scope of another."""
    return [
        resource(GENOMICS),
        resource(LOGIN),
        resource(WEB),
        resource(DJANGO, sink=SINK),
        resource(API),
        resource(READ, dependent_scopes=[{"scope": ref(QUERY), "optional": False}]),
        resource(INDEX),
        resource(QUERY),
    ]


def test_without_an_aim_a_plan_is_about_everything(genomics: list[Resource], planned: Planned) -> None:
    plan = planned(*genomics)
    assert plan.complete
    assert len(plan.operations) == len(genomics)


def test_target_takes_what_is_below_and_what_owns_it_as_far_as_that_is_made(
    genomics: list[Resource], planned: Planned
) -> None:
    plan = planned(*genomics, aim=only(WEB))
    assert keys(plan) == [f"create {GENOMICS}", f"create {WEB}", f"create {DJANGO}"]
    assert not plan.complete


def test_target_takes_what_it_refers_to_as_far_as_that_changes(
    genomics: list[Resource], resource: Make, ref: Named, settled: Settle, planned: Planned
) -> None:
    assert keys(planned(*genomics, aim=only(READ))) == [
        f"create {GENOMICS}",
        f"create {API}",
        f"create {INDEX}",
        f"create {QUERY}",
        f"create {READ}",
    ]
    changed = {str(each.address): each for each in genomics}
    changed[READ] = resource(READ, dependent_scopes=[{"scope": ref(QUERY), "optional": True}])
    assert keys(planned(*changed.values(), **settled(*genomics), aim=only(READ))) == [f"update {READ}"]
    changed[QUERY] = resource(QUERY, description="Changed")
    plan = planned(*changed.values(), **settled(*genomics), aim=only(READ))
    assert sorted(keys(plan)) == [f"update {READ}", f"update {QUERY}"]


def test_target_leaves_changes_of_its_owner_alone(resource: Make, settled: Settle, planned: Planned) -> None:
    world = settled(resource(GENOMICS), resource(WEB))
    manifests = [resource(GENOMICS, display_name="Renamed"), resource(WEB, visibility="public")]
    assert keys(planned(*manifests, **world, aim=only(WEB))) == [f"update {WEB}"]


def test_target_adopts_its_owner(resource: Make, live: See, planned: Planned) -> None:
    things = [live("project", "p", display_name="genomics")]
    assert keys(planned(resource(GENOMICS), resource(WEB), live=things, aim=only(WEB))) == [
        f"bind {GENOMICS}",
        f"create {WEB}",
    ]


def test_target_of_a_cycle_takes_the_whole_cycle(resource: Make, ref: Named, planned: Planned) -> None:
    one, two = "scope/genomics/api/one", "scope/genomics/index/two"
    manifests = [
        resource(GENOMICS),
        resource(API),
        resource(INDEX),
        resource(one, dependent_scopes=[{"scope": ref(two)}]),
        resource(two, dependent_scopes=[{"scope": ref(one)}]),
        resource(WEB),
    ]
    plan = planned(*manifests, aim=only(one))
    assert {f"create {one}", f"create {two}"} < set(keys(plan))
    assert sum(key.startswith("update") for key in keys(plan)) == 1
    assert f"create {WEB}" not in keys(plan)


def test_target_that_is_replaced_takes_what_is_below_and_what_refers_to_it(
    genomics: list[Resource], resource: Make, settled: Settle, planned: Planned
) -> None:
    world = settled(*genomics)
    changed = [resource(INDEX, client_type="resource_server") if str(e.address) == INDEX else e for e in genomics]
    consents = Consents(replace=frozenset({INDEX}))
    plan = planned(*changed, **world, aim=only(INDEX), consents=consents)
    assert plan.applyable
    assert keys(plan) == [f"create {INDEX}", f"create {QUERY}", f"update {READ}", f"delete {INDEX}"]
    assert keys(planned(*changed, **world, aim=only(QUERY), consents=consents)) == keys(plan)


def test_target_that_has_left_the_manifests_is_deleted_after_what_lets_go_of_it(
    genomics: list[Resource], resource: Make, settled: Settle, planned: Planned, removal: Remove
) -> None:
    world = settled(*genomics)
    left = [resource(GENOMICS), resource(LOGIN), resource(API), resource(READ, dependent_scopes=[])]
    plan = planned(*left, **world, removed=(removal(INDEX), removal(WEB)), aim=only(INDEX))
    assert plan.applyable
    assert keys(plan) == [f"update {READ}", f"delete {INDEX}", f"forget {QUERY}"]


def test_target_that_is_deleted_does_not_delete_what_depends_on_it(
    genomics: list[Resource], settled: Settle, planned: Planned, removal: Remove
) -> None:
    removed = (removal(INDEX), removal(API))
    plan = planned(*genomics[:4], **settled(*genomics), removed=removed, aim=only(INDEX))
    assert keys(plan) == [f"delete {INDEX}", f"forget {QUERY}"]
    told = [each for change in plan.changes for each in change.consequences]
    assert f"{READ} depends on it, and is left as it is" in told


def test_deletion_without_words_is_refused_in_a_part_too(resource: Make, settled: Settle, planned: Planned) -> None:
    world = settled(resource(GENOMICS), resource(WEB), resource(API))
    plan = planned(resource(GENOMICS), **world, aim=only(WEB))
    assert [str(refusal.address) for refusal in plan.refusals] == [WEB]


def test_target_moves_what_is_below_a_renamed_owner(resource: Make, settled: Settle, planned: Planned) -> None:
    world = settled(resource(GENOMICS), resource(API), resource(READ))
    manifests = [
        resource(GENOMICS),
        resource("client/genomics/service", name="api", previously=[API]),
        resource("scope/genomics/service/read"),
        resource(WEB),
    ]
    plan = planned(*manifests, **world, aim=only("client/genomics/service"))
    assert keys(plan) == ["bind client/genomics/service", "bind scope/genomics/service/read"]


def test_exclude_drops_what_is_below_and_what_refers_to_it(genomics: list[Resource], planned: Planned) -> None:
    plan = planned(*genomics, aim=but(INDEX))
    assert set(keys(plan)) == {f"create {each}" for each in (GENOMICS, LOGIN, WEB, DJANGO, API)}
    assert not plan.complete


def test_exclude_drops_what_cannot_be_made_without_it(genomics: list[Resource], planned: Planned) -> None:
    assert keys(planned(*genomics, aim=but(GENOMICS))) == []


def test_exclude_keeps_what_is_below_a_referrer_that_is_there(
    resource: Make, ref: Named, settled: Settle, planned: Planned
) -> None:
    deployer = "client/genomics/deployer"
    before = [resource(GENOMICS, admin_ids=["rosalind", ref(deployer)]), resource(deployer), resource(WEB)]
    after = [
        resource(GENOMICS, admin_ids=["rosalind", ref(deployer)], display_name="Renamed"),
        resource(deployer),
        resource(WEB, visibility="public"),
    ]
    assert keys(planned(*after, **settled(*before), aim=but(deployer))) == [f"update {WEB}"]


def test_exclude_drops_a_replacement_and_lets_referrers_keep_the_id(
    genomics: list[Resource], resource: Make, settled: Settle, planned: Planned
) -> None:
    changed = {str(each.address): each for each in genomics}
    changed[INDEX] = resource(INDEX, client_type="resource_server")
    changed[WEB] = resource(WEB, visibility="public")
    plan = planned(*changed.values(), **settled(*genomics), aim=but(QUERY))
    assert keys(plan) == [f"update {WEB}"]
    assert plan.applyable


def test_exclude_drops_the_deletion_of_what_owns_it(
    resource: Make, settled: Settle, planned: Planned, removal: Remove
) -> None:
    world = settled(resource(GENOMICS), resource(API), resource(READ), resource(WEB))
    plan = planned(resource(GENOMICS), **world, removed=(removal(API), removal(WEB)), aim=but(READ))
    assert keys(plan) == [f"delete {WEB}"]


def test_exclude_wins_over_target(genomics: list[Resource], planned: Planned) -> None:
    aim = Aim(targets=(Address.parse(GENOMICS),), excluded=(Address.parse(API), Address.parse(LOGIN)))
    assert set(keys(planned(*genomics, aim=aim))) == {
        f"create {each}" for each in (GENOMICS, WEB, DJANGO, INDEX, QUERY)
    }


def test_many_deletions_of_a_part_still_need_words(
    resource: Make, settled: Settle, planned: Planned, removal: Remove
) -> None:
    clients = [resource(f"client/genomics/c{number}") for number in range(10)]
    world = settled(resource(GENOMICS), *clients)
    removed = tuple(removal(str(each.address)) for each in clients)
    part = only(*(str(each.address) for each in clients[:4]))
    plan = planned(resource(GENOMICS), **world, removed=removed, aim=part)
    assert [refusal.consent for refusal in plan.refusals] == ["--allow-delete all"]


# --replace


def anew(*addresses: str) -> Aim:
    return Aim(replace=tuple(map(Address.parse, addresses)))


def test_replacement_that_is_asked_for_needs_no_further_words(
    genomics: list[Resource], settled: Settle, planned: Planned
) -> None:
    plan = planned(*genomics, **settled(*genomics), aim=anew(INDEX))
    assert plan.applyable
    assert plan.complete
    assert keys(plan) == [f"create {INDEX}", f"create {QUERY}", f"update {READ}", f"delete {INDEX}"]
    assert {change.because for change in plan.changes if str(change.address) == INDEX} == {"--replace asks for it"}


def test_replacement_of_a_scope_makes_room_first(genomics: list[Resource], settled: Settle, planned: Planned) -> None:
    plan = planned(*genomics, **settled(*genomics), aim=anew(QUERY))
    assert keys(plan)[:2] == [f"delete {QUERY}", f"create {QUERY}"]


def test_replacement_that_is_asked_for_is_words_for_that_address_alone(
    resource: Make, settled: Settle, planned: Planned
) -> None:
    world = settled(resource(GENOMICS), resource(WEB), resource(API))
    manifests = [resource(GENOMICS), resource(WEB), resource(API, client_type="resource_server")]
    plan = planned(*manifests, **world, aim=anew(WEB))
    assert [str(refusal.address) for refusal in plan.refusals] == [API]


def test_replacement_that_is_asked_for_goes_through_the_other_guards(
    resource: Make, live: See, settled: Settle, planned: Planned
) -> None:
    world = settled(resource(GENOMICS), resource(WEB, prevent_destroy=True), resource(API))
    manifests = [resource(GENOMICS), resource(WEB, prevent_destroy=True), resource(API)]
    world["live"].append(live("scope", "theirs", "client-genomics-api", scope_suffix="their-scope"))
    plan = planned(*manifests, **world, aim=anew(WEB, API), caller="client-genomics-api")
    assert [(str(refusal.address), refusal.consent) for refusal in plan.refusals] == [
        (WEB, None),
        (API, None),
        (API, None),
    ]
    pinned = [resource(GENOMICS), resource(WEB, id="w")]
    plan = planned(*pinned, **settled(*pinned), aim=anew(WEB))
    assert "take `id:` out first" in plan.refusals[0].reason
    plan = planned(*manifests, **world, aim=anew(API), poisoned={"scope": "503"})
    assert "incomplete" in plan.refusals[0].reason


def test_replacement_of_what_is_not_there_makes_it(resource: Make, planned: Planned) -> None:
    assert keys(planned(resource(GENOMICS), resource(WEB), aim=anew(WEB))) == [f"create {GENOMICS}", f"create {WEB}"]
