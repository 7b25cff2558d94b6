"""Owns the rights of the caller: what it administers itself or through a group, or is."""

import json

from reconciler.emulator.callers import Context
from reconciler.emulator.errors import ApiError, missing
from reconciler.emulator.kinds import Kind
from reconciler.emulator.store import Document, Store

_ADMINISTERED = """
SELECT DISTINCT source FROM links
WHERE (target = ? OR target IN (SELECT collection FROM members WHERE identity = ?))
"""

_CLIENTS = """
WITH RECURSIVE below (id) AS (
    SELECT id FROM objects WHERE kind = 'client' AND (id = ?1 OR parent IN (SELECT value FROM json_each(?2)))
    UNION SELECT child.id FROM objects AS child JOIN below ON child.kind = 'client' AND child.parent = {parents}
)
SELECT document FROM objects JOIN below USING (id) WHERE kind = 'client' ORDER BY seq
"""
"""The clients directly in some projects and the caller itself, with all whose parents are among them."""


def administered(context: Context) -> list[str]:
    """Return the ids of the projects that the caller administers."""
    if _is_confined(context):
        return []
    identity = context.caller.identity
    return [row[0] for row in context.store.rows(_ADMINISTERED, identity, identity)]


def administers(context: Context, project: str | None) -> bool:
    """Say whether the caller administers a project."""
    if project is None or _is_confined(context):
        return False
    identity = context.caller.identity
    return bool(context.store.rows(_ADMINISTERED + "AND source = ?", identity, identity, project))


def may_change(context: Context, kind: Kind, document: Document) -> bool:
    """Say whether the caller may read and write a document and all below it."""
    match kind.owner:
        case None:
            return administers(context, document["id"])
        case (field, "project"):
            if kind.second_owner is not None:
                return may_change_client(context, document)
            return administers(context, document[field])
        case (field, _):
            client = context.store.find("client", document[field])
            return client is not None and may_change_client(context, client)


def may_change_client(context: Context, client: Document) -> bool:
    """Say whether the caller is the client, administers its project, or has the right by its parent."""
    identity, answers = context.caller.identity, context.switches.child_clients_answer_to
    above: Document | None = client
    while above is not None:
        parent = above["parent_client"]
        if above["id"] == identity or administers(context, above["project"]):
            return True
        if answers != "administrators":
            return answers == "parent" and parent is not None and parent == identity
        above = context.store.find("client", parent) if parent else None
    return False


def project_of(store: Store, client: str) -> str | None:
    """Return the project in which a client lies, itself or by its parent."""
    found = store.find("client", client)
    while found is not None and found["project"] is None and found["parent_client"] is not None:
        found = store.find("client", found["parent_client"])
    return found["project"] if found is not None else None


def reachable(context: Context, kind: str) -> list[Document]:
    """Return what lies directly in administered projects."""
    return context.store.children(kind, administered(context))


def reachable_clients(context: Context) -> list[Document]:
    """Return the clients of administered projects, for a client identity the client itself, and their children."""
    identity, answers = context.caller.identity, context.switches.child_clients_answer_to
    parents = {"administrators": "below.id", "parent": "?1", "nobody": "NULL"}[answers]
    rows = context.store.rows(_CLIENTS.format(parents=parents), identity, json.dumps(administered(context)))
    found: list[Document] = [json.loads(row[0]) for row in rows]
    return found


def is_visible(context: Context, scope: Document) -> bool:
    """Say whether the caller finds a scope: advertised, of a public client, or the caller's."""
    if scope["advertised"]:
        return True
    client = context.store.find("client", scope["client"])
    return client is not None and (client["visibility"] == "public" or may_change_client(context, client))


def locate(context: Context, kind: Kind, identifier: str) -> Document:
    """Return the document that the caller names and may change.

    Raises:
        ApiError: 404, or for somebody else's object the status that the switch says.
    """
    document = context.store.find(kind.name, identifier.lower())
    if document is None:
        raise missing(kind.name, identifier)
    if not may_change(context, kind, document):
        raise foreign(context, kind.name, identifier)
    return document


def require_project(context: Context, kind: Kind, document: Document) -> None:
    """Check that the project that a body names exists and is the caller's."""
    if kind.owner is None:
        if _is_confined(context):
            raise ApiError(403, f"A client that uses Basic auth may not create a {kind.name}")
        return
    field, _ = kind.owner
    if context.store.find("project", document[field]) is None:
        raise ApiError(400, f"{kind.name}.{field}: no project with id {document[field]}")
    if not administers(context, document[field]):
        raise foreign(context, "project", document[field])


def foreign(context: Context, kind: str, identifier: str) -> ApiError:
    """Make the refusal of somebody else's object."""
    if context.switches.foreign_status == 404:
        return missing(kind, identifier)
    return ApiError(403, f"You do not have permission on the {kind} {identifier}")


def _is_confined(context: Context) -> bool:
    return context.caller.basic and not context.switches.basic_manages_projects
