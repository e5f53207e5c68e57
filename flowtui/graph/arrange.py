"""Turns a graph and the sizes of its boxes into geometry: layers, columns, routes, rows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from rich.cells import cell_len

from flowtui.graph.dag import Dummy, Layering, Pair, Vertex, layers
from flowtui.graph.geometry import (
    MAX_LABEL,
    Box,
    Caption,
    Density,
    Edge,
    Geometry,
    Line,
    Mark,
    Size,
)
from flowtui.graph.place import GAP, Extent, place
from flowtui.graph.route import Hub, Leg, Net, Star, assign_tracks, stars
from flowtui.graph.text import fit
from flowtui.model import Graph

_STRAIGHT_ROWS: Mapping[Density, int] = {"compact": 1, "tight": 0, "normal": 1}
"""Rows between layers that only vertical lines join."""

_LANE = 2
"""Columns from one lane of a back edge to the next."""

_Touch = dict[Vertex, dict[Hub | Pair, list[Vertex]]]
"""Per vertex the stars and back edges that touch it, each with the vertices it leads to."""

_Port = tuple[Vertex, Hub | Pair]
"""Where a star or a back edge touches a vertex."""


def arrange(
    graph: Graph,
    sizes: Mapping[str, Size],
    labels: Iterable[Edge] = (),
    density: Density = "normal",
    layering: Layering | None = None,
) -> Geometry:
    """Places the steps of a graph; every step needs a size, of which the width may be rounded up.

    Widths become odd, so that a box has a middle column. Labels of the same edge are joined. Who
    arranges a graph more than once gives its `layering`, which sizes do not change.
    """
    texts: dict[Pair, str] = {}
    for edge in labels:
        if edge.label:
            pair = (edge.source, edge.target)
            texts[pair] = f"{texts[pair]}, {edge.label}" if pair in texts else edge.label
    texts = {pair: fit(text, MAX_LABEL) for pair, text in texts.items()}
    return _Arranging(layering or layers(graph), sizes, texts, density).result()


def least(layering: Layering, sizes: Mapping[str, Size], density: Density) -> Size:
    """A size that no arrangement goes below: what the boxes need, lines with turns left out."""
    height = _STRAIGHT_ROWS[density] * max(0, len(layering.layers) - 1)
    width = 0
    for layer in layering.layers:
        boxes = [sizes[v] for v in layer if isinstance(v, str)]
        height += max((box.height for box in boxes), default=1)
        width = max(width, sum(box.width for box in boxes) + GAP * (len(layer) - 1))
    return Size(width, height)


@dataclass
class _Return:
    """A back edge that is no self loop, and on which sides it leaves and enters."""

    edge: Pair
    leaves_aside: bool
    enters_aside: bool


class _Arranging:
    def __init__(
        self,
        layering: Layering,
        sizes: Mapping[str, Size],
        labels: Mapping[Pair, str],
        density: Density,
    ) -> None:
        self.layering = layering
        self.sizes = sizes
        self.labels = labels
        self.density = density
        self.rank = {v: i for i, layer in enumerate(layering.layers) for v in layer}
        self.loops = {source for source, target in layering.back if source == target}
        # Channel i is above layer i; the last one is below everything.
        between = [stars(segments, labels) for segments in layering.segments]
        self.channels: list[tuple[Star, ...]] = [(), *between, ()][: len(layering.layers) + 1]
        self.returns = self._returns()
        self.lines: list[Line] = []
        self.marks: list[Mark] = []
        self.captions: list[Caption] = []
        self.boxes: dict[str, Box] = {}
        self.aside: dict[tuple[Pair, str], tuple[int, int]] = {}

    def _returns(self) -> list[_Return]:
        """A back edge leaves or enters at the right side of its box if nothing stands beyond it
        and the side is not in use yet; else below and above."""
        last = {layer[-1] for layer in self.layering.layers if layer}
        used: set[tuple[str, str]] = set()

        def aside(step: str, end: str) -> bool:
            slot = (step, "" if self.density == "compact" else end)
            free = step in last and step not in self.loops and slot not in used
            used.add(slot)
            return free

        edges = [edge for edge in self.layering.back if edge[0] != edge[1]]
        edges.sort(key=lambda e: (self.rank[e[0]] - self.rank[e[1]], self.rank[e[0]], e))
        return [_Return(e, aside(e[0], "leave"), aside(e[1], "enter")) for e in edges]

    def result(self) -> Geometry:
        self._find_ports()
        extents = {vertex: self._extent(vertex) for vertex in self.rank}
        self.x = place(self.layering, extents)
        self._set_ports()
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
                self._upright(self.x[vertex], self.top[vertex], self.bottom[vertex], -1, *edges)
        for step in sorted(self.loops):
            self._draw_loop(step, next(numbers))
        self._draw_returns()
        return self._geometry()

    def _extent(self, vertex: Vertex) -> Extent:
        """What the vertex needs beside its middle: half its box, its loop, labels that enter it."""
        entering = self.entering.get(vertex, [])
        ports = len(self.above[vertex])
        beside = max(entering, default=0) + (ports if ports > 1 else 0)
        other_side = beside if len(entering) > 1 else 0
        if isinstance(vertex, Dummy):
            return other_side, beside
        half = self.width[vertex] // 2
        loop = 0
        if vertex in self.loops:
            label = self.labels.get((vertex, vertex), "")
            loop = half + (3 + cell_len(label) if label else 2)
        return max(half, other_side), max(half, beside, loop)

    def _find_ports(self) -> None:
        """Lists what touches every vertex from above and from below; widens boxes for it."""
        self.above: _Touch = {v: {} for v in self.rank}
        self.below: _Touch = {v: {} for v in self.rank}
        self.entering: dict[Vertex, list[int]] = {}
        for channel in self.channels:
            for star in channel:
                kind, hub = star.hub
                near, far = self.below, self.above
                if kind == "target":
                    near, far = far, near
                near[hub][star.hub] = [vertex for vertex, _ in star.ends]
                for vertex, edge in star.ends:
                    far[vertex][star.hub] = [hub]
                    if kind == "source" and hub == edge[0] and edge in self.labels:
                        room = cell_len(self.labels[edge]) + 1
                        self.entering.setdefault(vertex, []).append(room)
        for back in self.returns:
            source, target = back.edge
            if not back.leaves_aside:
                self.below[source][back.edge] = []
            if not back.enters_aside:
                self.above[target][back.edge] = []
        self.width = {v: self._box_width(v) for v in self.rank if isinstance(v, str)}

    def _box_width(self, step: str) -> int:
        """Odd, so that there is a middle column, and wide enough for all that touches the box."""
        touching = max(len(self.above[step]), len(self.below[step]))
        if self.density == "compact":
            needed = 2 * touching + 1 if touching > 1 else 1
        else:
            needed = 2 * touching + 3
        return max(self.sizes[step].width, needed) | 1

    def _set_ports(self) -> None:
        """Spreads what touches a vertex around its middle, in the order of where it leads."""
        self.port_above = self._ports(self.above)
        self.port_below = self._ports(self.below)
        owner = {(self.rank[v], x): key for (v, key), x in self.port_below.items()}
        for (vertex, key), x in self.port_above.items():
            # A line that ends under the beginning of another one has to be led around it; a cell
            # to the side, away from the middle of the box, it has not.
            aside = x + (1 if x > self.x[vertex] else -1)
            over = self.rank[vertex] - 1
            if len(self.above[vertex]) > 1 and owner.get((over, x), key) != key:
                taken = {self.port_above[vertex, other] for other in self.above[vertex]}
                if aside not in taken and (over, aside) not in owner:
                    self.port_above[vertex, key] = aside

    def _ports(self, touching: _Touch) -> dict[_Port, int]:
        found: dict[_Port, int] = {}
        for vertex, keys in touching.items():
            middle = self.x[vertex]
            if len(keys) == 1:
                found[vertex, next(iter(keys))] = middle
                continue
            # Back edges come last: their lanes are on the right.
            leads = {
                key: sum(self.x[v] for v in far) / len(far) if far else float("inf")
                for key, far in keys.items()
            }
            for i, key in enumerate(sorted(keys, key=leads.__getitem__)):
                found[vertex, key] = middle + 2 * i - (len(keys) - 1)
        return found

    def _nets(self, channel: int) -> list[Net]:
        """The lines of a channel with their tracks; returns come in the order of `returns`."""
        nets: list[Net] = []
        for star in self.channels[channel]:
            kind, hub = star.hub
            if kind == "source":
                up = [Leg(self.port_below[hub, star.hub], star.edges, hub)]
                down = [Leg(self.port_above[v, star.hub], (edge,), v) for v, edge in star.ends]
            else:
                up = [Leg(self.port_below[v, star.hub], (edge,), v) for v, edge in star.ends]
                down = [Leg(self.port_above[hub, star.hub], star.edges, hub)]
            nets.append(Net(up, down))
        for back in self.returns:
            edge = back.edge
            source, target = edge
            if not back.leaves_aside and self.rank[source] + 1 == channel:
                leg = Leg(self.port_below[source, edge], (edge,), source)
                nets.append(Net([leg], [], aside=True))
            if not back.enters_aside and self.rank[target] == channel:
                leg = Leg(self.port_above[target, edge], (edge,), target)
                nets.append(Net([], [leg], aside=True))
        return assign_tracks(nets, self.right + 1)

    def _set_rows(self, nets: Sequence[Sequence[Net]]) -> None:
        self.channel_top: list[int] = []
        self.channel_end: list[int] = []
        self.top: dict[Vertex, int] = {}
        self.bottom: dict[Vertex, int] = {}
        y = 0
        for channel, routed in enumerate(nets):
            self.channel_top.append(y)
            tracks = max((net.track + 1 for net in routed if net.track is not None), default=0)
            inner = 0 < channel < len(self.layering.layers)
            y += max(tracks + self._foot(channel), _STRAIGHT_ROWS[self.density] if inner else 0)
            self.channel_end.append(y)
            if channel == len(self.layering.layers):
                break
            layer = self.layering.layers[channel]
            height = max((self.sizes[v].height for v in layer if isinstance(v, str)), default=1)
            for v in layer:
                own = self.sizes[v].height if isinstance(v, str) else height
                self.top[v], self.bottom[v] = y, y + own - 1
                if isinstance(v, str):
                    self.boxes[v] = Box(self.x[v] - self.width[v] // 2, y, self.width[v], own)
            y += height
        self.height = y

    def _foot(self, channel: int) -> int:
        """One if the channel needs a row for labels or arrow heads under its tracks, else none."""
        named = any(
            kind == "source" and edge in self.labels
            for (kind, hub), edges in ((star.hub, star.edges) for star in self.channels[channel])
            for edge in edges
            if edge[0] == hub
        )
        arrow = any(
            not back.enters_aside and self.rank[back.edge[1]] == channel for back in self.returns
        )
        return int(named or arrow)

    def _upright(self, x: int, y0: int, y1: int, net: int, *edges: Pair) -> None:
        self.lines.append(Line(x, y0, x, y1, net, ((x, edges),)))

    def _level(self, y: int, x0: int, x1: int, net: int, *edges: Pair) -> None:
        self.lines.append(Line(x0, y, x1, y, net, ((x0, edges), (x1, edges))))

    def _draw_channel(self, channel: int, nets: Sequence[Net], numbers: Iterator[int]) -> None:
        top = self.channel_top[channel]
        number: dict[Net, int] = {}
        for net in nets:
            row = top + (net.track or 0)
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
                    start = top + (net.parent.track or 0 if net.parent else 0)
                self._upright(leg.x, start, row, number[net], *leg.edges)
            for leg in net.down:
                if leg.vertex is not None:
                    self._upright(leg.x, row, self.top[leg.vertex], number[net], *leg.edges)
            if not net.straight and not net.aside:
                taps = tuple((leg.x, leg.edges) for leg in (*net.up, *net.down, *net.jogs))
                columns = net.columns
                line = Line(min(columns), row, max(columns), row, number[net], taps)
                self.lines.append(line)

    def _label_channel(self, channel: int, nets: Sequence[Net]) -> None:
        """Puts labels beside the lines they belong to: right of them, or left if only that fits."""
        columns = sorted(leg.x for net in nets for leg in net.down)
        named = sorted(
            (self.port_above[vertex, star.hub], edge)
            for star in self.channels[channel]
            if star.hub[0] == "source"
            for vertex, edge in star.ends
            if edge in self.labels and star.hub[1] == edge[0]
        )
        y = self.channel_end[channel] - 1
        used = -2
        for x, edge in named:
            text = self.labels[edge]
            i = bisect_right(columns, x)
            before = max(columns[i - 2] if i > 1 else -2, used)
            room = (columns[i] - x - 3) if i < len(columns) else MAX_LABEL
            if cell_len(text) > room and cell_len(text) <= min(x - before - 3, x - 1):
                self.captions.append(Caption(x - 1 - cell_len(text), y, text, edge))
                continue
            text = fit(text, room)
            if text:
                self.captions.append(Caption(x + 2, y, text, edge))
                used = x + 1 + cell_len(text)

    def _draw_loop(self, step: str, net: int) -> None:
        box, edge = self.boxes[step], (step, step)
        y = self._enter_row(box)
        if self.density == "compact":
            self.marks.append(Mark(box.right + 2, y, "loop", edge))
        else:
            self._level(box.bottom, box.right, box.right + 2, net, edge)
            self._upright(box.right + 2, y, box.bottom, net, edge)
            self._level(y, box.right + 1, box.right + 2, net, edge)
            self.marks.append(Mark(box.right + 1, y, "left", edge))
        if edge in self.labels:
            self.captions.append(Caption(box.right + 4, y, self.labels[edge], edge))

    def _enter_row(self, box: Box) -> int:
        return box.y if self.density == "compact" else box.y + 1

    def _draw_returns(self) -> None:
        """Back edges go up in lanes on the right of everything, one lane each."""
        lane = max([self.right, *(line.x1 for line in self.lines)]) + _LANE
        for net, back in enumerate(self.returns):
            edge = back.edge
            source, target = (self.boxes[step] for step in edge)
            if back.leaves_aside:
                x0, y0 = source.right, source.bottom
            else:
                x0, y0 = self.aside[edge, "leave"]
            if back.enters_aside:
                x1, y1 = target.right + 1, self._enter_row(target)
                self.marks.append(Mark(x1, y1, "left", edge))
            else:
                x1, y1 = self.aside[edge, "enter"]
                self.marks.append(Mark(x1, target.y - 1, "down", edge))
            self._level(y0, x0, lane, net, edge)
            self._upright(lane, y1, y0, net, edge)
            self._level(y1, x1, lane, net, edge)
            if edge in self.labels:
                self.captions.append(Caption(lane + 2, y1, self.labels[edge], edge))
                lane += cell_len(self.labels[edge]) + 1
            lane += _LANE

    def _geometry(self) -> Geometry:
        ends = [box.right for box in self.boxes.values()]
        ends += [line.x1 for line in self.lines]
        ends += [mark.x for mark in self.marks]
        ends += [caption.x + cell_len(caption.text) - 1 for caption in self.captions]
        geometry = Geometry(
            width=max(ends, default=-1) + 1,
            height=self.height,
            density=self.density,
            layers=tuple(
                tuple(v for v in layer if isinstance(v, str)) for layer in self.layering.layers
            ),
            boxes=self.boxes,
            edges=tuple(self.layering.chains),
            lines=tuple(self.lines),
            marks=tuple(self.marks),
            captions=tuple(self.captions),
        )
        starts = [line.x0 for line in self.lines]
        starts += [box.x for box in self.boxes.values()]
        starts += [caption.x for caption in self.captions]
        # Room for labels that turned out to stand on the other side of their lines.
        return geometry.without_left(min(starts, default=0))
