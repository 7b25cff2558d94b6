"""What a sink is: the one place where a secret goes. A sink never says that it holds a secret that it does not hold."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from reconciler.model import Secret


@dataclass(frozen=True, slots=True)
class Delivery:
    """A new secret on its way, with all that an application may need beside it."""

    client_id: str
    client_secret: Secret
    credential_id: str
    name: str
    created: str


@dataclass(frozen=True, slots=True)
class Meta:
    """Whose secret a sink holds. `settings` is the digest of the settings that it was delivered under."""

    credential_id: str
    client_id: str
    name: str
    created: str
    settings: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a sink is made in: the root of the manifests, the vendors' variables, and how it waits."""

    root: Path
    environ: Mapping[str, str] = field(repr=False)
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)


class Sink(Protocol):
    """A place for the secret of one credential. All methods raise SinkFailed when they cannot do what they say."""

    @property
    def destination(self) -> str:
        """Where it delivers to, for people to read."""

    @property
    def readable(self) -> bool:
        """Whether `head` can look at what is held; otherwise the bindings must be believed."""

    @property
    def plaintext(self) -> bool:
        """Whether secrets are kept in clear."""

    @property
    def kept(self) -> tuple[Path, ...]:
        """The files here that hold what was delivered; none when that stands elsewhere."""

    def preflight(self) -> None:
        """Do all of a delivery but the delivery; fail when that would. Leave no trace."""

    def put(self, delivery: Delivery, expected: str | None) -> None:
        """Deliver, in place of the credential `expected` (None: of anything that is ours, or nothing).

        Fail with `conflict` when something else is there, as far as the sink can be read. Delivering the same again is
        fine.
        """

    def head(self) -> Meta | None:
        """Look up whose secret is held; None when none is that was delivered from here."""

    def delete(self) -> None:
        """Remove what was delivered; nothing there is fine, something foreign is a conflict."""


def meta(delivery: Delivery, settings: str) -> Meta:
    """Say whose secret a delivery is."""
    return Meta(delivery.credential_id, delivery.client_id, delivery.name, delivery.created, settings)
