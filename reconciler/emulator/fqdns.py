"""Owns the domain names of clients: who may claim one and by which proof. Nothing takes one away from a client."""

import re
import uuid

from reconciler.emulator import checks
from reconciler.emulator.callers import Context
from reconciler.emulator.calls import Answer, Call, Service
from reconciler.emulator.clients import CLIENT
from reconciler.emulator.errors import conflict, forbidden, invalid
from reconciler.emulator.scopes import mint_for_host
from reconciler.emulator.store import Document, Store

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_FQDN = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)+(?=.*[a-z]){_LABEL}\Z")
_HOLDER = "SELECT id FROM objects WHERE kind = 'client' AND ? IN (SELECT value FROM json_each(document, '$.fqdns'))"


def client_with_fqdn(store: Store, fqdn: str) -> str | None:
    """Return the id of the client that has an FQDN."""
    found = store.rows(_HOLDER, fqdn)
    return str(found[0][0]) if found else None


def add_fqdn(context: Context, client: Document, fqdn: object) -> Document:
    """Give a client an FQDN, with a scope for each suffix that it has; one that it has already stays as it is.

    Raises:
        ApiError: 400 for what is no domain name, 409 when another client has it, 403 without the proof.
    """
    name = _domain_name(fqdn)
    holder = client_with_fqdn(context.store, name)
    if holder == client["id"]:
        return client
    if holder is not None:
        raise conflict(f"Another client has the FQDN {name}")
    announced = context.store.find_by_key("txt_record", f"{name} {client['id']}")
    if context.switches.fqdn_proof == "announced" and announced is None:
        raise forbidden(f"No TXT record of {name} holds the client's id {client['id']}")
    client = client | {"fqdns": [*client["fqdns"], name]}
    context.store.update("client", client, parent=CLIENT.parent(client))
    mint_for_host(context, client["id"], name)
    return client


def announce(service: Service, call: Call) -> Answer:
    """Take a TXT record into the world, as the owner of a domain would into its zone; its text is a client's id."""
    body = call.json()
    if not isinstance(body, dict):
        raise invalid("The body must be an object")
    name = _domain_name(body.get("fqdn"))
    try:
        client = checks.identifier(body.get("text"))
    except ValueError as error:
        raise invalid(f"text: expected {error}") from None
    key = f"{name} {client}"
    record = service.store.find_by_key("txt_record", key)
    if record is None:
        record = {"id": str(uuid.uuid4()), "fqdn": name, "text": client}
        service.store.insert("txt_record", record, key=key)
    return Answer({"fqdn": name, "text": client})


def _domain_name(value: object) -> str:
    if not isinstance(value, str) or not _FQDN.match(value.lower()):
        raise invalid("fqdn: expected a domain name with at least two labels")
    return value.lower()
