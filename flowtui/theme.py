"""How a state looks: its glyph, its ASCII stand-in and its colour. Never colour alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.style import Style

from flowtui.model import State

GLYPHS: Mapping[State, str] = {
    State.PENDING: "·",
    State.RUNNING: "●",
    State.WAITING: "◔",
    State.SUCCEEDED: "✓",
    State.FAILED: "✗",
    State.CAUGHT: "◆",
    State.LOST: "⊘",
    State.CLONED: "↺",
    State.SKIPPED: "–",
}
"""One cell wide each, in the order in which a legend lists them."""

ASCII_GLYPHS: Mapping[State, str] = {
    State.PENDING: ".",
    State.RUNNING: "*",
    State.WAITING: "~",
    State.SUCCEEDED: "+",
    State.FAILED: "x",
    State.CAUGHT: "c",
    State.LOST: "?",
    State.CLONED: "=",
    State.SKIPPED: "-",
}

BARS: Mapping[State, str] = {
    **GLYPHS,
    State.RUNNING: "▃",
    State.SUCCEEDED: "▆",
    State.CLONED: "▆",
}
"""How a state stands in a heat strip: what goes well is a bar, what wants a look its glyph."""

_DARK: Mapping[State, str] = {
    State.PENDING: "#8a8f98",
    State.RUNNING: "#61afef",
    State.WAITING: "#e5c07b",
    State.SUCCEEDED: "#7ec97e",
    State.FAILED: "#ff6c6b",
    State.CAUGHT: "#d78af0",
    State.LOST: "#ff9f51",
    State.CLONED: "#6f9f7f",
    State.SKIPPED: "#757a84",
}

_LIGHT: Mapping[State, str] = {
    State.PENDING: "#5f646d",
    State.RUNNING: "#0b5fb5",
    State.WAITING: "#8a5f00",
    State.SUCCEEDED: "#1f7a2e",
    State.FAILED: "#c0222b",
    State.CAUGHT: "#8a2fb0",
    State.LOST: "#b04f00",
    State.CLONED: "#4f7f5f",
    State.SKIPPED: "#70757e",
}


@dataclass(slots=True)
class Look:
    """How states are drawn in one terminal: on a dark or light background, in Unicode or ASCII.

    One for the whole app: `dark` follows the theme that the person picks.
    """

    dark: bool = True
    ascii: bool = False

    def glyph(self, state: State) -> str:
        return (ASCII_GLYPHS if self.ascii else GLYPHS)[state]

    def bar(self, state: State) -> str:
        """The state's cell in a heat strip."""
        return (ASCII_GLYPHS if self.ascii else BARS)[state]

    def colour(self, state: State) -> str:
        return (_DARK if self.dark else _LIGHT)[state]

    def style(self, state: State) -> Style:
        """The state's colour; failures are bold so that they stand out without colour."""
        return Style(color=self.colour(state), bold=state in (State.FAILED, State.LOST) or None)
