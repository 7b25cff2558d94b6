"""Owns what a kind of resource is to the emulator: its names on the wire, its fields, and the rules of its own.

A further kind is one module that makes a ``Kind`` and one line in ``routes``; nothing here knows any kind by name.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.emulator.callers import Context
from reconciler.emulator.checks import Check
from reconciler.emulator.errors import invalid
from reconciler.emulator.store import Document
from reconciler.emulator.switches import Switches

Links = Callable[[Document], Iterable[str]]


def always(_switches: Switches) -> bool:
    """Let a PUT change a field."""
    return True


def never(_switches: Switches) -> bool:
    """Let no PUT change a field."""
    return False


@dataclass(frozen=True, slots=True)
class Field:
    """A field that a caller may send; ``mutable`` says whether a PUT may change it."""

    check: Check
    required: bool = False
    default: object = None
    mutable: Callable[[Switches], bool] = always


@dataclass(frozen=True, slots=True)
class Draft:
    """A document about to be stored, what the caller gave of it, and what was stored before (None: a create)."""

    document: Document
    given: Document
    before: Document | None

    def changes(self, *fields: str) -> bool:
        """Say whether one of these fields is given with another value than before."""
        before = self.before or {}
        return any(field in self.given and self.given[field] != before.get(field) for field in fields)


def no_rules(_context: Context, draft: Draft) -> Document:
    """Store a draft as it is."""
    return draft.document


def one(_context: Context, document: Document) -> list[Document]:
    """Make one document of a create."""
    return [document]


def as_stored(_context: Context, document: Document) -> Document:
    """Show a document as it is stored."""
    return document


def freely(_context: Context, _document: Document) -> None:
    """Let a deletion happen and take nothing along."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the table of kinds."""

    name: str
    plural: str
    fields: Mapping[str, Field]
    owner: tuple[str, str] | None = None
    """The field that names the owner, and the owner's kind."""
    second_owner: str | None = None
    """The field that names the owner, of this kind itself, of a document without the first."""
    rules: Callable[[Context, Draft], Document] = no_rules
    """Complete a draft, or refuse it."""
    minted: Callable[[Context, Document], list[Document]] = one
    """Return all documents that one create makes."""
    siblings: Callable[[Context, Document], list[Document]] = lambda _context, _document: []
    """The documents to which an update or a deletion of one happens too."""
    shown: Callable[[Context, Document], Document] = as_stored
    """Add what is derived."""
    before_delete: Callable[[Context, Document], None] = freely
    """Refuse a deletion, or take along what hangs on it."""
    links: Links = lambda _document: ()
    """The ids by which this document is looked up from the other side."""
    key: Callable[[Document], str | None] = lambda _document: None
    """What is unique among all documents, if anything."""

    def parent(self, document: Document) -> str | None:
        """Return the id of the owner."""
        parent: str | None = document[self.owner[0]] if self.owner else None
        return document[self.second_owner] if parent is None and self.second_owner else parent

    def read(self, body: Mapping[str, Any]) -> Document:
        """Read the known fields of a body and pass over the rest.

        Raises:
            ApiError: 400, when a value has the wrong type.
        """
        given = {}
        for name, field in self.fields.items():
            if name in body:
                try:
                    given[name] = field.check(body[name])
                except ValueError as error:
                    raise invalid(f"{self.name}.{name}: expected {error}") from None
        return given

    def defaults(self, given: Document) -> Document:
        """Return what a create leaves out.

        Raises:
            ApiError: 400, when a required field is missing.
        """
        for name, field in self.fields.items():
            if field.required and name not in given:
                raise invalid(f"{self.name}.{name} is required")
        return {name: field.default for name, field in self.fields.items() if not field.required}
