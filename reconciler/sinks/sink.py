"""What a sink is: the one place where a secret goes. A sink never says that it holds a secret that it does not hold."""

from dataclasses import dataclass
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

    def preflight(self) -> None:
        """Do all of a delivery but the delivery; fail when that would."""

    def put(self, delivery: Delivery, expected: str | None) -> None:
        """Deliver, in place of the credential `expected` (None: of anything that is ours, or nothing).

        Fail with `conflict` when something else is there. Delivering the same again is fine.
        """

    def head(self) -> Meta | None:
        """Look up whose secret is held; None when none is that was delivered from here."""

    def delete(self) -> None:
        """Remove what was delivered; nothing there is fine, something foreign is a conflict."""
