"""Owns the verbs of the developer API, once for all kinds; what is particular to a kind stands in its row."""

import uuid
from dataclasses import dataclass

from reconciler.emulator.access import administered, is_visible, locate, reachable, require_project
from reconciler.emulator.callers import Context, keep_secret, require_scope, require_session
from reconciler.emulator.calls import Answer, Call, Service, caller_of, context_of
from reconciler.emulator.checks import is_uuid
from reconciler.emulator.clients import CLIENT
from reconciler.emulator.errors import ApiError, invalid, missing
from reconciler.emulator.kinds import Draft, Kind
from reconciler.emulator.store import Document
from reconciler.emulator.wellknown import MANAGE_PROJECTS


def enter(service: Service, call: Call) -> Context:
    """Authenticate a call of the developer API and check what its token is for."""
    caller = caller_of(service, call)
    require_scope(caller, MANAGE_PROJECTS)
    return context_of(service, caller)


@dataclass(frozen=True, slots=True)
class Resource:
    """The endpoints of one kind."""

    kind: Kind

    def show_all(self, service: Service, call: Call) -> Answer:
        """Answer all objects of the kind that the caller may change."""
        context = enter(service, call)
        kind = self.kind
        match kind.owner:
            case None:
                documents = [d for i in administered(context) if (d := context.store.find(kind.name, i)) is not None]
            case (_, "project"):
                documents = reachable(context, kind.name)
            case _:
                documents = context.store.children(kind.name, [self._client(context, call)])
        return self._answer_all(context, documents)

    def show(self, service: Service, call: Call) -> Answer:
        """Answer one object."""
        context = enter(service, call)
        return self._answer(context, self._located(context, call))

    def create(self, service: Service, call: Call) -> Answer:
        """Create an object below the owner that the body or the path names."""
        context, kind = enter(service, call), self.kind
        above = {"client": self._client(context, call)} if "client_id" in call.params else {}
        given = kind.read(call.envelope(kind.name))
        document = {"id": str(uuid.uuid4())} | above | kind.defaults(given) | given
        if not above:
            require_project(context, kind, document)
        require_session(context)
        document = kind.rules(context, Draft(document, given, None))
        context.store.insert(kind.name, document, parent=kind.parent(document), key=kind.key(document))
        context.store.link(document["id"], kind.links(document))
        return self._answer(context, document)

    def update(self, service: Service, call: Call) -> Answer:
        """Change the fields that a partial body names."""
        context, kind = enter(service, call), self.kind
        before = self._located(context, call)
        require_session(context)
        given = self._mutable(context, kind.read(call.envelope(kind.name)), before)
        document = before | given
        if kind.parent(document) != kind.parent(before):
            require_project(context, kind, document)
        document = kind.rules(context, Draft(document, given, before))
        context.store.update(kind.name, document, parent=kind.parent(document), key=kind.key(document))
        context.store.link(document["id"], kind.links(document))
        return self._answer(context, document)

    def delete(self, service: Service, call: Call) -> Answer:
        """Delete an object and answer what it was."""
        context, kind = enter(service, call), self.kind
        document = self._located(context, call)
        require_session(context)
        answer = self._answer(context, document)
        kind.before_delete(context, document)
        context.store.delete(kind.name, document["id"])
        return answer

    def _mutable(self, context: Context, given: Document, before: Document) -> Document:
        fixed = [name for name, field in self.kind.fields.items() if name in given and not field.mutable]
        refused = [name for name in fixed if given[name] != before[name]]
        if refused and context.switches.immutable_fields == "refuse":
            raise invalid(f"{self.kind.name}.{refused[0]} cannot be changed")
        return {name: value for name, value in given.items() if name not in fixed}

    def _located(self, context: Context, call: Call) -> Document:
        document = locate(context, self.kind, call.params["id"])
        if "client_id" in call.params and document["client"] != call.params["client_id"].lower():
            raise missing(self.kind.name, call.params["id"])
        return document

    def _client(self, context: Context, call: Call) -> str:
        return str(locate(context, CLIENT, call.params["client_id"])["id"])

    def _answer(self, context: Context, document: Document) -> Answer:
        return Answer({self.kind.name: self.kind.shown(context, document)})

    def _answer_all(self, context: Context, documents: list[Document]) -> Answer:
        return Answer({self.kind.plural: [self.kind.shown(context, document) for document in documents]})


@dataclass(frozen=True, slots=True)
class Clients(Resource):
    """The endpoints of clients, which are also found by an FQDN and filtered by a project."""

    def show_all(self, service: Service, call: Call) -> Answer:
        """Answer the caller's clients, those of one project, or the one client with an FQDN [FIX, get_client]."""
        if "fqdn" not in call.query:
            answer = Resource.show_all(self, service, call)
            if "project_id" in call.query:
                projects = {identifier.lower() for identifier in call.listed("project_id")}
                answer.document["clients"] = [c for c in answer.document["clients"] if c["project"] in projects]
            return answer
        if "project_id" in call.query:
            raise invalid("Only one of fqdn and project_id may be given")
        context, fqdn = enter(service, call), call.query["fqdn"][-1].lower()
        owner = (
            "SELECT id FROM objects WHERE kind = 'client' AND ? IN (SELECT value FROM json_each(document, '$.fqdns'))"
        )
        found = context.store.rows(owner, fqdn)
        if not found:
            raise ApiError(404, f"No client with the FQDN {fqdn}")
        return self._answer(context, locate(context, CLIENT, found[0][0]))


@dataclass(frozen=True, slots=True)
class Scopes(Resource):
    """The endpoints of scopes, which others may find, and whose create answers a list."""

    def show_all(self, service: Service, call: Call) -> Answer:
        """Answer the caller's scopes, or those with these strings or ids that are visible to the caller [DOC]."""
        context = enter(service, call)
        store, strings, ids = context.store, call.listed("scope_strings"), call.listed("ids")
        if strings and ids:
            raise invalid("Only one of scope_strings and ids may be given")
        if "scope_strings" in call.query or "ids" in call.query:
            wrong = [identifier for identifier in ids if not is_uuid(identifier)]
            if wrong:
                raise invalid(f"ids: {wrong[0]!r} is no UUID")
            found = [store.find_by_key("scope", string) for string in strings]
            found += [store.find("scope", identifier.lower()) for identifier in ids]
            scopes = {scope["id"]: scope for scope in found if scope is not None}
            return self._answer_all(context, [scope for scope in scopes.values() if is_visible(context, scope)])
        if "client_id" in call.params:
            clients = [self._client(context, call)]
        else:
            clients = [client["id"] for client in reachable(context, "client")]
        return self._answer_all(context, store.children("scope", clients))

    def show(self, service: Service, call: Call) -> Answer:
        """Answer one scope that is visible to the caller [INF]."""
        context = enter(service, call)
        scope = context.store.find("scope", call.params["id"].lower())
        if scope is not None and "client_id" not in call.params and is_visible(context, scope):
            return self._answer(context, scope)
        return self._answer(context, self._located(context, call))

    def create(self, service: Service, call: Call) -> Answer:
        """Create a scope; production answers a list, since a client with an FQDN gets two [OBS]."""
        answer = Resource.create(self, service, call)
        if service.switches.scope_create_envelope == "scope":
            return answer
        return Answer({"scopes": [answer.document["scope"]]})


@dataclass(frozen=True, slots=True)
class Credentials(Resource):
    """The endpoints of credentials, whose create is the only time that the secret is shown."""

    def create(self, service: Service, call: Call) -> Answer:
        """Create a credential and show its secret."""
        answer = Resource.create(self, service, call)
        credential = answer.document["credential"]
        credential["secret"] = keep_secret(service.store, credential["client"], credential["id"])
        return answer
