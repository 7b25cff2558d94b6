"""Owns what a suite has to cover and what it has covered, so that a method or command without a test is a failure."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any


@dataclass(slots=True)
class Ledger:
    """Names to cover, and those that were. It only watches: what is tested is not changed."""

    title: str
    noun: str
    wanted: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)

    @property
    def missing(self) -> list[str]:
        """Return what no test has covered."""
        return sorted(self.wanted - self.seen)

    def summary(self) -> str:
        """Say how much was covered."""
        return f"{self.title}: {len(self.wanted & self.seen)} of {len(self.wanted)} {self.noun} covered"


class Methods(Ledger):
    """The public methods and properties of classes, and public functions; covered is what a test itself calls."""

    def __init__(self, title: str, package: str, tests: str) -> None:
        super().__init__(title, "public methods")
        self._package = package
        self._tests = tests
        self._codes: dict[CodeType, list[tuple[type | None, str]]] = {}

    def add(self, things: Iterable[Any]) -> None:
        """Add the public members of classes, with what they inherit within the package, and functions."""
        for thing in things:
            if inspect.isfunction(thing):
                self._enter(thing, None, thing.__name__)
                continue
            for name in dir(thing):
                member = _function(inspect.getattr_static(thing, name))
                if not name.startswith("_") and member is not None and member.__module__.startswith(self._package):
                    self._enter(member, thing, f"{thing.__name__}.{name}")

    def _enter(self, member: Callable[..., Any], owner: type | None, name: str) -> None:
        self.wanted.add(name)
        self._codes.setdefault(member.__code__, []).append((owner, name))

    def watch(self, frame: FrameType, event: str, _argument: object) -> None:
        """Note a call, as ``sys.setprofile`` tells of it, if it comes from a test."""
        if event != "call" or frame.f_code not in self._codes:
            return
        if frame.f_back is None or not frame.f_back.f_code.co_filename.startswith(self._tests):
            return
        first = frame.f_locals[frame.f_code.co_varnames[0]]
        first = first[0] if isinstance(first, tuple) and first else first
        owner = first if isinstance(first, type) else type(first)
        for declared, name in self._codes[frame.f_code]:
            if declared is None or issubclass(owner, declared):
                self.seen.add(name)


def _function(member: Any) -> Any:
    """Return the function behind a method, property or class method, or None."""
    if isinstance(member, property):
        member = member.fget
    if isinstance(member, classmethod | staticmethod):
        member = member.__func__
    return member if inspect.isfunction(member) and not getattr(member, "__isabstractmethod__", False) else None
