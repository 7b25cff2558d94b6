"""Random manifests, kept flat: each resource under a token that its name holds for ever, whatever is done to it.

So an object of the service says which resource it was made for, without asking the program that made it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.kinds import KINDS

ABSENT = "(absent)"
"""In the place of a value: the field is not stated."""

CALLER = "rosalind@globusid.org"
_FIRST: dict[str, dict[str, Any]] = {
    "project": {"contact_email": "a@b.org"},
    "policy": {"description": "one"},
    "client": {"client_type": "resource_server"},
    "scope": {"description": "one"},
    "credential": {"sink": "file"},
}
_NAMES = {"project": "display_name", "policy": "display_name", "client": "name", "scope": "name"}


@dataclass
class Wanted:
    """One resource as the manifests state it. `stated` are its fields; references are tokens."""

    kind: str
    key: str
    owner: str | None
    stated: dict[str, Any]
    word: str = "one"
    refers: tuple[str, ...] = ()
    previously: list[str] = field(default_factory=list)
    id: str | None = None
    overlaid: bool = False
    templated: bool = False


@dataclass
class Declared:
    """All resources by token, the deletions that are approved, and how often something was named."""

    wanted: dict[str, Wanted] = field(default_factory=dict)
    removed: dict[str, bool] = field(default_factory=dict)
    count: int = 0
    recipient: str = ""

    def add(self, kind: str, owner: str | None) -> str:
        """State a new resource; return its token, which is its key too."""
        token = f"{kind[:2]}{self._next()}"
        self.wanted[token] = Wanted(kind, token, owner, dict(_FIRST[kind]))
        return token

    def edit(self, token: str, name: str, value: Any) -> None:
        """State another value of a field, or none."""
        each = self.wanted[token]
        if name == "word":
            each.word = value
        elif value == ABSENT:
            each.stated.pop(name, None)
        else:
            each.stated[name] = value

    def call(self, token: str, owner: str | None, *, previously: bool) -> None:
        """Give a resource another key, and perhaps another owner."""
        each, before = self.wanted[token], self.address(token)
        each.key, each.owner = f"{token}x{self._next()}", owner
        if previously:
            each.previously.append(before)

    def take_out(self, token: str, *, bound: str | None, keep: bool) -> list[str]:
        """Leave out a resource with all below; approve that what it is bound as goes, or is kept; return the tokens."""
        if bound:
            self.removed[bound] = keep
        gone = [each for each in self.wanted if each == token or token in self.owners(each)]
        for each in gone:
            del self.wanted[each]
        return gone

    def owners(self, token: str) -> Iterator[str]:
        """Name what is above a resource, nearest first."""
        above = self.wanted[token].owner
        while above is not None:
            yield above
            above = self.wanted[above].owner

    def address(self, token: str) -> str:
        """Write the address that a resource has now."""
        keys = [self.wanted[each].key for each in (token, *self.owners(token))]
        return "/".join((self.wanted[token].kind, *reversed(keys)))

    def tokens(self, kind: str) -> list[str]:
        """List the resources of a kind."""
        return [token for token, each in self.wanted.items() if each.kind == kind]

    def name(self, token: str) -> str:
        """Name the object of a resource, as its owner's list shows it."""
        each = self.wanted[token]
        return token if each.kind == "credential" else f"{token} {each.word}"

    def sink(self, token: str) -> str:
        """Say where the secret of a credential goes."""
        kind = self.wanted[token].stated["sink"]
        return f"secrets/{token}.{'json' if kind == 'file' else kind}"

    def write(self, folder: Path) -> list[Path]:
        """Write the manifests and return the overlays: some fields stand in one, some in a template."""
        base, over = _Tree(), _Tree()
        for token, each in self.wanted.items():
            form = self._form(token, each)
            if each.overlaid:
                over.put(self._path(token), form)
                form = {} if each.kind == "credential" else _needed(form)
            base.put(self._path(token), form)
        removed = [{"address": address, "keep": keep} for address, keep in self.removed.items()]
        templates = {"clients": {"shown": {"visibility": "public"}}}
        head = {"version": 1, "templates": templates, "removed": removed}
        (folder / "all.yaml").write_text(json.dumps({**head, **base.root}, indent=1))
        overlay = folder / "over.overlay.yaml"
        overlay.write_text(json.dumps({"version": 1, **over.root}, indent=1))
        return [overlay] if over.root else []

    def _path(self, token: str) -> list[str]:
        chain = [*reversed([*self.owners(token)]), token]
        return [part for each in chain for part in (KINDS[self.wanted[each].kind].section, self.wanted[each].key)]

    def _form(self, token: str, each: Wanted) -> dict[str, Any]:
        form = dict(each.stated)
        if each.kind == "credential":
            form |= {"name": token, "sink": self._sink_form(token)}
        else:
            form[_NAMES[each.kind]] = self.name(token)
        there = [other for other in each.refers if other in self.wanted]
        if each.kind == "project":
            form["admin_ids"] = [CALLER, *map(self.address, there)]
        if each.kind == "scope" and each.refers:
            top = [*self.owners(token)][-1]
            form["dependent_scopes"] = [self.address(other) for other in there if top in self.owners(other)]
        if each.templated and each.kind == "client" and "visibility" not in form:
            form["extends"] = "shown"
        return {**form, **({"id": each.id} if each.id else {}), **self._formerly(each)}

    def _formerly(self, each: Wanted) -> dict[str, Any]:
        return {"previously": each.previously} if each.previously else {}

    def _sink_form(self, token: str) -> dict[str, Any]:
        path = self.sink(token)
        match self.wanted[token].stated["sink"]:
            case "age":
                return {"age": {"path": path, "recipients": [self.recipient]}}
            case "env":
                return {"file": {"path": path, "format": "env"}}
            case _:
                return {"file": {"path": path}}

    def _next(self) -> int:
        self.count += 1
        return self.count


def _needed(form: dict[str, Any]) -> dict[str, Any]:
    """Keep in the base what stands for a template or a reference to before; the overlay says the rest."""
    return {name: value for name, value in form.items() if name in ("extends", "previously")}


class _Tree:
    """Nested maps."""

    def __init__(self) -> None:
        self.root: dict[str, Any] = {}

    def put(self, path: list[str], form: dict[str, Any]) -> None:
        part = self.root
        for key in path:
            part = part.setdefault(key, {})
        part.update(form)
