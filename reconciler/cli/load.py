"""Loads the manifests that a command names, and says what is suspicious about them."""

from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli import terminal
from reconciler.cli.options import ManifestOptions, PlanOptions
from reconciler.errors import InvalidSettings
from reconciler.files import why
from reconciler.model import Manifests
from reconciler.render import problems

if TYPE_CHECKING:
    from reconciler.config import Config


_CALLS_AT_ONCE = 10


def load(options: ManifestOptions) -> Manifests:
    """Load the manifests; print warnings."""
    from reconciler import manifest

    manifests = manifest.load(list(options.paths or []), overlays=list(options.overlay or []), exclude=exclude())
    if manifests.warnings:
        terminal.warn(problems.text(manifests.warnings))
    return manifests


def exclude() -> tuple[str, ...]:
    """List the patterns of files that are no manifests."""
    return config().exclude


def config() -> "Config":
    """Read `reconciler.toml`, in the current folder or above it."""
    from reconciler.config import find

    try:
        here = Path.cwd()
    except OSError as error:
        raise InvalidSettings(f"the current folder cannot be used: {why(error)}") from error
    return find(here)


def calls_at_once(options: PlanOptions) -> int:
    """Choose how many calls may be under way: the option, the settings, or 10."""
    return options.parallelism or config().parallelism or _CALLS_AT_ONCE
