"""`drift`: what was changed on the service since it was last applied."""

import typer

from reconciler.cli import terminal
from reconciler.cli.exits import Exit
from reconciler.cli.load import calls_at_once, load
from reconciler.cli.options import DriftOptions
from reconciler.errors import InvalidManifests
from reconciler.model import Manifests
from reconciler.render import problems


def drift(options: DriftOptions) -> None:
    """Compare the service with what was last applied. Changes nothing, and needs no valid manifests."""
    from reconciler import watch
    from reconciler.cli.session import connect
    from reconciler.render import drift as rendered

    manifests = _manifests(options)
    with connect(options, manifests) as (client, site):
        found = watch.drift(manifests, client, site, parallelism=calls_at_once(options))
    terminal.say(rendered.document(found) if options.json else rendered.text(found, terminal.look(options)))
    if found.unread:
        raise typer.Exit(Exit.ERROR)
    if options.detailed_exitcode and found.found:
        raise typer.Exit(Exit.CHANGES)


def _manifests(options: DriftOptions) -> Manifests:
    """Load the manifests; go on without them where they are not needed to know whose state is meant."""
    from reconciler.manifest import root_of

    paths = list(options.paths or ())
    try:
        return load(options)
    except InvalidManifests as error:
        if options.overlay or not all(path.exists() for path in paths):
            raise
        terminal.warn(problems.text(error.problems))
        terminal.warn("warning: going on without the manifests: all that is bound is compared, and no places are shown")
        return Manifests(root_of(paths), None, {})
