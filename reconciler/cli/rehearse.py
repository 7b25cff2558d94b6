"""`rehearse`, and `apply --rehearse`: a plan tried on a copy of the service, which itself is only read."""

from typing import TYPE_CHECKING

import typer

from reconciler.cli import asked, changes, saved, terminal
from reconciler.cli.exits import Exit
from reconciler.cli.load import calls_at_once, load
from reconciler.cli.options import PlanOptions

if TYPE_CHECKING:
    from reconciler.auth import AuthClient
    from reconciler.model import Manifests
    from reconciler.pipeline import Planned, Site


def rehearse(options: PlanOptions) -> None:
    """Plan, and try the plan on a copy of the service; or try a saved plan. Changes nothing."""
    from reconciler.cli.session import connect

    if file := saved.named(options):
        with saved.reopened(options, file) as found:
            left = found.follow()
            if left:
                required(found.options, left, found.manifests, found.client, found.site)
        return
    manifests = load(options)
    with connect(options, manifests) as (client, site):
        planned = changes.make(options, manifests, client, site)
        if not planned.plan.applyable:
            raise typer.Exit(Exit.REFUSED)
        required(options, planned, manifests, client, site)


def required(
    options: PlanOptions, planned: "Planned", manifests: "Manifests", client: "AuthClient", site: "Site"
) -> None:
    """Rehearse a plan and show what came of it; end here when that did not go well."""
    from reconciler import rehearse
    from reconciler.pipeline import Means
    from reconciler.render import rehearsal as rendered

    if planned.plan.empty:
        return
    found = rehearse.rehearse(planned, manifests, client, site, Means(calls_at_once(options), asked.aim(options)))
    terminal.say(rendered.text(found, planned.plan.target, terminal.look(options)))
    if not found.well:
        raise typer.Exit(Exit.ERROR)
