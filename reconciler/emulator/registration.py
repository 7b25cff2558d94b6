"""Owns the ways in which a client comes into being and is found: in a project, as a child, as an instance; by FQDN."""

from dataclasses import dataclass

from reconciler.emulator.access import locate, reachable_clients
from reconciler.emulator.callers import Caller, keep_secret, require_session
from reconciler.emulator.calls import Answer, Call, Service, context_of
from reconciler.emulator.clients import CLIENT, INSTANCE_TYPE, TEMPLATE_TYPE
from reconciler.emulator.credentials import CREDENTIAL
from reconciler.emulator.errors import ApiError, invalid
from reconciler.emulator.fqdns import add_fqdn, client_with_fqdn
from reconciler.emulator.resources import Resource, enter
from reconciler.emulator.store import Document, Store

_OF_INSTANCE = "Auto-created at client creation"
"""The name of the credential that an instance is born with [FIX]."""


@dataclass(frozen=True, slots=True)
class Clients(Resource):
    """The endpoints of clients, whose create does what the caller's way of authenticating means [DOC]."""

    def show_all(self, service: Service, call: Call) -> Answer:
        """Answer the caller's clients, those of one project, or the one client with an FQDN."""
        fqdn = call.query["fqdn"][-1].lower() if "fqdn" in call.query else None
        if fqdn is not None and "project_id" in call.query:
            raise invalid("Only one of fqdn and project_id may be given")
        context = enter(service, call)
        if fqdn is None:
            found = reachable_clients(context)
            if "project_id" in call.query:
                projects = {identifier.lower() for identifier in call.listed("project_id")}
                found = [client for client in found if client["project"] in projects]
            return self._answer_all(context, found)
        holder = client_with_fqdn(context.store, fqdn)
        if holder is None:
            raise ApiError(404, f"No client with the FQDN {fqdn}")
        client = locate(context, CLIENT, holder)
        if context.switches.client_by_fqdn_envelope == "clients":
            return self._answer_all(context, [client])
        return self._answer(context, client)

    def create(self, service: Service, call: Call) -> Answer:
        """Create a client in a project, with Basic a child of the caller, and for nobody an instance of a template."""
        if "authorization" not in call.headers:
            return self._create_instance(service, call)
        context = enter(service, call)
        given = self.read(context, call)
        is_child = context.caller.basic and given.get("project") is None
        above = {"project": None, "parent_client": context.caller.identity} if is_child else {}
        return self.answer_created(context, given, self.make(context, given, above))

    def add_fqdn(self, service: Service, call: Call) -> Answer:
        """Add an FQDN to a client for ever; what that answers is not known [UNK]."""
        context = enter(service, call)
        client = locate(context, CLIENT, call.params["client_id"])
        require_session(context)
        body = call.json()
        fqdn = body.get("fqdn") if isinstance(body, dict) else None
        client = add_fqdn(context, client, fqdn)
        if context.switches.fqdn_answer == "fqdn":
            return Answer({"fqdn": str(fqdn).lower()})
        return self._answer(context, client)

    def _create_instance(self, service: Service, call: Call) -> Answer:
        """Make an instance of a native application, which gets a secret of its own."""
        body = call.envelope("client")
        if "template_id" not in body:
            raise ApiError(401, "Call must be authenticated")
        template = _template(service.store, body["template_id"])
        context = context_of(service, Caller(template, template, frozenset(), basic=True))
        given = CLIENT.read({name: body[name] for name in ("name",) if name in body})
        above = {"project": None, "parent_client": template, "client_type": INSTANCE_TYPE}
        (client,) = self.make(context, given, above)
        (credential,) = Resource(CREDENTIAL).make(context, {"name": _OF_INSTANCE}, {"client": client["id"]})
        shown = {name: credential[name] for name in ("id", "client", "name")}
        shown["secret"] = keep_secret(context.store, client["id"], credential["id"])
        answer: Document = self._answer(context, client).document
        return Answer(answer | {"included": {"client_credential": shown}})


def _template(store: Store, identifier: object) -> str:
    found = store.find("client", identifier.lower()) if isinstance(identifier, str) else None
    if found is None or found["client_type"] != TEMPLATE_TYPE:
        raise invalid("client.template_id: no client of type public_installed_client with this id")
    return str(found["id"])
