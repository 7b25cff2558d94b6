"""The commands by their names, and what happens to whatever they raise."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from reconciler.cli import adopt, changes, differences, discretion, login, manifests, record, rehearse, saved, terminal
from reconciler.cli import pin as pinning
from reconciler.cli.bindings import bindings
from reconciler.cli.credentials import overriding
from reconciler.cli.emulator import emulator
from reconciler.cli.exits import Exit, of_error
from reconciler.cli.options import (
    ApplyOptions,
    DestroyOptions,
    DriftOptions,
    LoginOptions,
    ManifestOptions,
    OutputOptions,
    PlanOptions,
    RotateOptions,
    SaveOptions,
    ShowOptions,
    TargetOptions,
    WhoamiOptions,
    taking,
)
from reconciler.errors import InvalidManifests, ReconcilerError
from reconciler.render import problems
from reconciler.render.safe import safe
from reconciler.render.who import how_to_log_in

app = typer.Typer(
    name="reconciler",
    help="Projects, clients, scopes, policies and credentials of Globus Auth as reviewed YAML.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
# Typer has a copy of Click of its own, or uses the installed one; in both, wrong usage is this.
_WRONG_USAGE = next(each for each in typer.BadParameter.__mro__ if each.__name__ == "UsageError")
_UNASKED = {"help": False, "version": {"help": False}}
"""Without these values Typer loads Pydantic to find out that no help was asked for."""
_COMMANDS: tuple[tuple[str, Callable[..., None]], ...] = (
    ("validate", taking(ManifestOptions, manifests.validate)),
    ("build", taking(ManifestOptions, manifests.build)),
    ("plan", taking(SaveOptions, changes.plan)),
    ("show", taking(ShowOptions, saved.show)),
    ("apply", taking(ApplyOptions, changes.apply)),
    ("destroy", taking(DestroyOptions, changes.destroy)),
    ("rehearse", taking(PlanOptions, rehearse.rehearse)),
    ("rotate", taking(RotateOptions, changes.rotate)),
    ("drift", taking(DriftOptions, differences.drift)),
    ("import", taking(adopt.ImportOptions, adopt.adopt)),
    ("pin", taking(pinning.PinOptions, pinning.pin)),
    ("log", taking(record.LogOptions, record.log)),
    ("output", taking(OutputOptions, manifests.output)),
    ("login", taking(LoginOptions, login.login)),
    ("logout", taking(TargetOptions, login.logout)),
    ("whoami", taking(WhoamiOptions, login.whoami)),
)
for _name, _command in _COMMANDS:
    app.command(_name)(_command)
for _alias in ("diff", "preview"):
    app.command(_alias, hidden=True)(taking(SaveOptions, changes.plan))
app.add_typer(bindings, name="bindings")
app.add_typer(emulator, name="emulator")


@app.command()
def version() -> None:
    """Print the version of this program."""
    from importlib.metadata import version as installed

    terminal.say(installed("globus-auth-reconciler"))


@app.command()
def schema(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Which one; without it, their names are printed.")
    ] = None,
) -> None:
    """Print a JSON Schema of the manifests, for editors and other tools."""
    from reconciler.manifest import schema_names, schema_text

    if name is None:
        terminal.say("\n".join(schema_names()))
    elif name in schema_names():
        terminal.say(schema_text(name).rstrip("\n"))
    else:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(schema_names())}", param_hint="NAME")


def _usage(error: Exception) -> str:
    context, said = getattr(error, "ctx", None), getattr(error, "format_message", None)
    usage = f"{context.get_usage()}\n" if context else ""
    return f"{usage}Error: {said() if said else error}"


def _told(error: ReconcilerError) -> str:
    told, hint, variable = f"Error: {safe(str(error))}", how_to_log_in(error), overriding()
    if hint and variable:
        hint += f"\nFirst put {variable} right, or unset it: it goes before a login."
    return f"{told}\n{hint}" if hint else told


def main() -> None:
    """Run the command line and exit."""
    terminal.prepare()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; return the exit code. Nothing escapes from here."""
    try:
        discretion.prepare()
        command = typer.main.get_command(app)
        code = command.main(
            arguments or ["--help"], prog_name="reconciler", standalone_mode=False, default_map=_UNASKED
        )
    except typer.Exit as error:
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return Exit.INTERRUPTED
    except BrokenPipeError:
        return Exit.ERROR
    except InvalidManifests as error:
        terminal.warn(problems.text(error.problems))
        return Exit.ERROR
    except ReconcilerError as error:
        terminal.warn(_told(error))
        return of_error(error)
    except Exception as error:  # noqa: BLE001 - the last place where a bug can be told from a failure
        if isinstance(error, _WRONG_USAGE):
            terminal.warn(_usage(error))
            return Exit.USAGE
        terminal.warn("This is a bug in reconciler; please report it with the lines below.")
        terminal.warn(discretion.trace(error))
        return Exit.BUG
    return code if isinstance(code, int) else Exit.DONE
