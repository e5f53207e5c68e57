"""What a drawn graph is made of: what the boxes say, and rows of tagged spans to show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from rich.cells import cell_len

from flowtui.graph.dag import Pair
from flowtui.graph.geometry import Box, Density, Geometry, Size

Direction = Literal["up", "down", "left", "right"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a row in a box; `tag` is handed through to its span, in place of the box's."""

    text: str
    tag: str = ""


Row = str | tuple[Piece, ...]
"""A row in a box: of one piece, or of several that follow each other."""


@dataclass(frozen=True, slots=True)
class BoxContent:
    """What a step's box says.

    `lines` are without control characters, `stacked` gives the box the double edge of a step with
    many tasks, and `tag` is handed through to the spans. `room` is how many cells a row may come to
    need: the box is made for that from the start.
    """

    lines: tuple[Row, ...]
    stacked: bool = False
    tag: str = ""
    room: int = 0


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
    """A picture of a graph; cells that no span covers are blank."""

    geometry: Geometry
    rows: tuple[tuple[Span, ...], ...]

    @property
    def width(self) -> int:
        """In cells."""
        return self.geometry.width

    @property
    def height(self) -> int:
        """In rows."""
        return self.geometry.height

    @property
    def boxes(self) -> Mapping[str, Box]:
        """Where the steps are."""
        return self.geometry.boxes

    @property
    def layers(self) -> tuple[tuple[str, ...], ...]:
        """The steps, layer by layer."""
        return self.geometry.layers

    @property
    def edges(self) -> tuple[Pair, ...]:
        """The edges that lead from a layer to a later one."""
        return self.geometry.edges

    def hit(self, x: int, y: int) -> str | None:
        """The step whose box covers the cell, or None."""
        for step, box in self.boxes.items():
            if box.x <= x <= box.right and box.y <= y <= box.bottom:
                return step
        return None

    def edge_at(self, x: int, y: int) -> Pair | None:
        """The edge whose line, label or arrow head is in the cell; None if there is none, or where
        several share a line."""
        if self.hit(x, y):
            return None
        edges = self.geometry.edges_at(x, y)
        return next(iter(edges)) if len(edges) == 1 else None

    def neighbour(self, step: str, direction: Direction) -> str | None:
        """The step to go to from `step`, or None at the rim; directions are those of the screen.

        Along the edges are preferred steps that one joins, then near layers, then near places in
        them. The other two directions stay in the layer. Raises KeyError for an unknown step.
        """
        rank = self._rank[step]
        layer = self.layers[rank]
        down = self.geometry.orientation == "down"
        ways: tuple[Direction, ...] = ("up", "down") if down else ("left", "right")
        if direction not in ways:
            at = layer.index(step) + (1 if direction in ("right", "down") else -1)
            return layer[at] if 0 <= at < len(layer) else None
        if direction == ways[0]:
            joined = [source for source, target in self.edges if target == step]
            others = [other for names in self.layers[:rank] for other in names]
        else:
            joined = [target for source, target in self.edges if source == step]
            others = [other for names in self.layers[rank + 1 :] for other in names]

        def place(name: str) -> int:
            return self.boxes[name].middle if down else self.boxes[name].centre

        return min(
            joined or others,
            key=lambda s: (abs(self._rank[s] - rank), abs(place(s) - place(step))),
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


def pieces(row: Row) -> tuple[Piece, ...]:
    """The row as pieces, also if it is plain text."""
    return (Piece(row),) if isinstance(row, str) else row


def row_width(row: Row) -> int:
    """How many cells the row takes."""
    return sum(cell_len(piece.text) for piece in pieces(row))


def measure(content: BoxContent, density: Density = "normal", max_box: int = 32) -> Size:
    """The size that a box needs for its content, at most `max_box` cells wide.

    A compact box is one row without a border and shows the first line only.
    """
    lines = content.lines or ("",)
    sides = 2 if content.stacked else 0
    if density == "compact":
        width, height = max(row_width(lines[0]), content.room) + sides, 1
    else:
        widest = max(content.room, *map(row_width, lines))
        width, height = widest + 4 + sides, len(lines) + 2
    return Size(min(width, (max_box - 1) | 1), height)
