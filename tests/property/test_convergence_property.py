"""Whatever is declared, and whatever is there: after an apply the next plan is empty, and so is the next apply."""

import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler import pipeline, saved
from reconciler.auth import AccessTokenAuthorizer, AuthClient
from reconciler.emulator import Emulator
from reconciler.guards import Consents
from reconciler.manifest import load
from reconciler.model import UUID, Address, Aim, Event, Failed, Finished, Manifests, Plan, Skipped
from reconciler.pipeline import Planned, Site
from reconciler.rehearse import rehearse

ALL = frozenset({"all"})
EVERYTHING = Consents(delete=ALL, replace=ALL, create=ALL, lockout=ALL)
PROJECTS, CLIENTS, SCOPES = ("alpha", "beta"), ("web", "api", "bot"), ("read", "write")
SCOPE_ADDRESSES = [f"scope/{p}/{c}/{s}" for p in PROJECTS for c in CLIENTS for s in SCOPES]
CLIENT_ADDRESSES = [f"client/{p}/{c}" for p in PROJECTS for c in CLIENTS]
PEOPLE = ("barbara@globusid.org", "carl@example.edu")
DOMAINS = ("example.edu", "uni.example.org", "globusid.org")
WORDS = st.sampled_from(("one", "two", "three"))


def some(values: tuple[str, ...] | list[str], most: int = 3) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), unique=True, max_size=most)


POLICY = st.fixed_dictionaries(
    {"display_name": st.just("Policy"), "description": WORDS},
    optional={
        "high_assurance": st.booleans(),
        "authentication_assurance_timeout": st.sampled_from((60, 3600)) | st.none(),
        "domain_constraints_include": some(DOMAINS) | st.none(),
        "domain_constraints_exclude": some(DOMAINS),
    },
)
SCOPE = st.fixed_dictionaries(
    {"name": WORDS, "description": WORDS},
    optional={
        "dependent_scopes": some([*SCOPE_ADDRESSES, "globus/transfer/all"]),
        "advertised": st.booleans(),
        "allows_refresh_token": st.booleans(),
    },
)
CLIENT: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "visibility": st.sampled_from(("public", "private")),
        "redirect_uris": some(("https://a.example.org/", "https://b.example.org/")),
        "links": st.none() | st.just({"terms_and_conditions": "https://e.org/t", "privacy_policy": "https://e.org/p"}),
        "required_idp": st.sampled_from((None, "example.edu", "globusid.org")),
        "scopes": st.dictionaries(st.sampled_from(SCOPES), SCOPE),
        "credentials": st.dictionaries(st.just("main"), st.just({})),
    },
)
TYPE = st.sampled_from(
    ({"client_type": "resource_server"}, {"client_type": "client_identity"}, {"public_client": False})
)
PROJECT = st.fixed_dictionaries(
    {"contact_email": st.sampled_from(("a@example.org", "b@example.org"))},
    optional={
        "admin_ids": some([*CLIENT_ADDRESSES, *PEOPLE]),
        "policies": st.dictionaries(st.just("login"), POLICY),
        "clients": st.dictionaries(st.sampled_from(CLIENTS), st.tuples(CLIENT, TYPE).map(lambda two: two[0] | two[1])),
    },
)
WORLD = st.dictionaries(st.sampled_from(PROJECTS), PROJECT)


def manifest(world: dict[str, Any], *, far: bool = False) -> dict[str, Any]:
    """Complete a drawn world: names from keys, references only to what is there, and the caller an administrator.

    Scopes depend on those of their own project: others must be visible, which a later world may undo. With `far` they
    depend on whatever they drew.
    """
    scopes = {
        f"scope/{p}/{c}/{s}"
        for p, project in world.items()
        for c, client in project.get("clients", {}).items()
        for s in client.get("scopes", {})
    }
    clients = {f"client/{p}/{c}" for p, project in world.items() for c in project.get("clients", {})}

    def kept(values: list[str], p: str) -> list[str]:
        near = {each for each in scopes if far or each.startswith(f"scope/{p}/")} | clients
        return [each for each in values if each in near or not each.startswith(("scope/", "client/"))]

    def client(p: str, c: str, fields: dict[str, Any]) -> dict[str, Any]:
        made = {**fields, "name": f"{p} {c}"}
        made["scopes"] = {
            key: {
                **each,
                **({"dependent_scopes": kept(each["dependent_scopes"], p)} if "dependent_scopes" in each else {}),
            }
            for key, each in fields.get("scopes", {}).items()
        }
        made["credentials"] = {
            key: {"sink": {"file": {"path": f"secrets/{p}-{c}-{key}.json"}}} for key in fields.get("credentials", {})
        }
        return made

    projects = {}
    for p, project in world.items():
        clients_of = {c: client(p, c, fields) for c, fields in project.get("clients", {}).items()}
        admins = ["rosalind@globusid.org", *kept(project.get("admin_ids", []), p)]
        projects[p] = {**project, "display_name": p, "admin_ids": admins, "clients": clients_of}
    return {"version": 1, "projects": projects}


@dataclass
class Root:
    """A root folder, the emulator's world and the client that its plans read and write through."""

    folder: Path
    client: AuthClient
    site: Site

    def load(self, world: dict[str, Any], *, far: bool = False) -> Manifests:
        (self.folder / "all.yaml").write_text(json.dumps(manifest(world, far=far)))
        return load([self.folder])

    def plan(self, manifests: Manifests, aim: Aim = Aim()) -> Plan:  # noqa: B008 - it is frozen
        return pipeline.plan(manifests, self.client, self.site, consents=EVERYTHING, parallelism=4, aim=aim).plan

    def apply(self, manifests: Manifests, aim: Aim = Aim(), *, by_file: bool = False) -> int:  # noqa: B008 - it is frozen
        """Apply, by way of a saved plan if that is said, and count the operations that were carried out."""
        planned = pipeline.plan(manifests, self.client, self.site, consents=EVERYTHING, parallelism=4, aim=aim)
        assert planned.plan.refusals == ()
        if by_file:
            whole = planned.plan
            planned = self.saved(planned)
            assert planned.plan == whole
        events = list(pipeline.apply(planned, self.client, self.site, pipeline.Steering(4)))
        assert not [event for event in events if isinstance(event, Failed | Skipped)], events
        return sum(isinstance(event, Finished) for event in events)

    def saved(self, planned: Planned) -> Planned:
        """Save a plan, read it back, and compare it with the service again."""
        made = saved.seal(planned, self.folder, paths=[self.folder], overlays=[], lifetime=timedelta(hours=1))
        file = self.folder / "plan.json"
        saved.save(made, file)
        manifests = load([self.folder])
        return saved.follow(saved.open_plan(file), manifests, self.client, self.site, parallelism=4)


@contextmanager
def root() -> Iterator[Root]:
    with tempfile.TemporaryDirectory() as name, Emulator(Path(name, "state", "emulator.db")) as emulator:
        authorizer = AccessTokenAuthorizer(emulator.person_token("rosalind@globusid.org"))
        folder = Path(name, "root")
        folder.mkdir()
        state = Path(name, "state")
        site = Site(f"emulator:{emulator.world_id}", state, None, state / "reconciler.bindings.json")
        with AuthClient(base_url=emulator.base_url, authorizer=authorizer) as client:
            yield Root(folder, client, site)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(WORLD, min_size=1, max_size=3), st.booleans(), st.booleans())
def test_apply_converges_from_any_state_that_applies_can_reach(
    worlds: list[dict[str, Any]], lost: bool, by_file: bool
) -> None:
    with root() as here:
        for world in worlds:
            manifests = here.load(world)
            here.apply(manifests, by_file=by_file)
            assert here.plan(manifests).operations == ()
            assert here.apply(manifests) == 0
        if lost:
            here.site.bindings.unlink(missing_ok=True)
            here.apply(manifests)
            assert here.plan(manifests).operations == ()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(WORLD, min_size=1, max_size=3))
def test_rehearsal_goes_as_the_apply_then_does(worlds: list[dict[str, Any]]) -> None:
    with root() as here:
        for world in worlds:
            manifests = here.load(world, far=True)
            planned = pipeline.plan(manifests, here.client, here.site, consents=EVERYTHING, parallelism=4)
            tried = rehearse(planned, manifests, here.client, here.site, pipeline.Means(4))
            events = list(pipeline.apply(planned, here.client, here.site, pipeline.Steering(1)))
            assert ended(each.ended for each in tried.tried) == ended(events)
            assert [each.operation.key for each in tried.skipped] == [
                each.operation.key for each in events if isinstance(each, Skipped)
            ]
            if not tried.carried_out:
                break
            after = here.plan(manifests).operations
            assert [each.key for each in tried.left] == [each.key for each in after]


def ended(events: Iterable[Event]) -> list[tuple[str, str]]:
    """Tell how each operation ended, in order; new ids in messages are others each time."""
    told = [(each.operation.key, each) for each in events if isinstance(each, Finished | Failed)]
    return [(key, UUID.sub("ID", str(each.error)) if isinstance(each, Failed) else "done") for key, each in told]


def drawn(data: st.DataObject, addresses: list[Address]) -> tuple[Address, ...]:
    return tuple(data.draw(st.lists(st.sampled_from(addresses), unique=True, max_size=2))) if addresses else ()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(WORLD, min_size=1, max_size=3), st.data())
def test_part_can_be_applied_alone_and_everything_be_destroyed(
    worlds: list[dict[str, Any]], data: st.DataObject
) -> None:
    with root() as here:
        for world in worlds:
            manifests = here.load(world)
            known = sorted({*manifests.resources, *pipeline.state(here.site).entries})
            aim = Aim(targets=drawn(data, known), excluded=drawn(data, known))
            here.apply(manifests, aim)
            if {*aim.targets, *aim.excluded} <= {*manifests.resources, *pipeline.state(here.site).entries}:
                assert here.plan(manifests, aim).operations == ()
            forced = [address for address in manifests.resources if address.kind != "project"]
            here.apply(manifests, Aim(replace=drawn(data, forced)))
            assert here.plan(manifests).operations == ()
        here.apply(manifests, Aim(destroy=True))
        assert pipeline.state(here.site).entries == {}
        assert here.client.get_projects()["projects"] == []
        assert here.plan(manifests, Aim(destroy=True)).operations == ()
