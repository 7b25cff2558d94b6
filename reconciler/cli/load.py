"""Loads the manifests that a command names, and says what is suspicious about them."""

from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli import terminal
from reconciler.cli.options import ManifestOptions, ReadOptions
from reconciler.errors import InvalidSettings
from reconciler.files import why
from reconciler.model import Manifests
from reconciler.render import problems

if TYPE_CHECKING:
    from reconciler.config import Config
    from reconciler.manifest import Exclusion


_CALLS_AT_ONCE = 10


def load(options: ManifestOptions) -> Manifests:
    """Load the manifests; print warnings."""
    from reconciler import manifest

    manifests = manifest.load(list(options.paths or []), overlays=list(options.overlay or []), exclude=exclude())
    _warn(manifests)
    return manifests


def written(options: ManifestOptions) -> str:
    """Load the manifests and write them as one file; print warnings."""
    from reconciler import manifest

    manifests, text = manifest.build(list(options.paths or []), overlays=list(options.overlay or []), exclude=exclude())
    _warn(manifests)
    return text


def _warn(manifests: Manifests) -> None:
    if manifests.warnings:
        terminal.warn(problems.text(manifests.warnings))


def exclude() -> "Exclusion":
    """Say which files are no manifests; patterns are relative to the folder of the settings."""
    from reconciler.manifest import Exclusion

    found = config()
    return Exclusion(found.file.parent if found.file else Path(), found.exclude)


def config() -> "Config":
    """Read `reconciler.toml`, in the current folder or above it."""
    from reconciler.config import find

    try:
        here = Path.cwd()
    except OSError as error:
        raise InvalidSettings(f"the current folder cannot be used: {why(error)}") from error
    return find(here)


def calls_at_once(options: ReadOptions) -> int:
    """Choose how many calls may be under way: the option, the settings, or 10."""
    return options.parallelism or config().parallelism or _CALLS_AT_ONCE
