"""Authentication policies: how recently and with which identities people must have logged in."""

from collections.abc import Iterator

from reconciler.kinds import consequences
from reconciler.kinds.kind import Field, Kind, Wire
from reconciler.model import Fields, Live

_PLAIN = ("display_name", "description", "high_assurance", "authentication_assurance_timeout", "required_mfa")
_DOMAINS = ("domain_constraints_include", "domain_constraints_exclude")


def _live(wire: Wire) -> Live:
    return Live(
        kind="policy",
        id=wire["id"],
        parent=wire["project_id"],
        fields={name: wire.get(name) for name in _PLAIN} | {name: wire.get(name) or [] for name in _DOMAINS},
    )


def _objections(fields: Fields) -> Iterator[tuple[str, str]]:
    # Documented by the official SDK (globus-auth.md 1.5).
    if fields.get("required_mfa") and fields.get("high_assurance") is not True and "id" not in fields:
        yield "required_mfa", "`required_mfa` needs `high_assurance: true`"


POLICY = Kind(
    name="policy",
    section="policies",
    owner="project",
    owner_field="project_id",
    moves=True,
    fields=(
        Field("display_name", required=True),
        Field("description", required=True),
        Field("high_assurance", immutable=True),
        Field("authentication_assurance_timeout", nullable=True, means=consequences.timeout),
        Field("required_mfa", means=consequences.second_factor),
        Field("domain_constraints_include", unordered=True, nullable=True, means=consequences.domains_that_pass),
        Field("domain_constraints_exclude", unordered=True, nullable=True, means=consequences.domains_that_do_not),
    ),
    natural=lambda fields: (fields.get("display_name"),),
    from_wire=_live,
    objections=_objections,
    ends=consequences.policy_ends,
    breaks="a new policy id: whatever refers to the old one, in other services too, loses it",
)
