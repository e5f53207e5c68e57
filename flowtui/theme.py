"""How a state looks: its glyph, its ASCII stand-in and its colour. Never colour alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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


@dataclass(frozen=True, slots=True)
class Palette:
    """A colour for each state, on dark backgrounds and on light ones."""

    dark: Mapping[State, str]
    light: Mapping[State, str]


def _palette(**colours: str) -> Palette:
    """State → its colour on dark and on light backgrounds, with a space between."""
    both = {State(name): pair.split() for name, pair in colours.items()}
    return Palette(
        {state: dark for state, (dark, _) in both.items()},
        {state: light for state, (_, light) in both.items()},
    )


PALETTES: Mapping[str, Palette] = {
    "default": _palette(
        pending="#8a8f98 #5f646d",
        running="#61afef #0b5fb5",
        waiting="#e5c07b #8a5f00",
        succeeded="#7ec97e #1f7a2e",
        failed="#ff6c6b #c0222b",
        caught="#d78af0 #8a2fb0",
        lost="#ff9f51 #b04f00",
        cloned="#6f9f7f #4f7f5f",
        skipped="#757a84 #70757e",
    ),
    # At least 4.5:1 on the surfaces and backgrounds of all of Textual's themes.
    "high-contrast": _palette(
        pending="#d6d6d6 #333333",
        running="#8fd0ff #003f9e",
        waiting="#ffe45c #5a3c00",
        succeeded="#7dff8a #00501a",
        failed="#ffa19b #98000c",
        caught="#f5b0ff #6b008f",
        lost="#ffb870 #7a3000",
        cloned="#9fe0b8 #1f4f35",
        skipped="#c4c4c4 #4a4a4a",
    ),
    # The hues of Okabe and Ito (2008), their lightness spread as far as contrast lets them.
    "colour-blind": _palette(
        pending="#c9c6c7 #343036",
        running="#5cbefe #00628e",
        waiting="#eef97f #55612f",
        succeeded="#4fc670 #08492b",
        failed="#f04b33 #772900",
        caught="#c85db6 #760061",
        lost="#fda90a #8d4f01",
        cloned="#0e83fd #225db0",
        skipped="#8c8384 #5f5e5e",
    ),
}

SIXTEEN = _palette(
    pending="#aaaaaa #555555",
    running="#55ffff #0000aa",
    waiting="#ffff55 #aa5500",
    succeeded="#55ff55 #00aa00",
    failed="#ff5555 #aa0000",
    caught="#ff55ff #aa00aa",
    lost="#aa5500 #ff5555",
    cloned="#00aa00 #00aaaa",
    skipped="#00aaaa #000000",
)
"""Of the 16 colours that the simplest terminals have, as Rich knows them.

There all palettes are this one: left to the nearest of the 16, most states would be white.
"""


@dataclass(slots=True)
class Look:
    """How states are drawn in one terminal: on a dark or light background, in Unicode or ASCII.

    One for the whole app: `dark` follows the theme that the person picks, `sixteen` is whether the
    terminal has that many colours only, `colourless` whether none is to be used. `own` are the
    person's colours, which come before the palette's.
    """

    dark: bool = True
    ascii: bool = False
    palette: str = "default"
    own: Mapping[State, str] = field(default_factory=dict)
    sixteen: bool = False
    colourless: bool = False

    def glyph(self, state: State) -> str:
        return (ASCII_GLYPHS if self.ascii else GLYPHS)[state]

    def bar(self, state: State) -> str:
        """The state's cell in a heat strip; without colours its glyph, as bars look alike."""
        return self.glyph(state) if self.ascii or self.colourless else BARS[state]

    def colour(self, state: State) -> str:
        if state in self.own:
            return self.own[state]
        palette = SIXTEEN if self.sixteen else PALETTES[self.palette]
        return (palette.dark if self.dark else palette.light)[state]

    def style(self, state: State) -> Style:
        """The state's colour; failures are bold so that they stand out without colour."""
        return Style(color=self.colour(state), bold=state in (State.FAILED, State.LOST) or None)
