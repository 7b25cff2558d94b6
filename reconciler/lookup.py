"""Names of people, identity providers and scopes → ids, asked for in batches. A look-up never provisions anything."""

from collections.abc import Iterable, Iterator, Sequence

from reconciler.auth import AuthClient, IdentityMap
from reconciler.model import Ref, Want
from reconciler.remote import Document, failing, permitted

_BATCH = 50
_SHORT_NAMES = {"globusid": "globusid.org"}
"""The short names that are publicly known [FIX, get_identity_providers], by which the service finds nothing, and a
domain of each, by which it does."""


def look_up(client: AuthClient, refs: Sequence[Ref]) -> dict[Ref, str]:
    """Find the ids of what the references name; what the service does not know is left out."""
    by_want = {want: [ref for ref in refs if ref.want is want] for want in Want}
    return (
        _people(client, by_want[Want.IDENTITY])
        | _providers(client, by_want[Want.PROVIDER])
        | _scopes(client, by_want[Want.SCOPE])
    )


def described(client: AuthClient, want: Want, ids: Iterable[str]) -> list[Document]:
    """Read what ids name, as the service shows it; what it does not show, and what it cannot list, is left out."""
    with permitted(), failing(f"look up what each {want} is"):
        return [dict(row) for batch in _batches(ids) for row in _rows(client, want, batch)]


def _rows(client: AuthClient, want: Want, ids: list[str]) -> Iterable[Document]:
    match want:
        case Want.IDENTITY:
            return client.get_identities(ids=ids)
        case Want.PROVIDER:
            return client.get_identity_providers(ids=ids)
        case Want.SCOPE:
            return client.get_scopes(ids=ids)
        case Want.PROJECT | Want.GROUP:
            return ()


def _people(client: AuthClient, refs: Sequence[Ref]) -> dict[Ref, str]:
    identities = IdentityMap(client, [ref.text.lower() for ref in refs], id_batch_size=_BATCH)
    with permitted(), failing("look identities up"):
        found = {ref: identities.get(ref.text.lower()) for ref in refs}
    return {ref: identity["id"] for ref, identity in found.items() if identity}


def _providers(client: AuthClient, refs: Sequence[Ref]) -> dict[Ref, str]:
    """Find providers by domain, the only name that the service takes; it must confirm a short name."""
    domains = {ref: _SHORT_NAMES.get(ref.text.lower(), ref.text.lower()) for ref in refs}
    known: dict[tuple[str, str | None], str] = {}
    with permitted(), failing("look identity providers up"):
        for batch in _batches(domain for domain in domains.values() if "." in domain):
            for provider in client.get_identity_providers(domains=batch):
                for domain in provider.get("domains") or []:
                    known |= {(domain, name): provider["id"] for name in (domain, provider.get("short_name"))}
    found = {ref: known.get((domain, ref.text.lower())) for ref, domain in domains.items()}
    return {ref: identifier for ref, identifier in found.items() if identifier}


def _scopes(client: AuthClient, refs: Sequence[Ref]) -> dict[Ref, str]:
    known: dict[str, str] = {}
    with permitted(), failing("look scopes up"):
        for batch in _batches(ref.text for ref in refs):
            known |= {scope["scope_string"]: scope["id"] for scope in client.get_scopes(scope_strings=batch)}
    return {ref: known[ref.text] for ref in refs if ref.text in known}


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    rest = sorted(set(texts))
    for start in range(0, len(rest), _BATCH):
        yield rest[start : start + _BATCH]
