"""What is printed where, and how it looks there."""

import contextlib
import io
import os
import sys

import typer

from reconciler import files
from reconciler.cli.options import ReadOptions, ShowOptions
from reconciler.errors import CannotWrite
from reconciler.model import Secret
from reconciler.render.style import Style


def prepare() -> None:
    """Let no character stop the program: what a stream cannot show is written out, what it cannot read is no answer."""
    for stream, errors in ((sys.stdin, "replace"), (sys.stdout, "backslashreplace"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)


def style(*, no_colour: bool = False, ascii_only: bool = False) -> Style:
    """Choose the look: colours on a terminal, unless NO_COLOR or FORCE_COLOR decide; ASCII outside UTF-8."""
    if no_colour or os.environ.get("NO_COLOR"):
        colour = False
    else:
        colour = bool(os.environ.get("FORCE_COLOR")) or (sys.stdout is not None and sys.stdout.isatty())
    spoken = (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "")
    return Style(colour=colour, ascii=ascii_only or spoken != "utf8")


def look(options: ReadOptions | ShowOptions) -> Style:
    """Choose the look that the options of a command ask for."""
    return style(no_colour=options.no_color, ascii_only=options.ascii)


def say(text: str) -> None:
    """Print a result. When that fails, what is said afterwards goes nowhere.

    Raise BrokenPipeError when nobody reads it any more, CannotWrite when it could not be written.
    """
    _echo(f"{text}\n")


def mask(secret: Secret) -> None:
    """On GitHub, tell the runner a new secret, so that it shows `***` in its place from here on; elsewhere nothing.

    Its commands are lines of the output, and this is how it documents to be told: the one way that a secret is printed.
    """
    if os.environ.get("GITHUB_ACTIONS"):
        value = secret.reveal().replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        with contextlib.suppress(BrokenPipeError, CannotWrite):
            _echo(f"::add-mask::{value}\n")


def warn(text: str) -> None:
    """Print what is not a result: warnings and errors."""
    with contextlib.suppress(OSError):
        typer.echo(text, err=True, color=True)


def interactive() -> bool:
    """Tell whether a person can be asked: both input and output are a terminal, and this is no pipeline."""
    streams = (sys.stdin, sys.stdout)
    return all(stream is not None and stream.isatty() for stream in streams) and not os.environ.get("CI")


def ask(question: str) -> bool:
    """Ask for `yes`; anything else, and the end of input, is no."""
    _echo(question)
    given = _line()
    _echo("\n" if sys.stdin and sys.stdin.isatty() else f"{given}\n")
    return given == "yes"


def answer(question: str) -> str:
    """Ask for a line, which is not repeated on the output; the end of input is an empty one."""
    _echo(question)
    given = _line()
    _echo("\n")
    return given


def _line() -> str:
    return sys.stdin.readline().strip() if sys.stdin else ""


def _echo(text: str) -> None:
    try:
        typer.echo(text, nl=False, color=True)
    except OSError as error:
        # What is still in the buffer would be tried again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise
        raise CannotWrite("the standard output", files.why(error)) from error
