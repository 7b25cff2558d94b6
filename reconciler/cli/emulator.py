"""`emulator serve`: a local Globus Auth for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from reconciler.errors import InvalidSettings

emulator = typer.Typer(help="A local Globus Auth, for trying things out and for tests.")


@emulator.callback()
def _group() -> None:
    """Keep `serve` a command of its own."""


@emulator.command()
def serve(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes any free port.")] = 0,
    db: Annotated[Path, typer.Option("--db", metavar="FILE", help="Where all state is kept.")] = Path(
        ".reconciler/emulator.db"
    ),
    env_file: Annotated[
        Path | None,
        typer.Option("--env-file", metavar="FILE", help="Write address and credentials here when it is ready."),
    ] = None,
    switch: Annotated[
        list[str] | None,
        typer.Option("--switch", metavar="NAME=VALUE", help="Behave so where it is not known (repeatable)."),
    ] = None,
) -> None:
    """Serve on loopback until interrupted."""
    from reconciler.emulator import CannotServe, switches_from
    from reconciler.emulator import serve as serving

    try:
        switches = switches_from(switch or ())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--switch") from None
    try:
        serving(db, port=port, env_file=env_file, switches=switches)
    except CannotServe as error:
        raise InvalidSettings(str(error)) from None
