from collections.abc import Callable
from pathlib import Path
from typing import Any

from reconciler.destruction import unbound
from reconciler.guards import Consents
from reconciler.model import Address, Aim, Live, Manifests, Plan, Ref, Removal, Resource

Make = Callable[..., Resource]
See = Callable[..., Live]
Settle = Callable[..., dict[str, Any]]
Planned = Callable[..., Plan]
Named = Callable[[str], Ref]
Remove = Callable[..., Removal]

GENOMICS, WEB, API, READ = "project/genomics", "client/genomics/web", "client/genomics/api", "scope/genomics/api/read"
DJANGO, LOGIN = "credential/genomics/web/django", "policy/genomics/login"
SINK = {"file": {"path": "secret.json"}}


END = Aim(destroy=True)


def keys(plan: Plan) -> list[str]:
    return [operation.key for operation in plan.operations]


def refused(plan: Plan) -> list[tuple[str, str | None]]:
    return [(str(refusal.address), refusal.consent) for refusal in plan.refusals]


def test_everything_that_is_bound_is_deleted_in_order_and_needs_no_further_words(
    resource: Make, ref: Named, settled: Settle, planned: Planned
) -> None:
    manifests = [
        resource(GENOMICS),
        resource(LOGIN),
        resource(WEB),
        resource(DJANGO, sink=SINK),
        resource(API),
        resource(READ),
        resource("scope/genomics/web/all", dependent_scopes=[{"scope": ref(READ)}]),
    ]
    plan = planned(*manifests, **settled(*manifests), aim=END)
    assert plan.applyable
    assert plan.complete
    order = keys(plan)
    assert sorted(order) == sorted(
        [f"delete {each}" for each in (GENOMICS, LOGIN, WEB, API)]
        + [f"forget {each}" for each in (DJANGO, READ, "scope/genomics/web/all")]
    )
    assert [key for key in order if key.startswith("delete")][-1] == f"delete {GENOMICS}"
    assert order.index(f"delete {WEB}") < order.index(f"delete {API}")
    assert {change.because for change in plan.changes} == {"`destroy` was asked for"}


def test_end_of_everything_is_words_for_many_deletions_and_that_of_a_part_is_not(
    resource: Make, settled: Settle, planned: Planned
) -> None:
    manifests = [resource(GENOMICS), *(resource(f"client/genomics/c{number}") for number in range(12))]
    world = settled(*manifests)
    assert planned(*manifests, **world, aim=END).applyable
    part = Aim(destroy=True, targets=tuple(each.address for each in manifests[1:6]))
    assert refused(planned(*manifests, **world, aim=part)) == [("None", "--allow-delete all")]
    agreed = Consents(delete=frozenset({"all"}))
    assert planned(*manifests, **world, aim=part, consents=agreed).applyable
    few = Aim(destroy=True, targets=tuple(each.address for each in manifests[1:4]))
    plan = planned(*manifests, **world, aim=few)
    assert plan.applyable
    assert keys(plan) == [f"delete client/genomics/c{number}" for number in range(3)]
    assert not plan.complete


def test_what_is_protected_is_not_destroyed(resource: Make, settled: Settle, planned: Planned) -> None:
    protected = [resource(GENOMICS), resource(WEB, prevent_destroy=True)]
    assert refused(planned(*protected, **settled(*protected), aim=END)) == [(WEB, None)]
    assert refused(planned(*protected, **settled(resource(GENOMICS), resource(WEB)), aim=END)) == [(WEB, None)]
    assert refused(planned(resource(GENOMICS), resource(WEB), **settled(*protected), aim=END)) == [(WEB, None)]


def test_client_that_runs_this_program_is_not_destroyed(resource: Make, settled: Settle, planned: Planned) -> None:
    manifests = [resource(GENOMICS), resource(WEB), resource(API)]
    world = settled(*manifests)
    assert refused(planned(*manifests, **world, caller="client-genomics-web", aim=END)) == [(WEB, None)]
    rest = Aim(destroy=True, excluded=(Address.parse(WEB),))
    plan = planned(*manifests, **world, caller="client-genomics-web", aim=rest)
    assert plan.applyable
    assert keys(plan) == [f"delete {API}"]


def test_what_other_tools_make_is_not_destroyed(resource: Make, settled: Settle, planned: Planned) -> None:
    manifests = [resource(GENOMICS), resource(WEB, client_type="globus_connect_server")]
    assert refused(planned(*manifests, **settled(*manifests), aim=END)) == [(WEB, None)]


def test_what_is_not_bound_is_not_taken_along(resource: Make, live: See, settled: Settle, planned: Planned) -> None:
    manifests = [resource(GENOMICS), resource(WEB)]
    world = settled(*manifests)
    world["live"].append(live("client", "theirs", "project-genomics", name="Their client"))
    plan = planned(*manifests, **world, aim=END)
    assert refused(plan) == [(GENOMICS, None)]
    assert "Their client (theirs)" in plan.refusals[0].reason


def test_what_was_read_incompletely_is_not_destroyed(resource: Make, settled: Settle, planned: Planned) -> None:
    manifests = [resource(GENOMICS), resource(LOGIN)]
    plan = planned(*manifests, **settled(*manifests), poisoned={"client": "503"}, aim=END)
    assert refused(plan) == [(GENOMICS, None)]


def test_project_that_is_only_referred_to_is_forgotten(resource: Make, settled: Settle, planned: Planned) -> None:
    manifests = [resource(GENOMICS, without=["display_name", "contact_email"], id="theirs"), resource(WEB)]
    world = settled(*manifests)
    assert sorted(keys(planned(*manifests, **world, aim=END))) == [f"delete {WEB}", f"forget {GENOMICS}"]


def test_what_the_manifests_keep_is_kept_with_all_below(
    resource: Make, settled: Settle, planned: Planned, removal: Remove
) -> None:
    world = settled(resource(GENOMICS), resource(API), resource(READ), resource(WEB))
    manifests = [resource("project/other")]
    plan = planned(*manifests, **world, removed=(removal(API, keep=True), removal(GENOMICS, keep=True)), aim=END)
    assert sorted(keys(plan)) == sorted([f"forget {each}" for each in (GENOMICS, API, READ, WEB)])


def test_of_single_files_only_what_is_in_them_is_destroyed(resource: Make, settled: Settle, planned: Planned) -> None:
    world = settled(resource(GENOMICS), resource(WEB), resource(API), resource(READ))
    plan = planned(resource(API), resource(READ), **world, complete=False, aim=END)
    assert keys(plan) == [f"delete {API}", f"forget {READ}"]
    assert not plan.complete
    plan = planned(resource(API), **world, complete=False, aim=END)
    assert refused(plan) == [(API, None)]
    assert "it owns what these manifests do not manage: scope read" in plan.refusals[0].reason


def test_what_has_left_the_manifests_is_destroyed_too(resource: Make, settled: Settle, planned: Planned) -> None:
    world = settled(resource(GENOMICS), resource(WEB))
    assert keys(planned(resource(GENOMICS), **world, aim=END)) == [f"delete {WEB}", f"delete {GENOMICS}"]


def test_what_was_never_bound_is_left_alone_and_told(resource: Make, settled: Settle, planned: Planned) -> None:
    world = settled(resource(GENOMICS), resource(WEB))
    del world["bindings"][WEB]
    manifests = Manifests(Path(), None, {each.address: each for each in (resource(GENOMICS), resource(WEB))})
    assert refused(planned(resource(GENOMICS), resource(WEB), **world, aim=END)) == [(GENOMICS, None)]
    told = list(unbound(manifests, [Address.parse(GENOMICS)]))
    assert told == [f"{WEB} is not bound: if it exists, it is left alone"]


def test_nothing_that_is_bound_is_nothing_to_destroy(resource: Make, planned: Planned) -> None:
    assert planned(resource(GENOMICS), aim=END).empty
