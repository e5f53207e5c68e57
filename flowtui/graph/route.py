"""Routes the edges between two adjacent layers: which of them share a line, and on which row.

Edges share a line only as a star: one source with its targets, or one target with its sources.
So whatever is connected in the drawing is connected in the graph. Other lines only cross.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import count

from flowtui.graph.dag import Pair, Vertex

Hub = tuple[str, Vertex]
"""What a star is named by: "source" or "target" and the vertex that all its edges share."""


@dataclass(frozen=True)
class Star:
    """Edges between two adjacent layers that may share a line: they share the vertex `hub`."""

    hub: Hub
    ends: tuple[tuple[Vertex, Pair], ...]

    @property
    def edges(self) -> tuple[Pair, ...]:
        return tuple(edge for _, edge in self.ends)


def stars(
    segments: Sequence[tuple[Vertex, Vertex, Pair]], labelled: Mapping[Pair, str]
) -> tuple[Star, ...]:
    """Groups the segments of one channel.

    An edge that could share its line at both ends shares it at its source only; so does one with a
    label where it leaves its source, so that the label has a line of its own.
    """
    leaving = Counter(upper for upper, _, _ in segments)
    entering = Counter(lower for _, lower, _ in segments)
    grouped: dict[Hub, list[tuple[Vertex, Pair]]] = {}
    for upper, lower, edge in segments:
        named = edge in labelled and upper == edge[0]
        if named or leaving[upper] > 1 or entering[lower] == 1:
            grouped.setdefault(("source", upper), []).append((lower, edge))
        else:
            grouped.setdefault(("target", lower), []).append((upper, edge))
    return tuple(Star(hub, tuple(ends)) for hub, ends in grouped.items())


@dataclass
class Leg:
    """A vertical piece at column `x` that carries `edges` from or to `vertex`.

    Without a vertex it joins a net to its parent.
    """

    x: int
    edges: tuple[Pair, ...]
    vertex: Vertex | None = None


@dataclass(eq=False)
class Net:
    """Legs that come from above and legs that go down, joined on the row `track`.

    `track` is None while there is none, and for a net that is one vertical line. `aside` says that
    the net goes on to the right, out of the channel. A net with a `parent` continues one of its
    legs: it begins at the parent's track and belongs to the same line.
    """

    up: list[Leg]
    down: list[Leg]
    aside: bool = False
    parent: Net | None = None
    track: int | None = None
    jogs: list[Leg] = field(default_factory=list)

    @property
    def columns(self) -> list[int]:
        return [leg.x for leg in (*self.up, *self.down, *self.jogs)]

    @property
    def straight(self) -> bool:
        return not self.aside and len({*self.columns}) == 1


def assign_tracks(nets: Sequence[Net], width: int, apart: int = 0) -> list[Net]:
    """Gives the nets of one channel their tracks, counted from 0 downwards, and returns them all.

    A leg from above must end over the leg to below in the same column. Where that goes round in a
    circle, a net is continued by another one that sidesteps to a free column, hence the result.
    `width` is where the channel ends on the right, in cells, and `apart` how many of them stay free
    between two nets on one track.
    """
    return _Channel(nets, width, apart).assign()


class _Channel:
    def __init__(self, nets: Sequence[Net], width: int, apart: int) -> None:
        self.nets = list(nets)
        self.width = width
        self.apart = apart
        self.taken = {x for net in nets for x in net.columns}
        bent = [net for net in nets if not net.straight]
        self.over = {leg.x: net for net in bent for leg in net.up}
        self.blockers = {net: self._above(net) for net in bent}
        self.blocked: dict[Net, list[Net]] = {}
        for net, above in self.blockers.items():
            for other in above:
                self.blocked.setdefault(other, []).append(net)
        self.skyline = [0] * (width + 1)
        self.score = _scores(bent, width)
        self.numbers = count()
        self.ready = [self._entry(net) for net, above in self.blockers.items() if not above]

    def assign(self) -> list[Net]:
        heapify(self.ready)
        while self.blockers:
            if not self.ready:
                self._sidestep(min(self.blockers, key=lambda net: len(self.blockers[net])))
            net = heappop(self.ready)[-1]
            self._settle(net)
            del self.blockers[net]
            for other in self.blocked.get(net, ()):
                if net in self.blockers.get(other, ()):
                    self.blockers[other].remove(net)
                    if not self.blockers[other]:
                        heappush(self.ready, self._entry(other))
        return self.nets

    def _entry(self, net: Net) -> tuple[int, int, int, Net]:
        return (self.score.get(net, 0), min(net.columns), next(self.numbers), net)

    def _above(self, net: Net) -> set[Net]:
        above = (self.over.get(leg.x) for leg in net.down)
        return {other for other in above if other is not None and other is not net}

    def _sidestep(self, net: Net) -> None:
        """Takes from `net` the legs that block it; nets that come later continue them."""
        for leg in list(net.down):
            other = self.over.get(leg.x)
            if other is None or other not in self.blockers[net]:
                continue
            column = self._free_column(leg.x)
            net.down.remove(leg)
            net.jogs.append(Leg(column, leg.edges))
            rest = Net([Leg(column, leg.edges)], [leg], parent=net)
            self.nets.append(rest)
            self.blockers[rest] = {other, net}
            for before in (other, net):
                self.blocked.setdefault(before, []).append(rest)
        self.blockers[net] = set()
        heappush(self.ready, self._entry(net))

    def _free_column(self, x: int) -> int:
        """The free column nearest to `x`; the channel grows to the right if there is none."""
        for distance in range(1, self.width + 1):
            for column in (x - distance, x + distance):
                if 0 <= column < self.width and column not in self.taken:
                    self.taken.add(column)
                    return column
        self.skyline += [0, 0]
        self.width += 2
        return self._free_column(x)

    def _settle(self, net: Net) -> None:
        left = min(net.columns)
        right = self.width if net.aside else max(net.columns)
        net.track = max(self.skyline[max(0, left - self.apart) : right + 1 + self.apart])
        if net.parent is not None and net.parent.track is not None:
            net.track = max(net.track, net.parent.track + 1)
        self.skyline[left : right + 1] = [net.track + 1] * (right + 1 - left)


def _scores(nets: Sequence[Net], width: int) -> dict[Net, int]:
    """By how many crossings it is worse that a net is above, not below, those it overlaps.

    Above them it crosses their legs from above, and its legs to below cross them.
    """
    spans = {net: (min(net.columns), width if net.aside else max(net.columns)) for net in nets}
    lefts = sorted(left for left, _ in spans.values())
    rights = sorted(right for _, right in spans.values())
    ups = sorted(leg.x for net in nets for leg in net.up)
    downs = sorted(leg.x for net in nets for leg in net.down)

    def covering(x: int) -> int:
        return bisect_left(lefts, x) - bisect_right(rights, x)

    def within(columns: Sequence[int], span: tuple[int, int]) -> int:
        return bisect_left(columns, span[1]) - bisect_right(columns, span[0])

    # A net's own legs count on both sides and cancel each other out.
    return {
        net: within(ups, span)
        - within(downs, span)
        + sum([covering(leg.x) for leg in net.down])
        - sum([covering(leg.x) for leg in net.up])
        for net, span in spans.items()
    }
