"""Anything may happen in any order: edits, other people's hands, faults, deaths, losses; I1 to I8 hold all the time.

`CHAOS=N` runs N times as many cases, drawn anew; what fails is printed as the calls that bring it about again.
"""

import dataclasses
import os
import random
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from reconciler.guards import Consents
from reconciler.model import EVERYTHING, Address, Aim
from tests.chaos.declared import Declared
from tests.chaos.people import PATHS, People, naming, where
from tests.chaos.stage import SECTIONS, Death, Ran, Stage
from tests.chaos.strategies import CONSENTS, EDITS, EFFECTS, TROUBLES, TYPES, chosen, edits, there_are
from tests.chaos.truth import Truth, name_of, poisoned_below

if TYPE_CHECKING:
    from reconciler.saved import Opened

pytestmark = pytest.mark.chaos

Trouble = Death | dict[str, Any] | None
OWNER = {"policy": "project", "client": "project", "scope": "client", "credential": "client"}


class Reconciling(RuleBasedStateMachine):
    """The manifests, the service and the disk, and all that can happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.stage, self.declared = Stage(), Declared()
        self.declared.recipient = str(self.stage.identity.to_public())
        self.truth = Truth(self.stage, self.declared)
        self.people = People(self.stage, self.declared, self.truth)
        self.saved: tuple[Opened, Consents] | None = None

    def teardown(self) -> None:
        try:
            if self.declared.wanted and sys.exc_info()[0] is None:
                self.settle()
        finally:
            self.stage.close()

    # What there is to choose from

    def places(self) -> list[tuple[str, str | None]]:
        below = [(kind, owner) for kind in OWNER for owner in self.declared.tokens(OWNER[kind])]
        return [("project", None), *below]

    def tokens(self) -> list[str]:
        return sorted(self.declared.wanted)

    def objects(self) -> list[str]:
        return [token for token in self.tokens() if self.declared.wanted[token].kind in SECTIONS]

    def credentials(self) -> list[str]:
        return self.declared.tokens("credential")

    def fields(self) -> list[tuple[str, str]]:
        return [(token, name) for token in self.tokens() for name in EDITS[self.declared.wanted[token].kind]]

    def moves(self) -> list[tuple[str, str]]:
        wanted = self.declared.wanted
        below = [token for token in wanted if wanted[token].kind in OWNER]
        owners = {token: self.declared.tokens(OWNER[wanted[token].kind]) for token in below}
        return [(token, owner) for token in below for owner in owners[token] if owner != wanted[token].owner]

    # What is done to the manifests

    @initialize(kind=TYPES, credentials=st.integers(0, 2), applied=st.booleans())
    def begin(self, kind: str, credentials: int, applied: bool) -> None:
        self.people.own_something()
        project = self.declared.add("project", None)
        self.declared.add("policy", project)
        one, other = (self.declared.add("client", project) for _ in range(2))
        self.declared.wanted[one].stated["client_type"] = kind
        self.declared.wanted[project].refers = (one,)
        circle = [self.declared.add("scope", client) for client in (one, other)]
        self.declared.wanted[circle[0]].refers, self.declared.wanted[circle[1]].refers = (circle[1],), (circle[0],)
        for _ in range(credentials):
            self.declared.wanted[self.declared.add("credential", one)].stated["rotate_after"] = "90d"
        if applied:
            self.settle()

    @rule(place=chosen("places"))
    def add(self, place: tuple[str, str | None]) -> None:
        self.declared.add(*place)

    @precondition(there_are("tokens"))
    @rule(edit=st.runner().flatmap(edits))
    def edit(self, edit: tuple[str, str, Any]) -> None:
        self.declared.edit(*edit)

    @precondition(there_are("tokens"))
    @rule(token=chosen("tokens"), others=st.lists(chosen("tokens"), max_size=2, unique=True))
    def refer(self, token: str, others: list[str]) -> None:
        kind = {"scope": "scope", "project": "client"}.get(self.declared.wanted[token].kind)
        self.declared.wanted[token].refers = tuple(each for each in others if each in self.declared.tokens(kind or ""))

    @precondition(there_are("tokens"))
    @rule(token=chosen("tokens"), previously=st.booleans())
    def rename(self, token: str, previously: bool) -> None:
        self._call(token, self.declared.wanted[token].owner, previously=previously)

    @precondition(there_are("moves"))
    @rule(move=chosen("moves"), previously=st.booleans())
    def move(self, move: tuple[str, str], previously: bool) -> None:
        self._call(*move, previously=previously)

    @precondition(there_are("tokens"))
    @rule(token=chosen("tokens"), how=st.sampled_from(("gone", "approved", "kept")))
    def remove(self, token: str, how: str) -> None:
        bound = None if self.people.older else self.truth.bound(token)
        if bound and how == "kept":
            kept = [each for each in self.declared.wanted if self._inside(each, bound)]
            self.truth.kept.update(kept)
        gone = self.declared.take_out(token, bound=str(bound) if bound and how != "gone" else None, keep=how == "kept")
        if how == "approved":
            self.truth.approved.update(gone)

    @precondition(there_are("tokens"))
    @rule(token=chosen("objects"))
    def pin_or_unpin(self, token: str) -> None:
        each, rows = self.declared.wanted[token], [*self.truth.rows(token)]
        each.id = rows[0] if len(rows) == 1 and not each.id else None

    @precondition(there_are("tokens"))
    @rule(token=chosen("tokens"), overlaid=st.booleans(), templated=st.booleans())
    def write_otherwise(self, token: str, overlaid: bool, templated: bool) -> None:
        self.declared.wanted[token].overlaid, self.declared.wanted[token].templated = overlaid, templated

    # What happens behind the program's back

    @precondition(there_are("objects"))
    @rule(token=chosen("objects"), word=st.sampled_from(("one", "other")), described=st.booleans())
    def hand_edits(self, token: str, word: str, described: bool) -> None:
        self.people.edit(token, word, described=described)

    @precondition(there_are("tokens"))
    @rule(token=chosen("tokens"))
    def hand_deletes(self, token: str) -> None:
        self.people.delete(token)

    @precondition(there_are("objects"))
    @rule(token=chosen("objects"))
    def hand_makes_another(self, token: str) -> None:
        self.people.make_another(token)

    @precondition(there_are("credentials"))
    @rule(token=chosen("credentials"), how=st.sampled_from(("changed", "gone", "without metadata", "all gone")))
    def tamper(self, token: str, how: str) -> None:
        self.people.tamper(token, how)

    @rule(hours=st.sampled_from((1, 30, 24 * 40, 24 * 100)))
    def pass_time(self, hours: int) -> None:
        self.stage.emulator.clock.advance(hours * 3600)

    # What is lost

    @rule(what=st.sampled_from(("bindings", "journal", "sinks", "both")))
    def lose(self, what: str) -> None:
        site = self.stage.site
        if what in ("bindings", "both"):
            site.bindings.unlink(missing_ok=True)
        if what in ("journal", "both"):
            self.truth.forgetful = True
            site.journal.unlink(missing_ok=True)
        if what == "sinks":
            shutil.rmtree(self.stage.root / "secrets", ignore_errors=True)
        else:
            self.truth.loosen()

    @rule()
    def back_up(self) -> None:
        if self.stage.site.bindings.exists():
            shutil.copy(self.stage.site.bindings, self.stage.place / "backup.json")

    @rule(journal_too=st.booleans())
    def restore(self, journal_too: bool) -> None:
        backup, site = self.stage.place / "backup.json", self.stage.site
        if backup.exists() and site.bindings.exists() and backup.read_bytes() != site.bindings.read_bytes():
            shutil.copy(site.bindings, self.stage.place / "newest.json")
            shutil.copy(backup, site.bindings)
            if journal_too:
                site.journal.unlink(missing_ok=True)
                self.truth.forgetful = True
            self.people.older = not journal_too
            self.truth.loosen()

    # What runs do

    @rule(
        consents=st.sampled_from(("all", "all", "all", "none", "delete")),
        trouble=TROUBLES,
        by_file=st.booleans(),
        twice=st.booleans(),
    )
    def apply(self, consents: str, trouble: Trouble, by_file: bool, twice: bool) -> None:
        self._run(CONSENTS[consents], trouble=trouble, by_file=by_file)
        if twice:
            self._run(CONSENTS[consents])

    @rule(
        effect=st.sampled_from(EFFECTS),
        method=st.sampled_from(("POST", "POST", "PUT", "DELETE", "GET", "*")),
        kind=st.sampled_from((None, *PATHS)),
        times=st.integers(1, 3),
    )
    def apply_with_faults(self, effect: dict[str, Any], method: str, kind: str | None, times: int) -> None:
        if "lists" in effect:
            method = "POST"
        self.stage.emulator.add_fault({**effect, **where(kind), "method": method, "times": times})
        self._run(CONSENTS["all"])
        self.stage.emulator.clear_faults()

    @rule(kind=st.sampled_from(sorted(PATHS)), status=st.sampled_from((403, 500)))
    def apply_while_a_list_fails(self, kind: str, status: int) -> None:
        """Promise 7: of what could not be read nothing is made, replaced or deleted, nor of anything below."""
        self.stage.emulator.add_fault({"status": status, **where(kind, listing=True), "method": "GET", "times": None})
        ran = self._run(CONSENTS["all"])
        if ran.planned and kind in ran.planned.snapshot.poisoned:
            wrong = [change.address for change in ran.planned.plan.changes if poisoned_below(kind, change)]
            assert not wrong or ran.writes == [], f"{kind} could not be read, and {wrong} was carried out"
        self.stage.emulator.clear_faults()

    @precondition(there_are("tokens"))
    @rule(
        targeted=st.lists(chosen("tokens"), max_size=2, unique=True),
        excluded=st.lists(chosen("tokens"), max_size=1),
        trouble=TROUBLES,
    )
    def apply_a_part(self, targeted: list[str], excluded: list[str], trouble: Trouble) -> None:
        named = {token: Address.parse(self.declared.address(token)) for token in (*targeted, *excluded)}
        aim = Aim(tuple(named[each] for each in targeted), tuple(named[each] for each in excluded))
        self._run(CONSENTS["all"], aim=aim, trouble=trouble)

    @precondition(there_are("credentials"))
    @rule(token=chosen("credentials"), revoke=st.booleans(), trouble=TROUBLES)
    def rotate(self, token: str, revoke: bool, trouble: Trouble) -> None:
        aim = Aim(rotate=(Address.parse(self.declared.address(token)),), revoke=revoke)
        self._run(CONSENTS["all"], aim=aim, trouble=trouble)

    @precondition(there_are("objects"))
    @rule(token=chosen("objects"), trouble=TROUBLES)
    def replace(self, token: str, trouble: Trouble) -> None:
        """Make an object anew that could stay."""
        aim = Aim(replace=(Address.parse(self.declared.address(token)),))
        self._run(CONSENTS["all"], aim=aim, trouble=trouble)

    @rule(consents=st.sampled_from(("all", "delete")))
    def save_plan(self, consents: str) -> None:
        ran = self.stage.plan(self.declared, EVERYTHING, CONSENTS[consents])
        if ran.planned:
            opened = self.stage.save(ran.planned, self.declared.write(self.stage.root))
            self.saved = (opened, CONSENTS[consents])

    @precondition(lambda self: self.saved is not None)
    @rule(trouble=TROUBLES)
    def apply_saved_plan(self, trouble: Trouble) -> None:
        assert self.saved is not None
        opened, consents = self.saved
        ran = self.stage.follow(opened, self.declared.write(self.stage.root))
        self._carry_out(ran, consents, trouble)

    @precondition(there_are("objects"))
    @rule(token=chosen("objects"))
    def hand_is_quicker(self, token: str) -> None:
        """What somebody changes after the plan, and longer ago than 30 seconds, is not overwritten, nor deleted."""
        kind = self.declared.wanted[token].kind
        self.declared.edit(token, "word", "two" if self.declared.wanted[token].word == "one" else "one")
        ran = self.stage.plan(self.declared, EVERYTHING, CONSENTS["all"])
        rows, above = self.truth.rows(token), {self.declared.address(each) for each in self.declared.owners(token)}
        if ran.planned is None or ran.refused or kind == "scope":
            return
        if any(change.id and str(change.address) in above and change.fields for change in ran.planned.plan.changes):
            return
        hurried = self.people.hurry(token)
        ran.planned = dataclasses.replace(ran.planned, read_at=ran.planned.read_at - 31)
        told = {each.name for change in ran.planned.plan.changes if change.id in rows for each in change.fields}
        self._carry_out(ran, CONSENTS["all"], None)
        if naming(kind) in told:
            names = {name_of(row) for key, row in self.truth.rows(token).items() if key in rows}
            assert names == {hurried}, "a change that nobody had seen was overwritten"

    @rule(trouble=TROUBLES)
    def destroy(self, trouble: Trouble) -> None:
        """End everything that is bound."""
        self.truth.ending = True
        self._run(CONSENTS["all"], aim=Aim(destroy=True), trouble=trouble)
        self.truth.ending = False

    @rule()
    def settle(self) -> None:
        """I6: without faults one apply brings everything about, once what the program asks people for was done."""
        self.stage.emulator.clear_faults()
        for _ in range(9):
            ran = self.stage.plan(self.declared, EVERYTHING, CONSENTS["all"])
            if not ran.refused:
                break
            self.people.answer(ran)
        assert not ran.refused, f"I6: {ran.error or (ran.planned and ran.planned.plan.refusals)}"
        self.people.clear_sinks()
        ran = self._run(CONSENTS["all"])
        assert ran.well, f"I6: {ran.error or [each for each in ran.events if hasattr(each, 'error')]}"
        again = self.stage.plan(self.declared, EVERYTHING, CONSENTS["all"])
        assert again.planned is not None, f"I6: {again.error}"
        assert again.planned.plan.operations == (), "I6: something is left to do"
        self.truth.settled()

    # How that is done

    def _run(self, consents: Consents, *, aim: Aim = EVERYTHING, trouble: Trouble = None, by_file: bool = False) -> Ran:
        ran = self.stage.plan(self.declared, aim, consents)
        if by_file and ran.planned and not ran.refused:
            overlays = self.declared.write(self.stage.root)
            ran = self.stage.follow(self.stage.save(ran.planned, overlays), overlays)
        return self._carry_out(ran, consents, trouble)

    def _carry_out(self, ran: Ran, consents: Consents, trouble: Trouble) -> Ran:
        if not ran.refused:
            bound = self.truth.before(ran)
            if isinstance(trouble, dict):
                self.stage.emulator.add_fault(trouble)
            self.stage.carry_out(ran, self.truth.look, trouble if isinstance(trouble, Death) else None)
            if isinstance(trouble, dict):
                self.stage.emulator.clear_faults()
            self.truth.after(ran, consents, bound)
        if not self.people.older:
            self.truth.check()
        return ran

    def _call(self, token: str, owner: str | None, *, previously: bool) -> None:
        self.declared.call(token, owner, previously=previously)
        if not previously:
            self.truth.loosen(token)

    def _inside(self, token: str, above: Address) -> bool:
        bound = self.truth.bound(token)
        return bound is not None and bound.path[: len(above.path)] == above.path


def test_machine_holds_its_invariants_whatever_happens() -> None:
    times = int(os.environ.get("CHAOS") or 0)
    chosen_seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**6))
    machine: Any = Reconciling
    if times:
        sys.stdout.write(f"\nSEED={chosen_seed}\n")
        machine = seed(chosen_seed)(Reconciling)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=15 * max(times, 1),
            stateful_step_count=12 if not times else 20,
            derandomize=not times,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
