"""Builders of small worlds: resources, live objects, bindings, and the core's answers to them.

`settled` projects resources into the world in which nothing is left to do; a test then changes one thing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler import consequences, graph, guards, partial
from reconciler import plan as planning
from reconciler.destruction import nothing
from reconciler.diff import Comparison, compare, wanted
from reconciler.errors import Place
from reconciler.guards import Case, Consents
from reconciler.kinds import KINDS, owner
from reconciler.manifest import fits
from reconciler.match import Matches, match
from reconciler.model import (
    EPOCH,
    EVERYTHING,
    Address,
    Aim,
    Binding,
    Data,
    Former,
    Live,
    Manifests,
    Plan,
    Ref,
    Removal,
    Resource,
    Snapshot,
    Undelivered,
    digest,
)
from reconciler.plan.saved import Origin, Saved, read, write

CALLER = "rosalind"
PLACE = Place("m.yaml", 1, 1)
SINK = {"file": {"path": "secret.json"}}
NO_LIFE: Mapping[str, Data] = {}

_STATED: Mapping[str, Callable[[str], dict[str, Data]]] = {
    "project": lambda key: {"display_name": key, "contact_email": "ops@example.edu"},
    "policy": lambda key: {"display_name": key, "description": "Who may enter"},
    "client": lambda key: {"name": key, "client_type": "confidential_client"},
    "scope": lambda key: {"scope_suffix": key, "name": key, "description": "What it is for"},
    "credential": lambda key: {"name": key},
}
_DEFAULTS: Mapping[str, dict[str, Data]] = {
    "project": {"admin_ids": [CALLER], "admin_group_ids": []},
    "policy": {
        "high_assurance": False,
        "authentication_assurance_timeout": None,
        "required_mfa": False,
        "domain_constraints_include": [],
        "domain_constraints_exclude": [],
    },
    "client": {
        "public_client": False,
        "visibility": "private",
        "redirect_uris": [],
        "links": None,
        "required_idp": None,
        "preselect_idp": None,
    },
    "scope": {
        "fqdn": None,
        "required_domains": [],
        "dependent_scopes": [],
        "advertised": False,
        "allows_refresh_token": False,
    },
    "credential": {},
}


@dataclass(frozen=True, slots=True)
class World:
    """What the manifests say and what is there."""

    resources: Iterable[Resource]
    live: Iterable[Live] = ()
    bindings: Mapping[str, Binding] = field(default_factory=dict)
    removed: tuple[Removal, ...] = ()
    poisoned: Mapping[str, str] = field(default_factory=dict)
    held: Mapping[str, str | None] = field(default_factory=dict)
    consents: Consents = field(default_factory=Consents)
    undelivered: tuple[Undelivered, ...] = ()
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    complete: bool = True
    caller: str = CALLER
    now: datetime = EPOCH
    aim: Aim = EVERYTHING

    def stated(self) -> Manifests:
        """Put the resources into the order in which the core gets them."""
        resources, problems = graph.resolve({each.address: each for each in self.resources}, {})
        assert not problems
        return Manifests(Path(), None, resources, self.removed, complete=self.complete)

    def manifests(self) -> Manifests:
        """Say what a run wants: what is stated, unless it is to end."""
        return nothing(self.stated(), self.bound()) if self.aim.destroy else self.stated()

    def snapshot(self) -> Snapshot:
        """Sort the live objects by kind and id."""
        objects: dict[str, dict[str, Live]] = {kind: {} for kind in KINDS}
        for live in self.live:
            objects[live.kind][live.id] = live
        return Snapshot(objects, self.caller, self.poisoned, self.now)

    def bound(self) -> dict[Address, Binding]:
        """Read the addresses of the bindings."""
        return {Address.parse(address): binding for address, binding in self.bindings.items()}

    def matched(self) -> Matches:
        """Say which object each address is."""
        held = {Address.parse(address): identifier for address, identifier in self.held.items()}
        return match(self.manifests(), self.snapshot(), self.bound(), held, self.elsewhere)

    def compared(self) -> Comparison:
        """Say what differs."""
        matches = self.matched()
        assert not matches.problems
        manifests, snapshot = self.manifests(), self.snapshot()
        compared = compare(manifests, matches, snapshot, undelivered=self.undelivered, aim=self.aim)
        chosen = partial.restrict(compared, manifests, snapshot, self.aim)
        return consequences.told(chosen, matches, snapshot)

    def planned(self) -> Plan:
        """Plan as the pipeline does, with refusals and notes."""
        matches, snapshot = self.matched(), self.snapshot()
        compared = self.compared()
        plan = planning.build(self.manifests(), matches, compared, snapshot=snapshot, target="here")
        plan = replace(plan, upcoming=tuple(each for life in compared.lives.values() for each in life.upcoming))
        protecting = replace(self.manifests(), resources=self.stated().resources)
        case = Case(plan, protecting, matches, snapshot, self.bound(), guards.spoken(self.consents, self.aim), self.aim)
        plan = planning.digested(replace(plan, refusals=guards.check(case), notes=guards.notes(case)))
        assert read(write(sealed(plan)).encode(), fits=lambda document: fits("plan", document)) == sealed(plan)
        return plan


def sealed(plan: Plan) -> Saved:
    """Save a plan as if it had been made of the current folder, once."""
    made = datetime(2026, 1, 31, 12, tzinfo=UTC)
    return Saved(plan, Origin(CALLER, ".", (".",), (), None, 0), made, made + timedelta(days=3), "0.1.0")


def _ref(address: str) -> Ref:
    parsed = Address.parse(address)
    denotes = KINDS[parsed.kind].denotes
    assert denotes is not None
    return Ref(denotes, address, parsed)


def _resource(  # a resource has so many parts
    address: str,
    /,
    *,
    without: Iterable[str] = (),
    id: str | None = None,  # noqa: A002
    previously: Iterable[str | tuple[str, str]] = (),
    sink: Data = None,
    life: Mapping[str, Data] = NO_LIFE,
    prevent_destroy: bool | None = None,
    ignore: Iterable[str] = (),
    **fields: Data,
) -> Resource:
    parsed = Address.parse(address)
    stated = {name: value for name, value in _STATED[parsed.kind](parsed.path[-1]).items() if name not in {*without}}
    named = [former if isinstance(former, tuple) else (former, None) for former in previously]
    return Resource(
        address=parsed,
        fields=stated | fields,
        place=PLACE,
        settings={"sink": sink, **life} if sink else {},
        id=id,
        previously=tuple(Former(Address.parse(text), identifier, PLACE) for text, identifier in named),
        prevent_destroy=prevent_destroy,
        ignore=frozenset(ignore),
    )


def _live(kind: str, identifier: str, parent: str | None = None, **fields: Data) -> Live:
    attributes = {
        "client": {"username": f"{identifier}@clients.auth.globus.org"},
        "scope": {"scope_string": f"https://auth.globus.org/scopes/{parent}/{fields.get('scope_suffix', identifier)}"},
        "credential": {"created": "2026-01-01T00:00:00+00:00"},
    }
    stated = _STATED[kind](identifier)
    return Live(kind, identifier, parent, stated | _DEFAULTS[kind] | fields, attributes.get(kind, {}))


def _bound(live: Live, *managed: str, prevent_destroy: bool = False, sink: Data = None) -> Binding:
    """Bind an object as it is; only the named fields were ever applied."""
    kind = KINDS[live.kind]
    digests = {name: digest(live.fields[name]) for name in managed}
    if managed and kind.moves and kind.owner_field:
        digests[kind.owner_field] = digest(live.parent)
    return Binding(live.id, digests, prevent_destroy, live.attributes, digest(sink) if sink else None)


def _settled(*resources: Resource) -> dict[str, Any]:
    """Make the world in which these resources were applied, with ids such as `client-genomics-web`."""
    ids = {each.address: each.id or str(each.address).replace("/", "-") for each in resources}
    world: dict[str, Any] = {"live": [], "bindings": {}, "held": {}}
    for each in resources:
        address, identifier, above = each.address, ids[each.address], owner(each.address)
        full = wanted(each, ids)
        name = {"name": f"{full['name']}#1"} if each.settings else {}
        live = _live(address.kind, identifier, ids[above] if above else None, **full | name)
        managed = () if KINDS[address.kind].secret else tuple(full)
        world["live"].append(live)
        sink = each.settings.get("sink")
        world["bindings"][str(address)] = _bound(live, *managed, prevent_destroy=bool(each.prevent_destroy), sink=sink)
        world["held"] |= {str(address): identifier} if sink else {}
    return world


def _removal(address: str, *, keep: bool = False, id: str | None = None) -> Removal:  # noqa: A002
    return Removal(Address.parse(address), keep, id, PLACE)


@pytest.fixture(scope="session")
def ref() -> Callable[[str], Ref]:
    return _ref


@pytest.fixture(scope="session")
def resource() -> Callable[..., Resource]:
    return _resource


@pytest.fixture(scope="session")
def live() -> Callable[..., Live]:
    return _live


@pytest.fixture(scope="session")
def bound() -> Callable[..., Binding]:
    return _bound


@pytest.fixture(scope="session")
def settled() -> Callable[..., dict[str, Any]]:
    return _settled


@pytest.fixture(scope="session")
def removal() -> Callable[..., Removal]:
    return _removal


@pytest.fixture(scope="session")
def matched() -> Callable[..., Matches]:
    """Match resources with a world: `live`, `bindings`, `removed`, `poisoned`, `held`, `complete`, `caller`, …"""
    return lambda *resources, **world: World(resources, **world).matched()


@pytest.fixture(scope="session")
def compared() -> Callable[..., Comparison]:
    return lambda *resources, **world: World(resources, **world).compared()


@pytest.fixture(scope="session")
def planned() -> Callable[..., Plan]:
    return lambda *resources, **world: World(resources, **world).planned()


@pytest.fixture(scope="session")
def saved() -> Callable[[Plan], Saved]:
    return sealed
