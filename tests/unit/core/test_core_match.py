from collections.abc import Callable
from typing import Any

from reconciler.match import Found, Matches
from reconciler.model import Address, Binding, Live, Resource

GENOMICS = Address("project", ("genomics",))
WEB = Address("client", ("genomics", "web"))

Make = Callable[..., Resource]
See = Callable[..., Live]
Bind = Callable[..., Binding]
Settle = Callable[..., dict[str, Any]]
Match = Callable[..., Matches]


def test_a_pinned_id_wins_over_binding_and_name(resource: Make, live: See, bound: Bind, matched: Match) -> None:
    pinned, other = live("client", "pinned", "p", name="else"), live("client", "other", "p", name="web")
    matches = matched(
        resource("project/genomics", id="p"),
        resource("client/genomics/web", id="pinned"),
        live=[live("project", "p"), pinned, other],
        bindings={"client/genomics/web": bound(other, "name")},
    )
    found = matches.found[WEB]
    assert (found.how, found.live, found.binding) == (Found.PINNED, pinned, None)
    assert not matches.problems


def test_a_pinned_id_keeps_its_own_binding(resource: Make, settled: Settle, matched: Match) -> None:
    manifests = [resource("project/genomics"), resource("client/genomics/web", id="web")]
    world = settled(*manifests)
    found = matched(*manifests, **world).found[WEB]
    assert (found.how, found.binding) == (Found.PINNED, world["bindings"]["client/genomics/web"])


def test_a_pinned_id_that_is_not_there_is_an_error_and_no_create(resource: Make, live: See, matched: Match) -> None:
    matches = matched(resource("project/genomics", id="gone"), live=[live("project", "p", display_name="genomics")])
    assert matches.found[GENOMICS].live is None
    assert [problem.address for problem in matches.problems] == ["project/genomics"]
    assert "gone" in matches.problems[0].what


def test_a_pinned_id_of_another_kind_is_an_error(resource: Make, live: See, matched: Match) -> None:
    matches = matched(
        resource("project/genomics", id="p"),
        resource("client/genomics/web", id="x"),
        live=[live("project", "p"), live("policy", "x", "p")],
    )
    assert [problem.address for problem in matches.problems] == ["client/genomics/web"]


def test_a_pinned_id_of_another_parent_is_an_error(resource: Make, live: See, matched: Match) -> None:
    matches = matched(
        resource("project/genomics", id="p"),
        resource("client/genomics/web", id="w"),
        live=[live("project", "p"), live("project", "q"), live("client", "w", "q", name="web")],
    )
    assert [problem.address for problem in matches.problems] == ["client/genomics/web"]


def test_a_pinned_id_below_a_project_that_is_not_there_is_an_error(resource: Make, live: See, matched: Match) -> None:
    matches = matched(
        resource("project/genomics"),
        resource("client/genomics/web", id="w"),
        live=[live("project", "q"), live("client", "w", "q", name="web")],
    )
    assert [problem.address for problem in matches.problems] == ["client/genomics/web"]


def test_a_binding_wins_over_a_natural_key(resource: Make, live: See, bound: Bind, matched: Match) -> None:
    mine, like = live("project", "mine", display_name="renamed"), live("project", "like", display_name="genomics")
    matches = matched(resource("project/genomics"), live=[mine, like], bindings={"project/genomics": bound(mine)})
    assert (matches.found[GENOMICS].how, matches.found[GENOMICS].live) == (Found.BOUND, mine)


def test_a_bound_object_that_is_gone_is_lost_and_nothing_takes_its_place(
    resource: Make, live: See, bound: Bind, matched: Match
) -> None:
    like = live("project", "like", display_name="genomics")
    lost = bound(live("project", "lost"))
    matches = matched(resource("project/genomics"), live=[like], bindings={"project/genomics": lost})
    assert (matches.found[GENOMICS].live, matches.found[GENOMICS].lost) == (None, "lost")


def test_exactly_one_unclaimed_object_with_the_natural_key_is_found(resource: Make, live: See, matched: Match) -> None:
    matches = matched(
        resource("project/genomics"),
        resource("client/genomics/web"),
        live=[
            live("project", "p", display_name="genomics"),
            live("project", "q", display_name="other"),
            live("client", "w", "p", name="web"),
            live("client", "x", "q", name="web"),
        ],
    )
    assert {str(address): (found.how, found.live and found.live.id) for address, found in matches.found.items()} == {
        "project/genomics": (Found.NATURAL, "p"),
        "client/genomics/web": (Found.NATURAL, "w"),
    }


def test_several_objects_with_the_natural_key_are_an_error_that_lists_their_ids(
    resource: Make, live: See, matched: Match
) -> None:
    twins = [live("project", name, display_name="genomics") for name in ("p2", "p1")]
    matches = matched(resource("project/genomics"), live=twins)
    assert matches.found[GENOMICS].live is None
    assert len(matches.problems) == 1
    assert "p1, p2" in matches.problems[0].what
    assert "`id:`" in (matches.problems[0].hint or "")


def test_two_resources_with_one_natural_key_do_not_share_an_object(resource: Make, live: See, matched: Match) -> None:
    matches = matched(
        resource("project/a", display_name="genomics"),
        resource("project/b", display_name="genomics"),
        live=[live("project", "p", display_name="genomics")],
    )
    assert [problem.address for problem in matches.problems] == ["project/a", "project/b"]


def test_a_claimed_object_is_no_candidate(resource: Make, live: See, bound: Bind, matched: Match) -> None:
    pinned, mine = (live("project", name, display_name="genomics") for name in ("pinned", "mine"))
    matches = matched(
        resource("project/a", id="pinned"),
        resource("project/b", display_name="renamed"),
        resource("project/genomics"),
        live=[pinned, mine],
        bindings={"project/b": bound(mine)},
    )
    assert matches.found[GENOMICS].how is Found.ABSENT
    assert not matches.problems


def test_an_object_without_the_natural_key_is_none(resource: Make, live: See, matched: Match) -> None:
    matches = matched(resource("project/genomics"), live=[live("project", "p", display_name="Genomics")])
    assert (matches.found[GENOMICS].how, matches.found[GENOMICS].lost) == (Found.ABSENT, None)


def test_nothing_below_a_new_owner_is_found_by_name(resource: Make, live: See, matched: Match) -> None:
    orphan = live("client", "w", None, name="web")
    matches = matched(resource("project/genomics"), resource("client/genomics/web"), live=[orphan])
    assert matches.found[WEB].how is Found.ABSENT


def test_a_scope_is_known_by_host_and_suffix(resource: Make, live: See, matched: Match) -> None:
    manifests = [
        resource("project/genomics", id="p"),
        resource("client/genomics/web", id="w"),
        resource("scope/genomics/web/read"),
        resource("scope/genomics/web/host", scope_suffix="read", fqdn="api.example.edu"),
    ]
    own, host = (
        live("scope", "own", "w", scope_suffix="read"),
        live("scope", "host", "w", scope_suffix="read", fqdn="api.example.edu"),
    )
    matches = matched(*manifests, live=[live("project", "p"), live("client", "w", "p"), own, host])
    assert matches.found[Address("scope", ("genomics", "web", "read"))].live == own
    assert matches.found[Address("scope", ("genomics", "web", "host"))].live == host


def test_two_addresses_with_one_id_are_an_error(resource: Make, live: See, matched: Match) -> None:
    matches = matched(resource("project/a", id="p"), resource("project/b", id="p"), live=[live("project", "p")])
    assert [problem.address for problem in matches.problems] == ["project/b"]
    assert "project/a" in matches.problems[0].what


def test_two_bindings_of_one_id_are_an_error(resource: Make, live: See, bound: Bind, matched: Match) -> None:
    project = live("project", "p")
    bindings = {"project/a": bound(project), "project/b": bound(project)}
    matches = matched(resource("project/a"), resource("project/b"), live=[project], bindings=bindings)
    assert [problem.address for problem in matches.problems] == ["project/b"]
