"""Owns the rights of the caller: what it administers itself or through a group, or is."""

from reconciler.emulator.callers import Context
from reconciler.emulator.errors import ApiError, missing
from reconciler.emulator.kinds import Kind
from reconciler.emulator.store import Document

_ADMINISTERED = """
SELECT DISTINCT source FROM links
WHERE (target = ? OR target IN (SELECT collection FROM members WHERE identity = ?))
"""


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


def may_change(context: Context, kind: str, document: Document) -> bool:
    """Say whether the caller may read and write a document and all below it."""
    match kind:
        case "project":
            return administers(context, document["id"])
        case "policy":
            return administers(context, document["project_id"])
        case "client":
            own = context.caller.identity
            return own in (document["id"], document["parent_client"]) or administers(context, document["project"])
        case _:
            client = context.store.find("client", document["client"])
            return client is not None and may_change(context, "client", client)


def reachable_clients(context: Context) -> list[Document]:
    """Return the clients of administered projects and, for a client identity, the client itself."""
    found = context.store.children("client", administered(context))
    own = context.store.find("client", context.caller.identity)
    if own is not None and all(client["id"] != own["id"] for client in found):
        found.append(own)
    return found


def is_visible(context: Context, scope: Document) -> bool:
    """Say whether a scope can be found and depended on: advertised, of a public client, or the caller's [DOC]."""
    if scope["advertised"]:
        return True
    client = context.store.find("client", scope["client"])
    return client is not None and (client["visibility"] == "public" or may_change(context, "client", client))


def locate(context: Context, kind: str, identifier: str) -> Document:
    """Return the document that the caller names and may change.

    Raises:
        ApiError: 404, or for somebody else's object the status that the switch says.
    """
    document = context.store.find(kind, identifier.lower())
    if document is None:
        raise missing(kind, identifier)
    if not may_change(context, kind, document):
        raise foreign(context, kind, identifier)
    return document


def owner_of(context: Context, kind: Kind, document: Document) -> None:
    """Check that the owner that a body names exists and is the caller's."""
    if kind.owner is None:
        if _is_confined(context):
            raise ApiError(403, f"A client that uses Basic auth may not create a {kind.name}")
        return
    field, owner = kind.owner
    found = context.store.find(owner, document[field])
    if found is None:
        raise ApiError(400, f"{kind.name}.{field}: no {owner} with id {document[field]}")
    if not may_change(context, owner, found):
        raise foreign(context, owner, document[field])


def foreign(context: Context, kind: str, identifier: str) -> ApiError:
    """Make the refusal of somebody else's object."""
    if context.switches.foreign_status == 404:
        return missing(kind, identifier)
    return ApiError(403, f"You do not have permission on the {kind} {identifier}")


def _is_confined(context: Context) -> bool:
    return context.caller.basic and not context.switches.basic_manages_projects
