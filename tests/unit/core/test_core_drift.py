from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.drift import Drift, FieldDrift, drifts
from reconciler.kinds import KINDS
from reconciler.model import Address, Binding, Live, Manifests, Ref, Resource, Snapshot

Make = Callable[..., Resource]
See = Callable[..., Live]
Settle = Callable[..., dict[str, Any]]
Named = Callable[[str], Ref]

GENOMICS, WEB, READ = "project/genomics", "client/genomics/web", "scope/genomics/web/read"
DJANGO, LOGIN = "credential/genomics/web/django", "policy/genomics/login"
SINK = {"file": {"path": "secret.json"}}


def compared(
    world: dict[str, Any], *resources: Resource, poisoned: dict[str, str] | None = None
) -> tuple[tuple[Drift, ...], dict[Address, str]]:
    objects: dict[str, dict[str, Live]] = {kind: {} for kind in KINDS}
    for live in world["live"]:
        objects[live.kind][live.id] = live
    bound: dict[Address, Binding] = {Address.parse(text): each for text, each in world["bindings"].items()}
    manifests = Manifests(Path(), None, {each.address: each for each in resources})
    return drifts(manifests, bound, Snapshot(objects, "rosalind", poisoned or {}))


def changed(world: dict[str, Any], identifier: str, **fields: Any) -> dict[str, Any]:
    """Change an object behind the program's back."""
    live = [
        replace(each, fields={**each.fields, **fields}) if each.id == identifier else each for each in world["live"]
    ]
    return {**world, "live": live}


def without(world: dict[str, Any], *ids: str) -> dict[str, Any]:
    return {**world, "live": [each for each in world["live"] if each.id not in ids]}


@pytest.fixture
def everything(resource: Make, ref: Named) -> list[Resource]:
    return [
        resource(GENOMICS, admin_ids=["rosalind", ref(WEB)]),
        resource(LOGIN),
        resource(WEB, visibility="public"),
        resource(DJANGO, sink=SINK),
        resource(READ),
    ]


def test_what_is_as_it_was_applied_is_no_drift(everything: list[Resource], settled: Settle) -> None:
    assert compared(settled(*everything), *everything) == ((), {})


def test_changed_field_is_shown_with_what_the_manifests_still_say(everything: list[Resource], settled: Settle) -> None:
    world = changed(settled(*everything), "client-genomics-web", visibility="private")
    ((found,), _) = compared(world, *everything)
    assert (str(found.address), found.gone, found.place) == (WEB, False, everything[2].place)
    assert found.fields == (FieldDrift("visibility", "private", "public", known=True),)


def test_order_and_emptiness_of_a_set_are_no_drift(resource: Make, settled: Settle) -> None:
    uris = ["https://a.example.org/", "https://b.example.org/"]
    manifests = [resource(GENOMICS), resource(WEB, redirect_uris=uris), resource(READ, required_domains=[])]
    world = changed(settled(*manifests), "client-genomics-web", redirect_uris=uris[::-1])
    assert compared(changed(world, "scope-genomics-web-read", required_domains=None), *manifests) == ((), {})


def test_reference_that_the_manifests_still_say_is_known(everything: list[Resource], settled: Settle) -> None:
    world = changed(settled(*everything), "project-genomics", admin_ids=["rosalind"])
    ((found,), _) = compared(world, *everything)
    assert found.fields == (FieldDrift("admin_ids", ["rosalind"], ["client-genomics-web", "rosalind"], known=True),)


def test_changed_field_that_the_manifests_want_otherwise_by_now_is_only_known_to_differ(
    everything: list[Resource], resource: Make, settled: Settle
) -> None:
    world = changed(settled(*everything), "policy-genomics-login", description="Theirs")
    everything[1] = resource(LOGIN, description="Ours by now")
    ((found,), _) = compared(world, *everything)
    assert found.fields == (FieldDrift("description", "Theirs"),)


def test_pending_change_of_the_manifests_is_no_drift(
    everything: list[Resource], resource: Make, settled: Settle
) -> None:
    everything[2] = resource(WEB, visibility="private", redirect_uris=["https://a.example.org/"])
    everything.append(resource("client/genomics/new"))
    assert compared(settled(*everything[:2], resource(WEB, visibility="public")), *everything) == ((), {})


def test_field_that_is_not_managed_any_more_is_no_drift(
    everything: list[Resource], resource: Make, settled: Settle
) -> None:
    world = changed(settled(*everything), "client-genomics-web", visibility="private", links=None)
    for web in (resource(WEB), resource(WEB, visibility="public", ignore=["visibility"])):
        everything[2] = web
        assert compared(world, *everything) == ((), {})


def test_object_that_left_the_manifests_is_still_compared(everything: list[Resource], settled: Settle) -> None:
    world = changed(settled(*everything), "scope-genomics-web-read", name="Theirs")
    ((found,), _) = compared(world, *everything[:4])
    assert (str(found.address), found.place, found.fields) == (READ, None, (FieldDrift("name", "Theirs"),))


def test_without_manifests_everything_that_was_applied_is_compared(everything: list[Resource], settled: Settle) -> None:
    world = changed(settled(*everything), "client-genomics-web", visibility="private")
    ((found,), _) = compared(world)
    assert found.fields == (FieldDrift("visibility", "private"),)


def test_object_that_is_gone_is_drift(everything: list[Resource], settled: Settle) -> None:
    world = without(settled(*everything), "policy-genomics-login", "credential-genomics-web-django")
    found, _ = compared(world, *everything)
    assert [(str(each.address), each.gone, each.fields) for each in found] == [(DJANGO, True, ()), (LOGIN, True, ())]


def test_policy_that_was_moved_is_drift(everything: list[Resource], settled: Settle) -> None:
    world = settled(*everything)
    world["live"] = [replace(each, parent="other") if each.kind == "policy" else each for each in world["live"]]
    ((found,), _) = compared(world, *everything)
    assert found.fields == (FieldDrift("project_id", "other"),)


@pytest.mark.parametrize("poisoned", ["client", "scope"])
def test_object_that_an_incomplete_read_does_not_show_is_not_gone(
    everything: list[Resource], settled: Settle, poisoned: str
) -> None:
    world = without(settled(*everything), "scope-genomics-web-read")
    found, unread = compared(world, *everything, poisoned={poisoned: "503"})
    assert found == ()
    assert {str(address): why for address, why in unread.items()} == {READ: "503"}
