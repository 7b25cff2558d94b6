"""What came of a rehearsal: each request in order, what failed or is left, and whether the plan can be relied upon."""

from collections.abc import Iterator

from reconciler.model import Failed, Operation, Rehearsal, Request
from reconciler.render import run
from reconciler.render.safe import safe
from reconciler.render.style import Style


def text(found: Rehearsal, target: str, style: Style) -> str:
    """Show a rehearsal. Nothing of what was sent or answered is shown; new ids stand by their addresses."""
    lines = [f"\n{style.paint('Rehearsal', 'bold')} on a copy of {safe(target)}, in memory:"]
    for each in found.tried:
        operation = each.ended.operation
        lines += [f"  {operation.verb} {operation.address}"] if each.requests else []
        lines += [_request(request, found) for request in each.requests]
        if isinstance(each.ended, Failed):
            lines.append(f"  {run.line(each.ended, style)}")
    lines += ["  look once more"] if found.looks else []
    lines += [_request(each, found) for each in found.looks]
    lines += [f"  {run.line(each, style)}" for each in found.skipped]
    return "\n".join([*lines, "", *_end(found, target, style)])


def _end(found: Rehearsal, target: str, style: Style) -> Iterator[str]:
    count = sum(len(each.requests) for each in found.tried) + len(found.looks)
    requests = f"{count} request{'' if count == 1 else 's'}"
    if found.well:
        yield f"{style.paint('Rehearsal complete:', 'green')} {requests}; the plan after it is empty."
        return
    yield style.paint("Rehearsal failed:", "red") + f" {_why(found, requests)}."
    yield from (f"  left: {_operation(each)}" for each in found.left)
    yield from (f"  cannot be listed any more: every {kind}: {safe(why)}" for kind, why in sorted(found.unread.items()))
    yield f"Nothing was changed at {safe(target)}."


def _why(found: Rehearsal, requests: str) -> str:
    if not found.carried_out:
        return f"{len(found.failed)} failed, {len(found.skipped)} not begun, after {requests}"
    if found.left:
        return f"all was done in {requests}, but the plan after it is not empty"
    return f"all was done in {requests}, but whether anything is left to do cannot be told"


def _operation(operation: Operation) -> str:
    fields = ", ".join(sorted(operation.fields))
    return f"{operation.verb} {operation.address}" + (f" ({fields})" if fields else "")


def _request(request: Request, found: Rehearsal) -> str:
    return f"    {request.method} {safe(_path(request.path, found))} {request.status}"


def _path(path: str, found: Rehearsal) -> str:
    for identifier, name in found.names.items():
        path = path.replace(identifier, f"{{{name}}}")
    return path
