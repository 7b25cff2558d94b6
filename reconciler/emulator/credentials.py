"""Owns the rules of client secrets: shown once, kept as a hash, never changed."""

from reconciler.emulator import checks
from reconciler.emulator.callers import Context, timestamp
from reconciler.emulator.errors import conflict
from reconciler.emulator.kinds import Draft, Field, Kind
from reconciler.emulator.store import Document


def _rules(context: Context, draft: Draft) -> Document:
    most, client = context.switches.most_credentials, draft.document["client"]
    if most and len(context.store.child_ids("credential", client)) >= most:
        raise conflict(f"The client has {most} credentials already; delete one first")
    return draft.document | {"created": timestamp(context.now), "secret": None}


def forget_secret(context: Context, document: Document) -> None:
    """Make the secret useless at once; tokens that it already bought stay valid [OBS]."""
    context.store.rows("DELETE FROM secrets WHERE credential = ?", document["id"])


CREDENTIAL = Kind(
    name="credential",
    plural="credentials",
    fields={"name": Field(checks.text, required=True)},
    owner=("client", "client"),
    rules=_rules,
    before_delete=forget_secret,
)
