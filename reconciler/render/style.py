"""The look of a terminal: symbols, colours, and what is used instead where there are none."""

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.model import Action

_COLOURS = {"green": 32, "yellow": 33, "red": 31, "cyan": 36, "bold": 1, "dim": 2}
_SYMBOLS: Mapping[Action, tuple[str, str, str]] = {
    Action.NO_OP: (" ", " ", "dim"),
    Action.CREATE: ("+", "+", "green"),
    Action.ADOPT: ("<=", "<=", "cyan"),
    Action.UPDATE: ("~", "~", "yellow"),
    Action.REPLACE: ("+/-", "+/-", "red"),
    Action.DELETE: ("-", "-", "red"),
    Action.FORGET: (".", ".", "dim"),
    Action.ROTATE: ("↻", "@", "yellow"),
    Action.RETIRE: ("⌫", "x", "red"),
}


@dataclass(frozen=True, slots=True)
class Style:
    """Whether colours, and characters outside ASCII, may be used."""

    colour: bool = False
    ascii: bool = False

    @property
    def more(self) -> str:
        """What says that something goes on, or was left out."""
        return "..." if self.ascii else "…"

    def paint(self, text: str, name: str) -> str:
        """Colour a text, where there are colours."""
        return f"\x1b[{_COLOURS[name]}m{text}\x1b[0m" if self.colour else text

    def symbol(self, action: Action, *, delete_first: bool = False) -> str:
        """Make the sign of an action, three characters wide."""
        sign, plain, colour = _SYMBOLS[action]
        if action is Action.REPLACE and delete_first:
            sign = plain = "-/+"
        return self.paint(f"{plain if self.ascii else sign:>3}", colour)
