from collections.abc import Callable
from typing import Any

from inline_snapshot import snapshot

from reconciler.guards import Consents
from reconciler.model import Binding, Live, Plan, Ref, Removal, Resource

Make = Callable[..., Resource]
See = Callable[..., Live]
Settle = Callable[..., dict[str, Any]]
Planned = Callable[..., Plan]
Named = Callable[[str], Ref]
Remove = Callable[..., Removal]

GENOMICS = "project/genomics"
WEB = "client/genomics/web"
READ, WRITE = "scope/genomics/web/read", "scope/genomics/web/write"
SINK = {"file": {"path": "secret.json"}}


def steps(plan: Plan) -> list[tuple[str, tuple[str, ...]]]:
    return [(operation.key, operation.after) for operation in plan.operations]


def keys(plan: Plan) -> list[str]:
    return [operation.key for operation in plan.operations]


def needs(*scopes: Ref) -> list[dict[str, object]]:
    return [{"scope": scope, "optional": False, "requires_refresh_token": False} for scope in scopes]


def test_what_is_owned_goes_before_its_owner(resource: Make, settled: Settle, planned: Planned) -> None:
    world = settled(resource(GENOMICS), resource(WEB), resource("policy/genomics/login"))
    assert steps(planned(**world)) == snapshot(
        [
            ("delete client/genomics/web", ()),
            ("delete policy/genomics/login", ()),
            ("delete project/genomics", ("delete client/genomics/web", "delete policy/genomics/login")),
        ]
    )


def test_deleting_a_client_is_one_call_that_takes_scopes_and_credentials_along(
    resource: Make, settled: Settle, planned: Planned
) -> None:
    owners = resource(GENOMICS), resource(WEB)
    world = settled(*owners, resource(READ), resource("credential/genomics/web/django", sink=SINK))
    plan = planned(owners[0], **world)
    assert steps(plan) == snapshot(
        [
            ("delete client/genomics/web", ()),
            ("forget credential/genomics/web/django", ("delete client/genomics/web",)),
            ("forget scope/genomics/web/read", ("delete client/genomics/web",)),
        ]
    )
    assert plan.calls() == 1


def test_referrers_go_before_what_they_refer_to_on_the_service(
    resource: Make, settled: Settle, planned: Planned, ref: Named
) -> None:
    owners = resource(GENOMICS), resource(WEB)
    first, second, third = (f"scope/genomics/web/{name}" for name in ("a", "b", "c"))
    world = settled(
        *owners,
        resource(first, dependent_scopes=needs(ref(second))),
        resource(second, dependent_scopes=needs(ref(third))),
        resource(third),
    )
    assert keys(planned(*owners, **world)) == [f"delete {first}", f"delete {second}", f"delete {third}"]


def test_scopes_that_refer_to_each_other_can_be_deleted(
    resource: Make, settled: Settle, planned: Planned, ref: Named
) -> None:
    owners = resource(GENOMICS), resource(WEB)
    world = settled(
        *owners,
        resource(READ, dependent_scopes=needs(ref(WRITE))),
        resource(WRITE, dependent_scopes=needs(ref(READ))),
    )
    assert sorted(keys(planned(*owners, **world))) == [f"delete {READ}", f"delete {WRITE}"]


def test_a_client_that_administers_its_own_project_can_be_deleted_with_it(
    resource: Make, settled: Settle, planned: Planned, ref: Named
) -> None:
    world = settled(resource(GENOMICS, admin_ids=["rosalind", ref(WEB)]), resource(WEB))
    assert keys(planned(**world)) == [f"delete {WEB}", f"delete {GENOMICS}"]


def test_an_update_that_drops_a_reference_precedes_the_deletion_of_its_target(
    resource: Make, settled: Settle, planned: Planned, ref: Named
) -> None:
    owners = resource(GENOMICS), resource(WEB)
    world = settled(*owners, resource(READ, dependent_scopes=needs(ref(WRITE))), resource(WRITE))
    plan = planned(*owners, resource(READ, dependent_scopes=[]), **world)
    assert steps(plan) == [(f"update {READ}", ()), (f"delete {WRITE}", (f"update {READ}",))]


def test_a_deletion_says_what_was_observed(resource: Make, settled: Settle, planned: Planned) -> None:
    world = settled(resource(GENOMICS), resource(WEB))
    (delete,) = planned(resource(GENOMICS), **world).operations
    (client,) = [live for live in world["live"] if live.kind == "client"]
    assert (delete.id, delete.parent, delete.before) == (client.id, "project-genomics", client.fields)


def test_what_is_gone_already_is_only_forgotten(resource: Make, settled: Settle, planned: Planned) -> None:
    world = settled(resource(GENOMICS), resource(WEB))
    world["live"].pop()
    plan = planned(resource(GENOMICS), **world)
    assert (keys(plan), plan.calls(), plan.applyable) == ([f"forget {WEB}"], 0, True)


def test_what_is_kept_is_only_forgotten(resource: Make, settled: Settle, planned: Planned, removal: Remove) -> None:
    world = settled(resource(GENOMICS), resource(WEB))
    plan = planned(resource(GENOMICS), **world, removed=(removal(WEB, keep=True),))
    assert (keys(plan), plan.calls(), plan.applyable) == ([f"forget {WEB}"], 0, True)


def test_what_a_kept_object_owns_is_only_forgotten(
    resource: Make, settled: Settle, planned: Planned, removal: Remove
) -> None:
    world = settled(
        resource(GENOMICS), resource(WEB), resource(READ), resource("credential/genomics/web/django", sink=SINK)
    )
    plan = planned(resource(GENOMICS), **world, removed=(removal(WEB, keep=True),))
    assert {operation.verb.value for operation in plan.operations} == {"forget"}
    assert (len(plan.operations), plan.refusals) == (3, ())


def test_a_referenced_project_is_forgotten_when_it_leaves(
    resource: Make, settled: Settle, planned: Planned, bound: Callable[..., Binding]
) -> None:
    world = settled(resource(GENOMICS), resource("project/other"))
    live = next(live for live in world["live"] if live.id == "project-other")
    world["bindings"]["project/other"] = bound(live)
    plan = planned(resource(GENOMICS), **world, consents=Consents(delete=frozenset({"all"})))
    assert (keys(plan), plan.refusals) == (["forget project/other"], ())


def test_a_referenced_project_is_deleted_when_it_is_named(
    resource: Make, settled: Settle, planned: Planned, removal: Remove, bound: Callable[..., Binding]
) -> None:
    world = settled(resource(GENOMICS), resource("project/other"))
    live = next(live for live in world["live"] if live.id == "project-other")
    world["bindings"]["project/other"] = bound(live)
    plan = planned(resource(GENOMICS), **world, removed=(removal("project/other"),))
    assert (keys(plan), plan.refusals) == (["delete project/other"], ())


def test_a_removal_by_id_deletes_without_a_binding(
    resource: Make, settled: Settle, live: See, planned: Planned, removal: Remove
) -> None:
    world = settled(resource(GENOMICS))
    world["live"].append(live("client", "w", "project-genomics"))
    plan = planned(resource(GENOMICS), **world, removed=(removal(WEB, id="w"),))
    assert [(operation.key, operation.id) for operation in plan.operations] == [(f"delete {WEB}", "w")]
    assert plan.applyable


def test_a_replacement_is_made_then_referred_to_then_its_predecessor_deleted(
    resource: Make, settled: Settle, planned: Planned, ref: Named
) -> None:
    project = resource(GENOMICS, admin_ids=["rosalind", ref(WEB)])
    scope, other = resource(READ), resource("client/genomics/index")
    referrer = resource("scope/genomics/index/query", dependent_scopes=needs(ref(READ)))
    secret = resource("credential/genomics/web/django", sink=SINK)
    world = settled(project, resource(WEB), scope, other, referrer, secret)
    plan = planned(project, resource(WEB, client_type="client_identity"), scope, other, referrer, secret, **world)
    assert steps(plan) == snapshot(
        [
            ("create client/genomics/web", ()),
            ("update project/genomics", ("create client/genomics/web",)),
            ("create scope/genomics/web/read", ("create client/genomics/web",)),
            ("update scope/genomics/index/query", ("create scope/genomics/web/read",)),
            ("create credential/genomics/web/django", ("create client/genomics/web",)),
            (
                "delete client/genomics/web",
                (
                    "create client/genomics/web",
                    "create credential/genomics/web/django",
                    "create scope/genomics/web/read",
                    "update project/genomics",
                    "update scope/genomics/index/query",
                ),
            ),
        ]
    )


def test_a_scope_that_keeps_its_suffix_is_deleted_before_its_successor_is_made(
    resource: Make, settled: Settle, planned: Planned, ref: Named
) -> None:
    owners = resource(GENOMICS), resource(WEB)
    referrer = resource(WRITE, dependent_scopes=needs(ref(READ)))
    world = settled(*owners, resource(READ), referrer)
    plan = planned(*owners, resource(READ, fqdn="api.example.edu"), referrer, **world)
    assert steps(plan) == snapshot(
        [
            ("delete scope/genomics/web/read", ()),
            ("create scope/genomics/web/read", ("delete scope/genomics/web/read",)),
            ("update scope/genomics/web/write", ("create scope/genomics/web/read",)),
        ]
    )


def test_making_room_never_waits_for_what_the_new_object_allows(
    resource: Make, settled: Settle, planned: Planned, ref: Named
) -> None:
    owners = resource(GENOMICS), resource(WEB)
    replaced = resource(READ, fqdn="api.example.edu")
    world = settled(*owners, resource(READ), resource(WRITE, dependent_scopes=needs(ref(READ))))
    plan = planned(*owners, replaced, resource(WRITE, scope_suffix="w", dependent_scopes=needs(ref(READ))), **world)
    assert keys(plan) == [f"delete {READ}", f"create {READ}", f"create {WRITE}", f"delete {WRITE}"]


def test_the_caller_leaves_a_project_after_everything_in_it_is_done(
    resource: Make, settled: Settle, planned: Planned
) -> None:
    world = settled(resource(GENOMICS, admin_ids=["rosalind", "ada"]), resource("client/genomics/old"))
    plan = planned(resource(GENOMICS, admin_ids=["ada"]), resource(WEB), **world)
    assert keys(plan) == [f"create {WEB}", "delete client/genomics/old", f"update {GENOMICS}"]


def test_the_caller_leaves_before_the_end_of_what_the_project_must_let_go(
    resource: Make, settled: Settle, planned: Planned, ref: Named
) -> None:
    project = resource(GENOMICS, admin_ids=["ada", ref(WEB)])
    world = settled(project, resource(WEB))
    plan = planned(project, resource(WEB, client_type="client_identity"), **world)
    assert keys(plan) == [f"create {WEB}", f"update {GENOMICS}", f"delete {WEB}"]


def test_a_client_waits_for_what_refers_to_the_scopes_that_it_takes_along(
    resource: Make, settled: Settle, planned: Planned, ref: Named
) -> None:
    owners = resource(GENOMICS), resource("client/genomics/index")
    going, changed = "scope/genomics/index/going", resource("scope/genomics/index/changed", dependent_scopes=[])
    world = settled(
        *owners,
        resource(WEB),
        resource(READ),
        resource(going, dependent_scopes=needs(ref(READ))),
        resource("scope/genomics/index/changed", dependent_scopes=needs(ref(READ))),
    )
    plan = planned(*owners, changed, **world)
    assert steps(plan)[-2:] == [
        (f"delete {WEB}", (f"delete {going}", f"update {changed.address}")),
        (f"forget {READ}", (f"delete {WEB}",)),
    ]


def test_clients_whose_scopes_refer_to_each_other_can_be_deleted(
    resource: Make, settled: Settle, planned: Planned, ref: Named
) -> None:
    owners = resource(GENOMICS), resource(WEB), resource("client/genomics/index")
    query, status = "scope/genomics/index/query", "scope/genomics/index/status"
    world = settled(
        *owners,
        resource(READ, dependent_scopes=needs(ref(query))),
        resource(WRITE),
        resource(status, dependent_scopes=needs(ref(WRITE))),
        resource(query),
    )
    assert sorted(keys(planned(owners[0], **world)))[:2] == ["delete client/genomics/index", f"delete {WEB}"]


def test_a_scope_that_moves_to_another_client_is_made_before_the_end_of_the_old_one(
    resource: Make, settled: Settle, planned: Planned
) -> None:
    world = settled(resource(GENOMICS), resource(WEB), resource(READ))
    moved = resource("scope/genomics/index/read", previously=[READ])
    plan = planned(resource(GENOMICS), resource("client/genomics/index"), moved, **world)
    assert keys(plan) == ["create client/genomics/index", "create scope/genomics/index/read", f"delete {WEB}"]
