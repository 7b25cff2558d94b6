"""Names of people, identity providers and scopes → ids, asked for in batches. A look-up never provisions anything."""

from collections.abc import Iterable, Iterator, Sequence

from reconciler.auth import AuthClient, IdentityMap
from reconciler.model import Ref, Want
from reconciler.remote import failing

_BATCH = 50


def look_up(client: AuthClient, refs: Sequence[Ref]) -> dict[Ref, str]:
    """Find the ids of what the references name; what the service does not know is left out."""
    by_want = {want: [ref for ref in refs if ref.want is want] for want in Want}
    return (
        _people(client, by_want[Want.IDENTITY])
        | _providers(client, by_want[Want.PROVIDER])
        | _scopes(client, by_want[Want.SCOPE])
    )


def _people(client: AuthClient, refs: Sequence[Ref]) -> dict[Ref, str]:
    identities = IdentityMap(client, [ref.text.lower() for ref in refs], id_batch_size=_BATCH)
    with failing("look identities up"):
        found = {ref: identities.get(ref.text.lower()) for ref in refs}
    return {ref: identity["id"] for ref, identity in found.items() if identity}


def _providers(client: AuthClient, refs: Sequence[Ref]) -> dict[Ref, str]:
    """Find providers by domain; a name without a dot is a short name, which can only be found in the whole list."""
    known: dict[str, str] = {}
    with failing("look identity providers up"):
        for batch in _batches(ref.text.lower() for ref in refs if "." in ref.text):
            for provider in client.get_identity_providers(domains=batch):
                known |= dict.fromkeys(provider.get("domains") or [], provider["id"])
        if any("." not in ref.text for ref in refs):
            for provider in client.get_identity_providers():
                known[provider["short_name"]] = provider["id"]
    return {ref: known[ref.text.lower()] for ref in refs if ref.text.lower() in known}


def _scopes(client: AuthClient, refs: Sequence[Ref]) -> dict[Ref, str]:
    known: dict[str, str] = {}
    with failing("look scopes up"):
        for batch in _batches(ref.text for ref in refs):
            known |= {scope["scope_string"]: scope["id"] for scope in client.get_scopes(scope_strings=batch)}
    return {ref: known[ref.text] for ref in refs if ref.text in known}


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    rest = sorted(set(texts))
    for start in range(0, len(rest), _BATCH):
        yield rest[start : start + _BATCH]
