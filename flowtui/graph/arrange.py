"""Turns a graph and the sizes of its boxes into geometry: layers, columns, routes, rows.

A drawing to the right is worked out as one that leads down, of boxes with width and height
exchanged, and turned at the end: its rows are what is called columns here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count

from rich.cells import cell_len

from flowtui.graph.back import BackEdges
from flowtui.graph.captions import below_lines, in_lines
from flowtui.graph.dag import Dummy, Layering, Pair, Vertex, layers
from flowtui.graph.geometry import (
    MAX_LABEL,
    Box,
    Density,
    Edge,
    Geometry,
    Line,
    Orientation,
    Size,
)
from flowtui.graph.pen import Pen
from flowtui.graph.place import place
from flowtui.graph.ports import Ports, returns
from flowtui.graph.route import Leg, Net, Star, assign_tracks, stars
from flowtui.graph.spacing import spacing
from flowtui.graph.text import fit
from flowtui.model import Graph

_INLINE = 4
"""What a label in a line takes besides its text: a blank and a piece of line on each side."""


def arrange(
    graph: Graph,
    sizes: Mapping[str, Size],
    labels: Iterable[Edge] = (),
    density: Density = "normal",
    layering: Layering | None = None,
    orientation: Orientation = "down",
) -> Geometry:
    """Places the steps of a graph; every step needs a size, which may be rounded up.

    Where edges lead down, widths become odd, so that a box has a middle column. Labels of the same
    edge are joined. Who arranges a graph more than once gives its `layering`, which sizes do not
    change.
    """
    texts: dict[Pair, str] = {}
    for edge in labels:
        if edge.label:
            pair = (edge.source, edge.target)
            texts[pair] = f"{texts[pair]}, {edge.label}" if pair in texts else edge.label
    texts = {pair: fit(text, MAX_LABEL) for pair, text in texts.items()}
    if orientation == "right":
        sizes = {step: _turned(size, density) for step, size in sizes.items()}
    return _Arranging(layering or layers(graph), sizes, texts, density, orientation).result()


def least(
    layering: Layering, sizes: Mapping[str, Size], density: Density, orientation: Orientation
) -> Size:
    """A size that no arrangement goes below: what the boxes need, lines with turns left out."""
    space = spacing(orientation, density)
    ahead = space.straight * max(0, len(layering.layers) - 1)
    across = 0
    for layer in layering.layers:
        boxes = [sizes[v] for v in layer if isinstance(v, str)]
        if orientation == "right":
            boxes = [_turned(box, density) for box in boxes]
        ahead += max((box.height for box in boxes), default=1)
        rest = len(layer) - len(boxes)
        across = max(across, sum(box.width for box in boxes) + rest + space.gap * (len(layer) - 1))
    return Size(ahead, across) if orientation == "right" else Size(across, ahead)


def _turned(size: Size, density: Density) -> Size:
    """Width and height exchanged; a box without a border has a blank cell at both ends."""
    return Size(size.height, size.width + (2 if density == "compact" else 0))


class _Arranging:
    def __init__(
        self,
        layering: Layering,
        sizes: Mapping[str, Size],
        labels: Mapping[Pair, str],
        density: Density,
        orientation: Orientation,
    ) -> None:
        self.layering = layering
        self.rank = layering.rank
        self.sizes = sizes
        self.labels = labels
        self.density = density
        self.orientation = orientation
        self.space = spacing(orientation, density)
        # Channel i is above layer i; the last one is below everything.
        between = [stars(segments, labels) for segments in layering.segments]
        self.channels: list[tuple[Star, ...]] = [(), *between, ()][: len(layering.layers) + 1]
        self.returns = returns(layering, one_side=density == "compact")
        self.back = BackEdges(layering, self.returns, labels, density, orientation)
        self.ports = Ports(
            layering,
            self.channels,
            self.returns,
            {v: sizes[v].width for v in self.rank if isinstance(v, str)},
            labels if orientation == "down" else {},
            self.space,
        )
        self.pen = Pen()
        self.boxes: dict[str, Box] = {}
        self.aside: dict[tuple[Pair, str], tuple[int, int]] = {}

    def result(self) -> Geometry:
        extents = self.ports.extents(self.back.room())
        self.x = place(self.layering, extents, self.space)
        self.ports.settle(self.x)
        self.right = max((x + extents[v][1] for v, x in self.x.items()), default=-1)
        nets = [self._nets(channel) for channel in range(len(self.channels))]
        self._set_rows(nets)
        numbers = count(len(self.returns))
        for channel, routed in enumerate(nets):
            self._draw_channel(channel, routed, numbers)
            self._label_channel(channel, routed)
        for vertex in self.rank:
            if isinstance(vertex, Dummy):
                edges = ((vertex.source, vertex.target),)
                self.pen.upright(self.x[vertex], self.top[vertex], self.bottom[vertex], -1, edges)
        self.back.draw_loops(self.pen, self.boxes, numbers)
        self.back.draw_returns(self.pen, self.boxes, self.aside, self.right)
        return self._geometry()

    def _nets(self, channel: int) -> list[Net]:
        """The lines of a channel with their tracks; returns come in the order of `returns`."""
        above, below = self.ports.above, self.ports.below
        nets: list[Net] = []
        for star in self.channels[channel]:
            kind, hub = star.hub
            if kind == "source":
                up = [Leg(below[hub, star.hub], star.edges, hub)]
                down = [Leg(above[v, star.hub], (edge,), v) for v, edge in star.ends]
            else:
                up = [Leg(below[v, star.hub], (edge,), v) for v, edge in star.ends]
                down = [Leg(above[hub, star.hub], star.edges, hub)]
            nets.append(Net(up, down))
        for back in self.returns:
            edge = back.edge
            source, target = edge
            if not back.leaves_aside and self.rank[source] + 1 == channel:
                leg = Leg(below[source, edge], (edge,), source)
                nets.append(Net([leg], [], aside=True))
            if not back.enters_aside and self.rank[target] == channel:
                leg = Leg(above[target, edge], (edge,), target)
                nets.append(Net([], [leg], aside=True))
        return assign_tracks(nets, self.right + 1, self.space.apart)

    def _set_rows(self, nets: Sequence[Sequence[Net]]) -> None:
        self.channel_top: list[int] = []
        self.channel_end: list[int] = []
        self.top: dict[Vertex, int] = {}
        self.bottom: dict[Vertex, int] = {}
        y = 0
        for channel, routed in enumerate(nets):
            self.channel_top.append(y)
            y += self._depth(channel, routed)
            self.channel_end.append(y)
            if channel == len(self.layering.layers):
                break
            layer = self.layering.layers[channel]
            steps = {v: self._length(v) for v in layer if isinstance(v, str)}
            # A loop may be longer than its box.
            loops = [self.back.length(v, length) for v, length in steps.items()]
            height = max([*steps.values(), *loops], default=1)
            for v in layer:
                own = steps[v] if isinstance(v, str) else height
                self.top[v], self.bottom[v] = y, y + own - 1
                if isinstance(v, str):
                    width = self.ports.width[v]
                    self.boxes[v] = Box(self.x[v] - width // 2, y, width, own)
            y += height

    def _length(self, step: str) -> int:
        """From the first row of a box to its last one; without a border it has a bracket on each
        side that several lines touch."""
        brackets = 0
        if self.density == "compact" and self.orientation == "right":
            brackets = sum(lines > 1 for lines in self.ports.touching(step))
        return self.sizes[step].height + brackets

    def _depth(self, channel: int, nets: Sequence[Net]) -> int:
        """Rows between two layers."""
        tracks = max((net.track + 1 for net in nets if net.track is not None), default=0)
        foot = self._foot(channel)
        needed = foot
        if tracks:
            needed = self.space.lead + self.space.track * (tracks - 1) + 1
            needed += max(self.space.lead, foot)
        inner = 0 < channel < len(self.layering.layers)
        return max(needed, self.space.straight if inner else 0)

    def _track(self, channel: int, track: int | None) -> int:
        """The row of a track."""
        return self.channel_top[channel] + self.space.lead + self.space.track * (track or 0)

    def _foot(self, channel: int) -> int:
        """The rows that a channel needs for labels or arrow heads under its tracks."""
        if self.orientation == "right":
            named = [cell_len(self.labels[edge]) for _, edge in self._named(channel)]
            return max(named) + _INLINE if named else 0
        arrow = any(
            not back.enters_aside and self.rank[back.edge[1]] == channel for back in self.returns
        )
        return int(arrow or bool(self._named(channel)))

    def _named(self, channel: int) -> list[tuple[int, Pair]]:
        """The edges with a label that leave their source in the channel; with the columns at which
        they leave the channel."""
        return sorted(
            (self.ports.above[vertex, star.hub], edge)
            for star in self.channels[channel]
            if star.hub[0] == "source"
            for vertex, edge in star.ends
            if edge in self.labels and star.hub[1] == edge[0]
        )

    def _draw_channel(self, channel: int, nets: Sequence[Net], numbers: count[int]) -> None:
        number: dict[Net, int] = {}
        for net in nets:
            row = self._track(channel, net.track)
            if net.aside:
                leg, end = (net.up[0], "leave") if net.up else (net.down[0], "enter")
                self.aside[leg.edges[0], end] = (leg.x, row)
                number[net] = [back.edge for back in self.returns].index(leg.edges[0])
            else:
                number[net] = number[net.parent] if net.parent else next(numbers)
            for leg in net.up:
                if leg.vertex is not None:
                    start = self.bottom[leg.vertex]
                else:
                    start = self._track(channel, net.parent.track if net.parent else 0)
                self.pen.upright(leg.x, start, row, number[net], leg.edges)
            for leg in net.down:
                if leg.vertex is not None:
                    self.pen.upright(leg.x, row, self.top[leg.vertex], number[net], leg.edges)
            if not net.straight and not net.aside:
                taps = tuple((leg.x, leg.edges) for leg in (*net.up, *net.down, *net.jogs))
                columns = net.columns
                line = Line(min(columns), row, max(columns), row, number[net], taps)
                self.pen.lines.append(line)

    def _label_channel(self, channel: int, nets: Sequence[Net]) -> None:
        named = self._named(channel)
        end = self.channel_end[channel]
        if self.orientation == "right":
            foot = self._foot(channel)
            self.pen.captions += in_lines(named, self.labels, end - foot + _INLINE // 2)
        else:
            columns = sorted(leg.x for net in nets for leg in net.down)
            self.pen.captions += below_lines(named, self.labels, columns, end - 1)

    def _geometry(self) -> Geometry:
        pen, boxes = self.pen, self.boxes
        if self.orientation == "right":
            pen = pen.turned()
            boxes = {step: box.turned() for step, box in boxes.items()}
        geometry = Geometry(
            density=self.density,
            orientation=self.orientation,
            layers=tuple(
                tuple(v for v in layer if isinstance(v, str)) for layer in self.layering.layers
            ),
            boxes=boxes,
            edges=tuple(self.layering.chains),
            lines=tuple(pen.lines),
            marks=tuple(pen.marks),
            captions=tuple(pen.captions),
        )
        # Room for labels that turned out to stand on the other side of their lines.
        return geometry.without_left()
