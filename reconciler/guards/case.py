"""What a guard may look at, and what the user has agreed to. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from reconciler.match import Matches
from reconciler.model import EVERYTHING, Action, Address, Aim, Binding, Change, Manifests, Plan, Snapshot

ENDING = (Action.DELETE, Action.REPLACE, Action.RETIRE)


@dataclass(frozen=True, slots=True)
class Consents:
    """What the user has agreed to, each a set of addresses in which `all` stands for every one."""

    delete: frozenset[str] = frozenset()
    replace: frozenset[str] = frozenset()
    create: frozenset[str] = frozenset()
    lockout: frozenset[str] = frozenset()
    adopt: bool = True


@dataclass(frozen=True, slots=True)
class Case:
    """All that a guard may look at."""

    plan: Plan
    manifests: Manifests
    matches: Matches
    snapshot: Snapshot
    bindings: Mapping[Address, Binding]
    consents: Consents
    aim: Aim = EVERYTHING

    def ending(self) -> Iterator[Change]:
        """Iterate over the changes that end an object: it is deleted, replaced, or was replaced before."""
        return (change for change in self.plan.changes if change.action in ENDING)


def spoken(consents: Consents, aim: Aim) -> Consents:
    """Add what is agreed to by asking for it: replacements by name, and with the end of everything all deletions."""
    named = frozenset(str(address) for address in aim.replace)
    everything = frozenset({"all"} if aim.destroy and not aim.partial else ())
    return replace(consents, replace=consents.replace | named, delete=consents.delete | everything)


def agreed(address: Address, consents: frozenset[str]) -> bool:
    """Tell whether a consent holds for an address."""
    return "all" in consents or str(address) in consents
