"""What was done, as the journal tells it."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Step:
    """One call of a run, or one change of the bindings alone. `outcome` is None where a run did not live to tell it."""

    verb: str
    address: str
    id: str | None = None
    when: str | None = None
    outcome: str | None = None
    error: str | None = None


@dataclass(slots=True)
class Run:
    """One run of the program. `ended` is None when it did not get so far as to say so."""

    run: str = ""
    command: str = "apply"
    when: str = ""
    ended: str | None = None
    who: str = ""
    caller: str | None = None
    caller_name: str | None = None
    plan: str | None = None
    target: str | None = None
    serial: int | None = None
    not_begun: int = 0
    damaged: int = 0
    steps: list[Step] = field(default_factory=list)
