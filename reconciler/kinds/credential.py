"""Credentials: secrets of a client, shown once, each delivered to a sink. Their life is a row of generations."""

from collections.abc import Iterator

from reconciler.kinds import consequences
from reconciler.kinds.kind import Field, Kind, Wire
from reconciler.model import Fields, Live

_HOURS = {"h": 1, "d": 24, "w": 7 * 24}


def _live(wire: Wire) -> Live:
    return Live(
        kind="credential",
        id=wire["id"],
        parent=wire["client"],
        fields={"name": wire["name"]},
        attributes={"created": wire["created"]},
    )


def hours(duration: str) -> int:
    """Read a duration of the manifests (`12h`, `14d`, `26w`), as hours."""
    return int(duration[:-1]) * _HOURS[duration[-1]]


def _objections(fields: Fields) -> Iterator[tuple[str, str]]:
    age, overlap = fields.get("rotate_after"), fields.get("overlap")
    if age and overlap and hours(overlap) >= hours(age):
        yield "overlap", "`overlap` must be shorter than `rotate_after`"


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
    objections=_objections,
    ends=consequences.credential_ends,
    breaks="a new secret",
)
