from collections.abc import Callable
from typing import Any

import pytest
from inline_snapshot import snapshot

from reconciler.model import Live, Operation, Plan, Ref, Resource, Verb

Make = Callable[..., Resource]
See = Callable[..., Live]
Settle = Callable[..., dict[str, Any]]
Planned = Callable[..., Plan]
Named = Callable[[str], Ref]

GENOMICS = "project/genomics"
WEB = "client/genomics/web"
SINK = {"file": {"path": "secret.json"}}


def keys(plan: Plan) -> list[str]:
    return [operation.key for operation in plan.operations]


def steps(plan: Plan) -> list[tuple[str, tuple[str, ...]]]:
    return [(operation.key, operation.after) for operation in plan.operations]


def operation_of(plan: Plan, key: str) -> Operation:
    (operation,) = [operation for operation in plan.operations if operation.key == key]
    return operation


def needs(scope: Ref) -> dict[str, object]:
    return {"scope": scope, "optional": False, "requires_refresh_token": False}


def test_parents_come_before_children_and_what_is_referenced_before_referrers(
    resource: Make, planned: Planned, ref: Named
) -> None:
    plan = planned(
        resource(GENOMICS, admin_ids=["rosalind"]),
        resource("client/genomics/api"),
        resource("scope/genomics/api/read", dependent_scopes=[needs(ref("scope/genomics/index/query"))]),
        resource("credential/genomics/api/django", sink=SINK),
        resource("client/genomics/index"),
        resource("scope/genomics/index/query"),
    )
    assert steps(plan) == snapshot(
        [
            ("create project/genomics", ()),
            ("create client/genomics/api", ("create project/genomics",)),
            ("create client/genomics/index", ("create project/genomics",)),
            ("create scope/genomics/index/query", ("create client/genomics/index",)),
            ("create scope/genomics/api/read", ("create client/genomics/api", "create scope/genomics/index/query")),
            ("create credential/genomics/api/django", ("create client/genomics/api",)),
        ]
    )


def test_a_new_object_names_an_owner_that_is_there_by_id_and_a_new_one_by_reference(
    resource: Make, settled: Settle, planned: Planned, ref: Named
) -> None:
    plan = planned(
        resource(GENOMICS), resource(WEB), resource("scope/genomics/web/read"), **settled(resource(GENOMICS))
    )
    assert operation_of(plan, f"create {WEB}").parent == "project-genomics"
    assert operation_of(plan, "create scope/genomics/web/read").parent == ref(WEB)


def test_a_new_project_has_the_caller_then_children_then_the_exact_list(
    resource: Make, planned: Planned, ref: Named
) -> None:
    project = resource(GENOMICS, admin_ids=[ref("client/genomics/deployer"), "ada"])
    plan = planned(project, resource("client/genomics/deployer"), resource("policy/genomics/login"))
    assert steps(plan) == snapshot(
        [
            ("create project/genomics", ()),
            ("create policy/genomics/login", ("create project/genomics",)),
            ("create client/genomics/deployer", ("create project/genomics",)),
            (
                "update project/genomics",
                ("create client/genomics/deployer", "create policy/genomics/login", "create project/genomics"),
            ),
        ]
    )
    create, update = operation_of(plan, f"create {GENOMICS}"), operation_of(plan, f"update {GENOMICS}")
    assert create.fields["admin_ids"] == ["ada", "rosalind"]
    assert "admin_ids" not in create.bound
    assert update.fields == {"admin_ids": ["ada", ref("client/genomics/deployer")]}
    assert update.bound["admin_ids"] == ["ada", ref("client/genomics/deployer")]


def test_a_new_project_that_names_the_caller_needs_no_second_step(resource: Make, planned: Planned) -> None:
    plan = planned(resource(GENOMICS, admin_ids=["rosalind", "ada"]))
    assert keys(plan) == ["create project/genomics"]
    assert plan.operations[0].fields["admin_ids"] == ["ada", "rosalind"]


def test_a_new_project_without_administrators_keeps_the_caller_and_manages_no_list(
    resource: Make, planned: Planned
) -> None:
    plan = planned(resource(GENOMICS), resource(WEB))
    assert keys(plan) == ["create project/genomics", "create client/genomics/web"]
    assert plan.operations[0].fields["admin_ids"] == ["rosalind"]
    assert plan.operations[0].bound == {"display_name": "genomics", "contact_email": "ops@example.edu"}


def test_a_cycle_of_scopes_is_closed_by_a_later_update_element_by_element(
    resource: Make, settled: Settle, planned: Planned, ref: Named
) -> None:
    owners = [resource(GENOMICS), resource(WEB)]
    one, two, free = (f"scope/genomics/web/{name}" for name in ("one", "two", "free"))
    manifests = [
        *owners,
        resource(one, dependent_scopes=[needs(ref(two)), needs(ref(free))]),
        resource(two, dependent_scopes=[needs(ref(one))]),
        resource(free),
    ]
    plan = planned(*manifests, **settled(*owners))
    assert steps(plan) == snapshot(
        [
            ("create scope/genomics/web/free", ()),
            ("create scope/genomics/web/two", ()),
            ("create scope/genomics/web/one", ("create scope/genomics/web/free", "create scope/genomics/web/two")),
            ("update scope/genomics/web/two", ("create scope/genomics/web/one", "create scope/genomics/web/two")),
        ]
    )
    (update,) = [operation for operation in plan.operations if operation.verb is Verb.UPDATE]
    create = operation_of(plan, f"create {update.address}")
    assert create.fields["dependent_scopes"] != update.fields["dependent_scopes"]
    assert create.bound.keys() == update.bound.keys() - {"dependent_scopes"}


def test_an_update_sends_only_what_changed(resource: Make, settled: Settle, planned: Planned) -> None:
    world = settled(resource(GENOMICS), resource(WEB, visibility="public"))
    plan = planned(resource(GENOMICS), resource(WEB, visibility="private"), **world)
    (update,) = plan.operations
    assert (update.key, update.id) == (f"update {WEB}", "client-genomics-web")
    assert (update.fields, update.before) == ({"visibility": "private"}, {"visibility": "public"})
    assert update.bound == {"name": "web", "client_type": "confidential_client", "visibility": "private"}


def test_an_update_of_a_project_repeats_its_administrators(resource: Make, settled: Settle, planned: Planned) -> None:
    world = settled(resource(GENOMICS, contact_email="old@example.edu"))
    (update,) = planned(resource(GENOMICS), **world).operations
    assert update.fields == {"contact_email": "ops@example.edu", "admin_ids": ["rosalind"]}
    assert update.before == {"contact_email": "old@example.edu"}


def test_moving_a_policy_is_an_update_that_the_end_of_the_old_project_waits_for(
    resource: Make, settled: Settle, planned: Planned, ref: Named
) -> None:
    world = settled(resource(GENOMICS), resource("policy/genomics/login"))
    moved = resource("policy/new/login", previously=["policy/genomics/login"])
    plan = planned(resource("project/new"), moved, **world)
    assert steps(plan) == snapshot(
        [
            ("create project/new", ()),
            ("update policy/new/login", ("create project/new",)),
            ("delete project/genomics", ("update policy/new/login",)),
        ]
    )
    update = operation_of(plan, "update policy/new/login")
    assert (update.fields, update.before) == ({"project_id": ref("project/new")}, {"project_id": "project-genomics"})


def test_an_adoption_only_binds_what_is_already_as_wanted(resource: Make, live: See, planned: Planned) -> None:
    plan = planned(
        resource(GENOMICS, contact_email="new@example.edu"),
        resource(WEB),
        live=[live("project", "p", display_name="genomics"), live("client", "w", "p", name="web")],
    )
    assert keys(plan) == ["update project/genomics", "bind client/genomics/web"]
    assert operation_of(plan, f"bind {WEB}").bound == {"name": "web", "client_type": "confidential_client"}
    assert plan.calls() == 1


def test_a_settled_world_needs_nothing(resource: Make, settled: Settle, planned: Planned, ref: Named) -> None:
    manifests = [
        resource(GENOMICS, admin_ids=["rosalind", ref(WEB)]),
        resource(WEB, prevent_destroy=True),
        resource("scope/genomics/web/read", dependent_scopes=[needs(ref("scope/genomics/web/write"))]),
        resource("scope/genomics/web/write", dependent_scopes=[needs(ref("scope/genomics/web/read"))]),
        resource("policy/genomics/login", domain_constraints_include=["b.edu", "a.edu"]),
        resource("credential/genomics/web/django", sink=SINK),
    ]
    plan = planned(*manifests, **settled(*manifests))
    assert plan.empty
    assert plan.applyable


@pytest.mark.parametrize("stated", [None, True])
def test_bindings_that_lag_behind_are_brought_up_to_date_without_a_call(
    resource: Make, settled: Settle, planned: Planned, *, stated: bool | None
) -> None:
    world = settled(resource(GENOMICS))
    fields = {"admin_ids": ["rosalind"]} if stated is None else {}
    plan = planned(resource(GENOMICS, prevent_destroy=stated, **fields), **world)
    assert (keys(plan), plan.calls()) == (["bind project/genomics"], 0)


def test_prevent_destroy_is_remembered_until_false_is_applied(
    resource: Make, settled: Settle, planned: Planned
) -> None:
    world = settled(resource(GENOMICS), resource(WEB, prevent_destroy=True))
    assert planned(resource(GENOMICS), resource(WEB), **world).empty
    (update,) = planned(resource(GENOMICS), resource(WEB, visibility="public"), **world).operations
    (bind,) = planned(resource(GENOMICS), resource(WEB, prevent_destroy=False), **world).operations
    assert (update.prevent_destroy, bind.prevent_destroy) == (True, False)


def test_the_digest_is_of_what_decisions_rest_on(resource: Make, settled: Settle, live: See, planned: Planned) -> None:
    before, manifests = settled(resource(GENOMICS)), [resource(GENOMICS), resource(WEB)]
    plan = planned(*manifests, **before)
    unrelated = {**before, "live": [*before["live"], live("project", "unrelated")]}
    sibling = {**before, "live": [*before["live"], live("client", "x", "project-genomics")]}
    assert planned(*reversed(manifests), **before).digest == plan.digest
    assert planned(*manifests, **unrelated).digest == plan.digest
    assert planned(*manifests, **sibling).observed != plan.observed
    assert planned(*manifests, **sibling).digest != plan.digest
    assert planned(resource(GENOMICS), resource(WEB, visibility="public"), **before).digest != plan.digest


def test_a_plan_says_whether_the_whole_root_was_loaded(resource: Make, planned: Planned) -> None:
    assert planned(resource(GENOMICS)).complete
    assert not planned(resource(GENOMICS), complete=False).complete
