"""Owns which identities belong to one person: linked ones share sessions, and are an identity set to applications."""

from reconciler.emulator.calls import Service
from reconciler.emulator.identities import identity_by_id
from reconciler.emulator.store import Document, Store


def identity_set(store: Store, identity: str) -> list[Document]:
    """Return an identity and those that are linked to it, itself first, then by username."""
    statement = (
        "SELECT other.identity FROM accounts AS own JOIN accounts AS other ON own.account = other.account "
        "WHERE own.identity = ? AND other.identity <> own.identity"
    )
    linked = [identity_by_id(store, row[0]) for row in store.rows(statement, identity)]
    others = sorted((one for one in linked if one is not None), key=lambda one: str(one["username"]))
    itself = identity_by_id(store, identity)
    return others if itself is None else [itself, *others]


def are_linked(store: Store, identity: str, others: list[str]) -> bool:
    """Say whether an identity is in the identity set of one of the others."""
    return any(one["id"] in others for one in identity_set(store, identity))


def link(store: Store, identity: str, other: str) -> None:
    """Make two identity sets one."""
    for one in (identity, other):
        store.rows("INSERT OR IGNORE INTO accounts VALUES (?, ?)", one, one)
    store.rows(
        "UPDATE accounts SET account = (SELECT account FROM accounts WHERE identity = ?) "
        "WHERE account = (SELECT account FROM accounts WHERE identity = ?)",
        *(other, identity),
    )


def effective_identity(service: Service, client: Document, identity: str) -> str | None:
    """Return the identity that an application gets to see, or None where the client requires another provider.

    A client with ``required_idp`` sees the identity of that provider in the identity set of who logged in [DOC].
    """
    provider = client["required_idp"]
    if provider is None or not service.switches.required_idp_selects_identity:
        return identity
    members = identity_set(service.store, identity)
    return next((str(one["id"]) for one in members if one["identity_provider"] == provider), None)
