"""The parts of a plan as JSON that can be read back without loss. Pure.

Reading raises ValueError, TypeError, KeyError or AttributeError for what was never written here.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from reconciler.errors import Place
from reconciler.kinds import parse
from reconciler.model import (
    Action,
    Address,
    Change,
    Data,
    FieldChange,
    Operation,
    Reason,
    Ref,
    Refusal,
    Seen,
    Upcoming,
    Verb,
    Want,
)

Form = dict[str, Any]

_REF = "$ref"


def value_form(value: Data) -> Data:
    """Write a value; a `Ref` becomes an object with the key `$ref`."""
    if isinstance(value, Ref):
        return {_REF: value.text, "want": value.want.value, "address": _optional(value.address)}
    if isinstance(value, Mapping):
        return {key: value_form(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [value_form(item) for item in value]
    return value


def value_of(form: Data) -> Data:
    """Read a value."""
    if isinstance(form, dict) and _REF in form:
        return Ref(Want(form["want"]), form[_REF], _address(form["address"]))
    if isinstance(form, dict):
        return {key: value_of(item) for key, item in form.items()}
    if isinstance(form, list):
        return [value_of(item) for item in form]
    return form


def operation_form(operation: Operation) -> Form:
    """Write an operation."""
    return {
        "key": operation.key,
        "verb": operation.verb.value,
        "address": str(operation.address),
        "id": operation.id,
        "parent": value_form(operation.parent),
        "fields": value_form(operation.fields),
        "before": value_form(operation.before),
        "bound": value_form(operation.bound),
        "settings": value_form(operation.settings),
        "attributes": dict(operation.attributes),
        "prevent_destroy": operation.prevent_destroy,
        "previous": _optional(operation.previous),
        "predecessors": list(operation.predecessors),
        "after": list(operation.after),
    }


def operation_of(form: Form) -> Operation:
    """Read an operation."""
    return Operation(
        key=form["key"],
        verb=Verb(form["verb"]),
        address=parse(form["address"]),
        id=form["id"],
        parent=value_of(form["parent"]),
        fields=value_of(form["fields"]),
        before=value_of(form["before"]),
        bound=value_of(form["bound"]),
        settings=value_of(form["settings"]),
        attributes=dict(form["attributes"]),
        prevent_destroy=form["prevent_destroy"],
        previous=_address(form["previous"]),
        predecessors=tuple(form["predecessors"]),
        after=tuple(form["after"]),
    )


def change_form(change: Change) -> Form:
    """Write what is said of a change beside what other tools read."""
    return {
        "address": str(change.address),
        "previous_address": _optional(change.previous),
        "action": change.action.value,
        "id": change.id,
        "fields": [
            {
                "name": each.name,
                "before": value_form(each.before),
                "after": value_form(each.after),
                "reason": each.reason.value,
                "immutable": each.immutable,
            }
            for each in change.fields
        ],
        "unchanged": change.unchanged,
        "because": change.because,
        "delete_first": change.delete_first,
        "consequences": list(change.consequences),
        "place": asdict(change.place) if change.place else None,
    }


def change_of(form: Form) -> Change:
    """Read a change."""
    return Change(
        address=parse(form["address"]),
        action=Action(form["action"]),
        id=form["id"],
        fields=tuple(
            FieldChange(
                each["name"],
                value_of(each["before"]),
                value_of(each["after"]),
                Reason(each["reason"]),
                each["immutable"],
            )
            for each in form["fields"]
        ),
        unchanged=form["unchanged"],
        previous=_address(form["previous_address"]),
        place=_place(form["place"]),
        because=form["because"],
        delete_first=form["delete_first"],
        consequences=tuple(form["consequences"]),
    )


def seen_form(seen: Seen) -> Form:
    """Write what was seen of one address."""
    return {
        "address": str(seen.address),
        "id": seen.id,
        "parent": seen.parent,
        "fields": value_form(seen.fields),
        "beside": list(seen.beside),
    }


def seen_of(form: Form) -> Seen:
    """Read what was seen of one address."""
    return Seen(parse(form["address"]), form["id"], form["parent"], value_of(form["fields"]), tuple(form["beside"]))


def refusal_form(refusal: Refusal) -> Form:
    """Write a refusal."""
    return {
        "address": _optional(refusal.address),
        "reason": refusal.reason,
        "consent": refusal.consent,
        "guard": refusal.guard,
    }


def refusal_of(form: Form) -> Refusal:
    """Read a refusal."""
    return Refusal(_address(form["address"]), form["reason"], form["consent"], form["guard"])


def upcoming_form(upcoming: Upcoming) -> Form:
    """Write what a later plan will do by itself."""
    when = upcoming.when.isoformat()
    return {"address": str(upcoming.address), "action": upcoming.action.value, "id": upcoming.id, "when": when}


def upcoming_of(form: Form) -> Upcoming:
    """Read what a later plan will do by itself."""
    return Upcoming(parse(form["address"]), Action(form["action"]), form["id"], datetime.fromisoformat(form["when"]))


def _place(form: Form | None) -> Place | None:
    return Place(form["file"], form["line"], form["column"], _place(form["via"])) if form else None


def _optional(address: Address | None) -> str | None:
    return str(address) if address else None


def _address(text: str | None) -> Address | None:
    return parse(text) if text is not None else None
