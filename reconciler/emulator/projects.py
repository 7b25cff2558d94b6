"""Owns the rules of projects: at least one administrator, known administrators, and no deletion with contents."""

import re

from reconciler.emulator import checks
from reconciler.emulator.callers import Context
from reconciler.emulator.errors import ApiError, invalid
from reconciler.emulator.identities import identity_by_id
from reconciler.emulator.kinds import Draft, Field, Kind
from reconciler.emulator.store import Document

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")
NO_ADMIN = "Either admin_ids or admin_group_ids has to be defined"


def _rules(context: Context, draft: Draft) -> Document:
    document = draft.document
    stated = draft.given.get("admin_ids") or draft.given.get("admin_group_ids")
    must_state = draft.before is not None and context.switches.update_needs_admins
    if (must_state and not stated) or not (document["admin_ids"] or document["admin_group_ids"]):
        raise ApiError(context.switches.no_admin_status, NO_ADMIN)
    before, strict = draft.before or {}, context.switches.unknown_admins_are_refused
    for admin in document["admin_ids"] or ():
        is_new = admin not in (before.get("admin_ids") or ())
        if strict and is_new and identity_by_id(context.store, admin) is None:
            raise invalid(f"project.admin_ids: no identity with id {admin}")
    known = (identity_by_id(context.store, admin) for admin in document["admin_ids"] or ())
    if strict and draft.changes("admin_ids", "admin_group_ids") and not (document["admin_group_ids"] or any(known)):
        raise ApiError(context.switches.no_admin_status, NO_ADMIN)
    for group in document["admin_group_ids"] or ():
        if strict and context.store.find("group", group) is None:
            raise invalid(f"project.admin_group_ids: no group with id {group}")
    if context.switches.contact_email_is_checked and not _EMAIL.match(document["contact_email"]):
        raise invalid("project.contact_email: expected an address of e-mail")
    return document | {field: _without_repeats(document[field]) for field in ("admin_ids", "admin_group_ids")}


def _without_repeats(ids: list[str] | None) -> list[str] | None:
    return list(dict.fromkeys(ids)) if ids else None


def _shown(context: Context, document: Document) -> Document:
    people = [identity_by_id(context.store, admin) for admin in document["admin_ids"] or ()]
    groups = [context.store.find("group", group) for group in document["admin_group_ids"] or ()]
    admins = {"identities": [p for p in people if p is not None], "groups": [g for g in groups if g is not None]}
    return document | {"project_name": document["display_name"], "admins": admins}


def _before_delete(context: Context, document: Document) -> None:
    status = context.switches.project_in_use_status
    if context.store.child_ids("client", document["id"]):
        raise ApiError(status, "The project still has clients; delete them first")
    for policy in context.store.child_ids("policy", document["id"]):
        if context.switches.delete_project_with_policies == "refuse":
            raise ApiError(status, "The project still has policies; delete them first")
        context.store.delete("policy", policy)


PROJECT = Kind(
    name="project",
    plural="projects",
    fields={
        "display_name": Field(checks.text, required=True),
        "contact_email": Field(checks.text, required=True),
        "admin_ids": Field(checks.nullable(checks.list_of(checks.identifier))),
        "admin_group_ids": Field(checks.nullable(checks.list_of(checks.identifier))),
    },
    rules=_rules,
    shown=_shown,
    before_delete=_before_delete,
    links=lambda document: (document["admin_ids"] or []) + (document["admin_group_ids"] or []),
)
