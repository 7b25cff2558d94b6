"""Loads the manifests that a command names, and says what is suspicious about them."""

from pathlib import Path

from reconciler.cli import terminal
from reconciler.cli.options import ManifestOptions
from reconciler.model import Manifests
from reconciler.render import problems


def load(options: ManifestOptions) -> Manifests:
    """Load the manifests; print warnings."""
    from reconciler import manifest

    manifests = manifest.load(list(options.paths or []), overlays=list(options.overlay or []), exclude=exclude())
    if manifests.warnings:
        terminal.warn(problems.text(manifests.warnings))
    return manifests


def exclude() -> tuple[str, ...]:
    """List the patterns of files that are no manifests, from `reconciler.toml` in the current folder or above it."""
    from reconciler import config

    return tuple(config.find(Path.cwd()).exclude)
