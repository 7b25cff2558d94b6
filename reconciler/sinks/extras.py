"""Libraries that only some sinks need, and that are installed by an extra."""

import importlib
from typing import Any

from reconciler.errors import SinkFailed

PACKAGE = "globus-auth-reconciler"


def library(name: str, extra: str, destination: str) -> Any:  # noqa: ANN401 - a module, whose names nobody declares
    """Load a library; raise SinkFailed with the extra that brings it."""
    try:
        return importlib.import_module(name)
    except ImportError:
        what = f"needs the extra `{extra}`: pip install '{PACKAGE}[{extra}]'"
        raise SinkFailed(destination, what) from None
