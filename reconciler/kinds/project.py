"""Projects: who administers what. They own policies and clients."""

from reconciler.kinds import consequences
from reconciler.kinds.kind import Field, Kind, Wire
from reconciler.model import Live, Want


def _live(wire: Wire) -> Live:
    return Live(
        kind="project",
        id=wire["id"],
        parent=None,
        fields={
            "display_name": wire["display_name"],
            "contact_email": wire["contact_email"],
            "admin_ids": wire.get("admin_ids") or [],
            "admin_group_ids": wire.get("admin_group_ids") or [],
        },
    )


PROJECT = Kind(
    name="project",
    section="projects",
    fields=(
        Field("display_name", required=True),
        Field("contact_email", required=True),
        Field(
            "admin_ids",
            unordered=True,
            want=Want.IDENTITY,
            relation="is administered by it",
            means=consequences.administrators,
        ),
        Field("admin_group_ids", unordered=True, want=Want.GROUP, means=consequences.administrator_groups),
    ),
    natural=lambda fields: (fields.get("display_name"),),
    from_wire=_live,
    # One report says that an update without the lists is refused, the documentation says that they are optional.
    sent_along=("admin_ids", "admin_group_ids"),
    includes_caller="admin_ids",
    includes_groups="admin_group_ids",
    denotes=Want.PROJECT,
    breaks="a new project id",
)
