"""Paints an arranged graph: boxes with their text, and lines, as rows of tagged spans."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from rich.cells import cell_len

from flowtui.graph.arrange import arrange
from flowtui.graph.dag import Pair
from flowtui.graph.geometry import Box, Density, Edge, Geometry, Line, Size
from flowtui.graph.text import ELLIPSIS, fit, pad
from flowtui.model import Graph

Direction = Literal["up", "down", "left", "right"]

_NORTH, _EAST, _SOUTH, _WEST = 1, 2, 4, 8
_LEVEL = _EAST | _WEST
_UPRIGHT = _NORTH | _SOUTH

_LINES = "·│─╰││╭├─╯─┴╮┤┬┼"
"""A character per combination of arms: the index is the sum of the arms."""

_ASCII_LINES = "".join({"│": "|", "─": "-"}.get(character, "+") for character in _LINES)
_MARKS = {"left": "◂", "down": "▼", "loop": "↺"}
_ASCII_MARKS = {"left": "<", "down": "v", "loop": "@"}


@dataclass(frozen=True, slots=True)
class BoxContent:
    """What a step's box says.

    `lines` are plain text without control characters, `stacked` gives the box the double edge of a
    step with many tasks, and `tag` is handed through to the spans.
    """

    lines: tuple[str, ...]
    stacked: bool = False
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """Text from column `x` on.

    `tag` is `edge`, `edge-dim`, `edge-label`, `box:<tag>` for a border or `text:<tag>` for what is
    in a box; `step` is set for the last two.
    """

    x: int
    text: str
    tag: str
    step: str | None = None


@dataclass(frozen=True)
class Drawing:
    """A picture of a graph, `width` by `height` cells; cells that no span covers are blank."""

    width: int
    height: int
    rows: tuple[tuple[Span, ...], ...]
    boxes: Mapping[str, Box]
    layers: tuple[tuple[str, ...], ...]
    edges: tuple[Pair, ...]

    def hit(self, x: int, y: int) -> str | None:
        """The step whose box covers the cell, or None."""
        for step, box in self.boxes.items():
            if box.x <= x <= box.right and box.y <= y <= box.bottom:
                return step
        return None

    def neighbour(self, step: str, direction: Direction) -> str | None:
        """The step to go to from `step`, or None at the rim.

        Left and right stay in the layer. Up and down prefer steps that an edge joins, then near
        layers, then near columns. Raises KeyError for an unknown step.
        """
        rank = self._rank[step]
        layer = self.layers[rank]
        if direction in ("left", "right"):
            at = layer.index(step) + (1 if direction == "right" else -1)
            return layer[at] if 0 <= at < len(layer) else None
        if direction == "up":
            joined = [source for source, target in self.edges if target == step]
            others = [other for names in self.layers[:rank] for other in names]
        else:
            joined = [target for source, target in self.edges if source == step]
            others = [other for names in self.layers[rank + 1 :] for other in names]
        middle = self.boxes[step].middle
        return min(
            joined or others,
            key=lambda s: (abs(self._rank[s] - rank), abs(self.boxes[s].middle - middle)),
            default=None,
        )

    def plain(self) -> str:
        """The picture as lines of text without trailing spaces."""
        lines = []
        for row in self.rows:
            line = ""
            for span in row:
                line += " " * (span.x - cell_len(line)) + span.text
            lines.append(line.rstrip())
        return "\n".join(lines)

    @cached_property
    def _rank(self) -> Mapping[str, int]:
        return {step: i for i, layer in enumerate(self.layers) for step in layer}


def measure(content: BoxContent, density: Density = "normal", max_box: int = 32) -> Size:
    """The size that a box needs for its content, at most `max_box` cells wide.

    The width is odd, so that a box has a middle column. A compact box is one row without a border
    and shows the first line only.
    """
    lines = content.lines or ("",)
    sides = 2 if content.stacked else 0
    if density == "compact":
        width, height = cell_len(lines[0]) + sides, 1
    else:
        width, height = max(cell_len(line) for line in lines) + 4 + sides, len(lines) + 2
    return Size(min(width | 1, (max_box - 1) | 1), height)


def draw(
    graph: Graph,
    contents: Mapping[str, BoxContent],
    labels: Iterable[Edge] = (),
    *,
    dimmed: Collection[Pair] = (),
    density: Density = "normal",
    ascii: bool = False,  # noqa: A002
    max_box: int = 32,
) -> Drawing:
    """Arranges and paints at once; a step without content shows its name."""
    full = {n.name: contents.get(n.name) or BoxContent((n.name,)) for n in graph.nodes}
    sizes = {name: measure(content, density, max_box) for name, content in full.items()}
    geometry = arrange(graph, sizes, labels, density)
    return paint(geometry, full, dimmed=dimmed, ascii=ascii)


def paint(
    geometry: Geometry,
    contents: Mapping[str, BoxContent],
    *,
    dimmed: Collection[Pair] = (),
    ascii: bool = False,  # noqa: A002
) -> Drawing:
    """Fills the geometry; text that does not fit its box is cut.

    `dimmed` are the edges not taken; a line that a taken edge shares stays lit. In a crossing the
    vertical line is drawn whole and the other passes under it: `┼` always joins all four sides.
    """
    return _Painting(geometry, contents, frozenset(dimmed), ascii).result()


@dataclass(slots=True)
class _Cell:
    net: int
    arms: int
    lit: bool


class _Painting:
    def __init__(
        self,
        geometry: Geometry,
        contents: Mapping[str, BoxContent],
        dimmed: frozenset[Pair],
        ascii_only: bool,
    ) -> None:
        self.geometry = geometry
        self.contents = contents
        self.dimmed = dimmed
        self.ascii = ascii_only
        self.glyphs = _ASCII_LINES if ascii_only else _LINES
        self.cells: list[dict[int, _Cell]] = [{} for _ in range(geometry.height)]
        self.rows: list[list[Span]] = [[] for _ in range(geometry.height)]

    def result(self) -> Drawing:
        for line in self.geometry.lines:
            self._trace(line)
        for step, box in self.geometry.boxes.items():
            self._box(step, box)
        marks = _ASCII_MARKS if self.ascii else _MARKS
        for mark in self.geometry.marks:
            self.cells[mark.y].pop(mark.x, None)
            self._put(mark.y, mark.x, marks[mark.kind], self._edge_tag(mark.edge))
        for caption in self.geometry.captions:
            lit = caption.edge not in self.dimmed
            self._put(caption.y, caption.x, caption.text, "edge-label" if lit else "edge-dim")
        for y, cells in enumerate(self.cells):
            self._join(y, cells)
        geometry = self.geometry
        return Drawing(
            geometry.width,
            geometry.height,
            tuple(tuple(sorted(row, key=lambda span: span.x)) for row in self.rows),
            geometry.boxes,
            geometry.layers,
            geometry.edges,
        )

    def _put(self, y: int, x: int, text: str, tag: str, step: str | None = None) -> None:
        if self.ascii:
            text = text.replace(ELLIPSIS, "~")
        self.rows[y].append(Span(x, text, tag, step))

    def _edge_tag(self, edge: Pair) -> str:
        return "edge-dim" if edge in self.dimmed else "edge"

    def _trace(self, line: Line) -> None:
        lit = [x for x, edges in line.taps if any(edge not in self.dimmed for edge in edges)]
        first, last = (min(lit), max(lit)) if lit else (0, -1)
        if line.x0 == line.x1:
            for y in range(line.y0, line.y1 + 1):
                arms = (_NORTH if y > line.y0 else 0) | (_SOUTH if y < line.y1 else 0)
                self._add(y, line.x0, line.net, arms, bool(lit))
            return
        for x in range(line.x0, line.x1 + 1):
            arms = (_WEST if x > line.x0 else 0) | (_EAST if x < line.x1 else 0)
            self._add(line.y0, x, line.net, arms, first <= x <= last)

    def _add(self, y: int, x: int, net: int, arms: int, lit: bool) -> None:
        cell = self.cells[y].get(x)
        if cell is None:
            self.cells[y][x] = _Cell(net, arms, lit)
        elif cell.net == net or not (cell.arms | arms) & _LEVEL:
            # Vertical lines of two nets meet only where an edge passes a layer.
            cell.arms |= arms
            cell.lit |= lit
        elif not cell.arms & _UPRIGHT:
            self.cells[y][x] = _Cell(net, arms, lit)

    def _join(self, y: int, cells: Mapping[int, _Cell]) -> None:
        """Makes spans of the row's cells, one per stretch with the same tag."""
        start, end, text, tag = 0, -1, "", ""
        for x in sorted(cells):
            cell = cells[x]
            own = "edge" if cell.lit else "edge-dim"
            if x != end or own != tag:
                if text:
                    self._put(y, start, text, tag)
                start, text, tag = x, "", own
            text += self.glyphs[cell.arms]
            end = x + 1
        if text:
            self._put(y, start, text, tag)

    def _box(self, step: str, box: Box) -> None:
        content = self.contents.get(step) or BoxContent((step,))
        lines = content.lines or ("",)
        border, inside = f"box:{content.tag}", f"text:{content.tag}"
        if self.geometry.density == "compact":
            for x in range(box.x, box.right + 1):
                self.cells[box.y].pop(x, None)
            text = f"[{fit(lines[0], box.width - 2)}]" if content.stacked else lines[0]
            text = fit(text, box.width)
            text = " " * ((box.width - cell_len(text)) // 2) + text
            self._put(box.y, box.x, pad(text, box.width), inside, step)
            return
        self._border(box.y, box, _SOUTH, content.stacked, border, step)
        self._border(box.bottom, box, _NORTH, content.stacked, border, step)
        side = self.glyphs[_UPRIGHT] * (2 if content.stacked else 1)
        room = box.width - 2 * len(side)
        for i in range(box.height - 2):
            y = box.y + 1 + i
            text = f" {pad(lines[i] if i < len(lines) else '', room - 2)} "
            self._put(y, box.x, side, border, step)
            self._put(y, box.x + len(side), text, inside, step)
            self._put(y, box.right + 1 - len(side), side, border, step)

    def _border(self, y: int, box: Box, inward: int, stacked: bool, tag: str, step: str) -> None:
        """A horizontal border: where a line touches it, it has an arm outward."""
        text = ""
        for x in range(box.x, box.right + 1):
            arms = (_WEST if x > box.x else 0) | (_EAST if x < box.right else 0)
            edge = min(x - box.x, box.right - x)
            if edge == 0 or (stacked and edge == 1):
                arms |= inward
            cell = self.cells[y].pop(x, None)
            text += self.glyphs[arms | (cell.arms if cell else 0)]
        self._put(y, box.x, text, tag, step)
