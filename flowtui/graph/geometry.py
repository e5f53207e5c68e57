"""Where everything in a drawn graph is: boxes, lines, marks and labels, in whole cells.

Columns count from the left and rows from the top. Geometry does not know what the boxes say or how
they are coloured, so it stays as it is while a run goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from flowtui.graph.dag import Pair

Density = Literal["compact", "tight", "normal"]
"""`normal`: boxes with a row between them; `tight`: boxes that touch where edges are straight;
`compact`: one row per step without a border."""

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
        return self.x + self.width // 2


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line, both ends included; lines of one `net` join where they meet, others cross.

    `taps` are the columns at which edges get on or off a horizontal line. An edge uses it between
    its outermost taps.
    """

    x0: int
    y0: int
    x1: int
    y1: int
    net: int
    taps: tuple[tuple[int, tuple[Pair, ...]], ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """An arrow head or the sign for a loop, one cell."""

    x: int
    y: int
    kind: Literal["left", "down", "loop"]
    edge: Pair


@dataclass(frozen=True, slots=True)
class Caption:
    """An edge label where it is drawn, already cut to the room that is there."""

    x: int
    y: int
    text: str
    edge: Pair


@dataclass(frozen=True)
class Geometry:
    """Where everything is. `layers` are the steps only; `edges` are the ones that lead down."""

    width: int
    height: int
    density: Density
    layers: tuple[tuple[str, ...], ...]
    boxes: Mapping[str, Box]
    edges: tuple[Pair, ...]
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...]
    captions: tuple[Caption, ...]

    def without_left(self, columns: int) -> Geometry:
        """Everything moved to the left by that many columns, which must be blank."""
        if not columns:
            return self
        lines = [
            replace(
                line,
                x0=line.x0 - columns,
                x1=line.x1 - columns,
                taps=tuple((x - columns, edges) for x, edges in line.taps),
            )
            for line in self.lines
        ]
        return replace(
            self,
            width=self.width - columns,
            boxes={step: replace(box, x=box.x - columns) for step, box in self.boxes.items()},
            lines=tuple(lines),
            marks=tuple(replace(mark, x=mark.x - columns) for mark in self.marks),
            captions=tuple(replace(text, x=text.x - columns) for text in self.captions),
        )
