"""Scopes: what a client offers to others, and which scopes of others it needs for that."""

from reconciler.kinds import consequences
from reconciler.kinds.kind import Field, Kind, Wire
from reconciler.model import Fields, Live, Want


def _live(wire: Wire) -> Live:
    host, suffix = wire["scope_string"].split("/")[-2:] if "/" in wire["scope_string"] else (wire["client"], None)
    return Live(
        kind="scope",
        id=wire["id"],
        parent=wire["client"],
        fields={
            "scope_suffix": suffix,
            "fqdn": None if host == wire["client"] else host,
            "name": wire["name"],
            "description": wire["description"],
            "required_domains": wire.get("required_domains") or [],
            "dependent_scopes": wire.get("dependent_scopes") or [],
            "advertised": wire.get("advertised"),
            "allows_refresh_token": wire.get("allows_refresh_token"),
        },
        attributes={"scope_string": wire["scope_string"]},
    )


def _misfit(fields: Fields, client: Fields) -> str | None:
    """Say what is missing for the scope of a domain: the service makes one for each that the client has verified."""
    fqdn, there = fields.get("fqdn"), client.get("fqdns") or []
    if fqdn is None or fqdn in there:
        return None
    others = f" (it has {', '.join(there)})" if there else ""
    return f"its client has no verified domain {fqdn}{others}; add it at Globus Auth first, or leave `fqdn` out"


SCOPE = Kind(
    name="scope",
    section="scopes",
    owner="client",
    owner_field="client",
    goes_with_owner=True,
    keyed="scope_suffix",
    fields=(
        Field("scope_suffix", required=True, immutable=True),
        Field("fqdn", immutable=True),
        Field("name", required=True),
        Field("description", required=True),
        Field("required_domains", unordered=True, means=consequences.linked_domains),
        Field(
            "dependent_scopes",
            unordered=True,
            want=Want.SCOPE,
            element="scope",
            relation="depends on it",
            means=consequences.calls_on,
        ),
        Field("advertised", means=consequences.advertised),
        Field("allows_refresh_token", means=consequences.refresh_tokens),
    ),
    natural=lambda fields: (fields.get("fqdn"), fields.get("scope_suffix")),
    from_wire=_live,
    attributes=("id", "scope_string"),
    denotes=Want.SCOPE,
    keeps_natural_key=True,
    misfit=_misfit,
    ends=consequences.scope_ends,
    breaks="a new scope id, and with another suffix or client a new scope string; the loss of all consents to it",
)
