"""Collects the lines, marks and labels of a drawing while it is arranged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flowtui.graph.dag import Pair
from flowtui.graph.geometry import Caption, Line, Mark, MarkKind

_TURNED: Mapping[MarkKind, MarkKind] = {"left": "up", "down": "right", "loop": "loop"}


@dataclass
class Pen:
    """What has been drawn so far."""

    lines: list[Line] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    captions: list[Caption] = field(default_factory=list)

    def upright(self, x: int, y0: int, y1: int, net: int, edges: tuple[Pair, ...]) -> None:
        """A line from top to bottom that the edges use from end to end."""
        self.lines.append(Line(x, y0, x, y1, net, ((y0, edges), (y1, edges))))

    def level(self, y: int, x0: int, x1: int, net: int, edges: tuple[Pair, ...]) -> None:
        """A line from left to right that the edges use from end to end."""
        self.lines.append(Line(x0, y, x1, y, net, ((x0, edges), (x1, edges))))

    def turned(self) -> Pen:
        """With columns and rows exchanged; labels keep reading to the right."""
        return Pen(
            [Line(n.y0, n.x0, n.y1, n.x1, n.net, n.taps) for n in self.lines],
            [Mark(m.y, m.x, _TURNED[m.kind], m.edge) for m in self.marks],
            [Caption(c.y, c.x, c.text, c.edge) for c in self.captions],
        )
