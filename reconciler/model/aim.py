"""What a run is asked for beyond the manifests."""

from dataclasses import dataclass

from reconciler.model.data import Address


@dataclass(frozen=True, slots=True)
class Aim:
    """A part of everything, replacements that no difference calls for, or the end of all that is bound.

    Without `targets` a run is about everything; what is `excluded` is left out in any case.
    """

    targets: tuple[Address, ...] = ()
    excluded: tuple[Address, ...] = ()
    replace: tuple[Address, ...] = ()
    destroy: bool = False

    @property
    def partial(self) -> bool:
        """Whether something is left out."""
        return bool(self.targets or self.excluded)


EVERYTHING = Aim()
