"""What was found at the service and is bound, or could not be, as people read it."""

from collections.abc import Iterable, Mapping

from reconciler.errors import Problem
from reconciler.model import Action, Address, Binding, Change
from reconciler.render.problems import line
from reconciler.render.safe import safe, value


def ahead(change: Change, names: Mapping[str, str]) -> str:
    """Show what the next plan makes of what was just bound."""
    if not change.fields and change.action is not Action.REPLACE:
        return "The next plan changes nothing of it."
    rows = [f"  {each.name}: {value(each.before, names)} -> {value(each.after, names)}" for each in change.fields]
    if change.action is Action.REPLACE:
        return "\n".join([f"The next plan replaces it, since {safe(change.because or '')}:", *rows])
    return "\n".join(["The next plan changes:", *rows])


def rebuilt(
    entries: Mapping[Address, Binding], undecided: Iterable[Problem], absent: Iterable[Address], lost: Iterable[Address]
) -> str:
    """Show what was found again, and what was not."""
    rows = [f"  {address}: {safe(entries[address].id)}" for address in sorted(entries)]
    parts = [
        ("Found:", rows or ["  nothing"]),
        ("Left out, for you to decide:", [f"  {line(problem)}" for problem in undecided]),
        ("Not found, so a plan would make them:", [f"  {address}" for address in absent]),
        ("Bound before, and no longer in the manifests:", [f"  {address}" for address in lost]),
    ]
    return "\n\n".join("\n".join([title, *lines]) for title, lines in parts if lines)
