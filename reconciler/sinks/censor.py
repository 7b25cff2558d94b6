"""Takes a secret out of what others say about it, in every form in which programs write it."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import quote

from reconciler.model import Secret


def censored(text: str, secret: Secret) -> str:
    """Put `(secret)` wherever it stands, also as a part of something longer in base64, as Basic credentials are.

    Lines may be broken within it, as programs do that write base64.
    """
    for form in sorted(_forms(secret.reveal()), key=len, reverse=True):
        text = re.sub(r"\s*".join(map(re.escape, form)), "(secret)", text)
    return text


def _forms(value: str) -> Iterator[str]:
    yield from {value, json.dumps(value)[1:-1], quote(value), quote(value, safe=""), value.encode().hex()}
    for lead in range(3):
        # Three bytes are four letters; those at both ends depend on what stands beside the secret.
        coded = b64encode(bytes(lead) + value.encode()).decode()
        inner = coded[(lead * 4 + 2) // 3 : (lead + len(value.encode())) // 3 * 4]
        yield from {inner, inner.replace("+", "-").replace("/", "_")} - {""}
