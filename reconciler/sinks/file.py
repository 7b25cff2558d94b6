"""The sink `file`: a file in clear, closed to everybody else."""

from reconciler.model import Fields, digest
from reconciler.sinks.shape import shape
from reconciler.sinks.sink import Surroundings
from reconciler.sinks.stored import Form, StoredFile


def make(settings: Fields, around: Surroundings) -> StoredFile:
    """Read the settings `path`, `format` and `keys`."""
    written = shape(settings.get("format"), settings.get("keys"))
    form = Form("file", written.render, plaintext=True, settings=digest({"file": settings}))
    return StoredFile(around.root, settings["path"], form)
