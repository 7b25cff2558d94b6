"""What is demanded of a login: as refusals of the service say it, and as `login` takes it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from reconciler.model import Data


@dataclass(frozen=True, slots=True)
class Demands:
    """What must be true of the person's session: who must be in it, by which policies, and whether by more factors."""

    policies: tuple[str, ...] = ()
    identities: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    mfa: bool = False
    message: str | None = None

    @classmethod
    def of(cls, session: Mapping[str, Data]) -> "Demands":
        """Read the parameters of a refusal."""
        return cls(
            policies=_texts(session.get("session_required_policies")),
            identities=_texts(session.get("session_required_identities")),
            domains=_texts(session.get("session_required_single_domain")),
            mfa=session.get("session_required_mfa") is True,
            message=session.get("session_message"),
        )

    def parameters(self) -> dict[str, Data]:
        """Give the parameters for the address that a person is sent to. A login by demand is always a new one."""
        prompt: Literal["login"] = "login"
        stated: dict[str, Data] = {
            "session_required_policies": list(self.policies) or None,
            "session_required_identities": list(self.identities) or None,
            "session_required_single_domain": list(self.domains) or None,
            "session_required_mfa": self.mfa or None,
            "session_message": self.message,
        }
        return {name: value for name, value in stated.items() if value is not None} | {"prompt": prompt}


def _texts(value: Data) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list) else ()
