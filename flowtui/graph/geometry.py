"""Where everything in a drawn graph is: boxes, lines, marks and labels, in whole cells.

Columns count from the left and rows from the top. Geometry does not know what the boxes say or how
they are coloured, so it stays as it is while a run goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, NamedTuple

from rich.cells import cell_len

from flowtui.graph.dag import Pair

Density = Literal["compact", "tight", "normal", "detailed"]
"""`normal`: boxes with room between them; `tight`: boxes that touch where edges are straight;
`compact`: one row per step without a border; `detailed`: as roomy as `normal`, for boxes that say
more."""

Orientation = Literal["down", "right"]
"""Where edges lead, those that close a cycle excepted."""

MAX_LABEL = 16
"""Cells that an edge label may take."""


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height of a box with its border."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Edge:
    """What an edge is labelled with, such as the case of a switch."""

    source: str
    target: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """Where a step is; `x` and `y` are its top left cell."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The last column."""
        return self.x + self.width - 1

    @property
    def bottom(self) -> int:
        """The last row."""
        return self.y + self.height - 1

    @property
    def middle(self) -> int:
        """The middle column."""
        return self.x + self.width // 2

    @property
    def centre(self) -> int:
        """The middle row."""
        return self.y + self.height // 2

    def turned(self) -> Box:
        """With columns and rows exchanged."""
        return Box(self.y, self.x, self.height, self.width)


class Line(NamedTuple):
    """A straight line, both ends included; lines of one `net` join where they meet, others cross.

    `taps` are the places at which edges get on or off: columns of a horizontal line, rows of a
    vertical one. An edge uses it between its outermost taps.
    """

    x0: int
    y0: int
    x1: int
    y1: int
    net: int
    taps: tuple[tuple[int, tuple[Pair, ...]], ...]

    @property
    def upright(self) -> bool:
        return self.x0 == self.x1

    def edges_at(self, place: int) -> set[Pair]:
        """The edges that use the line at this column or, of a vertical line, row."""
        before = {edge for at, edges in self.taps if at <= place for edge in edges}
        return before & {edge for at, edges in self.taps if at >= place for edge in edges}

    def moved(self, columns: int) -> Line:
        """The same line, that many columns to the right."""
        taps = self.taps
        if not self.upright:
            taps = tuple((x + columns, edges) for x, edges in taps)
        return Line(self.x0 + columns, self.y0, self.x1 + columns, self.y1, self.net, taps)


MarkKind = Literal["left", "up", "down", "right", "loop"]


@dataclass(frozen=True, slots=True)
class Mark:
    """An arrow head or the sign for a loop, one cell."""

    x: int
    y: int
    kind: MarkKind
    edge: Pair


@dataclass(frozen=True, slots=True)
class Caption:
    """An edge label where it is drawn, already cut to the room that is there."""

    x: int
    y: int
    text: str
    edge: Pair

    @property
    def right(self) -> int:
        """The last column."""
        return self.x + cell_len(self.text) - 1


@dataclass(frozen=True)
class Geometry:
    """Where everything is. `layers` are the steps only; `edges` are the ones that lead ahead."""

    density: Density
    orientation: Orientation
    layers: tuple[tuple[str, ...], ...]
    boxes: Mapping[str, Box]
    edges: tuple[Pair, ...]
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...]
    captions: tuple[Caption, ...]

    @cached_property
    def width(self) -> int:
        """In cells."""
        ends = [box.right for box in self.boxes.values()]
        ends += [line.x1 for line in self.lines]
        ends += [mark.x for mark in self.marks]
        ends += [caption.right for caption in self.captions]
        return max(ends, default=-1) + 1

    @cached_property
    def height(self) -> int:
        """In rows."""
        ends = [box.bottom for box in self.boxes.values()]
        ends += [line.y1 for line in self.lines]
        ends += [mark.y for mark in self.marks]
        ends += [caption.y for caption in self.captions]
        return max(ends, default=-1) + 1

    def edges_at(self, x: int, y: int) -> frozenset[Pair]:
        """The edges that pass the cell. In a crossing, those of the line that is drawn whole."""
        for caption in self.captions:
            if caption.y == y and caption.x <= x <= caption.right:
                return frozenset({caption.edge})
        for mark in self.marks:
            if (mark.x, mark.y) == (x, y):
                return frozenset({mark.edge})
        here = [n for n in self.lines if n.x0 <= x <= n.x1 and n.y0 <= y <= n.y1]
        whole = next((line.net for line in here if line.upright), None)
        return frozenset(
            edge
            for line in here
            if whole is None or line.net == whole
            for edge in line.edges_at(y if line.upright else x)
        )

    def without_left(self) -> Geometry:
        """Everything moved to the left as far as there is nothing."""
        starts = [line.x0 for line in self.lines]
        starts += [box.x for box in self.boxes.values()]
        starts += [caption.x for caption in self.captions]
        columns = min(starts, default=0)
        if not columns:
            return self
        return replace(
            self,
            boxes={step: replace(box, x=box.x - columns) for step, box in self.boxes.items()},
            lines=tuple(line.moved(-columns) for line in self.lines),
            marks=tuple(replace(mark, x=mark.x - columns) for mark in self.marks),
            captions=tuple(replace(text, x=text.x - columns) for text in self.captions),
        )
