"""The sink `age`: a file that only its recipients can open, fit to be committed. The metadata tell its ciphertext."""

import pyrage

from reconciler.kinds.sinks import age_recipient
from reconciler.model import Fields, digest
from reconciler.sinks.shape import shape
from reconciler.sinks.sink import Delivery, Surroundings
from reconciler.sinks.stored import Form, StoredFile


def make(settings: Fields, around: Surroundings) -> StoredFile:
    """Read the settings `path`, `recipients`, `armor`, `format` and `keys`."""
    written = shape(settings.get("format"), settings.get("keys"))
    recipients = [found for each in settings["recipients"] if (found := age_recipient(each))]

    def content(delivery: Delivery) -> bytes:
        return pyrage.encrypt(written.render(delivery), recipients, armored=settings.get("armor", False))

    form = Form("age", content, plaintext=False, settings=digest({"age": settings}))
    return StoredFile(around.root, settings["path"], form)
