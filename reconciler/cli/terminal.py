"""What is printed where, and how it looks there."""

import os
import sys

import typer

from reconciler.render.style import Style


def style(*, no_colour: bool = False, ascii_only: bool = False) -> Style:
    """Choose the look: colours on a terminal, unless NO_COLOR or FORCE_COLOR decide; ASCII outside UTF-8."""
    if no_colour or os.environ.get("NO_COLOR"):
        colour = False
    else:
        colour = bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()
    spoken = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    return Style(colour=colour, ascii=ascii_only or spoken != "utf8")


def say(text: str) -> None:
    """Print a result."""
    typer.echo(text, color=True)


def warn(text: str) -> None:
    """Print what is not a result: warnings and errors."""
    typer.echo(text, err=True, color=True)


def ask(question: str) -> bool:
    """Ask for `yes`; anything else, and the end of input, is no."""
    typer.echo(question, nl=False)
    answer = sys.stdin.readline().strip()
    typer.echo("" if sys.stdin.isatty() else answer)
    return answer == "yes"
