"""Credentials: secrets of a client, shown once, each delivered to a sink. Their life is a row of generations."""

from collections.abc import Iterator
from datetime import timedelta

from reconciler.kinds import consequences
from reconciler.kinds.kind import Field, Kind, Wire
from reconciler.model import Fields, Live

_OVERLAP = timedelta(days=1)

_HOURS = {"h": 1, "d": 24, "w": 7 * 24}


def _live(wire: Wire) -> Live:
    return Live(
        kind="credential",
        id=wire["id"],
        parent=wire["client"],
        fields={"name": wire["name"]},
        attributes={"created": wire["created"]},
    )


def overlap(settings: Fields) -> timedelta:
    """Tell how long an older generation goes on working: as stated, or a day, or half the time between rotations."""
    stated, age = settings.get("overlap"), settings.get("rotate_after")
    if stated:
        return span(stated)
    return min(_OVERLAP, span(age) / 2) if age else _OVERLAP


def span(duration: str) -> timedelta:
    """Read a duration of the manifests (`12h`, `14d`, `26w`)."""
    return timedelta(hours=int(duration[:-1]) * _HOURS[duration[-1]])


def _objections(fields: Fields) -> Iterator[tuple[str, str]]:
    age, stated = fields.get("rotate_after"), fields.get("overlap")
    if age and stated and span(stated) >= span(age):
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
