"""The copy of the live service that a plan is rehearsed on: all that the plan saw, and what that names elsewhere.

What cannot be seen is taken for the better: the caller is a member of every group, and acts for the administrators of a
project that was listed without naming the caller. No copy holds a secret.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from reconciler import graph
from reconciler.auth import AuthClient
from reconciler.kinds import KINDS, named
from reconciler.lookup import described, look_up
from reconciler.model import Fields, Live, Manifests, Plan, Ref, Snapshot, Want
from reconciler.remote import Document

_FORMAT = 1
_SECTIONS = {Want.IDENTITY: "identities", Want.PROVIDER: "identity_providers", Want.SCOPE: "scopes"}

_STRANGERS = {"client": {"client_type": "resource_server", "visibility": "public"}}
"""What a stranger must say besides. Its scopes in the copy are those that were shown, so all may depend on them."""

Others = Mapping[Want, list[Document]]
"""What the service shows of the people, providers and scopes that are named, by what they are."""


def read_others(manifests: Manifests, plan: Plan, snapshot: Snapshot, client: AuthClient) -> Others:
    """Read what the plan and the objects name and the snapshot does not hold. Only reads."""
    ids = _named(plan, snapshot)
    for ref, identifier in look_up(client, graph.names(manifests.resources.values())).items():
        ids[ref.want].add(identifier)
    ids[Want.IDENTITY].add(snapshot.caller)
    known = {identifier for each in snapshot.objects.values() for identifier in each}
    return {want: described(client, want, ids[want] - known) for want in _SECTIONS}


def world(plan: Plan, snapshot: Snapshot, others: Others) -> dict[str, Any]:
    """Write the copy as the document of a world that the emulator imports."""
    document: dict[str, Any] = {"format": _FORMAT, "settings": {"world": str(uuid.uuid4())}}
    for name, kind in KINDS.items():
        document[kind.section] = [_document(live) for live in snapshot.each(name)]
    for want, section in _SECTIONS.items():
        document[section] = [*document.get(section, []), *others[want]]
    found = {each["id"] for each in (*document["identities"], *document["clients"])}
    if snapshot.caller not in found:
        document["identities"].append({"id": snapshot.caller, "username": f"{snapshot.caller}@caller.invalid"})
    document["groups"] = [
        {"id": identifier, "name": identifier, "members": [snapshot.caller]}
        for identifier in sorted(_named(plan, snapshot)[Want.GROUP] | _acted_for(snapshot))
    ]
    _add_owners(document)
    return document


def _document(live: Live) -> dict[str, Any]:
    """Write an object as the service shows it; what the service did not say is left out."""
    kind = KINDS[live.kind]
    owner = {kind.owner_field: live.parent} if kind.owner_field else {}
    stated = {name: value for name, value in live.fields.items() if value is not None}
    return {"id": live.id, **owner, **stated, **live.attributes}


def _named(plan: Plan, snapshot: Snapshot) -> dict[Want, set[str]]:
    """Collect the ids that objects and operations hold, by what they must lead to."""
    ids: dict[Want, set[str]] = defaultdict(set)
    seen = ((live.kind, live.fields) for each in snapshot.objects.values() for live in each.values())
    sent = ((each.address.kind, {**each.bound, **each.fields}) for each in plan.operations)
    for kind, fields in chain(seen, sent):
        for want, identifier in _references(kind, fields):
            ids[want].add(identifier)
    return ids


def _references(kind: str, fields: Fields) -> Iterator[tuple[Want, str]]:
    for declared in KINDS[kind].fields:
        value = fields.get(declared.name)
        if declared.want and not isinstance(value, Ref):
            yield from ((declared.want, text) for _, text in named(declared, value))


def _acted_for(snapshot: Snapshot) -> set[str]:
    """List the administrators of what was listed although it names the caller nowhere: linked identities."""
    found: set[str] = set()
    for name, kind in KINDS.items():
        if kind.includes_caller and kind.includes_groups:
            for live in snapshot.each(name):
                admins = live.fields.get(kind.includes_caller) or []
                if snapshot.caller not in admins and not live.fields.get(kind.includes_groups):
                    found.update(admins)
    return found


def _add_owners(document: dict[str, Any]) -> None:
    """Add the owners that are not in sight: of other people's scopes, and of what the caller is itself."""
    for kind in reversed(list(KINDS.values())):
        if kind.owner and kind.owner_field:
            section = KINDS[kind.owner].section
            there = {each["id"] for each in document[section]}
            wanted = {each[kind.owner_field] for each in document[kind.section] if each[kind.owner_field]}
            document[section] += [_stranger(kind.owner, each) for each in sorted(wanted - there)]


def _stranger(kind: str, identifier: str) -> dict[str, Any]:
    """Make somebody else's object, of which nothing but its id is known."""
    declared = KINDS[kind]
    required = {each.name: identifier for each in declared.fields if each.required}
    owner = {declared.owner_field: None} if declared.owner_field else {}
    return {"id": identifier, **owner, **required, **_STRANGERS.get(kind, {})}
