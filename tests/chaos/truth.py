"""What must hold whatever happens, judged by the service's own records and the tokens in names, never by the program.

`apart` are objects that are not the program's to touch, as they are. `loose` are resources that the bindings may not
know: found by their names only, so that a new name makes them strangers. `delivered` are the secrets that the sink of a
credential has held, in their order.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from reconciler import bindings, pipeline
from reconciler.guards import Consents
from reconciler.kinds import lineage
from reconciler.model import Action, Address, Binding, Change
from tests.chaos.declared import Declared
from tests.chaos.stage import Ran, Stage, sha256

Row = dict[str, Any]
PARENT = {"project": "", "policy": "project_id", "client": "project", "scope": "client", "credential": "client"}


def name_of(row: Row) -> str:
    """Give what an object is called."""
    return str(row.get("display_name") or row["name"])


def token_of(row: Row) -> str:
    """Give the token of the resource that an object was made for."""
    return name_of(row).split()[0].partition("#")[0]


def _key(kind: str, row: Row) -> tuple[str, Any]:
    """Give what an object is recognised by when nothing else is known of it, and whether we could own it."""
    return name_of(row), (row.get("admin_ids") or [None])[0] if kind == "project" else row.get(PARENT[kind])


def _own(row: Row | None) -> Row | None:
    """Leave out what changes with other objects: a scope that is gone is dropped by those that depend on it."""
    return row and {name: value for name, value in row.items() if name != "dependent_scopes"}


@dataclass
class Truth:
    """What is known without asking the program."""

    stage: Stage
    declared: Declared
    apart: dict[str, Row] = field(default_factory=dict)
    known: dict[str, tuple[str, str]] = field(default_factory=dict)
    loose: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    approved: set[str] = field(default_factory=set)
    delivered: dict[str, list[dict[str, str]]] = field(default_factory=lambda: defaultdict(list))
    struck_off: list[dict[str, str]] = field(default_factory=list)
    ending: bool = False
    forgetful: bool = False
    doubtful: set[str] = field(default_factory=set)
    mistakable: set[str] = field(default_factory=set)

    def rows(self, token: str) -> dict[str, Row]:
        """Find the objects that were made for a resource, without those that are not the program's."""
        kind = self.declared.wanted[token].kind
        return {
            key: row for key, row in self._world()[kind].items() if token_of(row) == token and key not in self.apart
        }

    def entries(self) -> dict[Address, Binding]:
        """Read the bindings, with what the journal adds."""
        return dict(pipeline.state(self.stage.site).entries)

    def bound(self, token: str) -> Address | None:
        """Find the address that a resource is bound under, by what its object is called."""
        kind = self.declared.wanted[token].kind
        world = self._world()[kind]
        for address, binding in self.entries().items():
            if address.kind == kind and binding.id in world and token_of(world[binding.id]) == token:
                return address
        return None

    def set_apart(self, *kinds_and_ids: tuple[str, str]) -> None:
        """Take objects for nobody's of ours from now on."""
        world = self._world()
        for kind, identifier in kinds_and_ids:
            self.apart[identifier] = world[kind][identifier]

    def accept(self) -> None:
        """Take for granted what other people have just done."""
        there = {key: row for rows in self._world().values() for key, row in rows.items()}
        self.apart = {key: there[key] for key in self.apart if key in there}
        for token in self.delivered:
            self._strike_off(token)

    def loosen(self, token: str | None = None) -> None:
        """Note that the bindings may not know a resource with all below, or any at all."""
        self.loose |= {each for each in self.declared.wanted if token in (None, each, *self.declared.owners(each))}
        self.loose |= self.known_tokens() if token is None else set()

    def look(self) -> None:
        """I3, at every moment: one of the last two secrets that were delivered works."""
        world = self._world()
        for kind, rows in world.items():
            self.known |= {key: (kind, token_of(row)) for key, row in rows.items()}
        live = {row["hash"] for row in world["credential"].values()}
        for token in self.declared.tokens("credential"):
            held, before = self.stage.held(self.declared.sink(token)), self.delivered[token]
            if held and held.get("client_secret") and held not in [*before, *self.struck_off]:
                before.append(held)
            excused = self.ending or {token, *self.declared.owners(token)} & self.doubtful
            works = [each for each in before[-2:] if sha256(each["client_secret"]) in live]
            assert works or not before or excused, f"I3: no secret that {token} has delivered works"
            if excused:
                self._strike_off(token)

    def check(self) -> None:
        """I1 to I5, between any two steps."""
        self.look()
        world, state = self._world(), pipeline.state(self.stage.site)
        bindings.read(self.stage.site.bindings, target=self.stage.site.target, environment=None)
        there = {key: row for rows in world.values() for key, row in rows.items()}
        for key, row in self.apart.items():
            assert _own(there.get(key)) == _own(row), (
                f"I2: {name_of(row)} is not the program's, and was changed or deleted"
            )
        leaving = {each for binding in state.entries.values() for each in binding.predecessors}
        accounted = leaving | {binding.id for binding in state.entries.values()}
        for token, each in self.declared.wanted.items():
            if each.kind == "credential":
                self._generations(token, world, len(state.undelivered()))
                continue
            rows = self.rows(token)
            goes_along = {key for key, row in rows.items() if row.get(PARENT[each.kind]) in leaving}
            stray = [key for key in rows if key not in accounted | goes_along]
            pending = sum(each.address.kind == self.declared.wanted[token].kind for each in state.unanswered())
            most = pending + (0 if len(rows) > len(stray) else 1)
            assert len(stray) <= most or token in self.loose, f"I1: {token} is there {len(rows)} times"
        for where, text in self.stage.texts():
            for secret in self.stage.wire.secrets:
                assert secret not in text, f"I4: a secret stands in {where}"
        left = [file.name for file in self.stage.place.rglob("*.tmp.*")]
        assert left == [], f"I7: {left} are left over"

    def before(self, ran: Ran) -> dict[str, Binding]:
        """Note what a run may touch, before it begins."""
        assert ran.planned is not None
        self.doubtful = {token for token in self.declared.wanted if self._doubtful(token)}
        for change in ran.planned.plan.changes:
            if change.action is Action.ADOPT and change.id:
                self._adopted(change.address.kind, change.id)
        return {each: binding for binding in self.entries().values() for each in (binding.id, *binding.predecessors)}

    def after(self, ran: Ran, consents: Consents, was_bound: dict[str, Binding]) -> None:
        """I7: nothing was deleted but what was consented to. What was lost track of is apart from now on."""
        predecessors = {each for binding in was_bound.values() for each in binding.predecessors}
        for method, path in ran.writes:
            identifier = path.rpartition("/")[2]
            assert identifier not in self.apart, f"I2: {method} {path}, which was not the program's to touch"
            if method == "DELETE" and identifier in self.known:
                kind, token = self.known[identifier]
                self._consented(kind, token, consents, superseded=identifier in predecessors)
        now = {each for binding in self.entries().values() for each in (binding.id, *binding.predecessors)}
        self.mistakable |= self.doubtful
        for token in self.mistakable & set(self.declared.wanted) if ran.well else ():
            kind, rows = self.declared.wanted[token].kind, self.rows(token)
            if kind != "credential" and rows.keys() & now:
                self.set_apart(*((kind, key) for key in rows if key not in now))
        self.doubtful = set()

    def settled(self) -> None:
        """I6, after an apply without faults: each resource is there once, bound, and what it delivered works."""
        entries, world = self.entries(), self._world()
        for token, each in self.declared.wanted.items():
            binding = entries[Address.parse(self.declared.address(token))]
            if each.kind != "credential":
                assert [*self.rows(token)] == [binding.id], f"I1: {token} is {[*self.rows(token)]}, not {binding.id}"
                assert name_of(world[each.kind][binding.id]) == self.declared.name(token)
                continue
            held = self.stage.held(self.declared.sink(token))
            assert held is not None, f"I3: the sink of {token} is empty"
            assert held.get("credential_id", binding.id) == binding.id
            assert binding.id in world["credential"], f"I3: what {token} has delivered is not live"
            assert self.stage.authenticates(held), f"I3: what {token} has delivered does not work"
            self._generations(token, world, -1)
        for kind, rows in world.items():
            for key, row in rows.items():
                token = token_of(row)
                if token in self.kept and not any(binding.id == key for binding in entries.values()):
                    self.set_apart((kind, key))
                if kind == "credential" and "#" in row["name"] and token in self.declared.wanted:
                    known = {sha256(each["client_secret"]) for each in self.delivered[token]}
                    excused = self.forgetful or token in self.loose
                    assert row["hash"] in known or excused, f"I3: a secret of {token} is live that nobody was given"
                if key not in self.apart and not self._expected(kind, token, row):
                    assert token in self.loose, f"I6: {kind} {token} was left behind"
                    self.set_apart((kind, key))
        self.loose.clear()
        self.mistakable.clear()
        self.forgetful = False

    def _expected(self, kind: str, token: str, row: Row) -> bool:
        """Tell whether an object is what a resource wants, or was never ours."""
        if token not in self.declared.wanted:
            return token not in self.known_tokens()
        return kind != "credential" or row["client"] in self.rows(self.declared.wanted[token].owner or "")

    def known_tokens(self) -> set[str]:
        """Name every resource that was ever there."""
        return {token for _, token in self.known.values() if token[2:].isdigit()}

    def _world(self) -> dict[str, dict[str, Row]]:
        return self.stage.world()

    def _strike_off(self, token: str) -> None:
        """Expect no more of secrets that have ended otherwise than by the program's care."""
        live = {row["hash"] for row in self._world()["credential"].values()}
        ended = [each for each in self.delivered[token] if sha256(each["client_secret"]) not in live]
        self.struck_off += ended
        self.delivered[token] = [each for each in self.delivered[token] if each not in ended]

    def _doubtful(self, token: str) -> bool:
        """Tell whether a resource is found by its name alone, and has another, or one that something else has too."""
        each = self.declared.wanted[token]
        if token not in self.loose or each.id:
            return False
        if any(above in self.loose and self._doubtful(above) for above in self.declared.owners(token)):
            return True
        world, rows = self._world()[each.kind], self.rows(token)
        if each.kind == "scope":
            return not any(row["scope_string"].endswith(f"/{each.key}") for row in rows.values())
        namesakes = [row for row in world.values() if name_of(row) == self.declared.name(token)]
        parents = {row.get(PARENT[each.kind]) for row in rows.values()}
        above = [*self.rows(each.owner)] if each.owner else [None]
        return len(namesakes) != 1 or len(rows) != 1 or not parents <= {*above}

    def _adopted(self, kind: str, identifier: str) -> None:
        """See that nothing else could be meant than what is adopted, and that its resource has no object yet."""
        row, world = self._world()[kind][identifier], self._world()[kind]
        token = token_of(row)
        if self.declared.wanted[token].id is None and kind != "scope":
            bound = {binding.id for binding in self.entries().values()}
            alike = [key for key, other in world.items() if _key(kind, other) == _key(kind, row) and key not in bound]
            assert alike == [identifier], f"I1: {token} could be any of {alike}, and one was taken"
        if identifier in self.apart:
            assert not self.rows(token) or token in self.doubtful, f"I1: {token} would be {identifier} too"
            del self.apart[identifier]

    def _consented(self, kind: str, token: str, consents: Consents, *, superseded: bool) -> None:
        wanted = token in self.declared.wanted
        if self.ending or superseded or (kind == "credential" and wanted):
            return
        assert token not in self.kept, f"I7: {token} was to be kept"
        if wanted and token not in self.doubtful:
            assert consents.replace, f"I7: nobody agreed to replace {token}"
        else:
            assert consents.delete or token in self.approved, f"I7: nobody agreed to delete {token}"

    def _generations(self, token: str, world: dict[str, dict[str, Row]], open_marks: int) -> None:
        """Count what is live of a credential: two, three while one is delivered, and what is known to be lost."""
        live: dict[str, int] = defaultdict(int)
        for row in world["credential"].values():
            live[row["client"]] += row["name"].startswith(f"{token}#")
        most = max(live.values(), default=0)
        assert most <= 3 + open_marks or self.forgetful, f"I3: {most} generations of {token} are live"


def poisoned_below(kind: str, change: Change) -> bool:
    """Tell whether a change is of a kind, or stands below one, that could not be read."""
    making = (Action.CREATE, Action.REPLACE, Action.DELETE, Action.ROTATE, Action.RETIRE)
    return change.action in making and kind in lineage(change.address.kind)
