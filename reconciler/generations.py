"""The life of a credential: when its secret is due for a successor, and when the older ones have had their time. Pure.

At most one older generation is kept beside the newest, and none ends before the newest was delivered.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from reconciler.kinds import lineage, overlap, owner, span
from reconciler.match import Matches
from reconciler.model import Action, Address, Aim, Live, Manifests, Resource, Snapshot, Upcoming


@dataclass(frozen=True, slots=True)
class Life:
    """What becomes of the generations of one credential: `rotate` says why a new one is made, if it is."""

    rotate: str | None = None
    first: bool = False
    """Whether it has no generation yet."""
    retired: tuple[tuple[Live, str], ...] = ()
    spared: tuple[Live, ...] = ()
    """Those whose time is over, and which this run may be using itself."""
    upcoming: tuple[Upcoming, ...] = ()


@dataclass(frozen=True, slots=True)
class Generations:
    """The generations of one credential: the `current` one, whose secret its sink holds; others, newest first."""

    current: Live | None
    others: tuple[Live, ...] = ()


def decide(
    manifests: Manifests, matches: Matches, snapshot: Snapshot, aim: Aim, *, ending: Container[str]
) -> dict[Address, Life]:
    """Decide for each credential with a sink whose client is there. `ending` are ids that end for another reason."""
    ids = matches.ids()
    taken = {*ids.values(), *(leftover.id for leftover in matches.leftovers.values()), *matches.elsewhere}
    decided = {}
    for address, resource in manifests.resources.items():
        above = owner(address)
        if resource.settings.get("sink") and above in ids:
            busy = {each for each in taken if each != ids.get(address)}
            found = generations(resource, matches.found[address].live, client=ids[above], taken=busy, snapshot=snapshot)
            others = tuple(live for live in found.others if live.id not in ending)
            decided[address] = life(resource, Generations(found.current, others), snapshot=snapshot, aim=aim)
    return decided


def unmade(lives: Mapping[Address, Life], aim: Aim) -> Address | None:
    """Name a credential that is to be rotated and was never made."""
    return next((address for address in aim.rotate if address not in lives or lives[address].first), None)


def generations(
    resource: Resource, current: Live | None, *, client: str | None, taken: Container[str], snapshot: Snapshot
) -> Generations:
    """Collect the generations of a credential. `taken` are the ids of what is managed elsewhere, or otherwise."""
    names = {resource.fields["name"], *([_name(current)] if current else [])}
    found = [
        live
        for live in snapshot.each(resource.address.kind)
        if live.parent == client and live.id not in taken and "#" in live.fields["name"] and _name(live) in names
    ]
    others = sorted((live for live in found if live != current), key=created, reverse=True)
    return Generations(current, tuple(others))


def life(resource: Resource, found: Generations, *, snapshot: Snapshot, aim: Aim) -> Life:
    """Decide what becomes of the generations of one credential with a sink."""
    if any(kind in snapshot.poisoned for kind in lineage(resource.address.kind)):
        return Life()
    current, others = found.current, found.others
    rotate = _due(resource, current, snapshot.now, aim) if current else None
    newest_is_new = current is None or rotate is not None
    older = [*([current] if current and rotate else []), *others]
    began = snapshot.now if current is None or rotate else created(current)
    leave = began + overlap(resource.settings)
    ended = _ended(older, aim, resource.address, over=not newest_is_new and snapshot.now >= leave)
    spared = tuple(live for live, _ in ended if may_be_in_use(live, snapshot, aim))
    ending = {live.id for live, _ in ended}
    return Life(
        rotate=rotate,
        first=current is None and not others,
        retired=tuple(each for each in ended if each[0] not in spared),
        spared=spared,
        upcoming=(
            *_next_rotation(resource, began, current, rotate),
            *(Upcoming(resource.address, Action.RETIRE, live.id, leave) for live in older if live.id not in ending),
        ),
    )


def may_be_in_use(live: Live, snapshot: Snapshot, aim: Aim) -> bool:
    """Tell whether this run may be using a credential: one of its own client, unless it is known to use a newer one."""
    if live.parent != snapshot.caller:
        return False
    used = snapshot.find(live.kind, aim.in_use) if aim.in_use else None
    return used is None or used.id == live.id or used.parent != live.parent or created(used) < created(live)


def created(live: Live) -> datetime:
    """Tell when the service made a credential."""
    when = datetime.fromisoformat(live.attributes["created"])
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _name(live: Live) -> str:
    return str(live.fields["name"]).rpartition("#")[0]


def _due(resource: Resource, current: Live, now: datetime, aim: Aim) -> str | None:
    if resource.address in aim.rotate:
        return "it was asked for"
    age = resource.settings.get("rotate_after")
    if age and now - created(current) >= span(age):
        return f"its secret is of {created(current):%Y-%m-%d}, and is to be replaced after {age}"
    return None


def _ended(older: Sequence[Live], aim: Aim, address: Address, *, over: bool) -> list[tuple[Live, str]]:
    """List what ends, and why."""
    if aim.revoke and address in aim.rotate:
        return [(live, "it was asked for: its secret is known to others") for live in older]
    if over:
        return [(live, "its time beside its successor is over") for live in older]
    return [(live, "one earlier generation is kept, and there is a newer one") for live in older[1:]]


def _next_rotation(resource: Resource, began: datetime, current: Live | None, rotate: str | None) -> list[Upcoming]:
    age = resource.settings.get("rotate_after")
    if not age:
        return []
    identifier = current.id if current and not rotate else None
    return [Upcoming(resource.address, Action.ROTATE, identifier, began + span(age))]
