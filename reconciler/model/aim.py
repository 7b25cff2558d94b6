"""What a run is asked for beyond the manifests."""

from dataclasses import dataclass

from reconciler.model.data import Address


@dataclass(frozen=True, slots=True)
class Aim:
    """A part of everything, replacements and rotations that nothing calls for, or the end of all that is bound.

    Without `targets` a run is about everything; what is `excluded` is left out in any case. `revoke`: the secrets that
    are rotated have leaked, and end with the rotation instead of after the overlap. `in_use` is the credential that the
    run itself uses, where that is known.
    """

    targets: tuple[Address, ...] = ()
    excluded: tuple[Address, ...] = ()
    replace: tuple[Address, ...] = ()
    rotate: tuple[Address, ...] = ()
    revoke: bool = False
    destroy: bool = False
    in_use: str | None = None

    @property
    def partial(self) -> bool:
        """Whether something is left out."""
        return bool(self.targets or self.excluded)


EVERYTHING = Aim()
