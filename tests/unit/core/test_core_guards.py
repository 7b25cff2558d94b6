from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from reconciler.guards import Consents
from reconciler.model import Live, Plan, Ref, Removal, Resource

Make = Callable[..., Resource]
See = Callable[..., Live]
Settle = Callable[..., dict[str, Any]]
Planned = Callable[..., Plan]
Named = Callable[[str], Ref]
Remove = Callable[..., Removal]

GENOMICS, WEB, READ = "project/genomics", "client/genomics/web", "scope/genomics/web/read"
DJANGO, LOGIN = "credential/genomics/web/django", "policy/genomics/login"
SINK = {"file": {"path": "secret.json"}}


def agree(**words: str) -> Consents:
    said: dict[str, Any] = {name: frozenset({word}) for name, word in words.items()}
    return replace(Consents(), **said)


def refused(plan: Plan) -> list[str]:
    """Whose changes are refused; a plan is applicable exactly when nothing is."""
    assert plan.applyable is not bool(plan.refusals)
    return [str(refusal.address) if refusal.address else "all" for refusal in plan.refusals]


def consents(plan: Plan) -> set[str | None]:
    return {refusal.consent for refusal in plan.refusals}


def test_a_deletion_needs_words(resource: Make, settled: Settle, planned: Planned, removal: Remove) -> None:
    world = settled(resource(GENOMICS), resource(WEB))
    plan = planned(resource(GENOMICS), **world)
    assert refused(plan) == [WEB]
    assert consents(plan) == {f"add it to `removed`, or give --allow-delete {WEB}"}
    assert plan.operations
    assert refused(planned(resource(GENOMICS), **world, removed=(removal(WEB),))) == []
    for word, left in ((WEB, []), ("all", []), ("client/genomics/other", [WEB])):
        assert refused(planned(resource(GENOMICS), **world, consents=agree(delete=word))) == left


def test_words_for_an_owner_are_words_for_what_it_owns(
    resource: Make, settled: Settle, planned: Planned, removal: Remove
) -> None:
    world = settled(resource(GENOMICS), resource(WEB), resource(READ))
    assert refused(planned(resource(GENOMICS), **world)) == [WEB, READ]
    assert refused(planned(resource(GENOMICS), **world, removed=(removal(WEB),))) == []
    assert refused(planned(resource(GENOMICS), **world, consents=agree(delete=WEB))) == []
    assert refused(planned(resource(GENOMICS), **world, consents=agree(delete=READ))) == [WEB]


@pytest.mark.parametrize("stated", [None, False], ids=["absent", "false but not applied"])
def test_prevent_destroy_as_last_applied_refuses_a_replacement(
    resource: Make, settled: Settle, planned: Planned, *, stated: bool | None
) -> None:
    world = settled(resource(GENOMICS), resource(WEB, prevent_destroy=True))
    web = resource(WEB, client_type="client_identity", prevent_destroy=stated)
    plan = planned(resource(GENOMICS), web, **world, consents=agree(replace="all", delete="all"))
    assert (refused(plan), consents(plan)) == ([WEB], {None})


def test_prevent_destroy_refuses_a_deletion_with_words(
    resource: Make, settled: Settle, planned: Planned, removal: Remove
) -> None:
    world = settled(resource(GENOMICS), resource(WEB, prevent_destroy=True))
    plan = planned(resource(GENOMICS), **world, removed=(removal(WEB),), consents=agree(delete="all"))
    assert (refused(plan), consents(plan)) == ([WEB], {None})


def test_prevent_destroy_refuses_what_would_go_with_its_owner(
    resource: Make, settled: Settle, planned: Planned, removal: Remove
) -> None:
    world = settled(resource(GENOMICS), resource(WEB), resource(READ, prevent_destroy=True))
    assert refused(planned(resource(GENOMICS), **world, removed=(removal(WEB),))) == [READ]


def test_prevent_destroy_that_is_only_stated_protects_too(resource: Make, settled: Settle, planned: Planned) -> None:
    world = settled(resource(GENOMICS), resource(WEB))
    web = resource(WEB, client_type="client_identity", prevent_destroy=True)
    assert refused(planned(resource(GENOMICS), web, **world, consents=agree(replace="all"))) == [WEB]


def test_prevent_destroy_follows_a_rename(resource: Make, settled: Settle, planned: Planned) -> None:
    world = settled(resource(GENOMICS), resource(WEB, prevent_destroy=True))
    site = resource("client/genomics/site", previously=[WEB], client_type="client_identity")
    plan = planned(resource(GENOMICS), site, **world, consents=agree(replace="all"))
    assert refused(plan) == ["client/genomics/site"]


def test_a_replacement_needs_consent_and_says_what_it_breaks(resource: Make, settled: Settle, planned: Planned) -> None:
    scope = resource(READ)
    world = settled(resource(GENOMICS), resource(WEB), scope)
    manifests = [resource(GENOMICS), resource(WEB, client_type="client_identity"), scope]
    plan = planned(*manifests, **world)
    assert (refused(plan), consents(plan)) == ([WEB], {f"--allow-replace {WEB}"})
    assert "client_type cannot be changed" in plan.refusals[0].reason
    assert "a new client id" in plan.refusals[0].reason
    for word, left in ((WEB, []), ("all", []), (READ, [WEB])):
        assert refused(planned(*manifests, **world, consents=agree(replace=word))) == left


@pytest.mark.parametrize(("address", "left"), [(GENOMICS, [GENOMICS]), (WEB, [WEB]), (LOGIN, []), (READ, [])])
def test_only_a_project_or_client_that_is_gone_needs_consent_to_be_made_again(
    resource: Make, settled: Settle, planned: Planned, address: str, left: list[str]
) -> None:
    manifests = [resource(each) for each in (GENOMICS, WEB, READ, LOGIN)]
    world = settled(*manifests)
    gone = world["bindings"][address].id
    world["live"] = [live for live in world["live"] if gone not in (live.id, live.parent)]
    if address == GENOMICS:
        manifests, world["live"] = manifests[:1], []
    assert refused(planned(*manifests, **world, consents=agree(delete="all"))) == left
    assert refused(planned(*manifests, **world, consents=Consents(replace=frozenset(left)))) == []


@pytest.mark.parametrize(("bound", "deleted", "left"), [(10, 3, []), (10, 4, ["all"]), (9, 8, []), (14, 5, ["all"])])
def test_more_than_three_tenths_of_ten_or_more_need_a_consent_for_all(
    resource: Make, settled: Settle, planned: Planned, removal: Remove, *, bound: int, deleted: int, left: list[str]
) -> None:
    clients = [resource(f"client/genomics/c{number}") for number in range(bound - 1)]
    world = settled(resource(GENOMICS), *clients)
    removed = tuple(removal(str(each.address)) for each in clients[:deleted])
    manifests = [resource(GENOMICS), *clients[deleted:]]
    plan = planned(*manifests, **world, removed=removed)
    assert refused(plan) == left
    assert consents(plan) <= {"--allow-delete all"}
    assert refused(planned(*manifests, **world, removed=removed, consents=agree(delete="all"))) == []


@pytest.mark.parametrize(
    ("admins", "reason"),
    [([], "nobody would administer it any more"), (["ada"], "you would not administer it any more")],
)
def test_an_end_state_without_the_caller_needs_consent(
    resource: Make, settled: Settle, planned: Planned, admins: list[str], reason: str
) -> None:
    world, project = settled(resource(GENOMICS, admin_ids=["rosalind"])), resource(GENOMICS, admin_ids=admins)
    plan = planned(project, **world)
    assert [refusal.reason for refusal in plan.refusals] == [reason]
    assert consents(plan) == {f"--allow-lockout {GENOMICS}"}
    for word, left in ((GENOMICS, []), ("all", []), ("project/other", [GENOMICS])):
        assert refused(planned(project, **world, consents=agree(lockout=word))) == left


def test_a_new_project_without_the_caller_needs_consent(resource: Make, planned: Planned) -> None:
    assert refused(planned(resource(GENOMICS, admin_ids=["ada"]))) == [GENOMICS]
    assert refused(planned(resource(GENOMICS, admin_ids=["ada", "rosalind"]))) == []
    assert refused(planned(resource(GENOMICS))) == []


def test_administrator_groups_make_a_lockout_a_note(resource: Make, settled: Settle, planned: Planned) -> None:
    world = settled(resource(GENOMICS, admin_ids=["rosalind"]))
    plan = planned(resource(GENOMICS, admin_ids=["ada"], admin_group_ids=["group"]), **world)
    assert refused(plan) == []
    (note,) = plan.notes
    assert note.startswith(f"{GENOMICS}: ")
    assert "groups" in note


def test_groups_that_are_there_already_count_too(resource: Make, settled: Settle, planned: Planned) -> None:
    world = settled(resource(GENOMICS, admin_ids=["rosalind"], admin_group_ids=["group"]))
    plan = planned(resource(GENOMICS, admin_ids=["ada"]), **world)
    assert (refused(plan), len(plan.notes)) == ([], 1)


def test_dropping_the_last_group_of_a_project_without_administrators_needs_consent(
    resource: Make, settled: Settle, live: See, planned: Planned
) -> None:
    world = settled(resource(GENOMICS, admin_group_ids=["group"]))
    theirs = {"display_name": "genomics", "admin_group_ids": ["group"]}
    world["live"] = [live("project", "project-genomics", admin_ids=[], **theirs)]
    project = resource(GENOMICS, admin_group_ids=[])
    assert refused(planned(project, **world)) == [GENOMICS]
    assert refused(planned(project, **world, consents=agree(lockout=GENOMICS))) == []


def test_dropping_a_group_beside_the_caller_is_no_lockout(resource: Make, settled: Settle, planned: Planned) -> None:
    world = settled(resource(GENOMICS, admin_group_ids=["group"]))
    assert refused(planned(resource(GENOMICS, admin_group_ids=[]), **world)) == []
