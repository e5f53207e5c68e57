"""Where lines touch boxes: how many do, how wide that makes a box, and at which columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from flowtui.graph.dag import Dummy, Layering, Pair, Vertex
from flowtui.graph.place import Extent
from flowtui.graph.route import Hub, Star
from flowtui.graph.spacing import Spacing

_Key = Hub | Pair
"""A star or a back edge."""

_Touch = dict[Vertex, dict[_Key, list[Vertex]]]
"""Per vertex the stars and back edges that touch it, each with the vertices it leads to."""


@dataclass(frozen=True)
class Return:
    """A back edge that is no self loop, and on which sides it leaves and enters."""

    edge: Pair
    leaves_aside: bool
    enters_aside: bool


def returns(layering: Layering, *, one_side: bool) -> list[Return]:
    """The back edges. One leaves or enters at the side of its box if nothing stands beyond it and
    the side is not in use yet; else below and above. With `one_side` a box has one place there."""
    rank = layering.rank
    loops = {source for source, target in layering.back if source == target}
    last = {layer[-1] for layer in layering.layers if layer}
    used: set[tuple[str, str]] = set()

    def aside(step: str, end: str) -> bool:
        slot = (step, "" if one_side else end)
        free = step in last and step not in loops and slot not in used
        used.add(slot)
        return free

    edges = [edge for edge in layering.back if edge[0] != edge[1]]
    edges.sort(key=lambda e: (rank[e[0]] - rank[e[1]], rank[e[0]], e))
    return [Return(e, aside(e[0], "leave"), aside(e[1], "enter")) for e in edges]


class Ports:
    """The places of lines at the boxes of a graph, which lead from above to below.

    `width` is how wide each box is. `beside` are labels written to the right of the ends of lines,
    for which there is room to be.
    """

    def __init__(
        self,
        layering: Layering,
        channels: Sequence[Sequence[Star]],
        back: Sequence[Return],
        widths: Mapping[str, int],
        beside: Mapping[Pair, str],
        space: Spacing,
    ) -> None:
        self._layering = layering
        self._space = space
        self._above: _Touch = {v: {} for v in layering.rank}
        self._below: _Touch = {v: {} for v in layering.rank}
        self._entering: dict[Vertex, list[int]] = {}
        for channel in channels:
            for star in channel:
                self._touch(star, beside)
        for one in back:
            source, target = one.edge
            if not one.leaves_aside:
                self._below[source][one.edge] = []
            if not one.enters_aside:
                self._above[target][one.edge] = []
        self.width = {step: self._box_width(step, width) for step, width in widths.items()}
        self.above: dict[tuple[Vertex, _Key], int] = {}
        self.below: dict[tuple[Vertex, _Key], int] = {}

    def _touch(self, star: Star, beside: Mapping[Pair, str]) -> None:
        kind, hub = star.hub
        near, far = self._below, self._above
        if kind == "target":
            near, far = far, near
        near[hub][star.hub] = [vertex for vertex, _ in star.ends]
        for vertex, edge in star.ends:
            far[vertex][star.hub] = [hub]
            if kind == "source" and hub == edge[0] and edge in beside:
                self._entering.setdefault(vertex, []).append(cell_len(beside[edge]) + 1)

    def touching(self, step: str) -> tuple[int, int]:
        """How many lines touch the box from above and from below."""
        return len(self._above[step]), len(self._below[step])

    def _box_width(self, step: str, width: int) -> int:
        """Wide enough for all that touches the box; odd where it has to have a middle column."""
        touching = max(self.touching(step))
        needed = self._space.port * touching + self._space.corners
        return max(width, needed if touching > 1 else 1) | int(self._space.even)

    def extents(self, loops: Mapping[str, int]) -> dict[Vertex, Extent]:
        """What every vertex needs beside its middle: half its box, labels that enter it, and its
        loop, which takes so many columns beside the box."""
        return {vertex: self._extent(vertex, loops) for vertex in self._layering.rank}

    def _extent(self, vertex: Vertex, loops: Mapping[str, int]) -> Extent:
        entering = self._entering.get(vertex, [])
        touching = len(self._above[vertex])
        beside = max(entering, default=0) + (touching if touching > 1 else 0)
        other_side = beside if len(entering) > 1 else 0
        if isinstance(vertex, Dummy):
            return other_side, beside
        before = self.width[vertex] // 2
        after = self.width[vertex] - 1 - before
        return max(before, other_side), max(beside, after + loops.get(vertex, 0))

    def settle(self, x: Mapping[Vertex, int]) -> None:
        """Spreads what touches a vertex around its middle, in the order of where it leads."""
        self.above = self._spread(self._above, x)
        self.below = self._spread(self._below, x)
        rank = self._layering.rank
        owner = {(rank[v], at): key for (v, key), at in self.below.items()}
        taken: dict[Vertex, set[int]] = {}
        for (vertex, _), at in self.above.items():
            taken.setdefault(vertex, set()).add(at)
        for (vertex, key), at in self.above.items():
            # A line that ends under the beginning of another one has to be led around it; a cell
            # to the side, away from the middle of the box, it has not.
            over = rank[vertex] - 1
            if len(self._above[vertex]) == 1 or owner.get((over, at), key) == key:
                continue
            aside = at + (1 if at > x[vertex] else -1)
            free = aside not in taken[vertex] and (over, aside) not in owner
            if free and self._inside(vertex, aside, x[vertex]):
                self.above[vertex, key] = aside
                taken[vertex] = taken[vertex] - {at} | {aside}

    def _inside(self, vertex: Vertex, at: int, middle: int) -> bool:
        """Whether a line may touch the box there: not at a corner that it has."""
        if isinstance(vertex, Dummy):
            return False
        first = middle - self.width[vertex] // 2
        corner = int(self._space.corners > 1)
        return first + corner <= at <= first + self.width[vertex] - 1 - corner

    def _spread(self, touching: _Touch, x: Mapping[Vertex, int]) -> dict[tuple[Vertex, _Key], int]:
        found: dict[tuple[Vertex, _Key], int] = {}
        port = self._space.port
        for vertex, keys in touching.items():
            # Back edges come last: their lanes are on that side.
            leads = {
                key: sum(x[v] for v in far) / len(far) if far else float("inf")
                for key, far in keys.items()
            }
            first = x[vertex] - (port * len(keys) - port + 1) // 2
            for i, key in enumerate(sorted(keys, key=leads.__getitem__)):
                found[vertex, key] = first + port * i
        return found
