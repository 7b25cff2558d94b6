"""Owns the facts about Globus's own services that a new world holds: their scopes, each with one stable id.

An id is the service's own where it is public; otherwise it is derived (uuid5) and ``public`` is false.
"""

import uuid
from dataclasses import dataclass

NAMESPACE = uuid.UUID("9a3c1d52-7b0e-5c44-8f0a-2f6f1f0a7e11")
"""All derived ids of the emulator are uuid5 under this made-up namespace."""

AUTH = "urn:globus:auth:scope:auth.globus.org:"
MANAGE_PROJECTS = AUTH + "manage_projects"
VIEW_IDENTITIES = AUTH + "view_identities"
PERSON_SCOPES = (
    "openid",
    "email",
    "profile",
    MANAGE_PROJECTS,
    AUTH + "view_authentications",
    AUTH + "view_clients",
    AUTH + "view_clients_and_scopes",
    AUTH + "view_consents",
    VIEW_IDENTITIES,
    AUTH + "view_identity_set",
)
"""The scopes of Globus Auth itself (official SDK, AuthScopes)."""


def derived_id(*parts: str) -> str:
    """Derive the stable id of something the emulator makes up."""
    return str(uuid.uuid5(NAMESPACE, "/".join(parts)))


@dataclass(frozen=True, slots=True)
class Service:
    """One of Globus's own services: the host part of its scope strings, and its scopes with ids where public."""

    name: str
    resource_server: str
    prefix: str
    scopes: dict[str, str | None]
    client_id: str | None = None

    @property
    def client(self) -> str:
        """Return the id of the service's client, derived where it is not public."""
        return self.client_id or derived_id("service", self.resource_server)


CLI_TEMPLATE = "95fdeba8-fac2-42bd-a357-e068d82ff78e"
"""The native application of the official CLI, of which each login makes an instance (globus-cli, storage.py)."""
_FLOWS = "eec9b274-0c81-4334-bdc2-54e90e689b9a"
_TIMERS = "524230d7-ea86-4a52-8312-86065a9e0417"
_COMPUTE = "facd7ccc-c5f4-42aa-916b-a0e270e2c2a9"


def _urn(server: str) -> str:
    return f"urn:globus:auth:scope:{server}:"


SERVICES = (
    Service("Globus Auth", "auth.globus.org", AUTH, {s.removeprefix(AUTH): None for s in PERSON_SCOPES if ":" in s}),
    Service(
        "Globus Transfer",
        "transfer.api.globus.org",
        _urn("transfer.api.globus.org"),
        # The id of "all": recorded consents of the official SDK (get_consents).
        {"all": "89ecabba-4acf-4e2e-a98d-ce592ccc2818", "gcp_install": None},
    ),
    Service(
        "Globus Groups",
        "groups.api.globus.org",
        _urn("groups.api.globus.org"),
        # The id: action-provider-tools' documentation and the recorded scopes of the official CLI.
        {"all": None, "view_my_groups_and_memberships": "73320ffe-4cb4-4b25-a0a3-83d53d59ce4f"},
    ),
    Service(
        "Globus Nexus",
        "nexus.api.globus.org",
        _urn("nexus.api.globus.org"),
        # The id: the recorded scopes of the official CLI.
        {"groups": "69a73d8f-cd45-4e37-bb3b-43678424aeb7"},
    ),
    Service(
        "Globus Search",
        "search.api.globus.org",
        _urn("search.api.globus.org"),
        dict.fromkeys(("all", "globus_connect_server", "ingest", "search")),
    ),
    Service(
        "Globus Flows",
        "flows.globus.org",
        f"https://auth.globus.org/scopes/{_FLOWS}/",
        dict.fromkeys(("all", "manage_flows", "view_flows", "run", "run_status", "run_manage")),
        _FLOWS,
    ),
    Service("Globus Timers", _TIMERS, f"https://auth.globus.org/scopes/{_TIMERS}/", {"timer": None}, _TIMERS),
    Service("Globus Compute", "funcx_service", f"https://auth.globus.org/scopes/{_COMPUTE}/", {"all": None}, _COMPUTE),
)


def resource_server(scope_string: str) -> str:
    """Return the resource server a scope belongs to, as token documents name it."""
    for service in SERVICES:
        if scope_string.startswith(service.prefix):
            return service.resource_server
    if scope_string.startswith("https://auth.globus.org/scopes/"):
        return scope_string.split("/")[4]
    return "auth.globus.org"
