"""What programs say about a secret is shown without it."""

import json
from base64 import b64encode, encodebytes, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote

import pytest

from reconciler.model import Secret
from reconciler.sinks.censor import censored

SECRET = "Zz/9+q" * 7 + "w="


@pytest.mark.parametrize(
    "write",
    [
        str,
        lambda secret: quote(secret, safe=""),
        json.dumps,
        lambda secret: secret.encode().hex(),
        lambda secret: b64encode(secret.encode()).decode(),
        *(lambda secret, lead=lead: b64encode(f"{'c' * lead}:{secret}\n".encode()).decode() for lead in range(3)),
        lambda secret: urlsafe_b64encode(f"client:{secret}".encode()).decode(),
        lambda secret: f"{secret[:20]}\r\n  {secret[20:]}",
        lambda secret: encodebytes(f"{'c' * 40}:{secret}".encode()).decode().strip(),
    ],
)
def test_secret_is_taken_out_in_each_form(write: Callable[[str], str]) -> None:
    said = censored(f"no: {write(SECRET)}.", Secret(SECRET))
    assert said.startswith("no: ")
    assert "(secret)" in said
    # Of base64 the letters at both ends may stay: they are of three bytes at most, and partly of its neighbours.
    assert len(said.partition("(secret)")[2]) <= 6


def test_what_is_no_secret_stays() -> None:
    assert censored("denied: token of web expired", Secret(SECRET)) == "denied: token of web expired"
