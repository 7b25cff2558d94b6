"""The journal read as a record: who did what, when, under which plan, and what came of it.

However long a journal is, one run of it is in memory at a time. What cannot be read is counted, never passed over.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from reconciler import files
from reconciler.errors import CannotRead
from reconciler.journal import path_of
from reconciler.kinds import parse, within
from reconciler.lines import Section
from reconciler.model import Address, Data, Run, Step

_RUN = b'{"line":"run"'


def runs(folder: Path, environment: str | None, *, limit: int | None, address: Address | None = None) -> Iterator[Run]:
    """Read the runs of an environment, the newest last; with `limit`, so many of the newest.

    Raise CannotRead for a journal that cannot be read, or is none that this program would have written.
    """
    file = path_of(folder, environment)
    try:
        with files.folder(file.parent) as opened, opened.sections(file.name, _RUN) as sections:
            found = (section for section in sections if address is None or _read(section, address))
            for section in reversed([*islice(found, limit)]):
                run = _read(section, address)
                if run:
                    yield run
    except FileNotFoundError:
        return
    except OSError as error:
        raise CannotRead(str(file), files.why(error)) from error


def _read(section: Section, address: Address | None) -> Run | None:
    reading = _Reading()
    for line in section.lines():
        try:
            reading.take(json.loads(line))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            reading.run.damaged += 1
    if address is None:
        return reading.run
    steps = [step for step in reading.run.steps if _concerns(step.address, address)]
    return replace(reading.run, steps=steps) if steps else None


class _Reading:
    """Sums up the lines of one run, in their order."""

    def __init__(self) -> None:
        self.run = Run()
        self._calls: dict[str, Step] = {}

    def take(self, line: dict[str, Data]) -> None:
        """Take one line into account; what it adds to the words of other versions is passed over."""
        match line["line"]:
            case "run":
                self._begin(line)
            case "intent":
                given = line.get("object") or line.get("id")
                step = Step(_text(line["verb"]), _text(line["address"]), given and _text(given), _text(line["when"]))
                self._calls[_text(line["intent"])] = step
                self.run.steps.append(step)
            case "outcome":
                self._outcome(line)
            case "checkpoint":
                self._end(line)
            case _:
                raise ValueError("no line of a journal")

    def _begin(self, line: dict[str, Data]) -> None:
        run = self.run
        run.run, run.when, run.who = _text(line["run"]), _text(line["when"]), _text(line["who"])
        run.command = _text(line.get("command", run.command))
        run.caller, run.caller_name = _maybe(line.get("caller")), _maybe(line.get("caller_name"))
        run.plan, run.target = _maybe(line.get("plan")), _maybe(line.get("target"))
        run.serial = line.get("serial")

    def _outcome(self, line: dict[str, Data]) -> None:
        step = self._calls.get(_text(line["intent"]))
        if step is None:
            return
        step.outcome, step.error = _text(line["outcome"]), _maybe(line.get("error"))
        if line.get("binding") and line.get("address") == step.address and step.verb != "delete":
            step.id = _text(line["binding"]["id"])

    def _end(self, line: dict[str, Data]) -> None:
        when, called = _text(line["when"]), {(step.address, step.outcome) for step in self.run.steps}
        self.run.ended, self.run.not_begun = when, int(line.get("not_begun", 0))
        for name, verb in (("bound", "bind"), ("forgotten", "forget")):
            for address, identifier in line.get(name, {}).items():
                if (address, "done") not in called:
                    self.run.steps.append(Step(verb, _text(address), _text(identifier), when, "done"))


def _text(value: Data) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _maybe(value: Data) -> str | None:
    return None if value is None else _text(value)


def _concerns(text: str, address: Address) -> bool:
    try:
        found = parse(text)
    except ValueError:
        return False
    return found == address or within(found, address)
