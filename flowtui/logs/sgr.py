"""SGR: what `ESC [ … m` asks of the text after it, as rich styles.

Blinking and concealing are not granted: text from a log must neither move nor hide.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from rich.color import Color
from rich.style import Style

_ATTRIBUTES = {
    1: Style(bold=True),
    2: Style(dim=True),
    3: Style(italic=True),
    4: Style(underline=True),
    7: Style(reverse=True),
    9: Style(strike=True),
    21: Style(underline2=True),
    22: Style(bold=False, dim=False),
    23: Style(italic=False),
    24: Style(underline=False, underline2=False),
    27: Style(reverse=False),
    29: Style(strike=False),
    53: Style(overline=True),
    55: Style(overline=False),
}

_MOST_PARAMETERS = 64
_FOREGROUND, _BACKGROUND, _UNDERLINE_COLOUR = 38, 48, 58
_PRIVATE = ("<", "=", ">", "?")


@lru_cache(maxsize=4096)
def apply_sgr(style: Style, parameters: str) -> Style:
    """`style` as changed by the parameters of an SGR sequence (`1;38;5;9`); nonsense is ignored."""
    if parameters.startswith(_PRIVATE):
        return style
    if not parameters.strip("0;"):
        return Style.null()
    codes = iter(parameters.split(";")[:_MOST_PARAMETERS])
    for code in codes:
        style = _apply(style, code, codes)
    return style


def _apply(style: Style, code: str, following: Iterator[str]) -> Style:
    """One code's change; an extended colour takes its operands from the codes that follow."""
    head, *operands = code.split(":")
    number = _number(head)
    if number == 0:
        return Style.null()
    if number in (_FOREGROUND, _BACKGROUND, _UNDERLINE_COLOUR):
        colour = _extended(iter(_without_colour_space(operands)) if operands else following)
        if colour is None or number == _UNDERLINE_COLOUR:
            return style
        return style + _coloured(colour, number == _BACKGROUND)
    if number == 4 and operands and _number(operands[0]) == 0:
        return style + _ATTRIBUTES[24]
    if number in _ATTRIBUTES:
        return style + _ATTRIBUTES[number]
    # Not rich's "default" colour, which is the terminal's: the theme's must show through.
    if number == 39:
        return style.without_color + Style(bgcolor=style.bgcolor)
    if number == 49:
        return style.without_color + Style(color=style.color)
    tens, digit = divmod(number, 10)
    if tens in (3, 4, 9, 10) and digit < 8:
        return style + _coloured(Color.from_ansi(digit + 8 * (tens >= 9)), tens in (4, 10))
    return style


def _without_colour_space(operands: list[str]) -> list[str]:
    """ITU T.416 puts a colour space before red, green and blue: `2:<space>:r:g:b`."""
    return [operands[0], *operands[2:5]] if len(operands) > 4 else operands


def _extended(operands: Iterator[str]) -> Color | None:
    kind = _number(next(operands, ""))
    if kind == 5:
        return Color.from_ansi(min(255, _number(next(operands, ""))))
    if kind == 2:
        red, green, blue = (min(255, _number(next(operands, ""))) for _ in range(3))
        return Color.from_rgb(red, green, blue)
    return None


def _coloured(colour: Color, background: bool) -> Style:
    return Style.from_color(bgcolor=colour) if background else Style.from_color(colour)


def _number(digits: str) -> int:
    """A parameter's value: 0 when empty, as ECMA-48 has it; nonsense is a code without meaning."""
    if not digits:
        return 0
    return int(digits) if digits.isdecimal() and len(digits) <= 4 else 9999
