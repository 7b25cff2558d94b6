"""Owns the secrets of the Bootstrap client: each start has one of its own and leaves those of other processes alone."""

import json
import uuid

from reconciler.emulator.callers import keep_secret, timestamp
from reconciler.emulator.store import Document, Store
from reconciler.emulator.world import BOOTSTRAP, add_bootstrap

_NEWEST_KEPT = 8
_KEPT_SECONDS = 86_400


def issue_bootstrap_secret(store: Store, now: float) -> str:
    """Give the Bootstrap client one more secret, and retire those that starts of another day have left."""
    client = add_bootstrap(store)
    credential: Document = {
        "id": str(uuid.uuid4()),
        "client": client,
        "name": BOOTSTRAP,
        "created": timestamp(now),
        "secret": None,
    }
    store.insert("credential", credential, parent=client)
    earlier: list[tuple[str, float]] = json.loads(store.setting("bootstrap_credentials") or "[]")
    issued = [*earlier, (credential["id"], now)]
    retired = [one for one in issued[:-_NEWEST_KEPT] if now - one[1] > _KEPT_SECONDS]
    for identifier, _ in retired:
        store.rows("DELETE FROM secrets WHERE credential = ?", identifier)
        store.delete("credential", identifier)
    store.set_setting("bootstrap_credentials", json.dumps([one for one in issued if one not in retired]))
    return keep_secret(store, client, credential["id"])
