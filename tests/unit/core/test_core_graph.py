from collections.abc import Callable, Iterator

from hypothesis import given
from hypothesis import strategies as st

from reconciler import graph
from reconciler.errors import Problem
from reconciler.kinds import owner
from reconciler.model import Address, Ref, Resource, Want

Make = Callable[..., Resource]
Named = Callable[[str], Ref]
Needs = dict[int, list[int]]

NODES = 8


@st.composite
def forests(draw: st.DrawFn) -> tuple[dict[int, int | None], Needs]:
    """Owners (each with a smaller number), and what each node needs: its owner first, then others."""
    owners: dict[int, int | None] = {
        node: draw(st.none() | st.integers(0, node - 1)) if node else None for node in range(NODES)
    }
    others = st.lists(st.integers(0, NODES - 1), max_size=4, unique=True)
    needs = {}
    for node, above in owners.items():
        mine = [] if above is None else [above]
        needs[node] = mine + [other for other in draw(others) if other not in (node, above)]
    return owners, needs


def chain(owners: dict[int, int | None], node: int) -> Iterator[int]:
    above: int | None = node
    while above is not None:
        yield above
        above = owners[above]


def reaches(needs: Needs, start: int, goal: int, without: set[tuple[int, int]]) -> bool:
    seen: set[int] = set()
    left = [start]
    while left:
        node = left.pop()
        if node == goal:
            return True
        if node not in seen:
            seen.add(node)
            left += [other for other in needs[node] if (node, other) not in without]
    return False


def opened(owners: dict[int, int | None], needs: Needs) -> set[tuple[int, int]]:
    return graph.open_cycles(sorted(needs), lambda node: needs[node], lambda node: chain(owners, node))


@given(forests())
def test_open_cycles_leaves_no_cycle(world: tuple[dict[int, int | None], Needs]) -> None:
    owners, needs = world
    given_up = opened(owners, needs)
    for node in needs:
        for other in needs[node]:
            if (node, other) not in given_up:
                assert not reaches(needs, other, node, given_up)


@given(forests())
def test_open_cycles_gives_up_only_what_closes_a_cycle(world: tuple[dict[int, int | None], Needs]) -> None:
    owners, needs = world
    assert all(reaches(needs, other, node, set()) for node, other in opened(owners, needs))


@given(forests())
def test_open_cycles_never_gives_an_owner_up(world: tuple[dict[int, int | None], Needs]) -> None:
    owners, needs = world
    assert not any(owners[node] == other for node, other in opened(owners, needs))


@given(forests())
def test_open_cycles_is_deterministic(world: tuple[dict[int, int | None], Needs]) -> None:
    assert opened(*world) == opened(*world)


def test_open_cycles_endures_a_long_chain() -> None:
    length = 5000
    needs = {node: [node + 1] for node in range(length)} | {length: [0]}
    assert graph.open_cycles(needs, lambda node: needs[node], lambda node: [node]) == {(length, 0)}


KEYS = ("a", "b")
ADDRESSES = [
    *(Address("project", (p,)) for p in KEYS),
    *(Address("client", (p, c)) for p in KEYS for c in KEYS),
    *(Address("scope", (p, c, s)) for p in KEYS for c in KEYS for s in KEYS),
]


@st.composite
def worlds(draw: st.DrawFn) -> dict[Address, Resource]:
    """Projects, clients and scopes that refer to each other at random, in an order of their own."""
    resources = {}
    for address in draw(st.permutations(ADDRESSES)):
        fields: dict[str, object] = {}
        if address.kind == "project":
            targets = draw(st.sets(st.sampled_from(ADDRESSES[2:6]), max_size=3))
            fields["admin_ids"] = [Ref(Want.IDENTITY, str(target), target) for target in sorted(targets)]
        if address.kind == "scope":
            targets = draw(st.sets(st.sampled_from(ADDRESSES[6:]), max_size=3))
            fields["dependent_scopes"] = [{"scope": Ref(Want.SCOPE, str(each), each)} for each in sorted(targets)]
        resources[address] = Resource(address, fields, place=None)  # type: ignore[arg-type]
    return resources


def ordered(resources: dict[Address, Resource], waiting: set[graph.Edge]) -> list[Address]:
    """Make each thing as soon as all that it needs is there."""
    made: list[Address] = []
    while len(made) < len(resources):
        ready = [
            address
            for address, resource in resources.items()
            if address not in made
            and (owner(address) is None or owner(address) in made)
            and all(each in made or (address, each) in waiting for each in graph.referenced(resource))
        ]
        assert ready, "nothing can be made"
        made += ready
    return made


@given(worlds())
def test_deferred_lets_everything_be_made_one_after_the_other(resources: dict[Address, Resource]) -> None:
    assert len(ordered(resources, graph.deferred(resources))) == len(resources)


@given(worlds())
def test_deferred_does_not_depend_on_the_order_of_the_manifests(resources: dict[Address, Resource]) -> None:
    assert graph.deferred(resources) == graph.deferred(dict(sorted(resources.items())))


@given(worlds())
def test_deferred_only_names_references(resources: dict[Address, Resource]) -> None:
    for source, target in graph.deferred(resources):
        assert target in set(graph.referenced(resources[source]))


def test_deferred_keeps_references_that_close_no_cycle(resource: Make, ref: Named) -> None:
    manifests = [
        resource("project/a"),
        resource("client/a/api"),
        resource("client/a/index"),
        resource("scope/a/api/read", dependent_scopes=[{"scope": ref("scope/a/index/query")}]),
        resource("scope/a/index/query"),
        resource("project/b", admin_ids=[ref("client/a/api")]),
    ]
    assert graph.deferred({each.address: each for each in manifests}) == set()


def test_deferred_names_the_administrator_that_its_own_project_owns(resource: Make, ref: Named) -> None:
    project, client = resource("project/a", admin_ids=[ref("client/a/deployer")]), resource("client/a/deployer")
    assert graph.deferred({each.address: each for each in (project, client)}) == {(project.address, client.address)}


def test_deferred_ignores_what_is_already_there(resource: Make, ref: Named) -> None:
    one = resource("scope/a/api/one", dependent_scopes=[{"scope": ref("scope/a/api/two")}])
    two = resource("scope/a/api/two", dependent_scopes=[{"scope": ref("scope/a/api/one")}])
    assert graph.deferred({one.address: one, two.address: two}) != set()
    assert graph.deferred({one.address: one}) == set()


def test_names_lists_what_only_the_service_knows_once_and_in_order(resource: Make, ref: Named) -> None:
    ada, bob = Ref(Want.IDENTITY, "ada@example.edu"), Ref(Want.IDENTITY, "bob@example.edu")
    manifests = [
        resource("project/b", admin_ids=[bob, ada]),
        resource("project/a", admin_ids=[bob, ref("client/a/web")]),
        resource("client/a/web", required_idp=Ref(Want.PROVIDER, "example.edu")),
    ]
    assert graph.names(manifests) == (ada, bob, Ref(Want.PROVIDER, "example.edu"))


def test_resolve_puts_ids_for_names_and_leaves_addresses(resource: Make, ref: Named) -> None:
    ada = Ref(Want.IDENTITY, "ada@example.edu")
    project = resource("project/a", admin_ids=[ada, ref("client/a/web")])
    resolved, problems = graph.resolve({project.address: project}, {ada: "id of ada"})
    assert resolved[project.address].fields["admin_ids"] == ["id of ada", ref("client/a/web")]
    assert problems == []


def test_resolve_reports_a_name_that_nobody_knows_at_its_place(resource: Make) -> None:
    project = resource("project/a", admin_ids=[Ref(Want.IDENTITY, "nobody@example.edu")])
    _, problems = graph.resolve({project.address: project}, {})
    what = "no identity 'nobody@example.edu' is known to the service"
    assert problems == [Problem(project.place, what, address="project/a")]


def test_resolve_puts_owners_first(resource: Make) -> None:
    addresses = ["scope/a/web/read", "credential/a/web/k", "client/a/web", "policy/a/login", "project/b", "project/a"]
    resolved, _ = graph.resolve({each.address: each for each in map(resource, addresses)}, {})
    assert [str(address) for address in resolved] == [
        "project/a",
        "project/b",
        "policy/a/login",
        "client/a/web",
        "scope/a/web/read",
        "credential/a/web/k",
    ]
