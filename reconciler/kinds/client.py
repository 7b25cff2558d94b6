"""OAuth clients: applications, resource servers and the identities of machines."""

from collections.abc import Iterator

from reconciler.kinds import consequences
from reconciler.kinds.kind import Field, Kind, Wire
from reconciler.model import Data, Fields, Live, Want

_LINKS = ("terms_and_conditions", "privacy_policy")
_CONNECT_SERVER = "globus_connect_server"


def _live(wire: Wire) -> Live:
    links = {name: (wire.get("links") or {}).get(name) for name in _LINKS}
    return Live(
        kind="client",
        id=wire["id"],
        parent=wire.get("project"),
        fields={
            "name": wire["name"],
            "client_type": wire.get("client_type"),
            "public_client": wire.get("public_client"),
            "visibility": wire.get("visibility"),
            "redirect_uris": wire.get("redirect_uris") or [],
            "links": links if any(links.values()) else None,
            "required_idp": wire.get("required_idp"),
            "preselect_idp": wire.get("preselect_idp"),
            "fqdns": wire.get("fqdns") or [],
        },
        attributes={"username": f"{wire['id']}@clients.auth.globus.org"},
    )


def _wire(fields: Fields) -> dict[str, Data]:
    wire = {name: value for name, value in fields.items() if name != "links"}
    if "links" in fields:
        wire |= fields["links"] or dict.fromkeys(_LINKS)
    return wire


def _uncreatable(fields: Fields) -> str | None:
    if fields.get("client_type") == _CONNECT_SERVER:
        return "clients of Globus Connect Server are made and removed by its own tools; here they are only adopted"
    return None


def _objections(fields: Fields) -> Iterator[tuple[str, str]]:
    links = fields.get("links")
    if links is not None and not all(links.get(name) for name in _LINKS):
        yield "links", f"`links` needs both {' and '.join(f'`{name}`' for name in _LINKS)}"


CLIENT = Kind(
    name="client",
    section="clients",
    owner="project",
    owner_field="project",
    fields=(
        Field("name", required=True),
        Field("client_type", immutable=True),
        Field("public_client", immutable=True),
        Field("visibility", means=consequences.visibility),
        Field("redirect_uris", unordered=True, means=consequences.redirects),
        Field("links", nullable=True),
        Field("required_idp", nullable=True, want=Want.PROVIDER, means=consequences.provider),
        Field("preselect_idp", nullable=True, want=Want.PROVIDER),
    ),
    one_of=("client_type", "public_client"),
    natural=lambda fields: (fields.get("name"),),
    from_wire=_live,
    to_wire=_wire,
    attributes=("id", "username"),
    denotes=Want.IDENTITY,
    uncreatable=_uncreatable,
    objections=_objections,
    ends=consequences.client_ends,
    breaks="a new client id and new secrets, other scope strings, and the loss of all consents",
)
