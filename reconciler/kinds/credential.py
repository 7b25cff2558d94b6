"""Credentials: secrets of a client, shown once, each delivered to a sink. Their life is a row of generations."""

from reconciler.kinds.kind import Field, Kind, Wire
from reconciler.model import Live


def _live(wire: Wire) -> Live:
    return Live(
        kind="credential",
        id=wire["id"],
        parent=wire["client"],
        fields={"name": wire["name"]},
        attributes={"created": wire["created"]},
    )


CREDENTIAL = Kind(
    name="credential",
    section="credentials",
    owner="client",
    owner_field="client",
    goes_with_owner=True,
    keyed="name",
    fields=(Field("name", required=True, immutable=True),),
    settings=("rotate_after", "overlap", "verify", "sink"),
    natural=lambda fields: (fields.get("name"),),
    from_wire=_live,
    listed_by_owner=True,
    secret=True,
    breaks="a new secret",
)
