from collections.abc import Callable
from typing import Any

from inline_snapshot import snapshot

from reconciler.match import Found, Match, Matches
from reconciler.model import Action, Address, Binding, Live, Plan, Removal, Resource

GENOMICS = Address("project", ("genomics",))
WEB = Address("client", ("genomics", "web"))
OLD = Address("client", ("genomics", "old"))

Make = Callable[..., Resource]
See = Callable[..., Live]
Bind = Callable[..., Binding]
Settle = Callable[..., dict[str, Any]]
Matched = Callable[..., Matches]
Planned = Callable[..., Plan]


def moves(matches: Matches) -> dict[str, tuple[str, str | None]]:
    return {
        str(address): (str(found.previous), found.live.id if found.live else None)
        for address, found in matches.found.items()
        if found.how is Found.MOVED
    }


def test_a_former_address_gives_its_binding_and_descendants_move_along(
    resource: Make, settled: Settle, matched: Matched
) -> None:
    before = settled(resource("project/old"), resource("client/old/web"), resource("scope/old/web/read"))
    manifests = [
        resource("project/new", previously=["project/old"]),
        resource("client/new/web"),
        resource("scope/new/web/read"),
    ]
    matches = matched(*manifests, **before)
    assert moves(matches) == snapshot(
        {
            "project/new": ("project/old", "project-old"),
            "client/new/web": ("client/old/web", "client-old-web"),
            "scope/new/web/read": ("scope/old/web/read", "scope-old-web-read"),
        }
    )
    assert not matches.leftovers


def test_a_descendant_that_is_no_longer_wanted_is_left_over(resource: Make, settled: Settle, matched: Matched) -> None:
    before = settled(resource("project/old"), resource("client/old/web"))
    matches = matched(resource("project/new", previously=["project/old"]), **before)
    assert list(matches.leftovers) == [Address("client", ("old", "web"))]


def test_owner_and_owned_can_be_renamed_at_once(resource: Make, settled: Settle, matched: Matched) -> None:
    before = settled(resource("project/old"), resource("client/old/web"), resource("scope/old/web/read"))
    for former in ("client/old/web", "client/new/web"):  # written as an address, or as a key of this project
        matches = matched(
            resource("project/new", previously=["project/old"]),
            resource("client/new/site", previously=[former]),
            resource("scope/new/site/read"),
            **before,
        )
        assert [live_id for _, live_id in moves(matches).values()] == [
            "project-old",
            "client-old-web",
            "scope-old-web-read",
        ], former
        assert not matches.leftovers


def test_a_former_address_that_is_still_wanted_keeps_its_object(
    resource: Make, settled: Settle, matched: Matched
) -> None:
    before = settled(resource("project/genomics"), resource("client/genomics/old"))
    manifests = [
        resource("project/genomics"),
        resource("client/genomics/old"),
        resource("client/genomics/web", previously=["client/genomics/old"]),
    ]
    matches = matched(*manifests, **before)
    assert matches.found[OLD].how is Found.BOUND
    assert matches.found[WEB].how is Found.ABSENT


def test_an_own_binding_is_stronger_than_a_former_address(resource: Make, settled: Settle, matched: Matched) -> None:
    before = settled(resource("project/genomics"), resource("client/genomics/old"), resource("client/genomics/web"))
    matches = matched(
        resource("project/genomics"), resource("client/genomics/web", previously=["client/genomics/old"]), **before
    )
    assert (matches.found[WEB].how, matches.found[WEB].previous) == (Found.BOUND, None)
    assert list(matches.leftovers) == [OLD]


def test_a_former_address_with_an_id_needs_no_bindings(resource: Make, live: See, matched: Matched) -> None:
    object_, like = live("client", "w", "p", name="before"), live("client", "x", "p", name="web")
    matches = matched(
        resource("project/genomics", id="p"),
        resource("client/genomics/web", previously=[("client/genomics/old", "w")]),
        live=[live("project", "p"), object_, like],
    )
    assert matches.found[WEB] == Match(Found.MOVED, object_, None, OLD)


def test_an_object_named_by_a_former_id_is_claimed(resource: Make, live: See, matched: Matched) -> None:
    matches = matched(
        resource("project/genomics", id="p"),
        resource("client/genomics/before"),
        resource("client/genomics/web", previously=[("client/genomics/old", "w")]),
        live=[live("project", "p"), live("client", "w", "p", name="before")],
    )
    assert matches.found[Address("client", ("genomics", "before"))].how is Found.ABSENT


def test_a_former_id_that_is_gone_leaves_the_natural_key(resource: Make, live: See, matched: Matched) -> None:
    like = live("client", "x", "p", name="web")
    matches = matched(
        resource("project/genomics", id="p"),
        resource("client/genomics/web", previously=[("client/genomics/old", "gone")]),
        live=[live("project", "p"), like],
    )
    assert (matches.found[WEB].how, matches.found[WEB].live) == (Found.NATURAL, like)


def test_a_binding_that_left_the_manifests_gives_its_object_up_to_a_natural_match(
    resource: Make, settled: Settle, matched: Matched
) -> None:
    before = settled(resource("project/genomics"), resource("client/genomics/old", name="The site"))
    matches = matched(resource("project/genomics"), resource("client/genomics/web", name="The site"), **before)
    assert moves(matches) == {"client/genomics/web": ("client/genomics/old", "client-genomics-old")}
    assert matches.found[WEB].binding == before["bindings"]["client/genomics/old"]
    assert not matches.leftovers


def test_a_pin_under_another_key_takes_the_binding_along(resource: Make, settled: Settle, matched: Matched) -> None:
    before = settled(resource("project/genomics"), resource("client/genomics/old", prevent_destroy=True))
    pin = before["bindings"]["client/genomics/old"].id
    for former in ([], [str(OLD)]):
        renamed = resource("client/genomics/web", id=pin, previously=former)
        matches = matched(resource("project/genomics"), renamed, **before)
        assert (matches.found[WEB].how, matches.found[WEB].previous) == (Found.PINNED, OLD)
        assert matches.found[WEB].binding == before["bindings"]["client/genomics/old"]
        assert not matches.leftovers


def test_a_pin_does_not_take_the_binding_of_something_else_along(
    resource: Make, settled: Settle, matched: Matched
) -> None:
    before = settled(resource("project/genomics"), resource("client/genomics/old"), resource("client/genomics/other"))
    pin = before["bindings"]["client/genomics/other"].id
    renamed = resource("client/genomics/web", id=pin, previously=[str(OLD)])
    matches = matched(resource("project/genomics"), renamed, **before)
    assert str(matches.found[WEB].previous) == "client/genomics/other"
    assert [str(address) for address in matches.leftovers] == ["client/genomics/old"]


def test_a_pin_to_what_is_bound_outside_of_the_loaded_files_is_an_error(
    resource: Make, settled: Settle, matched: Matched
) -> None:
    before = settled(resource("project/genomics"), resource("client/genomics/old"))
    pin = before["bindings"]["client/genomics/old"].id
    web = resource("client/genomics/web", id=pin)
    (problem,) = matched(resource("project/genomics"), web, complete=False, **before).problems
    assert (problem.address, problem.hint) == ("client/genomics/web", "name the whole root")
    assert "client/genomics/old" in problem.what


def test_a_binding_outside_of_the_loaded_files_keeps_its_object(
    resource: Make, settled: Settle, matched: Matched
) -> None:
    before = settled(resource("project/genomics"), resource("client/genomics/old", name="The site"))
    matches = matched(
        resource("project/genomics"), resource("client/genomics/web", name="The site"), **before, complete=False
    )
    assert matches.found[WEB].how is Found.ABSENT
    assert not matches.leftovers


def test_a_rename_is_shown_and_only_moves_the_binding(resource: Make, settled: Settle, planned: Planned) -> None:
    before = settled(resource("project/genomics"), resource("client/genomics/old", name="The site"))
    web = resource("client/genomics/web", name="The site", previously=["client/genomics/old"])
    plan = planned(resource("project/genomics"), web, **before)
    assert [(change.action, change.previous) for change in plan.changes] == [
        (Action.NO_OP, None),
        (Action.NO_OP, OLD),
    ]
    assert [(operation.key, operation.previous) for operation in plan.operations] == [("bind client/genomics/web", OLD)]
    assert plan.calls() == 0


def test_what_has_left_the_whole_root_is_left_over(resource: Make, settled: Settle, matched: Matched) -> None:
    before = settled(resource("project/genomics"), resource("client/genomics/old"))
    whole = matched(resource("project/genomics"), **before)
    part = matched(resource("project/genomics"), **before, complete=False)
    assert list(whole.leftovers) == [OLD]
    assert list(part.leftovers) == []


def test_a_removal_counts_for_a_part_of_the_root_too(
    resource: Make, settled: Settle, matched: Matched, removal: Callable[..., Removal]
) -> None:
    before = settled(resource("project/genomics"), resource("client/genomics/old"))
    removed = (removal("client/genomics/old"),)
    assert list(matched(resource("project/genomics"), **before, removed=removed, complete=False).leftovers) == [OLD]


def test_a_removal_with_an_id_needs_no_binding(
    resource: Make, live: See, matched: Matched, removal: Callable[..., Removal]
) -> None:
    object_ = live("client", "w", "p")
    removed = (removal("client/genomics/old", id="w"), removal("client/genomics/older"))
    matches = matched(resource("project/genomics", id="p"), live=[live("project", "p"), object_], removed=removed)
    assert {address: (left.id, left.live) for address, left in matches.leftovers.items()} == {OLD: ("w", object_)}
