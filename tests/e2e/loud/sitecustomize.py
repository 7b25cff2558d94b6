"""Makes a process as talkative as it can be, and keeps what the emulator issues and what is given to children.

`SECRETS_INTO` names a file for every secret that is made, a line each; `CHILDREN_INTO` one for the command lines and
environments of all programs that are run. `BUG`: whoever digests a delivery quotes it in an error of its own, as a
careless library might. `LEAK`: every secret is told as it is made.
"""

import base64
import hashlib
import http.client
import json
import logging
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
http.client.HTTPConnection.debuglevel = 1
# The state of a login stands in the address that is shown.
_OPEN = {"reconciler.login.redirect", "secrets"}


def _append(variable: str, line: str) -> None:
    if variable in os.environ:
        with Path(os.environ[variable]).open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def _kept(make: Callable[..., Any]) -> Callable[..., Any]:
    def kept(*arguments: Any) -> Any:
        made = make(*arguments)
        if sys._getframe(1).f_globals["__name__"] not in _OPEN:
            text = made if isinstance(made, str) else base64.b64encode(made).decode()
            _append("SECRETS_INTO", text)
            if "LEAK" in os.environ:
                sys.stderr.write(base64.b64encode(f"client:{text}".encode()).decode())
        return made

    return kept


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "subprocess.Popen":
        _, command, _, environment = arguments
        told = dict(os.environ if environment is None else environment)
        _append("CHILDREN_INTO", json.dumps([command, told], default=os.fsdecode))


def _quoting(digest: Callable[..., Any]) -> Callable[..., Any]:
    def quoting(data: bytes = b"", **options: Any) -> Any:
        if b"client_secret" in data.lower():
            raise ValueError(f"cannot digest {data!r}")
        return digest(data, **options)

    return quoting


for _name in ("token_urlsafe", "token_bytes"):
    setattr(secrets, _name, _kept(getattr(secrets, _name)))
sys.addaudithook(_heard)
if "BUG" in os.environ:
    hashlib.sha256 = _quoting(hashlib.sha256)
