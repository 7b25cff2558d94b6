"""Owns the choices where nobody has written down what the service does: each is named, provisional, and graded.

The grades are those of the project's notes on Globus Auth: [INF] inferred, [UNK] not found anywhere, [OBS] seen once by
somebody, [FIX] from the official SDK's recorded responses. docs/emulator.md lists them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args, get_type_hints


@dataclass(frozen=True, slots=True)
class Switches:
    """How the emulator behaves where the service's behaviour is not known for certain."""

    foreign_status: Literal[403, 404] = 403
    """[UNK] Status for an object that exists but that the caller has no rights on."""
    immutable_fields: Literal["ignore", "refuse"] = "ignore"
    """[INF] What a PUT of ``project``, ``client_type``, ``public_client`` or ``high_assurance`` does."""
    high_assurance_is_mutable: bool = False
    """[INF] Whether a PUT of ``high_assurance`` changes it: the JavaScript SDK's type has it, the Python one not."""
    client_project_is_mutable: bool = False
    """[UNK] Whether a PUT of ``project`` moves a client to another project of the caller."""
    unknown_keys: Literal["ignore", "refuse"] = "ignore"
    """[INF] What happens to keys of a body that are no fields."""
    scope_suffix_is_mutable: bool = True
    """[DOC] Whether a PUT of ``scope_suffix`` renames the scope: the Python SDK sends it, the JavaScript one not."""
    update_needs_admins: bool = False
    """[OBS, weak] Whether each PUT of a project must state its administrators again."""
    no_admin_status: Literal[400, 409, 422] = 400
    """[UNK] Status of the refusal of a project without any administrator; its message is [OBS]."""
    unknown_admins_are_refused: bool = True
    """[UNK] Whether ``admin_ids`` and ``admin_group_ids`` must name known identities and groups."""
    contact_email_is_checked: bool = False
    """[UNK] Whether ``contact_email`` has to look like an address."""
    project_in_use_status: Literal[409, 400, 403, 422] = 409
    """[INF] Status of the refusal to delete a project that is not empty."""
    delete_project_with_policies: Literal["refuse", "cascade"] = "refuse"
    """[INF] A project with clients is refused [OBS]; for policies nobody has said."""
    deleted_scope_in_use: Literal["drop", "keep", "refuse"] = "drop"
    """[UNK] What happens to other scopes' dependent_scopes when the scope, or its client, is deleted."""
    delete_only_administrator: Literal["refuse", "allow"] = "refuse"
    """[UNK] What a DELETE of a client does that is the only administrator of a project (``allow``: it is lost)."""
    connect_servers_are_deletable: bool = False
    """[OBS] Whether a DELETE takes a client of type globus_connect_server, which has a clean-up of its own."""
    child_clients_answer_to: Literal["administrators", "parent", "nobody"] = "administrators"
    """[UNK] Who reads and changes a child client besides itself: its parent and who administers that, or less."""
    deleted_parent_client: Literal["cascade", "orphan", "refuse"] = "cascade"
    """[UNK] What happens to the children and instances of a client that is deleted."""
    client_by_fqdn_envelope: Literal["client", "clients"] = "client"
    """[FIX] What a look-up by FQDN answers: an object, or (the JavaScript SDK's type) a list."""
    fqdn_proof: Literal["always", "announced"] = "always"
    """[OBS] Which FQDNs belong to a client: any, or those with a TXT record that ``/_emulator/dns`` was told of."""
    fqdn_answer: Literal["client", "fqdn"] = "client"
    """[UNK] What adding an FQDN answers: the client, or ``{"fqdn": name}``."""
    scopes_of_new_fqdn: Literal["bare", "copy", "none"] = "bare"
    """[OBS] What a new FQDN makes of the scopes that a client has: siblings to be named, copies, or nothing."""
    scope_siblings: Literal["apart", "together"] = "apart"
    """[OBS] Whether a PUT or DELETE of a scope is one of those for the client's other hosts too."""
    fqdn_scopes_first: bool = False
    """[UNK] Whether a create lists the scopes for FQDNs before that for the client's id."""
    scope_circles: Literal["allow", "refuse"] = "allow"
    """[UNK] What happens to a PUT that makes scopes depend on each other in a circle."""
    most_credentials: int = 0
    """[UNK] How many credentials a client may have; 0 is any number."""
    policy_create_answer: Literal["whole", "sparse"] = "whole"
    """[FIX] What the create of a policy answers: the policy, or its id and what was sent, as in the SDK's fixture."""
    scope_create_envelope: Literal["scopes", "scope"] = "scopes"
    """[OBS] What a create answers: production a list of scopes; the SDK's fixture and documentation one object."""
    session_gate: bool = True
    """[OBS] Whether a person's write needs a recent login; reads never do."""
    session_seconds: int = 1800
    """[OBS] How recent that login has to be."""
    session_policy: str = "5f2a2ac1-6f1b-5f5e-9a3e-6d2f3c3b7a10"
    """[INF] The policy that the refusal of the gate names in ``session_required_policies`` (a made-up id)."""
    session_policies_as: Literal["list", "string"] = "list"
    """[OBS] How ``session_required_policies`` is written: both have been seen."""
    basic_manages_projects: bool = False
    """[INF] Whether a client that uses Basic acts beyond itself, on projects that it administers."""
    links_both_or_neither: bool = True
    """[INF] A rule of the SDK, kept here too: ``links`` has both addresses or none."""
    unknown_idp_is_refused: bool = True
    """[UNK] Whether ``required_idp`` and ``preselect_idp`` must name a known identity provider."""
    redirect_uris_https_or_local: bool = False
    """[UNK] Whether redirect URIs must be https, or http on the local host."""
    domain_constraints_exclusive: bool = False
    """[UNK] Whether a policy may not include and exclude domains at once."""
    resource_servers_grant_client_credentials: bool = True
    """[FIX] Whether clients of type resource_server may use the client credentials grant."""
    provision_any_domain: bool = True
    """[UNK] Whether an identity of a domain without identity provider can be provisioned."""
    identities_need_view_identities: bool = False
    """[UNK] Whether looking up identities needs the scope view_identities."""
    failed_client_document: Literal["errors", "error"] = "errors"
    """[OBS] What a wrong secret gets of OAuth 2: ``Basic auth failed`` in an error document, or only ``error``."""
    requested_scopes: Literal["visible", "known"] = "visible"
    """[UNK] Which scopes a client may ask for: those that it sees and those of its project, or all that there are."""
    unknown_scope_document: Literal["error", "errors"] = "error"
    """[OBS] What asking for others gets: ``invalid_scope``, or a document with the code UNKNOWN_SCOPE_ERROR."""
    issuer: Literal["service", "local"] = "service"
    """[INF] Who ID tokens are from: ``https://auth.globus.org``, or this server, for libraries that compare the two."""
    template_revokes_for_instances: bool = True
    """[INF] Whether a native application may revoke its instances' tokens, as the official CLI does to log out."""
    approve_without_asking: bool = False
    """[INF] Whether authorize shows no page and redirects at once (``login_hint`` names the person, else rosalind)."""
    session_required_identities: Literal["all", "any"] = "all"
    """[DOC] Whether a session must hold each of the identities that a request demands, or one of them."""
    required_idp_selects_identity: bool = True
    """[DOC] Whether a client with ``required_idp`` sees the identity of that provider; ``false`` ignores the field."""
    refresh_returns_id_token: bool = False
    """[UNK] Whether refreshing a token whose scopes hold ``openid`` gives an ID token too."""
    dependent_refresh_needs_consent: bool = False
    """[UNK] Whether a dependent grant gives refresh tokens only where the consent allows them."""
    revoked_refresh_token_ends_access: bool = True
    """[INF] Whether revoking a refresh token revokes the access tokens that came with or from it (RFC 7009)."""
    introspection_needs_audience: bool = False
    """[UNK] Whether a token is only active to the client that holds it and to its resource servers."""
    userinfo_identity_set: Literal["openid", "view_identity_set"] = "openid"
    """[DOC] Which scope shows the identity set in userinfo and ID tokens."""


def switches_from(stated: Iterable[str]) -> Switches:
    """Read switches that are written ``NAME=VALUE``; the last one of a name counts.

    Raises:
        ValueError: For a name or a value that there is not, with those that there are.
    """
    types, values = get_type_hints(Switches), dict[str, Any]()
    for each in stated:
        name, _, text = each.partition("=")
        if name not in types:
            names = ", ".join(field.name for field in fields(Switches))
            raise ValueError(f"there is no switch {name!r}; there are {names}")
        values[name] = _value(name, types[name], text)
    return Switches(**values)


def _value(name: str, kind: object, text: str) -> object:
    """Read a value by the type of its switch: true or false, a number, a text, or one of several."""
    choices: dict[str, object] = {str(choice): choice for choice in get_args(kind)}
    if kind is bool:
        choices = {"true": True, "false": False}
    if choices:
        if text not in choices:
            raise ValueError(f"{name} is one of {', '.join(choices)}, not {text!r}")
        return choices[text]
    if kind is not int:
        return text
    if not text.isdecimal():
        raise ValueError(f"{name} is a number, not {text!r}")
    return int(text)
