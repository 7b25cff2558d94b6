"""The JSON form of a plan: what other tools read in it, and what is refused when it is read back."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from inline_snapshot import snapshot

from reconciler.guards import NAMES
from reconciler.manifest import fits
from reconciler.model import Action, Address, Change, FieldChange, Live, Plan, Reason, Ref, Resource, digest
from reconciler.plan import digested
from reconciler.plan.saved import NotAPlan, Saved, is_plan, objection, read, write
from reconciler.plan.shape import resource_changes, resource_drift

Make = Callable[..., Resource]
See = Callable[..., Live]
Settle = Callable[..., dict[str, Any]]
Planned = Callable[..., Plan]
Save = Callable[[Plan], Saved]
Edit = Callable[[dict[str, Any]], object]

GENOMICS = "project/genomics"
WEB = "client/genomics/web"
SINK = {"file": {"path": "secret.json"}}


def schema(document: object) -> bool:
    return fits("plan", document)


def document(saved: Saved) -> dict[str, Any]:
    found = json.loads(write(saved))
    assert isinstance(found, dict)
    return found


def changed(saved: Saved, edit: Edit, *, sealed: bool) -> bytes:
    """Edit the file of a plan, with a checksum that fits (`sealed`) or the one of before."""
    form = document(saved)
    edit(form)
    if sealed:
        form.pop("checksum")
        form["checksum"] = digest(form)
    return json.dumps(form).encode()


@pytest.fixture
def one(resource: Make, settled: Settle, planned: Planned, saved: Save) -> Saved:
    """A plan with an update and a create."""
    world = settled(resource(GENOMICS))
    plan = planned(resource(GENOMICS, display_name="Genomes"), resource(WEB), **world)
    return saved(plan)


def test_changes_are_in_the_words_that_other_tools_read(one: Saved) -> None:
    changes = {each["address"]: each for each in document(one)["resource_changes"]}
    assert {name: changes[GENOMICS][name] for name in ("type", "name", "previous_address", "action_reason")} == {
        "type": "project",
        "name": "genomics",
        "previous_address": None,
        "action_reason": None,
    }
    assert changes[GENOMICS]["change"] == snapshot(
        {
            "actions": ["update"],
            "before": {
                "id": "project-genomics",
                "display_name": "genomics",
                "contact_email": "ops@example.edu",
                "admin_ids": ["rosalind"],
                "admin_group_ids": [],
            },
            "after": {
                "id": "project-genomics",
                "display_name": "Genomes",
                "contact_email": "ops@example.edu",
                "admin_ids": ["rosalind"],
                "admin_group_ids": [],
            },
            "after_unknown": {},
            "before_sensitive": {},
            "after_sensitive": {},
            "replace_paths": [],
            "importing": None,
        }
    )
    assert changes[WEB]["change"] == snapshot(
        {
            "actions": ["create"],
            "before": None,
            "after": {"name": "web", "client_type": "confidential_client"},
            "after_unknown": {"id": True, "username": True},
            "before_sensitive": {},
            "after_sensitive": {},
            "replace_paths": [],
            "importing": None,
        }
    )


def test_what_is_known_after_apply_is_null_and_marked_in_its_place(
    resource: Make, planned: Planned, ref: Callable[[str], Ref]
) -> None:
    need = {"scope": ref("scope/genomics/web/read"), "optional": False}
    known = {"scope": "73320ffe", "optional": True}
    plan = planned(
        resource(GENOMICS, admin_ids=["rosalind", ref(WEB)]),
        resource(WEB),
        resource("scope/genomics/web/read"),
        resource("scope/genomics/web/write", dependent_scopes=[known, need]),
    )
    changes = {each["address"]: each["change"] for each in resource_changes(plan)}
    (marked,) = [each for each in changes[GENOMICS]["after_unknown"]["admin_ids"] if each]
    assert marked is True
    assert sorted(changes[GENOMICS]["after"]["admin_ids"], key=str) == [None, "rosalind"]
    scopes = changes["scope/genomics/web/write"]
    after = {json.dumps(each) for each in scopes["after"]["dependent_scopes"]}
    assert after == {json.dumps(known), json.dumps({"scope": None, "optional": False})}
    assert [each for each in scopes["after_unknown"]["dependent_scopes"] if each] == [{"scope": True}]


@pytest.mark.parametrize(
    ("action", "more", "actions"),
    [
        (Action.NO_OP, {}, ["no-op"]),
        (Action.CREATE, {}, ["create"]),
        (Action.UPDATE, {}, ["update"]),
        (Action.REPLACE, {}, ["create", "delete"]),
        (Action.REPLACE, {"delete_first": True}, ["delete", "create"]),
        (Action.DELETE, {}, ["delete"]),
        (Action.FORGET, {}, ["forget"]),
        (Action.ROTATE, {}, ["update"]),
        (Action.RETIRE, {}, ["delete"]),
        (Action.ADOPT, {}, ["no-op"]),
    ],
)
def test_actions_are_those_that_other_tools_know(action: Action, more: dict[str, Any], actions: list[str]) -> None:
    change = Change(Address.parse(WEB), action, id="1", **more)
    (form,) = resource_changes(Plan("here", None, (change,), ()))
    assert form["change"]["actions"] == actions
    assert form["action"] == action
    assert form["change"]["importing"] == ({"id": "1"} if action is Action.ADOPT else None)
    assert (form["change"]["after"] is None) == (action in (Action.DELETE, Action.RETIRE, Action.FORGET))


def test_adoption_that_changes_fields_is_an_update_with_importing(
    resource: Make, live: See, settled: Settle, planned: Planned
) -> None:
    world = settled(resource(GENOMICS))
    world["live"].append(live("client", "there", "project-genomics", name="web"))
    plan = planned(resource(GENOMICS), resource(WEB, visibility="public"), **world)
    form = next(each for each in resource_changes(plan) if each["address"] == WEB)
    assert (form["action"], form["change"]["actions"]) == ("adopt", ["update"])
    assert form["change"]["importing"] == {"id": "there"}


def test_replacement_names_the_fields_that_cannot_be_changed(
    resource: Make, settled: Settle, planned: Planned, saved: Save
) -> None:
    world = settled(resource(GENOMICS), resource(WEB))
    plan = planned(resource(GENOMICS), resource(WEB, client_type="client_identity"), **world)
    form = document(saved(plan))
    change = next(each for each in form["resource_changes"] if each["address"] == WEB)
    assert change["change"]["replace_paths"] == [["client_type"]]
    assert change["action_reason"] == "replace_because_cannot_update"
    assert change["change"]["after_unknown"] == {"id": True, "username": True}
    assert not form["applyable"]
    (failed,) = [each for each in form["checks"] if each["status"] == "fail"]
    assert failed["address"] == {
        "kind": "check",
        "name": "unapproved_replacements",
        "to_display": "check.unapproved_replacements",
    }
    (instance,) = failed["instances"]
    assert (instance["address"]["to_display"], instance["consent"]) == (WEB, f"--allow-replace {WEB}")


def test_checks_name_every_guard_that_was_asked(one: Saved) -> None:
    asked = replace(one, plan=replace(one.plan, guards=NAMES))
    assert [(each["address"]["name"], each["status"]) for each in document(asked)["checks"]] == [
        (name, "pass") for name in NAMES
    ]


def test_drift_says_what_was_last_applied_and_what_is_there(
    resource: Make, settled: Settle, planned: Planned, saved: Save, live: See
) -> None:
    world = settled(resource(GENOMICS))
    world["live"] = [live("project", "project-genomics", display_name="Theirs", contact_email="ops@example.edu")]
    plan = planned(resource(GENOMICS), **world)
    (drift,) = document(saved(plan))["resource_drift"]
    assert drift["change"] == {
        "actions": ["update"],
        "before": {"display_name": "genomics"},
        "after": {"display_name": "Theirs"},
    }


def test_drift_has_no_former_value_where_the_manifests_have_changed_too() -> None:
    fields = (FieldChange("name", "theirs", "ours", Reason.BOTH), FieldChange("visibility", "public", "private"))
    (drift,) = resource_drift(Plan("here", None, (Change(Address.parse(WEB), Action.UPDATE, "1", fields),), ()))
    assert drift["change"] == {"actions": ["update"], "before": {"name": None}, "after": {"name": "theirs"}}


def test_secret_is_marked_as_one_and_calls_are_listed(resource: Make, planned: Planned, saved: Save) -> None:
    key = "credential/genomics/web/django"
    form = document(saved(planned(resource(GENOMICS), resource(WEB), resource(key, sink=SINK))))
    change = next(each["change"] for each in form["resource_changes"] if each["address"] == key)
    assert change["after_unknown"] == {"id": True, "client_secret": True}
    assert change["after_sensitive"] == {"client_secret": True}
    assert [(each["call"], each["address"]) for each in form["requests"]][-1] == ("create credential", key)
    assert [each["address"] for each in form["requests"]] == [GENOMICS, WEB, key]


def test_same_plan_is_the_same_file_and_the_time_is_not_in_its_digest(one: Saved) -> None:
    assert write(one) == write(replace(one))
    later = replace(one, made=one.made + timedelta(days=1), expires=one.expires + timedelta(days=1))
    assert document(later)["digest"] == document(one)["digest"]
    assert document(later)["checksum"] != document(one)["checksum"]


ALTERED: dict[str, Edit] = {
    "an operation": lambda form: form["operations"][0]["fields"].update(display_name="Other"),
    "the order": lambda form: form["operations"].reverse(),
    "the target": lambda form: form.update(base_url="https://elsewhere.example.org"),
    "the environment": lambda form: form.update(environment="prod"),
    "the manifests": lambda form: form["manifests"].update(digest="0"),
    "what was observed": lambda form: form["observed"]["objects"][0].update(id="other"),
    "the consents": lambda form: form["consents"].update(delete=["all"]),
    "a change that is shown": lambda form: form["resource_changes"][0]["fields"][0].update(after="Other"),
    "the refusals": lambda form: form["refusals"].append(
        {"address": None, "reason": "no", "consent": None, "guard": "g"}
    ),
    "whether it is complete": lambda form: form.update(complete=False),
}


@pytest.mark.parametrize("sealed", [False, True], ids=["and nothing else", "and the checksum"])
@pytest.mark.parametrize("edit", ALTERED.values(), ids=ALTERED)
def test_plan_that_was_altered_is_refused(one: Saved, edit: Edit, *, sealed: bool) -> None:
    with pytest.raises(NotAPlan, match="was altered since it was made"):
        read(changed(one, edit, sealed=sealed), fits=schema)


@pytest.mark.parametrize("name", ["timestamp", "expires", "version", "resource_drift", "notes", "unknown"])
def test_nothing_in_the_file_can_be_altered(one: Saved, name: str) -> None:
    with pytest.raises(NotAPlan, match="its checksum does not match"):
        read(changed(one, lambda form: form.update({name: "2026-01-31T12:00:01Z"}), sealed=False), fits=schema)


def test_later_minor_version_is_read_and_its_keys_are_passed_over(one: Saved) -> None:
    newer = changed(one, lambda form: form.update(format_version="1.7", novelty={"a": [1]}), sealed=True)
    assert read(newer, fits=schema) == one


@pytest.mark.parametrize("version", ["2.0", "0.9", "10.0"])
def test_another_major_version_is_refused_by_its_number(one: Saved, version: str) -> None:
    with pytest.raises(NotAPlan, match=f"has format {version}, and this program reads 1.0: "):
        read(changed(one, lambda form: form.update(format_version=version), sealed=True), fits=schema)


DAMAGED: dict[str, Edit] = {
    "no operations": lambda form: form.pop("operations"),
    "no digest": lambda form: form.pop("digest"),
    "a verb that is none": lambda form: form["operations"][0].update(verb="destroy"),
    "an address that is none": lambda form: form["operations"][0].update(address="widget/a"),
    "a number for a text": lambda form: form["operations"][0].update(key=1),
    "a text for a list": lambda form: form.update(operations="none"),
    "a time without a zone": lambda form: form.update(expires="2026-01-31T12:00:00"),
    "a month that is none": lambda form: form.update(expires="2026-13-31T12:00:00Z"),
    "a serial that is none": lambda form: form["bindings"].update(serial="x"),
}


@pytest.mark.parametrize("edit", DAMAGED.values(), ids=DAMAGED)
def test_plan_that_was_never_written_like_this_is_damaged(one: Saved, edit: Edit) -> None:
    with pytest.raises(NotAPlan, match="is damaged"):
        read(changed(one, edit, sealed=True), fits=schema)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"format_version": 1}',
        b'{"format_version": "1.0", "a": NaN}',
        b"[" * 100_000,
        b'{"format_version": "1.0", "format_version": "1.0"}',
        b'{"format_version": "1.0"}\xff',
    ],
)
def test_what_is_no_plan_is_damaged_or_of_no_format(content: bytes) -> None:
    with pytest.raises(NotAPlan, match=r"is damaged|has format|was altered"):
        read(content, fits=schema)


def test_plan_is_known_by_its_content(one: Saved) -> None:
    whole = write(one).encode()
    assert is_plan(whole)
    assert is_plan(b"\xef\xbb\xbf \n" + whole)
    assert is_plan(whole[:100])
    for other in (b"", b"version: 1\n", b'{"version": 1}', b'# "format_version"\n{"version": 1}', b"format_version: 1"):
        assert not is_plan(other)


MADE = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "version", "told"),
    [
        (MADE, "0.1.0", None),
        (MADE + timedelta(days=3, seconds=-1), "0.1.9", None),
        (MADE - timedelta(minutes=5), "0.1.0", None),
        (MADE - timedelta(minutes=5, seconds=1), "0.1.0", "was made in the future, at 2026-01-31T12:00:00Z"),
        (MADE + timedelta(days=3), "0.1.0", "has expired at 2026-02-03T12:00:00Z"),
        (MADE, "0.2.0", "was made by version 0.1.0, and this is 0.2.0"),
        (MADE, "1.1.0", "was made by version 0.1.0, and this is 1.1.0"),
    ],
)
def test_plan_holds_for_its_time_and_its_version(one: Saved, now: datetime, version: str, told: str | None) -> None:
    said = objection(one, now=now, version=version)
    assert (said is None) if told is None else (said or "").startswith(told)


def test_consents_are_in_the_digest(one: Saved) -> None:
    assert digested(replace(one.plan, consents={"delete": [WEB]})).digest != one.plan.digest
