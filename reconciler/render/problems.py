"""Problems of manifests, one line each: where, what, and what was probably meant."""

from collections.abc import Iterable

from reconciler.errors import Problem
from reconciler.render.safe import safe


def text(problems: Iterable[Problem]) -> str:
    """Show problems in the order of their places."""
    return "\n".join(line(problem) for problem in sorted(problems, key=_order))


def line(problem: Problem) -> str:
    """Show one problem."""
    where = f"{safe(str(problem.place))}: " if problem.place else ""
    kind = "warning: " if problem.warning else ""
    via = problem.place.via if problem.place else None
    taken = f" (in the template that is taken at {safe(str(via))})" if via else ""
    hint = f", {safe(problem.hint)}" if problem.hint else ""
    return f"{where}{kind}{safe(problem.what)}{taken}{hint}"


def _order(problem: Problem) -> tuple[str, int, int, str]:
    place = problem.place
    return (place.file, place.line, place.column, problem.what) if place else ("", 0, 0, problem.what)
