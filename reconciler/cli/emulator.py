"""`emulator serve`: a local Globus Auth for other programs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.errors import InvalidSettings

if TYPE_CHECKING:
    from reconciler.emulator import Fault

emulator = typer.Typer(help="A local Globus Auth, for trying things out and for tests.")


@emulator.callback()
def _group() -> None:
    """Keep `serve` a command of its own."""


@emulator.command()
def serve(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, metavar="PORT", help="0 takes any free port.")] = 0,
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
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", metavar="JSON", help="Go wrong so, as /_emulator/faults takes it (repeatable)."),
    ] = None,
    faults_file: Annotated[
        Path | None, typer.Option("--faults", metavar="FILE", help="Go wrong as this JSON list of faults says.")
    ] = None,
) -> None:
    """Serve on loopback until interrupted."""
    from reconciler.emulator import CannotServe, switches_from
    from reconciler.emulator import serve as serving

    try:
        switches = switches_from(switch or ())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--switch") from None
    faults = [one for text in fault or () for one in _faults(text, "--fault")]
    if faults_file is not None:
        try:
            faults += _faults(faults_file.read_text(encoding="utf-8"), "--faults")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidSettings(f"{faults_file} cannot be read: {error}") from None
    try:
        serving(db, port=port, env_file=env_file, switches=switches, faults=faults)
    except CannotServe as error:
        raise InvalidSettings(str(error)) from None


def _faults(text: str, option: str) -> Iterator["Fault"]:
    from reconciler.emulator import fault_from

    try:
        orders = json.loads(text)
        for order in orders if isinstance(orders, list) else [orders]:
            yield fault_from(order)
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
