"""The colours of states: readable on what is behind them, and told apart by everyone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

import pytest
from rich.color import Color, ColorSystem
from textual.theme import BUILTIN_THEMES

from flowtui.model import State
from flowtui.theme import PALETTES, SIXTEEN, Look, Palette

SURFACES = {True: ("#121212", "#1e1e1e"), False: ("#e0e0e0", "#d8d8d8")}
"""Background and surface of Textual's own themes, dark and light."""

VIEWS: Mapping[str, Sequence[Sequence[float]]] = {
    "everyone": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
}
"""Linear RGB as it is seen: Machado, Oliveira and Fernandes 2009, severity 1."""

APART = 12.0
"""CIE 1976 colour difference that is seen without comparing; 2.3 is just noticeable."""


def linear(colour: str) -> list[float]:
    """Red, green and blue from 0 to 1, proportional to light."""
    values = [value / 255 for value in Color.parse(colour).get_truecolor()]
    return [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]


def weighed(weights: Sequence[float], values: Sequence[float]) -> float:
    return sum(weight * value for weight, value in zip(weights, values, strict=True))


def contrast(one: str, other: str) -> float:
    """WCAG 2's contrast ratio, from 1 to 21."""
    weights = (0.2126, 0.7152, 0.0722)
    lights = [weighed(weights, linear(colour)) for colour in (one, other)]
    return (max(lights) + 0.05) / (min(lights) + 0.05)


def lab(rgb: Sequence[float]) -> list[float]:
    """CIE L*a*b* of linear RGB, under D65."""
    clipped = [min(1.0, max(0.0, value)) for value in rgb]
    rows = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    white = (0.95047, 1.0, 1.08883)
    ratios = [weighed(row, clipped) / of for row, of in zip(rows, white, strict=True)]
    x, y, z = (r ** (1 / 3) if r > 0.008856 else 7.787 * r + 16 / 116 for r in ratios)
    return [116 * y - 16, 500 * (x - y), 200 * (y - z)]


def sides(palette: Palette) -> list[tuple[bool, Mapping[State, str]]]:
    return [(True, palette.dark), (False, palette.light)]


@pytest.mark.parametrize("palette", [*PALETTES.values(), SIXTEEN], ids=[*PALETTES, "sixteen"])
def test_a_palette_has_every_state(palette: Palette) -> None:
    assert set(palette.dark) == set(palette.light) == set(State)


def test_high_contrast_is_readable_on_every_theme_of_textual() -> None:
    too_weak = []
    for name, theme in BUILTIN_THEMES.items():
        colours = theme.to_color_system().generate()
        behind = [colours[part] for part in ("background", "surface")]
        if not all(colour.startswith("#") for colour in behind):
            behind = list(SURFACES[theme.dark])  # The terminal's own, which no one knows.
        look = Look(dark=theme.dark, palette="high-contrast")
        for state in State:
            ratio = min(contrast(look.colour(state), colour) for colour in behind)
            if ratio < 4.5:
                too_weak.append((name, state, round(ratio, 2)))
    assert too_weak == []


def test_colour_blind_colours_are_readable_on_textuals_own_themes() -> None:
    for dark, colours in sides(PALETTES["colour-blind"]):
        for state, colour in colours.items():
            assert min(contrast(colour, behind) for behind in SURFACES[dark]) >= 4.5, state


@pytest.mark.parametrize("view", VIEWS)
def test_colour_blind_colours_are_told_apart(view: str) -> None:
    matrix = VIEWS[view]
    for _, colours in sides(PALETTES["colour-blind"]):
        seen = {
            state: lab([weighed(row, linear(colour)) for row in matrix])
            for state, colour in colours.items()
        }
        near = [
            (one, other, round(math.dist(seen[one], seen[other]), 1))
            for one, other in combinations(State, 2)
            if math.dist(seen[one], seen[other]) < APART
        ]
        assert near == []


def test_sixteen_colours_are_sixteen_colours_and_none_is_the_background() -> None:
    behind = {True: {0, 8}, False: {7, 15}}
    for dark, colours in sides(SIXTEEN):
        numbers = {Color.parse(c).downgrade(ColorSystem.STANDARD).number for c in colours.values()}
        assert len(numbers) == len(State)
        assert not numbers & behind[dark]


@pytest.mark.parametrize("palette", PALETTES)
def test_with_256_colours_states_stay_apart(palette: str) -> None:
    for _, colours in sides(PALETTES[palette]):
        numbers = [Color.parse(c).downgrade(ColorSystem.EIGHT_BIT).number for c in colours.values()]
        assert len(set(numbers)) == len(State)


def test_a_persons_colours_come_first() -> None:
    own = Look(palette="high-contrast", own={State.FAILED: "#ff0000"}, sixteen=True)
    assert own.colour(State.FAILED) == "#ff0000"
    assert own.colour(State.LOST) == SIXTEEN.dark[State.LOST]


def test_without_colours_no_two_states_are_drawn_alike() -> None:
    for look in (Look(colourless=True), Look(ascii=True)):
        assert len({look.bar(state) for state in State}) == len(State)
        assert len({look.glyph(state) for state in State}) == len(State)
