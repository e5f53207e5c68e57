"""Draws the edges that close a cycle: loops beside their boxes, others in lanes beside it all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.cells import cell_len

from flowtui.graph.captions import in_stretch
from flowtui.graph.dag import Layering, Pair
from flowtui.graph.geometry import Box, Caption, Density, Mark, Orientation
from flowtui.graph.pen import Pen
from flowtui.graph.ports import Return
from flowtui.graph.spacing import spacing

_AWAY = 2
"""Cells from a box to a loop or to the first lane: the arrow head is between them."""

Asides = Mapping[tuple[Pair, str], tuple[int, int]]
"""Back edge and end ("leave" or "enter") → where it gets out of the channel between two layers."""


class BackEdges:
    """The back edges of one graph, drawn on the right of it as if it led down."""

    def __init__(
        self,
        layering: Layering,
        returns: Sequence[Return],
        labels: Mapping[Pair, str],
        density: Density,
        orientation: Orientation,
    ) -> None:
        self._returns = returns
        self._labels = labels
        self._compact = density == "compact"
        self._right = orientation == "right"
        self._lane = spacing(orientation, density).lane
        self._loops = sorted(source for source, target in layering.back if source == target)

    def room(self) -> dict[str, int]:
        """Step with a loop → the columns that the loop and its label take beside the box."""
        if self._right:
            return dict.fromkeys(self._loops, 1 if self._compact else _AWAY)
        found = {}
        for step in self._loops:
            label = self._labels.get((step, step), "")
            found[step] = _AWAY + (1 + cell_len(label) if label else 0)
        return found

    def length(self, step: str, box: int) -> int:
        """The rows that the loop and its label take, beside a box of so many rows; else 0."""
        if not self._right or step not in self._loops:
            return 0
        label = cell_len(self._labels.get((step, step), ""))
        return (1 if self._compact else self._leave(Box(0, 0, 1, box))) + 2 + label

    def _enter(self, box: Box) -> int:
        """The row at which a back edge enters the side of the box."""
        if self._right:
            return box.y + self._inset(box)
        return box.y if self._compact else box.y + 1

    def _leave(self, box: Box) -> int:
        return box.bottom - (self._inset(box) if self._right else 0)

    def _inset(self, box: Box) -> int:
        return 2 if box.height > 6 else 1

    def draw_loops(self, pen: Pen, boxes: Mapping[str, Box], numbers: Iterator[int]) -> None:
        """Edges from a step to itself."""
        for step in self._loops:
            box, edge = boxes[step], (step, step)
            net = next(numbers)
            enter, leave = self._enter(box), self._leave(box)
            x = box.right + _AWAY
            if self._compact:
                x = box.right + (1 if self._right else _AWAY)
                enter = leave = box.y + (1 if self._right else 0)
                pen.marks.append(Mark(x, enter, "loop", edge))
            else:
                pen.level(leave, box.right, x, net, (edge,))
                pen.upright(x, enter, leave, net, (edge,))
                pen.level(enter, x - 1, x, net, (edge,))
                pen.marks.append(Mark(x - 1, enter, "left", edge))
            if edge in self._labels:
                at = (x, leave + 2) if self._right else (x + 2, enter)
                pen.captions.append(Caption(*at, self._labels[edge], edge))

    def draw_returns(self, pen: Pen, boxes: Mapping[str, Box], asides: Asides, right: int) -> None:
        """Edges from a step to an earlier one: each goes up in a lane of its own."""
        lane = max([right, *(line.x1 for line in pen.lines)]) + _AWAY
        ends: list[tuple[int, int]] = []
        lanes: list[int] = []
        for net, back in enumerate(self._returns):
            edge = back.edge
            source, target = (boxes[step] for step in edge)
            if back.leaves_aside:
                x0, y0 = source.right, self._leave(source)
            else:
                x0, y0 = asides[edge, "leave"]
            if back.enters_aside:
                x1, y1 = target.right + 1, self._enter(target)
                pen.marks.append(Mark(x1, y1, "left", edge))
            else:
                x1, y1 = asides[edge, "enter"]
                pen.marks.append(Mark(x1, target.y - 1, "down", edge))
            pen.level(y0, x0, lane, net, (edge,))
            pen.upright(lane, y1, y0, net, (edge,))
            pen.level(y1, x1, lane, net, (edge,))
            ends.append((y1, y0))
            lanes.append(lane)
            if edge in self._labels and not self._right:
                pen.captions.append(Caption(lane + 2, y1, self._labels[edge], edge))
                lane += cell_len(self._labels[edge]) + 1
            lane += self._lane
        if self._right:
            self._label_lanes(pen, lanes, ends)

    def _label_lanes(self, pen: Pen, lanes: Sequence[int], ends: Sequence[tuple[int, int]]) -> None:
        """Lanes are crossed by the back edges that go on to later ones."""
        for i, back in enumerate(self._returns):
            if back.edge in self._labels:
                crossed = [y for pair in ends[i + 1 :] for y in pair]
                text = self._labels[back.edge]
                pen.captions += in_stretch(back.edge, text, lanes[i], *ends[i], crossed)
