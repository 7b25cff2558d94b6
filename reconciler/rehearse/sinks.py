"""Stand-ins for the sinks of a root while a plan is rehearsed: they take a secret and keep nothing of it.

What a real one holds is read; nothing is ever written to it.
"""

from pathlib import Path

from reconciler.errors import SinkFailed
from reconciler.sinks import Delivery, Meta, Sink
from reconciler.sinks.sink import meta


class StandIn:
    """Behaves as the sink that it stands for would, and remembers only whose secret was delivered."""

    kept: tuple[Path, ...] = ()

    def __init__(self, real: Sink, settings: str) -> None:
        self._real = real
        self._settings = settings
        self._delivered: Meta | None = None

    @property
    def destination(self) -> str:
        """Where the real one delivers to."""
        return self._real.destination

    @property
    def readable(self) -> bool:
        """Whether the real one can be looked at."""
        return self._real.readable

    @property
    def plaintext(self) -> bool:
        """Whether the real one keeps secrets in clear."""
        return self._real.plaintext

    def preflight(self) -> None:
        """Let the real one try all of a delivery but the delivery, unless that leaves a folder and a lock here."""
        if not self._real.kept:
            self._real.preflight()

    def put(self, delivery: Delivery, expected: str | None) -> None:
        """Take a delivery, and forget the secret; see `Sink`."""
        held = self.head() if self.readable else None
        if held and expected is not None and held.credential_id not in (expected, delivery.credential_id):
            raise SinkFailed(self.destination, f"holds {held.credential_id} rather than {expected}", conflict=True)
        self._delivered = meta(delivery, self._settings)

    def head(self) -> Meta | None:
        """Say whose secret was delivered here, or else what the real one holds."""
        return self._delivered or self._real.head()

    def delete(self) -> None:
        """Forget what was delivered here. No plan asks for more: what was delivered before stays."""
        self._delivered = None
