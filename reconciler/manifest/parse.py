"""Owns the way from the text of one file to positioned data. Whatever the text, it ends in data or in problems.

Values are made from the events of the YAML parser, so that each guard acts before anything grows: nesting, number of
values, anchors, aliases, merge keys and tags are refused where they begin.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from sys import intern

import yaml
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from reconciler.errors import Place, Problem
from reconciler.manifest.node import Items, Map, key_place
from reconciler.manifest.scalars import Unusable, plain, surprise, unprintable
from reconciler.model import Data

DEEPEST = 64
MOST_VALUES = 1_000_000
MOST_PROBLEMS = 100
_TOO_DEEP = f"nested more than {DEEPEST} levels deep"
_TEMPLATES = "use a template: `templates:` and `extends:`"


@dataclass(slots=True)
class Parsed:
    """What a file says (None: nothing), and what is wrong with it; `stopped` when it could not be read to its end."""

    tree: Map | None = None
    stopped: bool = False
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


_DROPPED = object()
"""Stands for a value that cannot be used; only its spot is kept."""


class _Stop(Exception):
    """The file cannot be read any further."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem


class _Enough(Exception):
    """So much is wrong with the file that it is not read any further."""


def parse(text: str, file: str) -> Parsed:
    """Read the text of one file; `file` is what places call it."""
    parsed = Parsed()
    try:
        parsed.tree = _Reading(text, file, parsed).manifest()
    except _Enough:
        parsed.stopped = True
    except _Stop as stop:
        _give_up(parsed, stop.problem)
    except yaml.MarkedYAMLError as error:
        _give_up(parsed, _malformed(error, file))
    except yaml.YAMLError:
        _give_up(parsed, Problem(Place(file, 1, 1), "not valid YAML"))
    return parsed


def _give_up(parsed: Parsed, problem: Problem) -> None:
    parsed.stopped = True
    parsed.problems = [problem]
    parsed.warnings = []


def _malformed(error: yaml.MarkedYAMLError, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
    said = ", ".join(part for part in (error.context, error.problem) if part)
    if "nesting depth" in said:  # newer libyaml has a limit of its own, and reaches it while it looks ahead
        return Problem(place, _TOO_DEEP)
    hint = "indent with spaces, not tabs" if "\\t" in said else None
    return Problem(place, " ".join(f"not valid YAML: {said}".split()), hint)


def events(text: str) -> Iterator[Event]:
    """Read a text as YAML; raise yaml.YAMLError where it is none."""
    loader = yaml.CLoader if yaml.__with_libyaml__ else yaml.Loader
    return yaml.parse(text, Loader=loader)


def _position(event: Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


class _Reading:
    """A file while it is read: where its events have got to, and how deep and how many values there were."""

    __slots__ = ("depth", "events", "file", "parsed", "values")

    def __init__(self, text: str, file: str, parsed: Parsed) -> None:
        self.events = events(text)
        self.file = file
        self.parsed = parsed
        self.depth = 0
        self.values = 0

    def manifest(self) -> Map | None:
        tree: Map | None = None
        documents = 0
        for event in self.events:
            match event:
                case DocumentStartEvent():
                    documents += 1
                    if documents > 1:
                        raise self.stop(event, "a second document begins here; a file holds one", "use another file")
                case MappingStartEvent():
                    tree = self.value(event)
                case ScalarEvent() if event.tag is None and event.anchor is None and self.scalar(event) is None:
                    pass
                case _ if type(event).__name__.startswith(("Scalar", "Sequence", "Alias")):
                    self.refuse(event)
                    raise self.stop(event, "a manifest is a map that begins with a key such as `projects:`")
                case StreamStartEvent() | StreamEndEvent() | _:
                    pass
        return tree

    def value(self, event: Event) -> Data:
        self.values += 1
        if self.values > MOST_VALUES:
            raise self.stop(event, f"more than {MOST_VALUES:,} values in one file", "spread them over several files")
        self.refuse(event)
        if isinstance(event, ScalarEvent):
            return self.scalar(event)
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.stop(event, _TOO_DEEP)
        made = self.map() if isinstance(event, MappingStartEvent) else self.items()
        self.depth -= 1
        return made

    def map(self) -> Map:
        made = Map()
        spots = made.spots
        for event in self.events:
            if isinstance(event, MappingEndEvent):
                break
            key = self.key(event)
            following = next(self.events)
            value = self.value(following)
            if key is None:
                continue
            spot = (self.file, *_position(event), *_position(following), None)
            if key in spots:
                before = key_place(spots[key])
                self.problem(event, f"`{key}` is already set at {before}")
            else:
                spots[key] = spot
                if value is not _DROPPED:
                    made[key] = value
        return made

    def items(self) -> Items:
        made = Items()
        for event in self.events:
            if isinstance(event, SequenceEndEvent):
                break
            value = self.value(event)
            if value is _DROPPED:
                continue
            made.append(value)
            at = _position(event)
            made.spots.append((self.file, *at, *at, None))
        return made

    def key(self, event: Event) -> str | None:
        self.refuse(event)
        if not isinstance(event, ScalarEvent):
            raise self.stop(event, "a key must be text")
        if event.implicit[0] and event.value == "<<":
            raise self.stop(event, "merge keys are not supported", _TEMPLATES)
        key = self.scalar(event)
        if isinstance(key, str):
            return intern(key)
        if key is not _DROPPED:
            self.problem(event, "a key must be text", f'write "{event.value[:40]}" in quotes' if event.value else None)
        return None

    def scalar(self, event: ScalarEvent) -> Data:
        word = event.value
        if not event.implicit[0]:
            if event.style == '"' and not word.isprintable() and unprintable(word) is not None:
                raise self.stop(event, "a control character, or half of a pair, in a text")
            return word
        try:
            value = plain(word)
        except Unusable as error:
            self.problem(event, str(error))
            return _DROPPED
        if means := surprise(word, value):
            self.warn(event, word, value, means)
        return value

    def warn(self, event: Event, word: str, value: Data, means: str) -> None:
        here = "text" if isinstance(value, str) else "a number"
        what = f"`{word}` is {here} here, but {means} to readers of YAML 1.1"
        hint = f'write "{word}" in quotes' if isinstance(value, str) else None
        if len(self.parsed.warnings) < MOST_PROBLEMS:
            self.parsed.warnings.append(Problem(self.place(event), what, hint, warning=True))

    def refuse(self, event: Event) -> None:
        if isinstance(event, AliasEvent):
            raise self.stop(event, "aliases are not supported", _TEMPLATES)
        if not isinstance(event, (ScalarEvent, CollectionStartEvent)):
            return
        if event.anchor is not None:
            raise self.stop(event, "anchors are not supported", _TEMPLATES)
        if event.tag is not None:
            raise self.stop(event, "tags are not supported", "a value is text, a number, true, false or null")

    def place(self, event: Event) -> Place:
        return Place(self.file, *_position(event))

    def problem(self, event: Event, what: str, hint: str | None = None) -> None:
        self.parsed.problems.append(Problem(self.place(event), what, hint))
        if len(self.parsed.problems) >= MOST_PROBLEMS:
            raise _Enough

    def stop(self, event: Event, what: str, hint: str | None = None) -> _Stop:
        return _Stop(Problem(self.place(event), what, hint))
