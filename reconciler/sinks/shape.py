"""The form in which a delivery is written: which of its values, under which names, in which format."""

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.kinds.delivered import KEYS, Format
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
        match self.format:
            case Format.JSON:
                text = json.dumps(self.values(delivery), indent=2, ensure_ascii=False) + "\n"
            case Format.ENV:
                text = "".join(f"{name}={_quoted(name, value)}\n" for name, value in self.values(delivery).items())
            case Format.PLAIN:
                text = delivery.client_secret.reveal()
        return text.encode()

    def values(self, delivery: Delivery) -> dict[str, str]:
        """Give what is delivered by the names that it gets."""
        return {self.names[key]: _value(delivery, key) for key in KEYS if key in self.names}


def shape(form: Data = None, keys: Data = None) -> Shape:
    """Read the settings `format` and `keys`, which fit their schema."""
    chosen = Format(form or Format.JSON)
    if keys is None:
        return Shape(chosen, {key: key.upper() if chosen is Format.ENV else key for key in KEYS})
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
