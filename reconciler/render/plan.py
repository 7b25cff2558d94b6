"""A plan as people read it: each change with its place and reason, refusals with their consents, and the sums."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from reconciler.kinds import KINDS
from reconciler.model import UUID, Action, Change, Data, FieldChange, Plan, Refusal, Upcoming, canonical
from reconciler.plan.twins import looked_through
from reconciler.render.safe import safe, value
from reconciler.render.style import Style

_COUNTED = (
    (Action.ADOPT, "to adopt", True),
    (Action.CREATE, "to add", True),
    (Action.UPDATE, "to change", True),
    (Action.REPLACE, "to replace", True),
    (Action.DELETE, "to delete", True),
    (Action.FORGET, "to forget", False),
    (Action.ROTATE, "to rotate", False),
    (Action.RETIRE, "to retire", False),
)


_ONE_LINE = 80
_ALONE = re.compile(rf"(?<![/\w]){UUID.pattern}(?![/\w])")
"""An id that is not a part of something else, such as a scope string."""


def text(plan: Plan, style: Style) -> str:
    """Show the whole plan."""
    lines = [line for change in plan.changes if _visible(change) for line in (*_change(change, plan.names, style), "")]
    lines += [f"Note: {safe(note)}" for note in plan.notes]
    lines += [f"Later: {_later(each)}" for each in plan.upcoming]
    if plan.refusals:
        lines += [style.paint("Refused:", "red")]
        lines += [line for refusal in plan.refusals for line in _refusal(refusal)]
        lines += [""]
    lines.append(summary(plan, style))
    return "\n".join(lines)


def summary(plan: Plan, style: Style) -> str:
    """Sum a plan up in one line, and say how many calls it takes."""
    if not shown(plan):
        part = "" if plan.complete else ", in the part that this is about"
        return style.paint("No changes.", "green") + f" The service is as the manifests say{part}."
    counts = Counter(change.action for change in plan.changes)
    parts = [f"{counts[action]} {words}" for action, words, always in _COUNTED if always or counts[action]]
    moved = sum(1 for change in plan.changes if change.previous)
    parts += [f"{moved} renamed"] if moved else []
    calls = plan.calls()
    took = f"Applying takes {_count(calls, 'call')}{_looks(plan)}."
    partial = "" if plan.complete else " This is a part of the root: the rest is out of scope."
    return f"{style.paint('Plan:', 'bold')} {', '.join(parts)}.\n{took}{partial}"


def _looks(plan: Plan) -> str:
    """Say how many lists follow the calls."""
    lists = len(looked_through(plan.operations))
    return f", then {_count(lists, 'list')} to look for twins" if lists else ""


def shown(plan: Plan) -> bool:
    """Tell whether anything is changed: a plan may also only bring the bindings up to date."""
    return any(change.action is not Action.NO_OP or change.previous is not None for change in plan.changes)


def _visible(change: Change) -> bool:
    return change.action is not Action.NO_OP or change.previous is not None or change.because is not None


def _change(change: Change, names: Mapping[str, str], style: Style) -> Iterator[str]:
    head = f"{style.symbol(change.action, delete_first=change.delete_first)} {style.paint(str(change.address), 'bold')}"
    details = [_title(change)]
    if change.previous:
        details.append(f"renamed from {change.previous}")
    if change.id and change.action is not Action.CREATE:
        details.append(change.id)
    reasons = sorted({field.reason for field in change.fields})
    if change.action in (Action.UPDATE, Action.ADOPT) and reasons:
        details.append(" and ".join(reasons))
    yield f"{head}  {', '.join(detail for detail in details if detail)}".rstrip()
    if change.place:
        yield style.paint(f"      at {safe(str(change.place))}", "dim")
    if change.because:
        yield f"      because {safe(change.because)}"
    yield from _breaks(change, names, style)
    for field in change.fields:
        yield from _field(field, change.action, names, style)
    if KINDS[change.address.kind].secret and change.action in (Action.CREATE, Action.ROTATE):
        yield "      client_secret: (sensitive)"
    if change.action in (Action.UPDATE, Action.ADOPT, Action.REPLACE) and change.unchanged:
        yield style.paint(f"      # {_count(change.unchanged, 'unchanged field')} hidden", "dim")


def _breaks(change: Change, names: Mapping[str, str], style: Style) -> Iterator[str]:
    """Say what a change breaks, before what it is."""
    if change.action is Action.REPLACE:
        yield style.paint(f"      this means {KINDS[change.address.kind].breaks}", "red")
    for consequence in change.consequences:
        yield style.paint(f"      ! {_named(consequence, names)}", "yellow")


def _named(text: str, names: Mapping[str, str]) -> str:
    """Say what each id in a sentence is called."""
    return _ALONE.sub(lambda found: value(found[0], names).strip('"'), safe(text))


def _title(change: Change) -> str:
    if change.action is Action.RETIRE and not KINDS[change.address.kind].secret:
        return "its predecessor is deleted"
    return {
        Action.ADOPT: "is adopted",
        Action.FORGET: "is forgotten",
        Action.ROTATE: "gets a new secret beside",
        Action.RETIRE: "is revoked",
        Action.DELETE: "is deleted",
    }.get(change.action, "")


def _later(each: Upcoming) -> str:
    """Say what will happen by itself, and when."""
    if each.action is Action.ROTATE:
        return f"{each.address} gets a new secret from {each.when:%Y-%m-%d %H:%M} UTC on"
    return f"{each.address}: {safe(each.id or '')} is revoked from {each.when:%Y-%m-%d %H:%M} UTC on"


def _field(field: FieldChange, action: Action, names: Mapping[str, str], style: Style) -> Iterator[str]:
    name = f"      {safe(field.name)}:"
    note = f"  ({field.reason})" if action in (Action.UPDATE, Action.ADOPT) else ""
    note += style.paint("  # cannot be changed", "red") if field.immutable else ""
    if action is Action.CREATE and isinstance(field.after, list) and len(value(field.after, names)) > _ONE_LINE:
        yield name
        yield from (f"        {value(item, names)}" for item in field.after)
    elif action is Action.CREATE:
        yield f"{name} {value(field.after, names)}"
    else:
        yield from difference(field, note, names, style)


def difference(field: FieldChange, note: str, names: Mapping[str, str], style: Style) -> Iterator[str]:
    """Show a field before and after: of lists and maps only what differs."""
    name = f"      {safe(field.name)}:"
    if isinstance(field.before, list) and isinstance(field.after, list):
        yield f"{name}{note}"
        yield from _elements(field.before, field.after, names, style)
    elif isinstance(field.before, dict) and isinstance(field.after, dict):
        yield f"{name}{note}"
        yield from _inside(field.before, field.after, names)
    else:
        yield f"{name} {value(field.before, names)} -> {value(field.after, names)}{note}"


def _elements(before: list[Data], after: list[Data], names: Mapping[str, str], style: Style) -> Iterator[str]:
    old, new = {canonical(item) for item in before}, {canonical(item) for item in after}
    for item in before:
        if canonical(item) not in new:
            yield "        " + style.paint(f"- {value(item, names)}", "red")
    for item in after:
        if canonical(item) not in old:
            yield "        " + style.paint(f"+ {value(item, names)}", "green")


def _inside(before: dict[str, Data], after: dict[str, Data], names: Mapping[str, str]) -> Iterator[str]:
    """Show only what differs inside a value."""
    from deepdiff import DeepDiff  # noqa: PLC0415 - a fifth of a second that most plans never need

    tree = DeepDiff(before, after, view="tree", ignore_order=True)
    rows = sorted((".".join(map(str, row.path(output_format="list"))), row) for kind in tree.values() for row in kind)
    for path, row in rows:
        old, new = (None if str(side) == "not present" else side for side in (row.t1, row.t2))
        yield f"        {safe(path)}: {value(old, names)} -> {value(new, names)}"


def _refusal(refusal: Refusal) -> Iterator[str]:
    where = f"{refusal.address}: " if refusal.address else ""
    yield f"  {where}{safe(refusal.reason)}"
    if refusal.consent:
        yield f"    to allow it: {safe(refusal.consent)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
