"""Owns the look-up of many identities in few calls."""

from collections.abc import Iterable, MutableMapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from reconciler.auth.confidential_client import ConfidentialAppAuthClient
    from reconciler.auth.endpoints.identities import IdentityEndpoints

BATCH_SIZE = 100


def is_uuid(text: str) -> bool:
    """Say whether a name of an identity is its id rather than its username."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


class IdentityMap:
    """Identities by id and by username. The first look-up of one asks for others of its kind that were added, too.

    `cache` may be shared with other maps. For one thread at a time.
    """

    def __init__(
        self,
        auth_client: "IdentityEndpoints | ConfidentialAppAuthClient",
        identity_ids: Iterable[str] | None = None,
        *,
        id_batch_size: int | None = None,
        cache: MutableMapping[str, dict[str, Any]] | None = None,
    ) -> None:
        self.auth_client = auth_client
        self.id_batch_size = id_batch_size if id_batch_size is not None else BATCH_SIZE
        self._cache = cache if cache is not None else {}
        # Dictionaries for their order, so that the same additions make the same calls.
        self._pending_ids: dict[str, None] = {}
        self._pending_names: dict[str, None] = {}
        for identity_id in identity_ids or ():
            self.add(identity_id)

    def _pending(self, identity_id: str) -> dict[str, None]:
        return self._pending_ids if is_uuid(identity_id) else self._pending_names

    def add(self, identity_id: str) -> bool:
        """Note an id or a username for the next look-up, and say whether it was new."""
        pending = self._pending(identity_id)
        if identity_id in self._cache or identity_id in pending:
            return False
        pending[identity_id] = None
        return True

    def get(self, key: str, default: Any = None) -> Any:
        """Look an identity up, or give the default if there is none.

        Errors: those of `AuthClient.get_identities`.
        """
        try:
            return self[key]
        except KeyError:
            return default

    def __getitem__(self, key: str) -> Any:
        if key not in self._cache:
            self._fetch(key)
        return self._cache[key]

    def __delitem__(self, key: str) -> None:
        del self._cache[key]

    def _fetch(self, key: str) -> None:
        pending = self._pending(key)
        waiting = [name for name in pending if name != key and name not in self._cache]
        batch = [key, *waiting[: max(self.id_batch_size - 1, 0)]]
        by_id = pending is self._pending_ids
        found = (
            self.auth_client.get_identities(ids=batch) if by_id else self.auth_client.get_identities(usernames=batch)
        )
        for identity in found:
            self._cache[identity["id"]] = identity
            self._cache[identity["username"]] = identity
        for name in batch:
            pending.pop(name, None)
