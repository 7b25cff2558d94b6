"""A plan in the shape that other tools read: conftest, OPA, tf-summarize. Pure, and only written, never read back.

Its words are those of Terraform's plan JSON. An adoption is an update (or nothing) with `importing`; a rotation is an
update; what is retired is deleted.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from reconciler.kinds import KINDS
from reconciler.model import Action, Address, Change, Data, Plan, Reason, Ref, Seen, Verb
from reconciler.plan.form import Form, change_form, value_form

_ACTIONS: Mapping[Action, list[str]] = {
    Action.NO_OP: ["no-op"],
    Action.CREATE: ["create"],
    Action.UPDATE: ["update"],
    Action.DELETE: ["delete"],
    Action.FORGET: ["forget"],
    Action.ROTATE: ["update"],
    Action.RETIRE: ["delete"],
}
_REASONS: Mapping[Action, str] = {
    Action.REPLACE: "replace_because_cannot_update",
    Action.DELETE: "delete_because_no_resource_config",
}
_SECRET = "client_secret"  # noqa: S105 - the name of one


def resource_changes(plan: Plan) -> list[Form]:
    """Write each change, with all that this program knows of it beside what other tools look for."""
    seen = {(each.address, each.id): each for each in plan.seen}
    return [_change(change, seen.get((change.address, change.id))) for change in plan.changes]


def resource_drift(plan: Plan) -> list[Form]:
    """Write what the service changed since the last apply; what was there is known where the manifests still say it."""
    return [_drifted(change, drifted) for change in plan.changes if (drifted := tuple(_drift(change)))]


def checks(plan: Plan) -> list[Form]:
    """Write what each guard said."""
    by_guard = {name: list(each) for name, each in groupby(plan.refusals, lambda refusal: refusal.guard)}
    return [
        {
            "address": {"kind": "check", "name": name, "to_display": f"check.{name}"},
            "status": "fail" if name in by_guard else "pass",
            "instances": [
                {
                    "address": {"to_display": str(refusal.address) if refusal.address else "the plan"},
                    "status": "fail",
                    "problems": [{"message": refusal.reason}],
                    "consent": refusal.consent,
                }
                for refusal in by_guard.get(name, ())
            ],
        }
        for name in dict.fromkeys([*plan.guards, *by_guard])
    ]


def requests(plan: Plan) -> list[Form]:
    """List the calls that change something, in the order of the plan."""
    calls = (Verb.CREATE, Verb.UPDATE, Verb.DELETE)
    return [
        {"call": f"{each.verb} {each.address.kind}", "address": str(each.address), "id": each.id}
        for each in plan.operations
        if each.verb in calls
    ]


def _change(change: Change, seen: Seen | None) -> Form:
    return {
        **change_form(change),
        **_named(change.address),
        "change": {
            "actions": _actions(change),
            **_sides(change, seen),
            "replace_paths": [[each.name] for each in change.fields if each.immutable],
            "importing": {"id": change.id} if change.action is Action.ADOPT and change.id else None,
        },
        "action_reason": _REASONS.get(change.action),
    }


def _named(address: Address) -> Form:
    return {"type": address.kind, "name": "/".join(address.path)}


def _actions(change: Change) -> list[str]:
    match change.action:
        case Action.REPLACE:
            return ["delete", "create"] if change.delete_first else ["create", "delete"]
        case Action.ADOPT:
            return ["update"] if change.fields else ["no-op"]
        case action:
            return list(_ACTIONS[action])


def _sides(change: Change, seen: Seen | None) -> Form:
    """Say what was there and what will be; what is known after apply only is null there, and true in its own place."""
    before = {"id": seen.id, **seen.fields} if seen and seen.id else None
    after, unknown = None, {}
    if change.action not in (Action.DELETE, Action.RETIRE, Action.FORGET):
        wanted = {**(before or {}), **{each.name: each.after for each in change.fields}}
        made = change.action in (Action.CREATE, Action.REPLACE)
        new = {name: True for name in KINDS[change.address.kind].attributes if made}
        split = {name: _split(value) for name, value in wanted.items() if name not in new}
        after = {name: known for name, (known, hidden) in split.items() if hidden is not True}
        unknown = new | {name: hidden for name, (_, hidden) in split.items() if hidden is not False}
    secret = KINDS[change.address.kind].secret
    return {
        "before": value_form(before),
        "after": after,
        "after_unknown": unknown | ({_SECRET: True} if secret and "id" in unknown else {}),
        "before_sensitive": {_SECRET: True} if secret and before else {},
        "after_sensitive": {_SECRET: True} if secret and after is not None else {},
    }


def _split(value: Data) -> tuple[Data, Any]:
    """Part a value into what is known and which of it is not."""
    if isinstance(value, Ref):
        return None, True
    if isinstance(value, Mapping):
        parts = {key: _split(item) for key, item in value.items()}
        unknown = {key: hidden for key, (_, hidden) in parts.items() if hidden is not False}
        return {key: known for key, (known, _) in parts.items()}, unknown or False
    if isinstance(value, list):
        items = [_split(item) for item in value]
        hidden = [each for _, each in items]
        return [known for known, _ in items], hidden if any(each is not False for each in hidden) else False
    return value, False


def _drift(change: Change) -> Iterator[Any]:
    return (each for each in change.fields if each.reason in (Reason.DRIFT, Reason.BOTH))


def _drifted(change: Change, fields: Iterable[Any]) -> Form:
    last = {each.name: value_form(each.after) if each.reason is Reason.DRIFT else None for each in fields}
    return {
        "address": str(change.address),
        **_named(change.address),
        "change": {
            "actions": ["update"],
            "before": last,
            "after": {each.name: value_form(each.before) for each in fields},
        },
    }
