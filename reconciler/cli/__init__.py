"""The command line: thin commands, and the only place that prints, reads the environment and exits."""

from reconciler.cli.app import main

__all__ = ["main"]
