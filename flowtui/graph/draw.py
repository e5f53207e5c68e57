"""Paints an arranged graph: boxes with their text, and lines, as rows of tagged spans."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from rich.cells import cell_len

from flowtui.graph.arrange import arrange
from flowtui.graph.dag import Pair
from flowtui.graph.drawing import BoxContent, Drawing, Piece, Row, Span, measure, pieces
from flowtui.graph.geometry import Box, Density, Edge, Geometry, Line, Orientation
from flowtui.graph.text import ELLIPSIS, fit, pad
from flowtui.model import Graph

_NORTH, _EAST, _SOUTH, _WEST = 1, 2, 4, 8
_LEVEL = _EAST | _WEST
_UPRIGHT = _NORTH | _SOUTH

_LINES = "·│─╰││╭├─╯─┴╮┤┬┼"
"""A character per combination of arms: the index is the sum of the arms."""

_ASCII_LINES = "".join({"│": "|", "─": "-"}.get(character, "+") for character in _LINES)
_MARKS = {"left": "◂", "up": "▲", "down": "▼", "right": "▸", "loop": "↺"}
_ASCII_MARKS = {"left": "<", "up": "^", "down": "v", "right": ">", "loop": "@"}


def draw(
    graph: Graph,
    contents: Mapping[str, BoxContent],
    labels: Iterable[Edge] = (),
    *,
    dimmed: Collection[Pair] = (),
    density: Density = "normal",
    orientation: Orientation = "down",
    ascii: bool = False,  # noqa: A002
    max_box: int = 32,
) -> Drawing:
    """Arranges and paints at once; a step without content shows its name."""
    full = {n.name: contents.get(n.name) or BoxContent((n.name,)) for n in graph.nodes}
    sizes = {name: measure(content, density, max_box) for name, content in full.items()}
    geometry = arrange(graph, sizes, labels, density, orientation=orientation)
    return paint(geometry, full, dimmed=dimmed, ascii=ascii)


def paint(
    geometry: Geometry,
    contents: Mapping[str, BoxContent],
    *,
    dimmed: Collection[Pair] = (),
    captions: Mapping[Pair, str] | None = None,
    ascii: bool = False,  # noqa: A002
) -> Drawing:
    """Fills the geometry once; see `Canvas`."""
    return Canvas(geometry, contents, dimmed=dimmed, captions=captions, ascii=ascii).drawing


@dataclass(slots=True)
class _Cell:
    net: int
    arms: int
    lit: bool


class _Borders(NamedTuple):
    """The sides of a box, with an arm outward where a line touches it; `left` and `right` have a
    character for each row between the corners, or for each row of a box without a border."""

    top: str
    bottom: str
    left: str
    right: str


class Canvas:
    """A geometry that is filled, and whose boxes can be filled anew one by one.

    Text that does not fit its box is cut. `dimmed` are the edges not taken; a line that a taken
    edge shares stays lit. `captions` are labels as they read now, where that is not what room was
    made for. In a crossing the vertical line is drawn whole and the other passes under
    it: `┼` always joins all four sides.
    """

    def __init__(
        self,
        geometry: Geometry,
        contents: Mapping[str, BoxContent],
        *,
        dimmed: Collection[Pair] = (),
        captions: Mapping[Pair, str] | None = None,
        ascii: bool = False,  # noqa: A002
    ) -> None:
        self._geometry = geometry
        self._dimmed = frozenset(dimmed)
        self._captions = captions or {}
        self._ascii = ascii
        self._glyphs = _ASCII_LINES if ascii else _LINES
        self._cells: list[dict[int, _Cell]] = [{} for _ in range(geometry.height)]
        self._lines: list[list[Span]] = [[] for _ in range(geometry.height)]
        self._boxes: list[dict[str, tuple[Span, ...]]] = [{} for _ in range(geometry.height)]
        self._borders: dict[str, _Borders] = {}
        for line in geometry.lines:
            self._trace(line)
        full = {step: contents.get(step) or BoxContent((step,)) for step in geometry.boxes}
        for step, content in full.items():
            self._clear(step, geometry.boxes[step], content)
            self._fill(step, content)
        self._draw_lines()
        rows = tuple(self._row(y) for y in range(geometry.height))
        self.drawing = Drawing(geometry, rows)

    def renew(self, contents: Mapping[str, BoxContent]) -> Drawing:
        """Fill these boxes anew; each is stacked as it was before."""
        rows = list(self.drawing.rows)
        due: set[int] = set()
        for step, content in contents.items():
            self._fill(step, content)
            box = self._geometry.boxes[step]
            due.update(range(box.y, box.bottom + 1))
        for y in due:
            rows[y] = self._row(y)
        self.drawing = replace(self.drawing, rows=tuple(rows))
        return self.drawing

    def _row(self, y: int) -> tuple[Span, ...]:
        spans = [span for box in self._boxes[y].values() for span in box]
        return tuple(sorted((*self._lines[y], *spans), key=lambda span: span.x))

    def _draw_lines(self) -> None:
        marks = _ASCII_MARKS if self._ascii else _MARKS
        for mark in self._geometry.marks:
            self._cells[mark.y].pop(mark.x, None)
            tag = "edge-dim" if mark.edge in self._dimmed else "edge"
            self._lines[mark.y].append(Span(mark.x, marks[mark.kind], tag))
        for caption in self._geometry.captions:
            for x in range(caption.x - 1, caption.right + 2):
                self._cells[caption.y].pop(x, None)
            tag = "edge-dim" if caption.edge in self._dimmed else "edge-label"
            text = self._captions.get(caption.edge, caption.text)
            self._lines[caption.y].append(
                Span(caption.x, self._drawable(fit(text, cell_len(caption.text))), tag)
            )
        for y, cells in enumerate(self._cells):
            self._join(y, cells)

    def _drawable(self, text: str) -> str:
        return text.replace(ELLIPSIS, "~") if self._ascii else text

    def _trace(self, line: Line) -> None:
        lit = [at for at, edges in line.taps if any(edge not in self._dimmed for edge in edges)]
        first, last = (min(lit), max(lit)) if lit else (0, -1)
        if line.upright:
            for y in range(line.y0, line.y1 + 1):
                arms = (_NORTH if y > line.y0 else 0) | (_SOUTH if y < line.y1 else 0)
                self._add(y, line.x0, line.net, arms, first <= y <= last)
            return
        for x in range(line.x0, line.x1 + 1):
            arms = (_WEST if x > line.x0 else 0) | (_EAST if x < line.x1 else 0)
            self._add(line.y0, x, line.net, arms, first <= x <= last)

    def _add(self, y: int, x: int, net: int, arms: int, lit: bool) -> None:
        cell = self._cells[y].get(x)
        both = arms | cell.arms if cell else arms
        if cell is None:
            self._cells[y][x] = _Cell(net, arms, lit)
        elif cell.net == net or not (both & _LEVEL and both & _UPRIGHT):
            # Lines of two nets go on in each other only where an edge passes a layer.
            cell.arms = both
            cell.lit |= lit
        elif not cell.arms & _UPRIGHT:
            self._cells[y][x] = _Cell(net, arms, lit)

    def _join(self, y: int, cells: Mapping[int, _Cell]) -> None:
        """Makes spans of the row's cells, one per stretch with the same tag."""
        start, end, text, tag = 0, -1, "", ""
        for x in sorted(cells):
            cell = cells[x]
            own = "edge" if cell.lit else "edge-dim"
            if x != end or own != tag:
                if text:
                    self._lines[y].append(Span(start, text, tag))
                start, text, tag = x, "", own
            text += self._glyphs[cell.arms]
            end = x + 1
        if text:
            self._lines[y].append(Span(start, text, tag))

    def _clear(self, step: str, box: Box, content: BoxContent) -> None:
        """Take the lines out of the box; what leads up to its borders becomes part of them."""
        if self._geometry.density == "compact":
            left, right = (self._bracket(x, box) for x in (box.x, box.right))
            for y in range(box.y, box.bottom + 1):
                for x in range(box.x, box.right + 1):
                    self._cells[y].pop(x, None)
            self._borders[step] = _Borders("", "", left, right)
            return
        level = [self._border(y, box, content.stacked) for y in (box.y, box.bottom)]
        upright = [
            "".join(self._glyphs[_UPRIGHT | self._pop(x, y)] for y in range(box.y + 1, box.bottom))
            for x in (box.x, box.right)
        ]
        self._borders[step] = _Borders(*level, *upright)

    def _pop(self, x: int, y: int) -> int:
        """Takes a line out of a cell; returns its arms."""
        cell = self._cells[y].pop(x, None)
        return cell.arms if cell else 0

    def _border(self, y: int, box: Box, stacked: bool) -> str:
        """A horizontal border: where a line touches it, it has an arm outward."""
        inward = _SOUTH if y == box.y else _NORTH
        text = ""
        for x in range(box.x, box.right + 1):
            arms = (_WEST if x > box.x else 0) | (_EAST if x < box.right else 0)
            edge = min(x - box.x, box.right - x)
            if edge == 0 or (stacked and edge == 1):
                arms |= inward
            text += self._glyphs[arms | self._pop(x, y)]
        return text

    def _bracket(self, x: int, box: Box) -> str:
        """What takes in the lines that touch one side of a step without a border, in several rows:
        a character for each row, blank if there is one line at most."""
        touched = [y for y in range(box.y, box.bottom + 1) if x in self._cells[y]]
        if touched in ([], [box.centre]):
            return " " * box.height
        first, last = min(*touched, box.centre), max(*touched, box.centre)
        text = ""
        for y in range(box.y, box.bottom + 1):
            arms = (_NORTH if first < y <= last else 0) | (_SOUTH if first <= y < last else 0)
            if y == box.centre:
                arms |= _EAST if x == box.x else _WEST
            cell = self._cells[y].get(x)
            arms |= cell.arms if cell else 0
            text += self._glyphs[arms] if arms else " "
        return text

    def _fill(self, step: str, content: BoxContent) -> None:
        box = self._geometry.boxes[step]
        lines = content.lines or ("",)
        border = f"box:{content.tag}"
        edges = self._borders[step]
        if self._geometry.density == "compact":
            self._fill_compact(step, box, content, edges)
            return
        self._boxes[box.y][step] = (Span(box.x, edges.top, border, step),)
        self._boxes[box.bottom][step] = (Span(box.x, edges.bottom, border, step),)
        inner = self._glyphs[_UPRIGHT] if content.stacked else ""
        room = box.width - 2 - 2 * len(inner)
        for i in range(box.height - 2):
            row = (Piece(" "), *_cut(lines[i] if i < len(lines) else "", room - 2), Piece(" "))
            self._boxes[box.y + 1 + i][step] = (
                Span(box.x, edges.left[i] + inner, border, step),
                *self._inside(step, box.x + 1 + len(inner), row, content.tag),
                Span(box.right - len(inner), inner + edges.right[i], border, step),
            )

    def _fill_compact(self, step: str, box: Box, content: BoxContent, borders: _Borders) -> None:
        """One row without a border, and brackets around it where lines of several rows end."""
        border = f"box:{content.tag}"
        before, after = (int(not side.isspace()) for side in (borders.left, borders.right))
        row = self._compact(box.width - before - after, content)
        text = tuple(self._inside(step, box.x + before, row, content.tag))
        for i, (left, right) in enumerate(zip(borders.left, borders.right, strict=True)):
            self._boxes[box.y + i][step] = (
                *([Span(box.x, left, border, step)] if before else ()),
                *(text if box.y + i == box.centre else ()),
                *([Span(box.right, right, border, step)] if after else ()),
            )

    def _compact(self, width: int, content: BoxContent) -> Row:
        """The first line in the middle of the width, in brackets if the box is stacked."""
        inner = pieces(content.lines[0] if content.lines else "")
        if content.stacked:
            room = min(width - 2, sum(cell_len(piece.text) for piece in inner))
            inner = (Piece("["), *_cut(inner, room), Piece("]"))
        used = sum(cell_len(piece.text) for piece in inner)
        left = max(0, width - used) // 2
        return (Piece(" " * left), *_cut(inner, width - left))

    def _inside(self, step: str, x: int, row: Row, tag: str) -> Iterable[Span]:
        """The spans of a row, one per stretch with the same tag."""
        text, start, last = "", x, ""
        for piece in pieces(row):
            if text and piece.tag != last:
                yield Span(start, self._drawable(text), f"text:{last or tag}", step)
                text, start = "", x
            text, last = text + piece.text, piece.tag
            x += cell_len(piece.text)
        if text:
            yield Span(start, self._drawable(text), f"text:{last or tag}", step)


def _cut(row: Row, width: int) -> tuple[Piece, ...]:
    """The row cut or filled with spaces to exactly `width` cells."""
    kept: list[Piece] = []
    room = width
    for piece in pieces(row):
        if cell_len(piece.text) > room:
            kept.append(replace(piece, text=pad(piece.text, room)))
            return tuple(kept)
        kept.append(piece)
        room -= cell_len(piece.text)
    return (*kept, Piece(" " * room))
