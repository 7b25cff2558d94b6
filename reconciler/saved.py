"""Saved plans: written to a file, read back, and matched again with manifests, bindings and service before an apply.

Whatever does not hold is found before the first call that writes; what can be told without the service, before any
call at all.
"""

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from reconciler import files, live
from reconciler.auth import AuthClient
from reconciler.errors import CannotRead, CannotWrite, StalePlan
from reconciler.generations import may_be_in_use
from reconciler.kinds import KINDS, lineage
from reconciler.manifest import fits
from reconciler.match.recovery import recovered
from reconciler.model import Address, Aim, Binding, Manifests, Operation, Plan, Snapshot, Undelivered, Verb, digest
from reconciler.pipeline import Planned
from reconciler.plan.remainder import Remainder, remainder
from reconciler.plan.saved import NotAPlan, Origin, Saved, is_plan, objection, read, stamp, write
from reconciler.remote import Reader
from reconciler.sinks import Sink
from reconciler.state import Site, State, others, state
from reconciler.survey import sinks_of

__all__ = [
    "Opened",
    "Saved",
    "belongs",
    "follow",
    "made_from",
    "open_plan",
    "outdated",
    "save",
    "seal",
    "sought",
    "stamp",
    "write",
]

_NAME = "globus-auth-reconciler"
_BEGINNING = 4096
"""So much of a file tells whether it is a plan."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A saved plan, and the file that it stands in."""

    file: Path
    saved: Saved

    def refuse(self, what: str) -> StalePlan:
        """Make the error that says what does not hold."""
        return StalePlan(str(self.file), what)


def seal(
    planned: Planned, root: Path, paths: Sequence[Path], overlays: Sequence[Path], *, lifetime: timedelta
) -> Saved:
    """Add to a plan what it was made from, and when; it holds for `lifetime` from now on."""
    here, stored = Path.cwd(), planned.state.stored
    origin = Origin(
        caller=planned.snapshot.caller,
        root=_relative(root, here),
        paths=tuple(_relative(here / path, root) for path in paths or [Path()]),
        overlays=tuple(_relative(here / path, root) for path in overlays),
        lineage=stored.lineage if stored.serial else None,
        serial=stored.serial,
    )
    made = datetime.now(UTC).replace(microsecond=0)
    return Saved(planned.plan, origin, made, made + lifetime, version(_NAME))


def save(saved: Saved, file: Path) -> None:
    """Write a plan so that its file is closed to everybody else, and never half there; replace nothing but a plan."""
    try:
        with files.folder(file.parent) as folder:
            before = folder.read(file.name, private=True)
            if before and not is_plan(before[:_BEGINNING]):
                raise CannotWrite(str(file), "is there already, and no saved plan; name another file")
            folder.write(file.name, write(saved).encode(), private=True)
    except OSError as error:
        raise CannotWrite(str(file), files.why(error)) from error


def sought(path: Path) -> bool:
    """Tell whether a path is a file that holds a saved plan, by what stands in it."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as opened:
            return is_plan(opened.read(_BEGINNING))
    except OSError:
        return False


def open_plan(file: Path) -> Opened:
    """Read a saved plan; raise StalePlan when it was altered, or cannot be read by this program."""
    try:
        with files.folder(file.parent) as folder:
            content = folder.read(file.name)
    except FileNotFoundError:
        content = None
    except OSError as error:
        raise StalePlan(str(file), files.why(error)) from error
    if content is None:
        raise CannotRead(str(file), "there is no such file")
    try:
        return Opened(file, read(content, fits=lambda document: fits("plan", document)))
    except NotAPlan as error:
        raise StalePlan(str(file), str(error)) from None


def outdated(opened: Opened) -> str | None:
    """Say why a plan does not hold any more, as far as it tells by itself."""
    return objection(opened.saved, now=datetime.now(UTC), version=version(_NAME))


def made_from(opened: Opened) -> tuple[list[Path], list[Path]]:
    """Name the manifests and overlays to load again; raise StalePlan when the plan no longer holds by itself."""
    saved, why = opened.saved, outdated(opened)
    if why:
        raise opened.refuse(why)
    root = Path(saved.origin.root)
    if not root.is_dir():
        raise opened.refuse(f"was made of the folder {root}, which is not here; apply it where that is")
    return [root / each for each in saved.origin.paths], [root / each for each in saved.origin.overlays]


def belongs(opened: Opened, manifests: Manifests, site: Site) -> None:
    """Raise StalePlan unless the manifests, the environment and the target are those of the plan. Makes no call."""
    plan = opened.saved.plan
    if manifests.environment != plan.environment:
        theirs, ours = (name or "no environment" for name in (plan.environment, manifests.environment))
        raise opened.refuse(f"is for {theirs}, and the manifests are for {ours}; plan again")
    if manifests.digest != plan.manifests:
        raise opened.refuse("was made from other manifests than these: they have changed since; plan again")
    if site.target != plan.target:
        raise opened.refuse(f"is for {plan.target}, not for {site.target}: name that target, or plan again")


def follow(
    opened: Opened, manifests: Manifests, client: AuthClient, site: Site, *, parallelism: int, in_use: str | None = None
) -> Planned:
    """Find what is left of a saved plan; raise StalePlan when it does not hold any more. Nothing here can write.

    `in_use` is the credential that this run uses, where that is known.
    """
    belongs(opened, manifests, site)
    known = _bindings(opened, site)
    plan, undelivered = opened.saved.plan, known.undelivered()
    started = time.monotonic()
    snapshot = _observe(Reader(client), plan, known, undelivered, parallelism=parallelism)
    _comparable(opened, snapshot)
    sinks = sinks_of(manifests)
    entries = {**known.entries, **recovered(known.unanswered(), snapshot, known.entries, others(site))}
    entries |= _arrived(undelivered, snapshot, sinks, manifests)
    left = remainder(plan, snapshot, entries, undelivered)
    if left.stale:
        raise opened.refuse(_stale(left))
    if ours := _own(left.operations, snapshot, undelivered, Aim(in_use=in_use)):
        raise opened.refuse(f"revokes {ours}, which this run may be using itself; apply it with a newer credential")
    rest = replace(plan, operations=left.operations)
    return Planned(rest, replace(known, entries=entries), snapshot, sinks, started, made=left.made)


def _own(
    operations: Iterable[Operation], snapshot: Snapshot, undelivered: Iterable[Undelivered], aim: Aim
) -> str | None:
    """Name a credential that a plan revokes, and that this run may be using: nobody uses what was never delivered."""
    lost = {each.mark for each in undelivered}
    for each in operations:
        live = snapshot.find(each.address.kind, each.id or "")
        if live is None or each.verb is not Verb.DELETE or not KINDS[live.kind].secret:
            continue
        if str(live.fields["name"]).rpartition("#")[2] not in lost and may_be_in_use(live, snapshot, aim):
            return live.id
    return None


def _bindings(opened: Opened, site: Site) -> State:
    """Read the bindings; they may be newer than those that the plan was made from, but not older or others."""
    known, origin = state(site), opened.saved.origin
    stored = known.stored
    if origin.lineage is None:
        return known
    if not stored.serial:
        raise opened.refuse(f"was made from bindings (serial {origin.serial}) that are not here, {site.bindings}")
    if stored.lineage != origin.lineage:
        raise opened.refuse(f"was made from bindings of another history ({origin.lineage}) than {site.bindings}")
    if stored.serial < origin.serial:
        what = f"was made from newer bindings (serial {origin.serial}) than {site.bindings} (serial {stored.serial})"
        raise opened.refuse(f"{what}; get those, or plan again")
    return known


def _observe(
    reader: Reader, plan: Plan, known: State, undelivered: Iterable[Undelivered], *, parallelism: int
) -> Snapshot:
    """Read again all that the plan rests on, as planning does."""
    with ThreadPoolExecutor(1) as pool:
        caller = pool.submit(reader.caller)
        expected = _expected(plan, known.entries)
        snapshot = live.read(reader, caller="", expected=expected, parallelism=parallelism)
        snapshot = replace(snapshot, caller=caller.result().id, now=caller.result().now)
    owners = _owners(plan, known.entries, undelivered, snapshot)
    return live.read_owned(reader, snapshot, owners=owners, parallelism=parallelism)


def _comparable(opened: Opened, snapshot: Snapshot) -> None:
    """Refuse to compare what another caller sees, or what could not be read."""
    origin, kinds = opened.saved.origin, {each.kind for each in _addresses(opened.saved.plan)}
    if snapshot.caller != origin.caller:
        what = f"was made as {origin.caller}, and this is {snapshot.caller}: what may be done depends on who does it"
        raise opened.refuse(f"{what}; apply it as the same, or plan again")
    for kind in sorted({above for each in kinds for above in lineage(each)} & set(snapshot.poisoned)):
        why = snapshot.poisoned[kind]
        raise opened.refuse(f"cannot be compared with the service, which did not list every {kind} ({why}); try again")


def _arrived(
    undelivered: Iterable[Undelivered], snapshot: Snapshot, sinks: Mapping[Address, Sink], manifests: Manifests
) -> dict[Address, Binding]:
    """Bind the credentials that a killed run has delivered without living to say so."""
    arrived = {}
    for each in undelivered:
        sink = sinks.get(each.address)
        head = sink.head() if sink and sink.readable else None
        live = snapshot.find(each.address.kind, head.credential_id) if head else None
        settings = digest(manifests.resources[each.address].settings["sink"]) if sink else None
        if head and live and head.settings == settings and str(live.fields["name"]).endswith(f"#{each.mark}"):
            arrived[each.address] = Binding(live.id, sink=settings, attributes=live.attributes)
    return arrived


def _expected(plan: Plan, entries: Mapping[Address, Binding]) -> dict[str, list[str]]:
    expected: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for address, binding in entries.items():
        expected[address.kind] += [binding.id, *binding.predecessors]
    for each in plan.seen:
        expected[each.address.kind] += [each.id] if each.id else []
    return expected


def _owners(
    plan: Plan, entries: Mapping[Address, Binding], undelivered: Iterable[Undelivered], snapshot: Snapshot
) -> dict[str, set[str]]:
    """Choose whose objects to list, for the kinds that only their owners list: all owners that the plan speaks of."""
    owners: dict[str, set[str]] = {}
    for name, kind in KINDS.items():
        if kind.listed_by_owner and kind.owner:
            ids = {each.parent for each in plan.seen if each.address.kind == name}
            ids |= {each.owner for each in undelivered if each.address.kind == name}
            above = {Address(kind.owner, each.path[:-1]) for each in _addresses(plan) if each.kind == name}
            ids |= {entries[address].id for address in above if address in entries}
            owners[name] = {each for each in ids if each and snapshot.find(kind.owner, each)}
    return owners


def _addresses(plan: Plan) -> set[Address]:
    return {each.address for each in plan.seen} | {each.address for each in plan.operations}


def _stale(left: Remainder) -> str:
    told = "; ".join(f"{address}: {what}" for address, what in left.stale)
    return f"does not fit what is there any more ({told}); plan again"


def _relative(path: Path, to: Path) -> str:
    return Path(os.path.relpath(path, to)).as_posix()
