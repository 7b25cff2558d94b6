"""The record of runs: a block of lines for people, or one JSON object a line."""

import json
from collections import Counter
from dataclasses import asdict

from reconciler.model import Run, Step
from reconciler.render.safe import safe

_DONE = {"create": "created", "update": "changed", "delete": "deleted", "bind": "bound", "forget": "forgotten"}


def text(run: Run) -> str:
    """Show a run, its steps in their order, and how it ended."""
    if not run.run:
        return f"Of no run: {len(run.steps)} step(s), and {run.damaged} line(s) that cannot be read"
    by = f"{safe(run.caller_name)} ({safe(run.caller or '')})" if run.caller_name else safe(run.caller or "")
    who = " on ".join(each for each in (by, safe(run.who)) if each)
    lines = [f"{safe(run.when)}  run {safe(run.run)}  {safe(run.command)}  by {who}"]
    known = (("target", run.target), ("plan", run.plan and run.plan[:12]), ("bindings", _serial(run)))
    said = ", ".join(f"{name} {safe(value)}" for name, value in known if value)
    lines += [f"  {said}"] if said else []
    lines += [f"  {_step(step)}" for step in run.steps]
    lines += [f"  {run.damaged} line(s) cannot be read"] if run.damaged else []
    return "\n".join([*lines, f"  {_end(run)}"])


def json_line(run: Run) -> str:
    """Write a run on one line."""
    return json.dumps(asdict(run), ensure_ascii=False)


def _serial(run: Run) -> str | None:
    return None if run.serial is None else f"serial {run.serial}"


def _step(step: Step) -> str:
    which = f"{safe(step.address)}" + (f" {safe(step.id)}" if step.id else "")
    match step.outcome:
        case "done":
            return f"{_DONE.get(step.verb, safe(step.verb))} {which}"
        case None:
            return f"{safe(step.verb)} {which}: its outcome was not recorded"
        case _:
            return f"{safe(step.verb)} {which}: {safe(step.outcome)}" + (f", {safe(step.error)}" if step.error else "")


def _end(run: Run) -> str:
    if run.ended is None:
        return "did not end: killed, or still under way"
    counts = Counter(step.outcome for step in run.steps)
    parts = [f"{counts['done']} done"]
    parts += [f"{number} {name}" for name, number in sorted(_others(counts).items())]
    parts += [f"{run.not_begun} not begun"] if run.not_begun else []
    return f"ended {safe(run.ended)}: {', '.join(parts)}"


def _others(counts: "Counter[str | None]") -> dict[str, int]:
    return {safe(name or "not recorded"): number for name, number in counts.items() if name != "done"}
