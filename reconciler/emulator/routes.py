"""Owns the table of what is served where; every row is a method, a path and an endpoint."""

from reconciler.emulator import authorize, consents, identities, introspection, oauth, openid
from reconciler.emulator.callers import require_scope
from reconciler.emulator.calls import Answer, Call, Endpoint, Service, caller_of
from reconciler.emulator.clients import CLIENT
from reconciler.emulator.credentials import CREDENTIAL
from reconciler.emulator.errors import missing
from reconciler.emulator.policies import POLICY
from reconciler.emulator.projects import PROJECT
from reconciler.emulator.registration import Clients
from reconciler.emulator.resources import Credentials, Policies, Resource, Scopes
from reconciler.emulator.scopes import SCOPE
from reconciler.emulator.wellknown import VIEW_IDENTITIES

Row = tuple[str, str, Endpoint]


def _admit(service: Service, call: Call) -> None:
    caller = caller_of(service, call)
    if service.switches.identities_need_view_identities:
        require_scope(caller, VIEW_IDENTITIES)


def list_identities(service: Service, call: Call) -> Answer:
    """Answer identities by usernames or ids."""
    _admit(service, call)
    usernames, ids, provision = call.listed("usernames"), call.listed("ids"), call.flag("provision")
    any_domain = service.switches.provision_any_domain

    def may_provision(username: str) -> bool:
        return provision and (any_domain or identities.has_provider(service.store, username))

    found = identities.identities(service.store, usernames=usernames, ids=ids, provision=may_provision)
    return Answer({"identities": found})


def show_identity(service: Service, call: Call) -> Answer:
    """Answer one identity, with its provider if ``include`` asks for it."""
    _admit(service, call)
    identity = identities.identity_by_id(service.store, call.params["id"])
    if identity is None:
        raise missing("identity", call.params["id"])
    answer = {"identity": identity}
    if "identity_provider" in call.listed("include"):
        provider = service.store.find("identity_provider", identity["identity_provider"])
        answer["included"] = {"identity_providers": [provider] if provider else []}
    return Answer(answer)


def list_providers(service: Service, call: Call) -> Answer:
    """Answer identity providers by domains or ids."""
    _admit(service, call)
    found = identities.providers(service.store, domains=call.listed("domains"), ids=call.listed("ids"))
    return Answer({"identity_providers": found})


def _whole(resource: Resource) -> list[Row]:
    """Return the rows of a kind with all five verbs under its own path."""
    path = f"/v2/api/{resource.kind.plural}"
    return [
        ("GET", path, resource.show_all),
        ("POST", path, resource.create),
        *_single(path, resource),
    ]


def _single(path: str, resource: Resource) -> list[Row]:
    return [
        ("GET", path + "/{id}", resource.show),
        ("PUT", path + "/{id}", resource.update),
        ("DELETE", path + "/{id}", resource.delete),
    ]


_CLIENTS = Clients(CLIENT)
_SCOPES = Scopes(SCOPE)
_CREDENTIALS = Credentials(CREDENTIAL)
_OF_CLIENT = "/v2/api/clients/{client_id}"

ROUTES: tuple[Row, ...] = (
    *_whole(Resource(PROJECT)),
    *_whole(Policies(POLICY)),
    *_whole(_CLIENTS),
    ("POST", _OF_CLIENT + "/fqdns", _CLIENTS.add_fqdn),
    ("GET", "/v2/api/scopes", _SCOPES.show_all),
    *_single("/v2/api/scopes", _SCOPES),
    ("GET", _OF_CLIENT + "/scopes", _SCOPES.show_all),
    ("POST", _OF_CLIENT + "/scopes", _SCOPES.create),
    ("GET", _OF_CLIENT + "/scopes/{id}", _SCOPES.show),
    ("GET", _OF_CLIENT + "/credentials", _CREDENTIALS.show_all),
    ("POST", _OF_CLIENT + "/credentials", _CREDENTIALS.create),
    ("DELETE", _OF_CLIENT + "/credentials/{id}", _CREDENTIALS.delete),
    ("GET", "/v2/api/identities", list_identities),
    ("GET", "/v2/api/identities/{id}", show_identity),
    ("GET", "/v2/api/identities/{id}/consents", consents.list_consents),
    ("GET", "/v2/api/identity_providers", list_providers),
    ("POST", "/v2/oauth2/token", oauth.token),
    ("POST", "/v2/oauth2/token/introspect", introspection.introspect),
    ("POST", "/v2/oauth2/token/revoke", oauth.revoke),
    ("POST", "/v2/oauth2/token/validate", oauth.validate),
    ("GET", "/v2/oauth2/authorize", authorize.ask),
    ("POST", "/v2/oauth2/authorize", authorize.decide),
    ("GET", "/v2/web/auth-code", authorize.show_code),
    ("GET", "/v2/web/logout", authorize.log_out),
    ("GET", "/v2/oauth2/userinfo", openid.userinfo),
    ("POST", "/v2/oauth2/userinfo", openid.userinfo),
    ("GET", "/.well-known/openid-configuration", openid.configuration),
    ("GET", "/jwk.json", openid.keys),
)
