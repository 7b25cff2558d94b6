"""What a plan may not do without a consent in words: a function a rule, each yielding refusals. Pure."""

from dataclasses import replace

from reconciler.guards.administration import lockout, notes
from reconciler.guards.case import Case, Consents, spoken
from reconciler.guards.ending import (
    incomplete_reads,
    irreplaceable,
    own_client,
    own_secrets,
    protected,
    taken_along,
    too_many_deletions,
    unapproved_deletions,
    unapproved_replacements,
)
from reconciler.guards.making import adoptions, misfits, uncreatable, unexpected_creates
from reconciler.model import Refusal

__all__ = ["NAMES", "Case", "Consents", "check", "notes", "spoken"]

_GUARDS = (
    incomplete_reads,
    unapproved_deletions,
    unapproved_replacements,
    irreplaceable,
    protected,
    too_many_deletions,
    taken_along,
    lockout,
    own_client,
    own_secrets,
    uncreatable,
    misfits,
    adoptions,
    unexpected_creates,
)
NAMES = tuple(guard.__name__ for guard in _GUARDS)
"""What the guards are called, in the order in which they are asked."""


def check(case: Case) -> tuple[Refusal, ...]:
    """Ask every guard; a plan with a refusal is shown whole and applied not at all."""
    return tuple(replace(refusal, guard=guard.__name__) for guard in _GUARDS for refusal in guard(case))
