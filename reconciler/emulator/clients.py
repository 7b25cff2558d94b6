"""Owns the rules of clients: what their type implies, what never changes, and what goes when they go."""

from urllib.parse import urlsplit

from reconciler.emulator import checks
from reconciler.emulator.callers import Context
from reconciler.emulator.credentials import forget_secret
from reconciler.emulator.errors import conflict, invalid
from reconciler.emulator.identities import identity_by_id
from reconciler.emulator.kinds import Draft, Field, Kind, never
from reconciler.emulator.scopes import release_dependents
from reconciler.emulator.store import Document, Store

_PUBLIC = ("public_installed_client", "public_webapp_client")
_PRIVATE = (
    "hybrid_confidential_client_resource_server",
    "client_identity",
    "confidential_client",
    "globus_connect_server",
    "resource_server",
)
TEMPLATE_TYPE = "public_installed_client"
"""What a native application has to be, so that instances of it can be made."""
INSTANCE_TYPE = "confidential_client"
"""What an instance is [FIX, create_native_app_instance]."""
DEPENDENT_TOKEN = "urn:globus:auth:grant_type:dependent_token"  # noqa: S105 - the name of a grant
_LOCAL = ("localhost", "127.0.0.1", "::1")
_NO_LINKS = {"privacy_policy": None, "terms_and_conditions": None}


def grant_types(context: Context, document: Document) -> list[str]:
    """Return the grants that the type of a client implies [FIX]."""
    grants = ["authorization_code", "client_credentials", "refresh_token", DEPENDENT_TOKEN]
    match document["client_type"]:
        case kind if kind in _PUBLIC:
            return ["authorization_code", "refresh_token"]
        case "client_identity":
            return grants[:3]
        case kind if kind == INSTANCE_TYPE and _template(context.store, document) is not None:
            return grants[:3]
        case "resource_server" if not context.switches.resource_servers_grant_client_credentials:
            return [grant for grant in grants if grant != "client_credentials"]
        case _:
            return grants


def _template(store: Store, document: Document) -> Document | None:
    """Return the native application that a client is an instance of."""
    parent = store.find("client", document["parent_client"]) if document["parent_client"] else None
    return parent if parent is not None and parent["client_type"] == TEMPLATE_TYPE else None


def takes_redirect(store: Store, client: Document, address: str, code_page: str) -> bool:
    """Say whether a client may send people back to an address: one that it, or its template, has registered.

    Public clients and instances of them may always use the page that shows the code, and any port of this machine:
    without a path unregistered [DOC, the official SDK on its local-server login], with one if that is registered.
    """
    template = _template(store, client)
    registered = {*client["redirect_uris"], *(template["redirect_uris"] if template else ())}
    if not client["public_client"] and template is None:
        return address in registered
    try:
        parts = urlsplit(address)
        host = parts.netloc.removesuffix(f":{parts.port}")
    except ValueError:
        return False
    local = parts.scheme == "http" and parts.hostname in _LOCAL
    portless = parts._replace(netloc=host).geturl()
    bare = portless == f"http://{host}" and host.lower() in ("localhost", "127.0.0.1", "[::1]")
    return address in registered | {code_page} or (local and (bare or portless in registered))


def _typed(document: Document) -> Document:
    """Derive ``client_type`` and ``public_client`` from the one that was given [FIX, create_client]."""
    given_public, given_type = document["public_client"], document["client_type"]
    if (given_public is None) == (given_type is None):
        raise invalid("Exactly one of client.public_client and client.client_type has to be given")
    client_type = given_type or (_PUBLIC if given_public else _PRIVATE)[0]
    public = client_type in _PUBLIC
    prompt = document["prompt_for_named_grant"]
    return document | {
        "client_type": client_type,
        "public_client": public,
        "prompt_for_named_grant": public if prompt is None else prompt,
        "fqdns": [],
        "parent_client": document.get("parent_client"),
    }


def _rules(context: Context, draft: Draft) -> Document:
    document = _typed(draft.document) if draft.before is None else draft.document
    if context.switches.links_both_or_neither and len({link is None for link in document["links"].values()}) > 1:
        raise invalid("client.links: give both terms_and_conditions and privacy_policy, or neither")
    for field in ("required_idp", "preselect_idp"):
        provider = document[field]
        known = provider is None or context.store.find("identity_provider", provider) is not None
        if context.switches.unknown_idp_is_refused and draft.changes(field) and not known:
            raise invalid(f"client.{field}: no identity provider with id {provider}")
    if context.switches.redirect_uris_https_or_local:
        for address in document["redirect_uris"]:
            _check_redirect(address)
    return document


def _check_redirect(address: str) -> None:
    try:
        parts = urlsplit(address)
        local = parts.scheme == "http" and parts.hostname in _LOCAL
    except ValueError:
        raise invalid(f"client.redirect_uris: {address!r} is no address") from None
    if parts.scheme != "https" and not local:
        raise invalid(f"client.redirect_uris: {address!r} is neither https nor on localhost")


def _shown(context: Context, document: Document) -> Document:
    owned = context.store.child_ids("scope", document["id"])
    return document | {"grant_types": grant_types(context, document), "scopes": owned}


def _before_delete(context: Context, document: Document) -> None:
    """Take children, scopes, credentials and tokens along (globus-auth.md 3, [OBS])."""
    for child in reversed(_descendants(context, document["id"])):
        _release(context, child)
        context.store.delete("client", child["id"])
    _release(context, document)


def _descendants(context: Context, client: str) -> list[Document]:
    """Return the clients below one that goes, as far as the switch says that they go too [UNK]."""
    found = list[Document]()
    for child in context.store.children("client", [client]):
        match context.switches.deleted_parent_client:
            case "refuse":
                raise conflict(f"The client still has the child client {child['id']}; delete it first")
            case "cascade":
                found.append(child)
            case "orphan":
                context.store.update("client", child | {"parent_client": None})
    for child in found:
        found += context.store.children("client", [child["id"]])
    return found


def _release(context: Context, document: Document) -> None:
    """Refuse that a client goes, or take along what hangs on it."""
    store, client = context.store, document["id"]
    if document["client_type"] == "globus_connect_server" and not context.switches.connect_servers_are_deletable:
        raise conflict("An endpoint of Globus Connect Server is removed by globus-connect-server endpoint cleanup")
    if context.switches.delete_only_administrator == "refuse":
        _require_other_administrators(store, client)
    for scope in store.children("scope", [client]):
        release_dependents(context, scope, client=client)
        store.delete("scope", scope["id"])
    for credential in store.children("credential", [client]):
        forget_secret(context, credential)
        store.delete("credential", credential["id"])
    store.rows("DELETE FROM secrets WHERE client = ?", client)
    for table in ("tokens", "refresh_tokens", "codes"):
        store.rows(f"DELETE FROM {table} WHERE client = ? OR identity = ?", client, client)  # noqa: S608 - constants


def _require_other_administrators(store: Store, client: str) -> None:
    for source in store.sources(client):
        project = store.find("project", source)
        if project is None or project["admin_group_ids"]:
            continue
        others = (admin for admin in project["admin_ids"] if admin != client)
        if not any(identity_by_id(store, admin) for admin in others):
            raise conflict(f"The client is the only administrator of the project {source}; give it another one first")


CLIENT = Kind(
    name="client",
    plural="clients",
    fields={
        "project": Field(
            checks.nullable(checks.identifier),
            required=True,
            mutable=lambda switches: switches.client_project_is_mutable,
        ),
        "name": Field(checks.line, required=True),
        "public_client": Field(checks.boolean, mutable=never),
        "client_type": Field(checks.one_of(*_PUBLIC, *_PRIVATE), mutable=never),
        "visibility": Field(checks.one_of("public", "private"), default="private"),
        "redirect_uris": Field(checks.list_of(checks.text), default=[]),
        "links": Field(checks.links, default=_NO_LINKS),
        "required_idp": Field(checks.nullable(checks.identifier)),
        "preselect_idp": Field(checks.nullable(checks.identifier)),
        "userinfo_from_effective_identity": Field(checks.boolean, default=True, mutable=never),
        "prompt_for_named_grant": Field(checks.boolean, mutable=never),
    },
    owner=("project", "project"),
    second_owner="parent_client",
    rules=_rules,
    shown=_shown,
    before_delete=_before_delete,
)
