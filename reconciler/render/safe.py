"""Text from manifests and from the service is never trusted: what could steer a terminal is written out."""

import json
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

from reconciler.model import Data, Ref

NO_NAMES: Mapping[str, str] = MappingProxyType({})
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def safe(text: str) -> str:
    r"""Write out every control, format and unassigned character, and line breaks, as `\u{…}`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(f"\\u{{{ord(c):x}}}" if unicodedata.category(c) in _INVISIBLE else c for c in text)


def value(data: Data, names: Mapping[str, str] = NO_NAMES) -> str:
    """Show a value on one line: JSON, with what is not known yet as such, and ids with what they are called."""
    if isinstance(data, Ref):
        return f"{data.address or safe(data.text)} (known after apply)"
    if isinstance(data, list):
        return f"[{', '.join(value(item, names) for item in data)}]"
    if isinstance(data, dict):
        return "{" + ", ".join(f"{safe(key)}: {value(item, names)}" for key, item in data.items()) + "}"
    if isinstance(data, str) and data in names:
        return f"{safe(names[data])} ({safe(data)})"
    return safe(json.dumps(data, ensure_ascii=False))
