"""Guards of who administers what in the end. Pure."""

from collections.abc import Iterator

from reconciler.guards.case import Case, agreed
from reconciler.kinds import KINDS
from reconciler.model import Data, Operation, Plan, Refusal, Verb


def lockout(case: Case) -> Iterator[Refusal]:
    """Refuse an end state in which the caller, or anybody at all, no longer administers a project."""
    for operation in case.plan.operations:
        wanted, groups = _administrators(operation, case), _groups(operation, case)
        if wanted is None or operation.verb not in (Verb.CREATE, Verb.UPDATE):
            continue
        if agreed(operation.address, case.consents.lockout) or groups or not _last(operation, case.plan):
            continue
        consent = f"--allow-lockout {operation.address}"
        if not wanted:
            yield Refusal(operation.address, "nobody would administer it any more", consent)
        elif case.snapshot.caller not in wanted:
            yield Refusal(operation.address, "you would not administer it any more", consent)


def notes(case: Case) -> tuple[str, ...]:
    """Say what is allowed but worth a thought."""
    return tuple(
        f"{operation.address}: you would administer it only through groups, whose members cannot be seen"
        for operation in case.plan.operations
        if (name := KINDS[operation.address.kind].includes_caller)
        and name in operation.bound
        and _groups(operation, case)
        and case.snapshot.caller not in operation.bound[name]
    )


def _administrators(operation: Operation, case: Case) -> list[Data] | None:
    """List who will be named as administrator, if the operation says or changes who administers."""
    kind = KINDS[operation.address.kind]
    if kind.includes_caller is None:
        return None
    if kind.includes_caller in operation.bound:
        return list(operation.bound[kind.includes_caller] or [])
    live = case.snapshot.find(kind.name, operation.id or "")
    if live and kind.includes_groups in operation.bound:
        return list(live.fields.get(kind.includes_caller) or [])
    return None


def _groups(operation: Operation, case: Case) -> bool:
    name = KINDS[operation.address.kind].includes_groups or ""
    if name in operation.bound:
        return bool(operation.bound[name])
    live = case.snapshot.find(operation.address.kind, operation.id or "")
    return bool(live and live.fields.get(name))


def _last(operation: Operation, plan: Plan) -> bool:
    """Tell whether this is the last write to its object."""
    writes = [
        other.key for other in plan.operations if other.address == operation.address and other.verb is not Verb.BIND
    ]
    return writes[-1] == operation.key
