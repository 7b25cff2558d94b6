"""The sink `exec`: a program of the user's own, which is asked on standard input and answers on standard output.

The secret is in the question alone: no argument, no variable. Whatever the program says about it is censored.
"""

import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from reconciler.auth.strict_json import JSONError, loads
from reconciler.errors import SinkFailed
from reconciler.model import Fields, Secret, digest
from reconciler.sinks.censor import censored
from reconciler.sinks.patience import MayPass, patiently
from reconciler.sinks.shape import Shape, shape
from reconciler.sinks.sink import Delivery, Meta, Surroundings, meta

PROTOCOL = 1
CONFLICT, TRY_AGAIN = 3, 75
"""The exit codes that say more than that something failed."""

_SECONDS = 60
_MOST = 2**16
_SHOWN = 500
_OURS = ("RECONCILER_", "GLOBUS_")


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a program ended, and the first of what it said."""

    code: int
    out: bytes
    err: bytes


class _TooSlow(SinkFailed):
    """The program was ended in the middle of what it was asked for."""


class ExecSink:
    """Whatever a program does with what it is told."""

    plaintext = False
    kept = ()

    def __init__(self, settings: Fields, around: Surroundings, written: Shape) -> None:
        self._command: list[str] = list(settings["command"])
        self._with: Mapping[str, str] = settings.get("with", {})
        self._seconds: int = settings.get("timeout", _SECONDS)
        self._readable: bool | None = settings.get("readable")
        self._settings = digest({"exec": settings})
        self._shape = written
        self._around = around
        self._secret: Secret | None = None
        self.destination = " ".join(["exec", *self._command, *(f"{k}={v}" for k, v in sorted(self._with.items()))])

    @property
    def readable(self) -> bool:
        """What the settings say, or else what the program declares when it is asked what it holds."""
        if self._readable is None:
            try:
                self._readable = self._ask("head").get("readable", True) is not False
            except SinkFailed:
                return True
        return self._readable

    def preflight(self) -> None:
        """Have the program see whether a delivery would go well; see `Sink`."""
        self._ask("preflight")

    def put(self, delivery: Delivery, expected: str | None) -> None:
        """Give the program the delivery, in the form of the settings too; see `Sink`."""
        try:
            content = self._shape.render(delivery).decode()
        except ValueError as error:
            raise self._failed(str(error)) from None
        told = {
            "content": content,
            "delivery": shape().values(delivery),
            "expected": expected,
            "metadata": asdict(meta(delivery, self._settings)),
        }
        try:
            self._secret = delivery.client_secret
            self._ask("put", told)
        except _TooSlow:
            held = self.head() if self.readable else None
            if held is None or held.credential_id != delivery.credential_id:
                raise

    def head(self) -> Meta | None:
        """Ask the program for the metadata that it was given; see `Sink`."""
        answer = self._ask("head")
        if answer.get("readable") is False:
            raise self._failed("cannot be read back")
        if (said := answer.get("metadata")) is None:
            return None
        try:
            found = Meta(**said)
        except TypeError:
            found = None
        if found is None or not all(isinstance(each, str) for each in asdict(found).values()):
            raise self._failed("head: the metadata that the program answered are not those of a delivery")
        return found

    def delete(self) -> None:
        """Have the program remove what it was given; see `Sink`."""
        self._ask("delete")

    def _ask(self, action: str, told: Mapping[str, Any] | None = None) -> dict[str, Any]:
        question = json.dumps({"protocol": PROTOCOL, "action": action, "with": dict(self._with), **(told or {})})

        def attempt() -> dict[str, Any]:
            return self._answer(action, self._run(action, question.encode()))

        try:
            return patiently(attempt, self._around.sleep)
        except MayPass as error:
            raise self._failed(str(error)) from None

    def _answer(self, action: str, ended: _Ended) -> dict[str, Any]:
        said = _censored(ended.err, self._secret)
        what = f"{action}: the program ended with {ended.code}" + (f": {said}" if said else "")
        if ended.code == TRY_AGAIN:
            raise MayPass(what)
        if ended.code:
            raise self._failed(what, conflict=ended.code == CONFLICT)
        try:
            answer = loads(ended.out) if ended.out.strip() else {}
        except JSONError:
            answer = None
        if not isinstance(answer, dict) or answer.get("protocol", PROTOCOL) != PROTOCOL:
            raise self._failed(f"{action}: what the program answered is no JSON object of protocol {PROTOCOL}")
        return answer

    def _run(self, action: str, question: bytes) -> _Ended:
        program = self._program()
        try:
            process = subprocess.Popen(  # noqa: S603 - the program is the user's own choice
                [program, *self._command[1:]],
                cwd=self._around.root,
                env={name: value for name, value in self._around.environ.items() if not name.startswith(_OURS)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise self._failed(f"the program cannot be run: {(error.strerror or 'refused').lower()}") from None
        out, err = bytearray(), bytearray()
        threads = _talk(process, question, out, err)
        try:
            process.wait(self._seconds)
        except subprocess.TimeoutExpired:
            what = f"{action}: the program took more than {self._seconds} s, and was ended"
            raise _TooSlow(self.destination, what) from None
        finally:
            # What it started and left running goes too, and lets go of the pipes.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for thread in threads:
                thread.join(1)
        if len(out) > _MOST:
            raise self._failed(f"{action}: the program answered more than {_MOST} bytes")
        return _Ended(process.returncode, bytes(out), bytes(err))

    def _program(self) -> str:
        """Find the program: below the root when it is given with a folder, else where programs are."""
        program = self._command[0]
        if "/" not in program:
            if found := shutil.which(program, path=self._around.environ.get("PATH", os.defpath)):
                return found
            raise self._failed("there is no such program on the path")
        if program.startswith("/"):
            return program
        root = Path(os.path.realpath(self._around.root))
        place = Path(os.path.realpath(root / program))
        if not place.is_relative_to(root):
            raise self._failed("the program must not lead out of the root")
        return str(place)

    def _failed(self, what: str, *, conflict: bool = False) -> SinkFailed:
        return SinkFailed(self.destination, what, conflict=conflict)


def make(settings: Fields, around: Surroundings) -> ExecSink:
    """Read the settings `command`, `with`, `readable`, `timeout`, `format` and `keys`."""
    return ExecSink(settings, around, shape(settings.get("format"), settings.get("keys")))


def _talk(
    process: "subprocess.Popen[bytes]", question: bytes, out: bytearray, err: bytearray
) -> list[threading.Thread]:
    """Write and read at once, so that neither side waits for the other."""
    assert process.stdin
    assert process.stdout
    assert process.stderr
    threads = [
        threading.Thread(target=_feed, args=(process.stdin, question), daemon=True),
        threading.Thread(target=_read, args=(process.stdout, out), daemon=True),
        threading.Thread(target=_read, args=(process.stderr, err), daemon=True),
    ]
    for thread in threads:
        thread.start()
    return threads


def _feed(pipe: IO[bytes], question: bytes) -> None:
    """Write the question; a program that does not read it to its end has its reasons."""
    with suppress(BrokenPipeError), pipe:
        pipe.write(question)


def _read(pipe: IO[bytes], said: bytearray) -> None:
    """Keep what fits, and let go of the rest, so that the program is not held up."""
    with pipe:
        while piece := pipe.read1(2**14):  # type: ignore[attr-defined]
            said += piece[: _MOST + 1 - len(said)]


def _censored(said: bytes, secret: Secret | None) -> str:
    """Write what a program said about an error on one line, without the secret in any form that programs write it."""
    if len(said) > _MOST:
        return "it said too much to be shown"
    text = said.decode(errors="replace")
    if secret:
        text = censored(text, secret)
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= _SHOWN else "… " + line[-_SHOWN:]
