"""Owns the rules of authentication policies."""

from reconciler.emulator import checks
from reconciler.emulator.callers import Context
from reconciler.emulator.errors import invalid
from reconciler.emulator.kinds import Draft, Field, Kind
from reconciler.emulator.store import Document

_DOMAINS = checks.nullable(checks.list_of(checks.text))


def _rules(context: Context, draft: Draft) -> Document:
    document = draft.document
    if document["required_mfa"] and not document["high_assurance"]:
        raise invalid("policy.required_mfa can only be set to true for high-assurance policies")
    both = document["domain_constraints_include"] and document["domain_constraints_exclude"]
    if both and context.switches.domain_constraints_exclusive:
        raise invalid("A policy may not both include and exclude domains")
    return document


POLICY = Kind(
    name="policy",
    plural="policies",
    fields={
        "project_id": Field(checks.identifier, required=True),
        "display_name": Field(checks.text, required=True),
        "description": Field(checks.text, required=True),
        "high_assurance": Field(
            checks.boolean, default=False, mutable=lambda switches: switches.high_assurance_is_mutable
        ),
        "authentication_assurance_timeout": Field(checks.nullable(checks.seconds)),
        "required_mfa": Field(checks.boolean, default=False),
        "domain_constraints_include": Field(_DOMAINS),
        "domain_constraints_exclude": Field(_DOMAINS),
    },
    owner=("project_id", "project"),
    rules=_rules,
)
