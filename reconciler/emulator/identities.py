"""Owns looking up people, client identities and identity providers; a client's id is an identity's id."""

import re
from collections.abc import Callable

from reconciler.emulator.checks import is_uuid
from reconciler.emulator.errors import invalid
from reconciler.emulator.store import Document, Store
from reconciler.emulator.world import CLIENT_DOMAIN, CLIENT_PROVIDER, add_identity

_USERNAME = re.compile(r"[^@\s]+@([^@\s]+)\Z")


def identity_by_id(store: Store, identifier: str) -> Document | None:
    """Return a person's or a client's identity."""
    found = store.find("identity", identifier.lower())
    if found is None:
        client = store.find("client", identifier.lower())
        found = None if client is None else client_identity(client)
    return found


def client_identity(client: Document) -> Document:
    """Return the identity that a client is."""
    return {
        "id": client["id"],
        "username": f"{client['id']}@{CLIENT_DOMAIN}",
        "email": None,
        "name": client["name"],
        "organization": None,
        "identity_provider": CLIENT_PROVIDER,
        "identity_type": "service",
        "status": "used",
    }


def identity_by_username(store: Store, username: str, *, provision: bool = False) -> Document | None:
    """Return the identity with a username in any case; ``provision`` makes it if it is well-formed and unknown."""
    name, _, domain = username.rpartition("@")
    if domain.lower() == CLIENT_DOMAIN:
        return identity_by_id(store, name)
    found = store.find_by_key("identity", username.lower())
    if found is None and provision and _USERNAME.match(username):
        return add_identity(store, username)
    return found


def has_provider(store: Store, username: str) -> bool:
    """Say whether the domain of a username belongs to an identity provider."""
    domain = username.rpartition("@")[2].lower()
    return any(domain in provider["domains"] for provider in store.all("identity_provider"))


def identities(
    store: Store, *, usernames: list[str], ids: list[str], provision: Callable[[str], bool]
) -> list[Document]:
    """Return the identities that are known among those asked for, and unknown ones that ``provision`` lets be made.

    Raises:
        ApiError: 400, when both usernames and ids are given, or neither, or an id is no UUID.
    """
    if bool(usernames) == bool(ids):
        raise invalid("Exactly one of usernames and ids has to be given")
    wrong = [identifier for identifier in ids if not is_uuid(identifier)]
    if wrong:
        raise invalid(f"ids: {wrong[0]!r} is no UUID")
    found = [identity_by_username(store, name, provision=provision(name)) for name in usernames]
    found += [identity_by_id(store, identifier) for identifier in ids]
    return list({identity["id"]: identity for identity in found if identity is not None}.values())


def providers(store: Store, *, domains: list[str], ids: list[str]) -> list[Document]:
    """Return the identity providers that are known among those asked for.

    Raises:
        ApiError: 400, when both domains and ids are given, or neither.
    """
    if bool(domains) == bool(ids):
        raise invalid("Exactly one of domains and ids has to be given")
    wanted = {domain.lower() for domain in domains}
    named = {identifier.lower() for identifier in ids}
    return [
        provider
        for provider in store.all("identity_provider")
        if provider["id"] in named or wanted.intersection(provider["domains"])
    ]
