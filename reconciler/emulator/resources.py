"""Owns the verbs of the developer API, once for all kinds; what is particular to a kind stands in its row."""

import uuid
from dataclasses import dataclass

from reconciler.emulator.access import administered, is_visible, locate, reachable, reachable_clients, require_project
from reconciler.emulator.callers import Context, keep_secret, require_scope, require_session
from reconciler.emulator.calls import Answer, Call, Service, caller_of, context_of
from reconciler.emulator.checks import is_uuid
from reconciler.emulator.clients import CLIENT
from reconciler.emulator.errors import invalid, missing
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
        context = enter(service, call)
        above = {"client": self._client(context, call)} if "client_id" in call.params else {}
        given = self.read(context, call)
        return self.answer_created(context, given, self.make(context, given, above))

    def update(self, service: Service, call: Call) -> Answer:
        """Change the fields that a partial body names."""
        context, kind = enter(service, call), self.kind
        before = self._located(context, call)
        require_session(context)
        given = self._mutable(context, self.read(context, call), before)
        siblings = kind.siblings(context, before)
        document = self._changed(context, before, given)
        for sibling in siblings:
            self._changed(context, sibling, given)
        return self._answer(context, document)

    def delete(self, service: Service, call: Call) -> Answer:
        """Delete an object and answer what it was."""
        context, kind = enter(service, call), self.kind
        document = self._located(context, call)
        require_session(context)
        answer = self._answer(context, document)
        for each in (document, *kind.siblings(context, document)):
            kind.before_delete(context, each)
            context.store.delete(kind.name, each["id"])
        return answer

    def read(self, context: Context, call: Call) -> Document:
        """Read the fields of a body; to other keys happens what the switch says."""
        body = call.envelope(self.kind.name)
        unknown = sorted(set(body) - set(self.kind.fields))
        if unknown and context.switches.unknown_keys == "refuse":
            raise invalid(f"{self.kind.name}.{unknown[0]} is not a field")
        return self.kind.read(body)

    def make(self, context: Context, given: Document, above: Document) -> list[Document]:
        """Store what a create makes; ``above`` names an owner that the caller has proven, else the body has to."""
        kind = self.kind
        document = {"id": str(uuid.uuid4())} | kind.defaults(given | above) | given | above
        if not above:
            require_project(context, kind, document)
        require_session(context)
        documents = kind.minted(context, kind.rules(context, Draft(document, given, None)))
        for each in documents:
            context.store.insert(kind.name, each, parent=kind.parent(each), key=kind.key(each))
            context.store.link(each["id"], kind.links(each))
        return documents

    def _changed(self, context: Context, before: Document, given: Document) -> Document:
        kind, document = self.kind, before | given
        if kind.parent(document) != kind.parent(before):
            require_project(context, kind, document)
        document = kind.rules(context, Draft(document, given, before))
        context.store.update(kind.name, document, parent=kind.parent(document), key=kind.key(document))
        context.store.link(document["id"], kind.links(document))
        return document

    def _mutable(self, context: Context, given: Document, before: Document) -> Document:
        fields, switches = self.kind.fields.items(), context.switches
        fixed = [name for name, field in fields if name in given and not field.mutable(switches)]
        refused = [name for name in fixed if given[name] != before[name]]
        if refused and switches.immutable_fields == "refuse":
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

    def answer_created(self, context: Context, _given: Document, documents: list[Document]) -> Answer:
        """Answer what a create has made."""
        return self._answer(context, documents[0])


@dataclass(frozen=True, slots=True)
class Policies(Resource):
    """The endpoints of policies, whose create may answer no more than it was given."""

    def answer_created(self, context: Context, given: Document, documents: list[Document]) -> Answer:
        """Answer the policy, whole or as the fixture has it [FIX]."""
        answer = Resource.answer_created(self, context, given, documents)
        if context.switches.policy_create_answer == "sparse":
            policy = answer.document["policy"]
            return Answer({"policy": {name: policy[name] for name in ("id", *given)}})
        return answer


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
            clients = [client["id"] for client in reachable_clients(context)]
        return self._answer_all(context, store.children("scope", clients))

    def show(self, service: Service, call: Call) -> Answer:
        """Answer one scope that is visible to the caller [INF]."""
        context = enter(service, call)
        scope = context.store.find("scope", call.params["id"].lower())
        if scope is not None and "client_id" not in call.params and is_visible(context, scope):
            return self._answer(context, scope)
        return self._answer(context, self._located(context, call))

    def answer_created(self, context: Context, given: Document, documents: list[Document]) -> Answer:
        """Answer one scope for the client's id and one for each FQDN [OBS]."""
        if context.switches.scope_create_envelope == "scope":
            return Resource.answer_created(self, context, given, documents)
        return self._answer_all(context, documents)


@dataclass(frozen=True, slots=True)
class Credentials(Resource):
    """The endpoints of credentials, whose create is the only time that the secret is shown."""

    def answer_created(self, context: Context, given: Document, documents: list[Document]) -> Answer:
        """Answer the credential with its secret."""
        answer = Resource.answer_created(self, context, given, documents)
        credential = answer.document["credential"]
        credential["secret"] = keep_secret(context.store, credential["client"], credential["id"])
        return answer
