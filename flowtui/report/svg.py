"""A run's graph as an SVG file, in the colours of a dark terminal.

It loads nothing from elsewhere: letters are in the viewer's own font, and lines and bars are drawn,
so that they meet in any font.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from xml.sax.saxutils import escape

from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from flowtui.picture import shown
from flowtui.report.graph import graph_lines
from flowtui.report.paper import PIPE_WIDTH
from flowtui.report.run import headline
from flowtui.store import RunStore
from flowtui.theme import Look

_CELL, _LINE, _SIZE, _EDGE = 9, 18, 15, 18
"""Pixels: of a cell and a line, of the font, and around everything."""

_INK, _PAPER = (224, 224, 224), (30, 30, 30)

_COLOURS = TerminalTheme(_PAPER, _INK, [_INK] * 8)

_FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# From the middle of a cell, which is 9 by 18, to its sides.
_UP, _DOWN, _RIGHT, _LEFT = "m0 0v-9m0 9", "m0 0v9m0-9", "m0 0h4.5m-4.5 0", "m0 0h-4.5m4.5 0"
_PATHS: Mapping[str, str] = {
    "│": _UP + _DOWN,
    "─": _LEFT + _RIGHT,
    "╭": "m0 9v-4.5q0-4.5 4.5-4.5m-4.5 0",
    "╮": "m0 9v-4.5q0-4.5-4.5-4.5m4.5 0",
    "╰": "m0-9v4.5q0 4.5 4.5 4.5m-4.5 0",
    "╯": "m0-9v4.5q0 4.5-4.5 4.5m4.5 0",
    "├": _UP + _DOWN + _RIGHT,
    "┤": _UP + _DOWN + _LEFT,
    "┬": _LEFT + _RIGHT + _DOWN,
    "┴": _LEFT + _RIGHT + _UP,
    "┼": _UP + _DOWN + _LEFT + _RIGHT,
}
_BARS: Mapping[str, int] = {"▆": 12, "▃": 6}
"""Pixels that a bar is high."""

_KINDS = re.compile(
    f"([{''.join(_PATHS)}]+)|([{''.join(_BARS)}]+)|[^{''.join((*_PATHS, *_BARS))}]+"
)


def svg(store: RunStore, look: Look) -> str:
    """The run's headline, and below it the graph."""
    lines = [headline(store, look), Text(), *graph_lines(store, look, PIPE_WIDTH)]
    width = 2 * _EDGE + _CELL * max(cell_len(line.plain) for line in lines)
    height = 2 * _EDGE + _LINE * len(lines)
    title = _text(shown(store.description.pathspec, look))
    rows = "\n".join(tag for y, line in enumerate(lines) for tag in _row(line, y))
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" \
height="{height}" role="img">
<title>{title}</title>
<style>text {{ white-space: pre }} path {{ fill: none }}</style>
<rect width="100%" height="100%" rx="6" fill="{_hex(_PAPER)}"/>
<g font-family="{_FONTS}" font-size="{_SIZE}">
{rows}
</g>
</svg>
"""


def _row(line: Text, y: int) -> Iterable[str]:
    x, top = _EDGE, _EDGE + y * _LINE
    for segment in line.render(Console(color_system=None)):
        style = segment.style or Style()
        ink = _ink(style)
        for found in _KINDS.finditer(segment.text):
            run = found[0]
            if found[1]:
                lines = "".join(
                    f"M{x + i * _CELL + 4.5} {top + 9}{_PATHS[c]}" for i, c in enumerate(run)
                )
                yield f'<path{_ink(style, "stroke")} d="{lines}"/>'
            elif found[2]:
                for i, bar in enumerate(run):
                    high = _BARS[bar]
                    place = f'x="{x + i * _CELL}" y="{top + 16 - high}"'
                    yield f'<rect{ink} {place} width="{_CELL - 1}" height="{high}"/>'
            elif run.strip(" "):
                lead = len(run) - len(run.lstrip(" "))
                length = _CELL * cell_len(run.strip(" "))
                yield (
                    f'<text{ink} x="{x + _CELL * lead}" y="{top + 14}" '
                    f'textLength="{length}">{_text(run.strip(" "))}</text>'
                )
            x += _CELL * cell_len(run)


def _ink(style: Style, painted: str = "fill") -> str:
    """A style as attributes; its colour is for what is `painted`."""
    colour = style.color.get_truecolor(_COLOURS).hex if style.color else _hex(_INK)
    ink = f' {painted}="{colour}"'
    if style.bold:
        ink += ' font-weight="bold"'
    if style.italic:
        ink += ' font-style="italic"'
    if style.dim:
        ink += ' opacity="0.6"'
    return ink


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text))


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
