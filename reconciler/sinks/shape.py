"""The form in which a delivery is written: which of its values, under which names, in which format."""

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.kinds.sinks import KEYS, Format, misnamed
from reconciler.model import Data
from reconciler.sinks.sink import Delivery

_BARE = re.compile(r"[A-Za-z0-9_./:@%+,=-]+")


@dataclass(frozen=True, slots=True)
class Shape:
    """A format, and the names under which it has which values."""

    format: Format
    names: Mapping[str, str]

    def render(self, delivery: Delivery) -> bytes:
        """Write a delivery; raise ValueError when the format cannot express a value."""
        values = {self.names[key]: _value(delivery, key) for key in KEYS if key in self.names}
        match self.format:
            case Format.JSON:
                text = json.dumps(values, indent=2, ensure_ascii=False) + "\n"
            case Format.ENV:
                text = "".join(f"{name}={_quoted(name, value)}\n" for name, value in values.items())
            case Format.PLAIN:
                text = delivery.client_secret.reveal()
        return text.encode()


def shape(form: Data, keys: Data) -> Shape:
    """Read the settings `format` and `keys`; raise ValueError with what is wrong with them."""
    if form not in list(Format):
        raise ValueError(f"format is one of {', '.join(Format)}")
    chosen = Format(form)
    if keys is None:
        return Shape(chosen, {key: key.upper() if chosen is Format.ENV else key for key in KEYS})
    if not isinstance(keys, Mapping) or not all(isinstance(name, str) and name for name in keys.values()):
        raise ValueError("keys maps what is delivered to the name it gets")
    for key in keys:
        if key not in KEYS:
            raise ValueError(f"{key!r} is not delivered; there are {', '.join(KEYS)}")
    for _, what in misnamed(chosen, keys):
        raise ValueError(what)
    return Shape(chosen, dict(keys))


def _value(delivery: Delivery, key: str) -> str:
    return delivery.client_secret.reveal() if key == "client_secret" else str(getattr(delivery, key))


def _quoted(name: str, value: str) -> str:
    """Quote a value so that a shell and the dotenv libraries read the same.

    They agree on bare words of few characters, and on quotes around what nobody expands and nothing escapes.
    """
    if _BARE.fullmatch(value):
        return value
    if not any(unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} for letter in value):
        for quote, special in (("'", "'\\$"), ('"', '"\\$`!')):
            if not any(letter in special for letter in value):
                return f"{quote}{value}{quote}"
    raise ValueError(f"the format env cannot express the value of {name}: it would be read differently")
