"""A saved plan as people read it: where it comes from, until when it holds, what was agreed to, and the plan itself."""

from collections.abc import Iterator

from reconciler.model import Data, Plan
from reconciler.plan.saved import Saved, stamp
from reconciler.render import plan as rendered
from reconciler.render.safe import safe
from reconciler.render.style import Style


def text(saved: Saved, style: Style) -> str:
    """Show a saved plan."""
    plan = saved.plan
    environment = f", environment {safe(plan.environment)}" if plan.environment else ""
    head = [
        f"{style.paint('Saved plan', 'bold')} {plan.digest}",
        f"  for {safe(plan.target)}{environment}",
        f"  made {stamp(saved.made)} by version {safe(saved.version)}, holds until {stamp(saved.expires)}",
        *(f"  agreed to: {safe(each)}" for each in _consents(plan)),
        "",
    ]
    return "\n".join([*head, rendered.text(plan, style)])


def _consents(plan: Plan) -> Iterator[str]:
    for name, given in sorted(plan.consents.items()):
        if isinstance(given, list):
            yield from (f"{name} {each}" for each in given)
        elif _refused(given):
            yield f"no {name}"


def _refused(given: Data) -> bool:
    return given is False
