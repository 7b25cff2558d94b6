"""What the options of a command ask for and agree to, as the pipeline takes it."""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from reconciler.cli.options import DestroyOptions, PlanOptions

if TYPE_CHECKING:
    from reconciler.guards import Consents
    from reconciler.model import Address, Aim


def consents(options: PlanOptions | DestroyOptions) -> "Consents":
    """Say what is agreed to."""
    from reconciler.guards import Consents

    delete = frozenset(options.allow_delete or ())
    if isinstance(options, DestroyOptions):
        return Consents(delete=delete)
    return Consents(
        delete=delete,
        replace=frozenset(options.allow_replace or ()),
        create=frozenset(options.allow_create or ()),
        lockout=frozenset(options.allow_lockout or ()),
        adopt=not options.no_adopt,
    )


def aim(options: PlanOptions | DestroyOptions) -> "Aim":
    """Say what the run is about."""
    from reconciler.model import Aim

    destroys = isinstance(options, DestroyOptions)
    return Aim(
        targets=_addresses(options.target),
        excluded=_addresses(options.exclude),
        replace=() if isinstance(options, DestroyOptions) else _addresses(options.replace),
        destroy=destroys,
        in_use=os.environ.get("RECONCILER_CREDENTIAL_ID"),
    )


def _addresses(texts: Iterable[str] | None) -> "tuple[Address, ...]":
    from reconciler.kinds import parse

    return tuple(parse(text) for text in texts or ())
