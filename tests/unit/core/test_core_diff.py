from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from inline_snapshot import snapshot

from reconciler.diff import Comparison
from reconciler.model import Action, Address, Binding, Change, FieldChange, Live, Reason, Ref, Removal, Resource

Make = Callable[..., Resource]
See = Callable[..., Live]
Bind = Callable[..., Binding]
Settle = Callable[..., dict[str, Any]]
Compared = Callable[..., Comparison]
Named = Callable[[str], Ref]

GENOMICS = "project/genomics"
WEB = "client/genomics/web"
POLICY = "policy/genomics/login"


def change_of(comparison: Comparison, address: str) -> Change:
    (change,) = [change for change in comparison.changes if change.address == Address.parse(address)]
    return change


def reasons(change: Change) -> dict[str, str]:
    return {field.name: field.reason.value for field in change.fields}


def seen(world: dict[str, Any], address: str, **fields: object) -> dict[str, Any]:
    """Let somebody change the live object of an address."""
    identifier = world["bindings"][address].id
    changed = [
        replace(live, fields={**live.fields, **fields}) if live.id == identifier else live for live in world["live"]
    ]
    return {**world, "live": changed}


def test_nothing_differs_in_a_settled_world(resource: Make, settled: Settle, compared: Compared) -> None:
    manifests = [resource(GENOMICS), resource(WEB, redirect_uris=["b", "a"]), resource(POLICY)]
    comparison = compared(*manifests, **settled(*manifests))
    assert {change.action for change in comparison.changes} == {Action.NO_OP}


def test_a_change_of_the_manifests_is_pending(resource: Make, settled: Settle, compared: Compared) -> None:
    world = settled(resource(GENOMICS, contact_email="old@example.edu"))
    change = change_of(compared(resource(GENOMICS), **world), GENOMICS)
    assert (change.action, change.unchanged) == (Action.UPDATE, 1)
    assert change.fields == (FieldChange("contact_email", "old@example.edu", "ops@example.edu", Reason.PENDING),)


def test_a_change_of_the_service_is_drift(resource: Make, settled: Settle, compared: Compared) -> None:
    world = seen(settled(resource(GENOMICS)), GENOMICS, contact_email="theirs@example.edu")
    assert reasons(change_of(compared(resource(GENOMICS), **world), GENOMICS)) == {"contact_email": "drift"}


def test_a_change_of_both_is_both(resource: Make, settled: Settle, compared: Compared) -> None:
    world = settled(resource(GENOMICS, contact_email="old@example.edu"))
    world = seen(world, GENOMICS, contact_email="theirs@example.edu")
    assert reasons(change_of(compared(resource(GENOMICS), **world), GENOMICS)) == {"contact_email": "both"}


def test_the_same_change_of_both_is_none(resource: Make, settled: Settle, compared: Compared) -> None:
    world = settled(resource(GENOMICS, contact_email="old@example.edu"))
    world = seen(world, GENOMICS, contact_email="ops@example.edu")
    assert change_of(compared(resource(GENOMICS), **world), GENOMICS).action is Action.NO_OP


def test_a_field_that_was_never_applied_is_pending(resource: Make, settled: Settle, compared: Compared) -> None:
    world = settled(resource(GENOMICS), resource(WEB))
    change = change_of(compared(resource(GENOMICS), resource(WEB, visibility="public"), **world), WEB)
    assert reasons(change) == {"visibility": "pending"}


def test_an_adopted_object_says_what_will_change_too(resource: Make, live: See, compared: Compared) -> None:
    theirs = live("project", "p", display_name="genomics", contact_email="theirs@example.edu")
    change = change_of(compared(resource(GENOMICS), live=[theirs]), GENOMICS)
    assert (change.action, change.id, reasons(change)) == (Action.ADOPT, "p", {"contact_email": "pending"})


def test_a_pinned_object_without_a_binding_is_adopted(resource: Make, live: See, compared: Compared) -> None:
    referenced = resource(GENOMICS, id="p", without=["display_name", "contact_email"])
    change = change_of(compared(referenced, live=[live("project", "p")]), GENOMICS)
    assert (change.action, change.fields) == (Action.ADOPT, ())


@pytest.mark.parametrize(
    ("stated", "live_value", "differs"),
    [
        ({}, 3600, False),
        ({"authentication_assurance_timeout": None}, 3600, True),
        ({"authentication_assurance_timeout": None}, None, False),
        ({"authentication_assurance_timeout": 3600}, None, True),
        ({"authentication_assurance_timeout": 3600}, 3600, False),
    ],
    ids=["absent", "null clears", "null is clear", "value is set", "value stands"],
)
def test_absent_is_not_managed_null_clears_and_a_value_is_enforced(
    resource: Make,
    settled: Settle,
    compared: Compared,
    stated: dict[str, object],
    live_value: object,
    *,
    differs: bool,
) -> None:
    world = settled(resource(GENOMICS), resource(POLICY))
    world = seen(world, POLICY, authentication_assurance_timeout=live_value)
    change = change_of(compared(resource(GENOMICS), resource(POLICY, **stated), **world), POLICY)
    assert bool(change.fields) is differs


def test_a_field_that_is_no_longer_managed_is_left_alone(resource: Make, settled: Settle, compared: Compared) -> None:
    world = settled(resource(GENOMICS), resource(WEB, visibility="public"))
    world = seen(world, WEB, visibility="private")
    assert change_of(compared(resource(GENOMICS), resource(WEB), **world), WEB).action is Action.NO_OP


def test_an_ignored_field_is_left_alone(resource: Make, settled: Settle, compared: Compared) -> None:
    world = settled(resource(GENOMICS), resource(WEB, visibility="public"))
    manifests = [resource(GENOMICS), resource(WEB, visibility="private", ignore=["visibility"])]
    assert change_of(compared(*manifests, **world), WEB).action is Action.NO_OP


@pytest.mark.parametrize("wanted", [[], None])
@pytest.mark.parametrize("live_value", [[], None])
def test_an_empty_set_equals_null(
    resource: Make, settled: Settle, compared: Compared, wanted: object, live_value: object
) -> None:
    world = seen(settled(resource(GENOMICS), resource(POLICY)), POLICY, domain_constraints_include=live_value)
    manifests = [resource(GENOMICS), resource(POLICY, domain_constraints_include=wanted)]
    assert change_of(compared(*manifests, **world), POLICY).action is Action.NO_OP


def test_the_order_of_a_set_is_no_difference(resource: Make, settled: Settle, compared: Compared) -> None:
    manifests = [resource(GENOMICS, admin_ids=["rosalind", "ada"]), resource(WEB, redirect_uris=["x", "a", "m"])]
    world = seen(settled(*manifests), GENOMICS, admin_ids=["ada", "rosalind"])
    world = seen(world, WEB, redirect_uris=["m", "x", "a"])
    assert {change.action for change in compared(*manifests, **world).changes} == {Action.NO_OP}


def test_an_element_of_a_set_is_a_difference(resource: Make, settled: Settle, compared: Compared) -> None:
    world = settled(resource(GENOMICS), resource(WEB, redirect_uris=["b", "a"]))
    change = change_of(compared(resource(GENOMICS), resource(WEB, redirect_uris=["c", "b"]), **world), WEB)
    assert change.fields == (FieldChange("redirect_uris", ["a", "b"], ["b", "c"], Reason.PENDING),)


@pytest.mark.parametrize(
    ("address", "before", "after", "names"),
    [
        (WEB, {}, {"client_type": "client_identity"}, "client_type"),
        (WEB, {"without": ["client_type"]}, {"without": ["client_type"], "public_client": True}, "public_client"),
        (POLICY, {}, {"high_assurance": True}, "high_assurance"),
        ("scope/genomics/web/read", {}, {"scope_suffix": "write"}, "scope_suffix"),
        ("scope/genomics/web/read", {}, {"fqdn": "api.example.edu"}, "fqdn"),
    ],
)
def test_an_immutable_field_means_a_replacement(
    resource: Make,
    settled: Settle,
    compared: Compared,
    address: str,
    *,
    before: dict[str, Any],
    after: dict[str, Any],
    names: str,
) -> None:
    owners = [each for each in (resource(GENOMICS), resource(WEB)) if str(each.address) != address]
    world = settled(*owners, resource(address, **before))
    change = change_of(compared(*owners, resource(address, **after), **world), address)
    assert (change.action, change.because) == (Action.REPLACE, f"{names} cannot be changed")
    assert [(field.name, field.immutable) for field in change.fields] == [(names, True)]


def test_the_kind_of_a_client_that_is_not_stated_is_not_managed(
    resource: Make, settled: Settle, compared: Compared
) -> None:
    owners, public = resource(GENOMICS), resource(WEB, without=["client_type"], public_client=False)
    world = seen(settled(owners, public), WEB, client_type="hybrid_confidential_client_resource_server")
    assert change_of(compared(owners, public, **world), WEB).action is Action.NO_OP


def test_a_client_that_moves_to_another_project_is_replaced(
    resource: Make, settled: Settle, compared: Compared
) -> None:
    world = settled(resource(GENOMICS), resource("project/other"), resource(WEB))
    moved = resource("client/other/web", previously=[WEB])
    change = change_of(compared(resource(GENOMICS), resource("project/other"), moved, **world), "client/other/web")
    assert (change.action, change.id, change.because) == (
        Action.REPLACE,
        "client-genomics-web",
        "project cannot be changed",
    )


def test_a_policy_that_moves_to_another_project_is_updated(
    resource: Make, settled: Settle, compared: Compared, ref: Named
) -> None:
    world = settled(resource(GENOMICS), resource(POLICY))
    manifests = [resource(GENOMICS), resource("project/new"), resource("policy/new/login", previously=[POLICY])]
    change = change_of(compared(*manifests, **world), "policy/new/login")
    assert change.action is Action.UPDATE
    assert change.fields == (FieldChange("project_id", "project-genomics", ref("project/new"), Reason.PENDING),)


def test_a_replacement_replaces_all_below(resource: Make, settled: Settle, compared: Compared) -> None:
    scope, credential = resource("scope/genomics/web/read"), resource("credential/genomics/web/django", sink={"x": {}})
    world = settled(resource(GENOMICS), resource(WEB), scope, credential)
    comparison = compared(resource(GENOMICS), resource(WEB, client_type="client_identity"), scope, credential, **world)
    assert [(str(change.address), change.action.value, change.because) for change in comparison.changes] == snapshot(
        [
            ("project/genomics", "no-op", None),
            ("client/genomics/web", "replace", "client_type cannot be changed"),
            ("scope/genomics/web/read", "replace", "client/genomics/web is replaced"),
            ("credential/genomics/web/django", "replace", "client/genomics/web is replaced"),
        ]
    )
    assert list(comparison.ids) == [Address.parse(GENOMICS)]


def test_a_scope_that_keeps_its_suffix_is_deleted_first(resource: Make, settled: Settle, compared: Compared) -> None:
    owners = [resource(GENOMICS), resource(WEB)]
    world = settled(*owners, resource("scope/genomics/web/read"))

    def first(**fields: str) -> bool:
        scope = resource("scope/genomics/web/read", **fields)
        return change_of(compared(*owners, scope, **world), "scope/genomics/web/read").delete_first

    assert first(fqdn="api.example.edu")
    assert not first(scope_suffix="write")


def test_what_refers_to_a_replaced_object_is_updated(
    resource: Make, settled: Settle, compared: Compared, ref: Named
) -> None:
    project = resource(GENOMICS, admin_ids=["rosalind", ref(WEB)])
    world = settled(project, resource(WEB))
    change = change_of(compared(project, resource(WEB, client_type="client_identity"), **world), GENOMICS)
    assert change.action is Action.UPDATE
    assert change.fields[0].after == ["rosalind", ref(WEB)]


def test_a_create_states_all_managed_fields(resource: Make, compared: Compared) -> None:
    change = change_of(compared(resource(GENOMICS, admin_ids=["b", "a"])), GENOMICS)
    assert change.action is Action.CREATE
    assert {field.name: field.after for field in change.fields} == {
        "display_name": "genomics",
        "contact_email": "ops@example.edu",
        "admin_ids": ["a", "b"],
    }


def test_what_has_left_the_manifests_is_deleted_kept_or_forgotten(
    resource: Make, settled: Settle, compared: Compared, removal: Callable[..., Removal]
) -> None:
    clients = [resource(f"client/genomics/{name}") for name in ("left", "approved", "kept", "gone")]
    world = settled(resource(GENOMICS), *clients)
    world["live"] = [live for live in world["live"] if live.id != "client-genomics-gone"]
    removed = (removal("client/genomics/approved"), removal("client/genomics/kept", keep=True))
    comparison = compared(resource(GENOMICS), **world, removed=removed)
    assert [(str(change.address), change.action.value, change.because) for change in comparison.changes] == snapshot(
        [
            ("project/genomics", "no-op", None),
            ("client/genomics/approved", "delete", "approved by `removed`"),
            ("client/genomics/gone", "forget", "its object is gone"),
            ("client/genomics/kept", "forget", "the manifests keep its object"),
            ("client/genomics/left", "delete", "it has left the manifests"),
        ]
    )


def test_an_object_of_a_kind_that_was_read_incompletely_is_not_taken_for_gone(
    resource: Make, settled: Settle, compared: Compared
) -> None:
    world = settled(resource(GENOMICS), resource(WEB), resource("credential/genomics/web/django", sink={"x": {}}))
    world["live"] = [live for live in world["live"] if live.kind == "project"]
    comparison = compared(resource(GENOMICS), **world, poisoned={"client": "503"})
    assert Action.FORGET not in {change.action for change in comparison.changes}
