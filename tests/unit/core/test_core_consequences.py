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
ALL = frozenset({"all"})
EVERYTHING = Consents(delete=ALL, replace=ALL, create=ALL, lockout=ALL)
CALLBACK = "https://a.example.org/"
TOKENS = "tokens that were given before stay valid, for up to 48 hours"


def told(plan: Plan, address: str) -> list[str]:
    return [each for change in plan.changes if str(change.address) == address for each in change.consequences]


@pytest.mark.parametrize(
    ("field", "before", "after", "expected"),
    [
        ("domain_constraints_include", [], ["a.edu"], ["only people of a.edu pass"]),
        ("domain_constraints_include", ["a.edu", "b.edu"], ["b.edu"], ["people of a.edu no longer pass"]),
        ("domain_constraints_include", ["a.edu"], ["a.edu", "b.edu"], []),
        ("domain_constraints_include", ["a.edu"], None, ["people of every domain pass"]),
        ("domain_constraints_exclude", [], ["a.edu"], ["people of a.edu no longer pass"]),
        ("domain_constraints_exclude", ["a.edu"], [], ["people of a.edu are not kept out any more"]),
        ("authentication_assurance_timeout", 3600, 60, ["people must log in again after 60 s instead of 3600 s"]),
        ("authentication_assurance_timeout", None, 60, ["people must log in again after 60 s"]),
        ("authentication_assurance_timeout", 60, 3600, []),
        ("authentication_assurance_timeout", 60, None, []),
        ("required_mfa", False, True, ["people must log in with a second factor"]),
        ("required_mfa", True, False, []),
        ("description", "One", "Two", []),
    ],
)
def test_policy_says_who_is_kept_out(
    resource: Make, settled: Settle, planned: Planned, *, field: str, before: Any, after: Any, expected: list[str]
) -> None:
    world = settled(resource(GENOMICS), resource(LOGIN, **{field: before}))
    assert told(planned(resource(GENOMICS), resource(LOGIN, **{field: after}), **world), LOGIN) == expected


@pytest.mark.parametrize(
    ("field", "before", "after", "expected"),
    [
        ("redirect_uris", [CALLBACK, "https://b.org/"], ["https://b.org/"], [f"logins that return to {CALLBACK} fail"]),
        ("redirect_uris", [], [CALLBACK], []),
        (
            "visibility",
            "public",
            "private",
            ["others no longer see it, nor those of its scopes that are not advertised"],
        ),
        ("visibility", "private", "public", []),
        (
            "required_idp",
            "one",
            "other",
            ["people come with another `sub`: applications that know them by it take them for strangers"],
        ),
        ("preselect_idp", "one", "other", []),
    ],
)
def test_client_says_what_stops_working(
    resource: Make, settled: Settle, planned: Planned, *, field: str, before: Any, after: Any, expected: list[str]
) -> None:
    world = settled(resource(GENOMICS), resource(WEB, **{field: before}))
    assert told(planned(resource(GENOMICS), resource(WEB, **{field: after}), **world), WEB) == expected


@pytest.mark.parametrize(
    ("field", "before", "after", "expected"),
    [
        ("advertised", True, False, ["where its client is private, others no longer find it to depend on"]),
        ("advertised", False, True, []),
        (
            "allows_refresh_token",
            True,
            False,
            ["no refresh tokens are given for it any more: what works while people are away ends with its token"],
        ),
        ("required_domains", ["a.edu"], ["a.edu", "b.edu"], ["only people with an identity of b.edu may use it"]),
        ("required_domains", ["a.edu"], [], []),
        (
            "dependent_scopes",
            [{"scope": "s1", "optional": False}],
            [{"scope": "s2", "optional": False}, {"scope": "s3", "optional": True}],
            ["it can no longer call on s1 for people", "people who have agreed to it must agree again, to s2"],
        ),
    ],
)
def test_scope_says_what_its_users_lose(
    resource: Make, settled: Settle, planned: Planned, *, field: str, before: Any, after: Any, expected: list[str]
) -> None:
    world = settled(resource(GENOMICS), resource(API), resource(READ, **{field: before}))
    manifests = [resource(GENOMICS), resource(API), resource(READ, **{field: after})]
    assert told(planned(*manifests, **world), READ) == expected


def test_project_says_when_one_administrator_is_left(resource: Make, settled: Settle, planned: Planned) -> None:
    alone = ["one administrator is left: without that one, nobody can change anything below it"]
    two, one = ["ada", "rosalind"], ["rosalind"]
    world = settled(resource(GENOMICS, admin_ids=two))
    assert told(planned(resource(GENOMICS, admin_ids=one), **world), GENOMICS) == alone
    world = settled(resource(GENOMICS, admin_ids=two, admin_group_ids=["group"]))
    assert told(planned(resource(GENOMICS, admin_ids=one, admin_group_ids=["group"]), **world), GENOMICS) == []
    world = settled(resource(GENOMICS, admin_ids=one, admin_group_ids=["group"]))
    plan = planned(resource(GENOMICS, admin_ids=one, admin_group_ids=[]), **world)
    assert told(plan, GENOMICS) == ["members of the group group no longer administer it", *alone]


def test_deleted_client_says_what_stops_and_what_does_not(
    resource: Make, settled: Settle, planned: Planned, removal: Remove
) -> None:
    world = settled(resource(GENOMICS), resource(WEB, redirect_uris=[CALLBACK]), resource(DJANGO, sink=SINK))
    plan = planned(resource(GENOMICS), **world, removed=(removal(WEB),))
    assert told(plan, WEB) == [
        f"whatever uses the client id client-genomics-web stops working; {TOKENS}",
        f"logins that return to {CALLBACK} fail",
    ]
    assert told(plan, DJANGO) == [f"whatever uses its secret can get no token any more; {TOKENS}"]


def test_deleted_policy_says_who_refers_to_it_unseen(
    resource: Make, settled: Settle, planned: Planned, removal: Remove
) -> None:
    plan = planned(resource(GENOMICS), **settled(resource(GENOMICS), resource(LOGIN)), removed=(removal(LOGIN),))
    assert told(plan, LOGIN) == ["collections, flows and other services that refer to policy-genomics-login lose it"]


def test_client_that_administers_a_project_says_so_when_it_ends(
    resource: Make, live: See, settled: Settle, planned: Planned, removal: Remove
) -> None:
    world = settled(resource(GENOMICS), resource(WEB))
    world["live"].append(live("project", "theirs", display_name="Their project", admin_ids=["client-genomics-web"]))
    plan = planned(resource(GENOMICS), **world, removed=(removal(WEB),))
    assert "project Their project (theirs) is administered by it, and is not managed here" in told(plan, WEB)


def test_deleted_scope_names_its_dependents_within_and_outside(
    resource: Make, ref: Named, live: See, settled: Settle, planned: Planned, removal: Remove
) -> None:
    named = [{"scope": ref(QUERY)}]
    manifests = [resource(GENOMICS), resource(API), resource(READ, dependent_scopes=named), resource(INDEX)]
    world = settled(*manifests, resource(QUERY))
    theirs = {"scope_suffix": "run", "dependent_scopes": [{"scope": "scope-genomics-index-query"}]}
    world["live"].append(live("client", "portal", "p", name="Portal"))
    world["live"].append(live("scope", "theirs", "portal", **theirs))
    manifests[2] = resource(READ, dependent_scopes=[])
    plan = planned(*manifests, **world, removed=(removal(QUERY),))
    assert told(plan, QUERY) == [
        "requests for https://auth.globus.org/scopes/client-genomics-index/query fail",
        "all consents to it are lost: people are asked again",
        f"{READ} depends on it, and is changed along",
        "scope run of client Portal (theirs) depends on it, and is not managed here",
    ]


def test_dependents_that_end_too_are_not_named_and_those_that_stay_are(
    resource: Make, ref: Named, settled: Settle, planned: Planned, removal: Remove
) -> None:
    manifests = [resource(GENOMICS), resource(API), resource(READ, dependent_scopes=[{"scope": ref(QUERY)}])]
    world = settled(*manifests, resource(INDEX), resource(QUERY))
    both = planned(resource(GENOMICS), **world, removed=(removal(API), removal(INDEX)))
    assert not [each for each in told(both, QUERY) if READ in each]
    target = Aim(targets=(Address.parse(INDEX),))
    alone = planned(resource(GENOMICS), **world, removed=(removal(API), removal(INDEX)), aim=target)
    assert f"{READ} depends on it, and is left as it is" in told(alone, QUERY)


def test_replaced_client_says_what_becomes_of_all_below(
    resource: Make, ref: Named, settled: Settle, planned: Planned
) -> None:
    before = [resource(GENOMICS), resource(API), resource(READ, dependent_scopes=[{"scope": ref(QUERY)}])]
    world = settled(*before, resource(INDEX), resource(QUERY))
    after = [*before, resource(INDEX, client_type="resource_server"), resource(QUERY)]
    plan = planned(*after, **world, consents=EVERYTHING)
    assert told(plan, INDEX) == [f"whatever uses the client id client-genomics-index stops working; {TOKENS}"]
    assert f"{READ} depends on it, and is changed along" in told(plan, QUERY)


def test_scope_that_keeps_its_name_says_that_requests_fail_for_a_while(
    resource: Make, settled: Settle, planned: Planned
) -> None:
    before = resource(READ)
    world = settled(resource(GENOMICS), resource(API), before)
    plan = planned(
        resource(GENOMICS), resource(API), resource(READ, scope_suffix="write"), **world, consents=EVERYTHING
    )
    assert told(plan, READ)[0] == "requests for https://auth.globus.org/scopes/client-genomics-api/read fail"


def test_adoption_says_what_its_updates_break(resource: Make, live: See, planned: Planned) -> None:
    things = [live("project", "p", display_name="genomics"), live("client", "w", "p", name="web", visibility="public")]
    plan = planned(resource(GENOMICS), resource(WEB, visibility="private"), live=things)
    assert len(told(plan, WEB)) == 1


def test_harmless_changes_say_nothing(resource: Make, settled: Settle, planned: Planned) -> None:
    world = settled(resource(GENOMICS), resource(WEB))
    plan = planned(resource(GENOMICS, contact_email="x@example.edu"), resource(WEB), resource(API), **world)
    assert [change.consequences for change in plan.changes] == [(), (), ()]
