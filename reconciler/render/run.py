"""What an apply reports: a line for each event, and at the end what was done, what failed, and how to go on."""

import shlex
from collections import Counter
from collections.abc import Sequence

from reconciler.errors import Unrecorded
from reconciler.model import Event, Failed, Finished, Operation, Progress, Skipped, Started, Unchecked, Verb
from reconciler.render.safe import safe
from reconciler.render.style import Style
from reconciler.render.who import how_to_log_in

_DOING = {
    Verb.CREATE: "creating",
    Verb.UPDATE: "changing",
    Verb.DELETE: "deleting",
    Verb.BIND: "binding",
    Verb.FORGET: "forgetting",
}
_DONE = {
    Verb.CREATE: "created",
    Verb.UPDATE: "changed",
    Verb.DELETE: "deleted",
    Verb.BIND: "bound",
    Verb.FORGET: "forgotten",
}
_QUIET = (Verb.BIND, Verb.FORGET)


def line(event: Event, style: Style) -> str | None:
    """Show an event, if people need to see it."""
    match event:
        case Started(operation):
            return None if operation.verb in _QUIET else f"{operation.address}: {_DOING[operation.verb]} {style.more}"
        case Progress(running):
            rows = [
                f"{operation.address}: still {_DOING[operation.verb]} ({seconds:.0f} s)"
                for operation, seconds in running
            ]
            return "\n".join(rows)
        case Finished(operation, identifier, seconds):
            if operation.verb in _QUIET:
                return None
            return f"{operation.address}: {_DONE[operation.verb]}, {identifier} ({seconds:.2f} s)"
        case Failed(operation, error, _):
            return style.paint(f"{operation.address}: {_DOING[operation.verb]} failed: {safe(str(error))}", "red")
        case Skipped(operation, because):
            return f"{operation.address}: not {_DONE[operation.verb]}: {safe(because)}"
        case Unchecked(kind, because):
            what = f"nobody has looked whether a {kind} was made twice, here and elsewhere: {safe(because)}"
            return style.paint(f"warning: {what}", "yellow")


def summary(
    events: Sequence[Event], style: Style, *, again: Sequence[str], unrecorded: Unrecorded | None = None
) -> str:
    """Sum a run up; `again` is the command that goes on from here."""
    failed = [event for event in events if isinstance(event, Failed)]
    lost = {event.operation.key for event in failed}
    done = Counter(
        event.operation.verb for event in events if isinstance(event, Finished) and event.operation.key not in lost
    )
    skipped = [event.operation for event in events if isinstance(event, Skipped)]
    counts = f"{done[Verb.CREATE]} created, {done[Verb.UPDATE]} changed, {done[Verb.DELETE]} deleted"
    counts += f", {done[Verb.BIND]} bound" if done[Verb.BIND] else ""
    counts += f", {done[Verb.FORGET]} forgotten" if done[Verb.FORGET] else ""
    if unrecorded is None and not failed and not skipped:
        return f"{style.paint('Apply complete!', 'green')} {counts}."
    lines = [style.paint("Apply incomplete:", "red") + f" {counts}, {len(failed)} failed, {len(skipped)} not begun."]
    lines += [f"  failed: {event.operation.address}: {safe(str(event.error))}" for event in failed]
    lines += [f"  not begun: {_operation(operation)}" for operation in skipped]
    lines += dict.fromkeys(hint for event in failed if (hint := how_to_log_in(event.error)))
    lines.append(f"{_known(unrecorded)} To go on from here: {safe(shlex.join(again))}")
    return "\n".join(lines)


def _known(unrecorded: Unrecorded | None) -> str:
    """Say where it stands what was done."""
    if unrecorded is None:
        return "What was done is recorded."
    if unrecorded.bound:
        return "The bindings say what was done; the journal does not."
    return "The bindings do not say yet what was done; the journal does."


def _operation(operation: Operation) -> str:
    return f"{operation.verb} {operation.address}"
