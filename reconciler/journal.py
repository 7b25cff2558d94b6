"""The journal: what was about to be done, and what came of it, each line on disk before the next step depends on it.

Only lines are added, and no line holds a secret. What stands after the last checkpoint makes up for the bindings that a
killed run could not write; an open intent is a call whose outcome nobody knows.
"""

import json
import os
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from reconciler import bindings, files, lock
from reconciler.errors import CannotWrite, Outcome, StaleBindings
from reconciler.kinds import parse
from reconciler.lines import whole_lines
from reconciler.model import Address, Binding, Data, Operation, Ref, digest

FORMAT = 1

_CHECKPOINT = b'{"line":"checkpoint"'
_REBUILD = "move the file away, or make a new beginning with `reconciler bindings rebuild`"


@dataclass(frozen=True, slots=True)
class Intent:
    """A call that was about to be made, and whose outcome is not known. `sent` are digests of the fields."""

    intent: str
    key: str
    verb: str
    address: Address
    sent: Mapping[str, str]
    facts: Mapping[str, Data]


@dataclass(frozen=True, slots=True)
class Left:
    """What stands since the last checkpoint: bindings to put, addresses to drop, and open intents.

    `lineage` and `serial` are those of the bindings, where the last run told them.
    """

    bound: Mapping[Address, Binding] = field(default_factory=dict)
    dropped: frozenset[Address] = frozenset()
    open: tuple[Intent, ...] = ()
    lineage: str | None = None
    serial: int | None = None


class Journal:
    """The journal of one run, open to be written by many threads. Who waits together shares one fsync."""

    def __init__(self, file: Path, descriptor: int) -> None:
        self._file = file
        self._descriptor = descriptor
        self._run = uuid.uuid4().hex[:12]
        self._open: dict[str, dict[str, Data]] = {}
        self._closed: set[str] = set()
        self._turn = threading.Condition()
        self._written = self._synced = self._intents = 0
        self._syncing = False
        self._broken: OSError | None = None

    @classmethod
    @contextmanager
    def open(cls, folder: Path, *, environment: str | None, run: Mapping[str, Data]) -> Iterator["Journal"]:
        """Open the journal in `folder` for one run, and say who runs what. A torn last line is dropped first."""
        file = path_of(folder, environment)
        try:
            with files.own(folder) as opened:
                descriptor = opened.open(file.name)
        except OSError as error:
            raise CannotWrite(str(file), files.why(error)) from error
        try:
            journal = cls(file, descriptor)
            journal._begin(run)
            yield journal
        finally:
            os.close(descriptor)

    def intend(self, operation: Operation, **facts: Data) -> str:
        """Record that an operation is about to be carried out, and return the intent's id.

        `facts` add to, or state more exactly, what the operation says.
        """
        with self._turn:
            self._intents += 1
            intent = f"{self._run}-{self._intents}"
        line = {
            "intent": intent,
            "key": operation.key,
            "verb": operation.verb,
            "address": operation.address,
            "id": operation.id,
            "parent": operation.parent,
            "previous": operation.previous,
            "sent": {name: digest(value) for name, value in sorted(operation.fields.items())},
            **facts,
        }
        plain: dict[str, Data] = json.loads(_dump(line))
        with self._turn:
            self._open[intent] = plain
        self._append("intent", plain)
        return intent

    def outcome(self, intent: str, outcome: str, **facts: Data) -> None:
        """Record what came of an intent: done, not done, unknown.

        With `address` and `binding`, the bindings hold that from here on (None: they hold nothing). `error` says in
        words why it is not done.
        """
        self._append("outcome", {"intent": intent, "outcome": Outcome(outcome), **facts})
        if outcome != Outcome.UNKNOWN:
            with self._turn:
                self._open.pop(intent, None)
                self._closed.add(intent)

    def checkpoint(self, *, unsettled: Iterable[Intent] = (), **facts: Data) -> None:
        """Record that the bindings were written. What this run left open stands on, and what is still unsettled."""
        with self._turn:
            earlier = [_form(intent) for intent in unsettled if intent.intent not in self._closed]
            left = [*earlier, *self._open.values()]
        self._append("checkpoint", {"open": left, **facts})

    def _begin(self, run: Mapping[str, Data]) -> None:
        try:
            os.ftruncate(self._descriptor, whole_lines(self._descriptor))
        except OSError as error:
            raise CannotWrite(str(self._file), files.why(error)) from error
        self._append("run", {"format": FORMAT, "run": self._run, "who": lock.person(), **run})

    def _append(self, kind: str, said: Mapping[str, Data]) -> None:
        """Write a line, and return when it is on disk. After a failure nothing more is written: the tail is unsure."""
        when = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = (_dump({"line": kind, "when": when, **said}) + "\n").encode()
        with self._turn:
            self._refuse_if_broken()
            try:
                files.write_all(self._descriptor, line)
            except OSError as error:
                self._broken = error
                self._refuse_if_broken()
            self._written += 1
            mine = self._written
            while self._synced < mine:
                self._refuse_if_broken()
                if self._syncing:
                    self._turn.wait()
                else:
                    self._sync()

    def _sync(self) -> None:
        """Bring to disk what is written so far, while other threads go on writing."""
        self._syncing, upto = True, self._written
        self._turn.release()
        failed: OSError | None = None
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            failed = error
        finally:
            self._turn.acquire()
            self._syncing = False
            self._turn.notify_all()
        if failed:
            self._broken = failed
        else:
            self._synced = upto

    def _refuse_if_broken(self) -> None:
        if self._broken:
            raise CannotWrite(str(self._file), files.why(self._broken)) from self._broken


def path_of(folder: Path, environment: str | None) -> Path:
    """Name the file of an environment."""
    return folder / bindings.named("journal", environment, "jsonl")


def beside(file: Path) -> list[Path]:
    """List the journals of the other environments of a root."""
    return [other for other in sorted(file.parent.glob("journal*.jsonl")) if other.name != file.name]


def replay(file: Path, *, target: str) -> Left:
    """Read what runs on `target` left since the last checkpoint. Changes nothing; a torn last line does not count."""
    try:
        with files.folder(file.parent) as folder:
            content = folder.tail(file.name, _CHECKPOINT)
    except FileNotFoundError:
        return Left()
    except OSError as error:
        raise StaleBindings(str(file), files.why(error)) from error
    found, lines = _Replay(), content.split(b"\n")[:-1]
    for index, line in enumerate(lines):
        try:
            found.read(json.loads(line))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            newer = isinstance(error, _Newer)
            said = "is of a newer version of this program: use that" if newer else f"is damaged; {_REBUILD}"
            what = f"line {len(lines) - index} from its end {said}"
            raise StaleBindings(str(file), what, rebuild=not newer) from error
    return found.left() if found.target in (None, target) else Left()


class _Newer(ValueError):
    """The line is good, for a newer version of this program."""


class _Replay:
    """Sums up lines, in their order."""

    def __init__(self) -> None:
        self._bound: dict[Address, Binding | None] = {}
        self._open: dict[str, Intent] = {}
        self._history: tuple[str | None, int | None] = (None, None)
        self.target: str | None = None

    def read(self, line: dict[str, Data]) -> None:
        """Take one line into account."""
        if line.get("target", self.target) != self.target:
            self._aim(line["target"])
        match line["line"]:
            case "checkpoint":
                self._bound.clear()
                self._open = {each["intent"]: _intent(each) for each in line["open"]}
            case "intent":
                intent = _intent(line)
                self._open[intent.intent] = intent
            case "outcome":
                self._outcome(line)
            case "run":
                if line["format"] > FORMAT:
                    raise _Newer
            case _:
                raise ValueError("no line of a journal")
        if "lineage" in line and "serial" in line:
            self._history = (line["lineage"], line["serial"])

    def _aim(self, target: str) -> None:
        """Forget what was left elsewhere: another service, or another world of the emulator."""
        if self.target is not None:
            self._bound.clear()
            self._open.clear()
            self._history = (None, None)
        self.target = target

    def left(self) -> Left:
        """Sum up."""
        return Left(
            bound={address: binding for address, binding in self._bound.items() if binding},
            dropped=frozenset(address for address, binding in self._bound.items() if not binding),
            open=tuple(self._open.values()),
            lineage=self._history[0],
            serial=self._history[1],
        )

    def _outcome(self, line: dict[str, Data]) -> None:
        outcome, intent = Outcome(line["outcome"]), line["intent"]
        binding = bindings.decode(line["binding"]) if line.get("binding") else None
        if outcome is Outcome.UNKNOWN:
            return
        self._open.pop(intent, None)
        if outcome is Outcome.DONE and "address" in line:
            self._bound[parse(line["address"])] = binding


def _intent(line: dict[str, Data]) -> Intent:
    told = {"line", "when", "intent", "key", "verb", "address", "sent"}
    return Intent(
        intent=line["intent"],
        key=line["key"],
        verb=line["verb"],
        address=parse(line["address"]),
        sent=line["sent"],
        facts={name: value for name, value in line.items() if name not in told},
    )


def _form(intent: Intent) -> dict[str, Data]:
    own = {"intent": intent.intent, "key": intent.key, "verb": intent.verb, "address": intent.address}
    return {**own, "sent": intent.sent, **intent.facts}


def _dump(line: Mapping[str, Data]) -> str:
    return json.dumps(line, separators=(",", ":"), ensure_ascii=False, default=_plain)


def _plain(value: object) -> Data:
    if isinstance(value, Binding):
        return bindings.encode(value)
    if isinstance(value, Address):
        return str(value)
    if isinstance(value, Ref):
        return {"ref": str(value.address) if value.address else value.text}
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"a {type(value).__name__} is never written to the journal")
