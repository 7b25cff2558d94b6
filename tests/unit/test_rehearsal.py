"""The copy of the service as a document, and the stand-ins for its sinks."""

import gc
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import SinkFailed
from reconciler.model import Address, Live, Operation, Plan, Ref, Secret, Snapshot, Verb, Want
from reconciler.rehearse.sinks import StandIn
from reconciler.rehearse.world import world
from reconciler.sinks import Delivery, Meta

ME, HER, GROUP, PROJECT, CLIENT, SCOPE, FAR = (f"{each}1111111-1111-4111-8111-111111111111" for each in "abcdef0")
NOTHING: dict[Want, list[Any]] = {Want.IDENTITY: [], Want.PROVIDER: [], Want.SCOPE: []}


def project(**fields: Any) -> Live:
    given = {"display_name": "P", "contact_email": "p@e.org", "admin_ids": [ME], "admin_group_ids": []}
    return Live("project", PROJECT, None, {**given, **fields})


def copied(*objects: Live, operations: tuple[Operation, ...] = (), others: Any = NOTHING) -> dict[str, Any]:
    kinds = {kind: {live.id: live for live in objects if live.kind == kind} for kind in ("project", "client", "scope")}
    return world(Plan("t", None, (), operations), Snapshot(kinds, ME), others)


def test_caller_is_somebody_in_the_copy() -> None:
    assert [each["id"] for each in copied(project())["identities"]] == [ME]
    me = {"id": ME, "username": "me@e.org"}
    assert copied(project(), others={**NOTHING, Want.IDENTITY: [me]})["identities"] == [me]
    assert copied(Live("client", ME, None, {"name": "Me", "client_type": "client_identity"}))["identities"] == []


def test_caller_is_a_member_of_every_group_that_is_named() -> None:
    later = Operation("u", Verb.UPDATE, Address("project", ("p",)), fields={"admin_group_ids": [FAR]})
    groups = copied(project(admin_group_ids=[GROUP]), operations=(later,))["groups"]
    assert [(each["id"], each["members"]) for each in groups] == [(FAR, [ME]), (GROUP, [ME])]


def test_caller_acts_for_the_administrators_of_what_was_listed_without_it() -> None:
    assert [(each["id"], each["members"]) for each in copied(project(admin_ids=[HER]))["groups"]] == [(HER, [ME])]
    assert copied(project(admin_ids=[HER, ME]))["groups"] == []


def test_references_that_are_known_after_apply_name_nobody_yet() -> None:
    ref = Ref(Want.GROUP, "x", Address("project", ("p",)))
    later = Operation("u", Verb.UPDATE, Address("project", ("p",)), fields={"admin_group_ids": [ref]})
    assert copied(project(), operations=(later,))["groups"] == []


def test_owner_that_is_not_in_sight_is_made_up() -> None:
    scope = {"id": SCOPE, "client": CLIENT, "scope_string": "s", "name": "S", "description": "S", "advertised": False}
    made = copied(others={**NOTHING, Want.SCOPE: [scope]})
    (client,) = made["clients"]
    assert (client["id"], client["project"], client["visibility"]) == (CLIENT, None, "public")
    made = copied(Live("client", CLIENT, PROJECT, {"name": "C", "client_type": "client_identity"}))
    assert [each["id"] for each in made["projects"]] == [PROJECT]
    assert "admin_ids" not in made["projects"][0]


def test_what_the_service_did_not_say_is_left_out() -> None:
    (made,) = copied(project(contact_email=None))["projects"]
    assert "contact_email" not in made


class Kept:
    """A sink that may be read, and nothing else."""

    destination, readable, plaintext = "somewhere", True, True
    kept: tuple[Path, ...] = ()

    def preflight(self) -> None:
        raise AssertionError

    def put(self, delivery: Delivery, expected: str | None) -> None:
        raise AssertionError(delivery, expected)

    def head(self) -> Meta | None:
        return Meta("old", CLIENT, "main#1", "2026", "settings")

    def delete(self) -> None:
        raise AssertionError


def delivery(secret: Secret) -> Delivery:
    return Delivery(CLIENT, secret, "new", "main#2", "2027")


def test_stand_in_holds_what_the_real_one_does_until_something_is_delivered() -> None:
    sink, secret = StandIn(Kept(), "settings"), Secret("s3cret")
    assert sink.head() == Kept().head()
    sink.put(delivery(secret), "old")
    assert sink.head() == Meta("new", CLIENT, "main#2", "2027", "settings")
    holders = [each for each in gc.get_referrers(secret) if isinstance(each, Delivery | StandIn | Meta)]
    assert holders == []


def test_stand_in_refuses_what_the_real_one_would() -> None:
    sink = StandIn(Kept(), "settings")
    with pytest.raises(SinkFailed, match="holds old rather than other") as refused:
        sink.put(delivery(Secret("s3cret")), "other")
    assert refused.value.conflict
    assert sink.head() == Kept().head()


def test_stand_in_of_a_file_here_leaves_it_in_peace() -> None:
    real = Kept()
    real.kept = (Path("here"),)
    StandIn(real, "settings").preflight()
    with pytest.raises(AssertionError):
        StandIn(Kept(), "settings").preflight()
