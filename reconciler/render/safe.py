"""Text from manifests and from the service is never trusted: what could steer a terminal is written out."""

import json
import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

from reconciler.model import Data, Ref

NO_NAMES: Mapping[str, str] = MappingProxyType({})
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_COMMAND = re.compile(r"\A\s*::|##\[|##vso\[", re.IGNORECASE)


def safe(text: str) -> str:
    r"""Write out every control, format and unassigned character, and line breaks, as `\u{…}`.

    So is the first character of what the log of a pipeline would take for a command: `::` at the beginning, and
    `##[` and `##vso[` anywhere.
    """
    if not (text.isascii() and text.isprintable()):
        text = "".join(_written_out(c) if unicodedata.category(c) in _INVISIBLE else c for c in text)
    return _COMMAND.sub(lambda found: _written_out(found[0][0]) + found[0][1:], text)


def _written_out(character: str) -> str:
    return f"\\u{{{ord(character):x}}}"


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
