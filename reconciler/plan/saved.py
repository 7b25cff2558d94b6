"""A plan that was saved: what it was made from, when, and how long it holds; to and from its file. Pure.

What is read back is what was written, or `NotAPlan` says why it is not.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from reconciler.model import Data, Plan, digest
from reconciler.plan.digests import digested
from reconciler.plan.form import (
    Form,
    change_of,
    operation_form,
    operation_of,
    refusal_form,
    refusal_of,
    seen_form,
    seen_of,
    upcoming_form,
    upcoming_of,
)
from reconciler.plan.shape import checks, requests, resource_changes, resource_drift

FORMAT = "1.0"
SKEW = timedelta(minutes=5)
"""How far the clocks of two machines may differ."""

_VERSION = re.compile(r"([0-9]{1,6})\.([0-9]{1,6})")
_MARK = b'"format_version"'


@dataclass(frozen=True, slots=True)
class Origin:
    """What a plan was made from, and as whom: paths are relative, `root` to the current folder, the others to the root.

    `lineage` and `serial` are those of the bindings, None and 0 where there were none.
    """

    caller: str
    root: str
    paths: tuple[str, ...]
    overlays: tuple[str, ...]
    lineage: str | None
    serial: int


@dataclass(frozen=True, slots=True)
class Saved:
    """A plan with its origin, times (UTC, whole seconds) and the version of the program that made it."""

    plan: Plan
    origin: Origin
    made: datetime
    expires: datetime
    version: str


class NotAPlan(ValueError):
    """A file is no plan that this program can read; the message says why, and what to do."""


def is_plan(content: bytes) -> bool:
    """Tell by its content whether a file is meant to be a saved plan, whole or damaged."""
    start = content[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    return start.startswith(b"{") and _MARK in start


def write(saved: Saved) -> str:
    """Write a plan as the JSON that other tools read too."""
    document = _document(saved)
    return json.dumps({**document, "checksum": digest(document)}, indent=2, ensure_ascii=False) + "\n"


def read(content: bytes, *, fits: Callable[[Data], bool]) -> Saved:
    """Read what `write` has written; keys that a later minor version adds are passed over.

    `fits` tells whether a document is as the schema of plans says.
    Raise NotAPlan for what was altered or damaged, and for a newer major version.
    """
    try:
        document = json.loads(content, object_pairs_hook=_once, parse_constant=_no_constant)
        major = _VERSION.fullmatch(document["format_version"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise NotAPlan("is damaged: it is not the JSON of a plan; plan again") from None
    if major is None or major[1] != FORMAT.partition(".")[0]:
        raise NotAPlan(
            f"has format {str(document['format_version'])[:20]}, and this program reads {FORMAT}: "
            "apply it with the version that made it, or plan again"
        )
    said = document.pop("checksum", None)
    if said != digest(document):
        raise NotAPlan("was altered since it was made (its checksum does not match); plan again")
    if not fits(document):
        raise NotAPlan("is damaged: it does not say what a plan must; plan again")
    try:
        saved = _saved(document)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise NotAPlan("is damaged: it does not say what a plan must; plan again") from None
    if digested(saved.plan).digest != document["digest"] or saved.plan.observed != document["observed"]["digest"]:
        raise NotAPlan("was altered since it was made (its digest does not match); plan again")
    return saved


def objection(saved: Saved, *, now: datetime, version: str) -> str | None:
    """Say why a plan does not hold any more, or not for this version of the program, whatever the service says."""
    if _series(saved.version) != _series(version):
        return f"was made by version {saved.version}, and this is {version}: apply it with that, or plan again"
    if saved.made > now + SKEW:
        return f"was made in the future, at {stamp(saved.made)}: set the clock of this machine, or plan again"
    if saved.expires <= now:
        return f"has expired at {stamp(saved.expires)}; plan again"
    return None


def stamp(when: datetime) -> str:
    """Write a moment."""
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _series(version: str) -> tuple[str, ...]:
    """Name the versions that plan and apply alike: those of one minor version."""
    return tuple(version.split(".")[:2])


def _document(saved: Saved) -> Form:
    plan, origin = saved.plan, saved.origin
    return {
        "format_version": FORMAT,
        "timestamp": stamp(saved.made),
        "expires": stamp(saved.expires),
        "version": saved.version,
        "base_url": plan.target,
        "environment": plan.environment,
        "caller": origin.caller,
        "digest": plan.digest,
        "applyable": plan.applyable,
        "complete": plan.complete,
        "errored": False,
        "resource_changes": resource_changes(plan),
        "resource_drift": resource_drift(plan),
        "checks": checks(plan),
        "consents": dict(plan.consents),
        "refusals": [refusal_form(each) for each in plan.refusals],
        "guards": list(plan.guards),
        "notes": list(plan.notes),
        "upcoming": [upcoming_form(each) for each in plan.upcoming],
        "names": dict(sorted(plan.names.items())),
        "requests": requests(plan),
        "manifests": {
            "digest": plan.manifests,
            "root": origin.root,
            "paths": list(origin.paths),
            "overlays": list(origin.overlays),
        },
        "observed": {"digest": plan.observed, "objects": [seen_form(each) for each in plan.seen]},
        "bindings": {"lineage": origin.lineage, "serial": origin.serial},
        "operations": [operation_form(each) for each in plan.operations],
    }


def _saved(document: Mapping[str, Data]) -> Saved:
    manifests, bindings = document["manifests"], document["bindings"]
    plan = Plan(
        target=document["base_url"],
        environment=document["environment"],
        changes=tuple(change_of(each) for each in document["resource_changes"]),
        operations=tuple(operation_of(each) for each in document["operations"]),
        refusals=tuple(refusal_of(each) for each in document["refusals"]),
        notes=tuple(document["notes"]),
        upcoming=tuple(upcoming_of(each) for each in document["upcoming"]),
        names=dict(document["names"]),
        complete=document["complete"],
        manifests=manifests["digest"],
        seen=tuple(seen_of(each) for each in document["observed"]["objects"]),
        guards=tuple(document["guards"]),
        consents=dict(document["consents"]),
    )
    origin = Origin(
        caller=document["caller"],
        root=manifests["root"],
        paths=tuple(manifests["paths"]),
        overlays=tuple(manifests["overlays"]),
        lineage=bindings["lineage"],
        serial=int(bindings["serial"]),
    )
    made, expires = (datetime.fromisoformat(document[name]).astimezone(UTC) for name in ("timestamp", "expires"))
    return Saved(digested(plan), origin, made, expires, document["version"])


def _once(pairs: list[tuple[str, Data]]) -> dict[str, Data]:
    keys = dict(pairs)
    if len(keys) != len(pairs):
        raise ValueError("a key stands twice")
    return keys


def _no_constant(name: str) -> Data:
    raise ValueError(f"{name} is no JSON")
