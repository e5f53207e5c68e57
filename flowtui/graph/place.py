"""Gives every vertex of a layering its column, so that chains are straight and splits centred.

Each layer is settled exactly (isotonic regression) for what its neighbours in the layer above, or
below, ask for; a few passes down and up reach a balance. All columns are whole cells at all times,
so nothing that is straight is bent by rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor

from flowtui.graph.dag import Dummy, Layering, Vertex
from flowtui.graph.spacing import Spacing

Extent = tuple[int, int]
"""Cells that a vertex needs to the left and to the right of its own column."""

_PASSES = 6
_FOLLOW, _CENTRE, _STRAIGHT, _STRAIGHT_DUMMY = 1.0, 8.0, 16.0, 64.0


def place(
    layering: Layering, extents: Mapping[Vertex, Extent], space: Spacing
) -> dict[Vertex, int]:
    """The column of every vertex, in cells; none of their extents begins left of column 0."""
    return _Placing(layering, extents, space).result()


class _Placing:
    def __init__(
        self, layering: Layering, extents: Mapping[Vertex, Extent], space: Spacing
    ) -> None:
        self.space = space
        self.layers = layering.layers
        self.extents = extents
        self.above: dict[Vertex, list[Vertex]] = {v: [] for layer in self.layers for v in layer}
        self.below: dict[Vertex, list[Vertex]] = {v: [] for layer in self.layers for v in layer}
        for segments in layering.segments:
            for upper, lower, _ in segments:
                self.below[upper].append(lower)
                self.above[lower].append(upper)
        place = {v: i for layer in self.layers for i, v in enumerate(layer)}
        for near in (self.above, self.below):
            for vertices in near.values():
                vertices.sort(key=place.__getitem__)
        self.straight = self._straight()
        self.offsets = [self._packed(layer) for layer in self.layers]
        self.x: dict[Vertex, int] = {}

    def _straight(self) -> set[tuple[Vertex, Vertex]]:
        """The segments that join each other's middle neighbour: these can be vertical lines."""
        found: set[tuple[Vertex, Vertex]] = set()
        for upper, lowers in self.below.items():
            middle = _middle(lowers)
            if middle is not None and _middle(self.above[middle]) == upper:
                found.add((upper, middle))
        return found

    def _packed(self, layer: Sequence[Vertex]) -> list[int]:
        """Columns of a layer packed to the left.

        Even distances make the middle between two neighbours a whole column.
        """
        columns: list[int] = []
        reach = 0
        for vertex in layer:
            left, right = self.extents[vertex]
            if columns:
                distance = reach + 1 + self.space.gap + left
                columns.append(columns[-1] + distance + (distance % 2 if self.space.even else 0))
            else:
                columns.append(left)
            reach = right
        return columns

    def result(self) -> dict[Vertex, int]:
        self._sweep(down=True, first=True)
        for turn in range(1, _PASSES):
            before = dict(self.x)
            self._sweep(down=turn % 2 == 0, first=False)
            if self.x == before:
                break
        leftmost = min(
            (self.x[layer[0]] - self.extents[layer[0]][0] for layer in self.layers if layer),
            default=0,
        )
        return {vertex: x - leftmost for vertex, x in self.x.items()}

    def _sweep(self, *, down: bool, first: bool) -> None:
        near = self.above if down else self.below
        old = dict(self.x)
        indexes = range(len(self.layers)) if down else range(len(self.layers) - 1, -1, -1)
        for index in indexes:
            layer = self.layers[index]
            wishes = [self._wish(v, near[v], old, down=down, first=first) for v in layer]
            for vertex, x in zip(layer, _settle(wishes, self.offsets[index]), strict=True):
                self.x[vertex] = x

    def _wish(
        self,
        vertex: Vertex,
        near: Sequence[Vertex],
        old: Mapping[Vertex, int],
        *,
        down: bool,
        first: bool,
    ) -> tuple[int, float]:
        """The column that `vertex` wants in this pass, and how much it wants it."""
        if not near:
            return old.get(vertex, 0), _FOLLOW
        if len(near) > 1:
            half = len(near) // 2
            if len(near) % 2:
                return self.x[near[half]], _CENTRE
            return (self.x[near[half - 1]] + self.x[near[half]]) // 2, _CENTRE
        only = near[0]
        if ((only, vertex) if down else (vertex, only)) in self.straight:
            dummies = isinstance(only, Dummy) or isinstance(vertex, Dummy)
            return self.x[only], _STRAIGHT_DUMMY if dummies else _STRAIGHT
        if first:
            return self.x[only], _FOLLOW
        # One of several siblings: it keeps its place beside them, which the other side has
        # already balanced, and only moves along with what it hangs on.
        return old[vertex] + self.x[only] - old[only], _FOLLOW


def _middle(vertices: Sequence[Vertex]) -> Vertex | None:
    return vertices[len(vertices) // 2] if len(vertices) % 2 else None


def _settle(wishes: Sequence[tuple[int, float]], packed: Sequence[int]) -> list[int]:
    """Columns in order, at least as far apart as `packed`, that differ least from the wishes.

    Pool adjacent violators: neighbours that would collide move as one.
    """
    pools: list[tuple[float, float, int]] = []
    for (wish, weight), offset in zip(wishes, packed, strict=True):
        total, mass, count = weight * (wish - offset), weight, 1
        while pools and pools[-1][0] * mass > total * pools[-1][1]:
            before = pools.pop()
            total, mass, count = total + before[0], mass + before[1], count + before[2]
        pools.append((total, mass, count))
    shifts: list[int] = []
    for total, mass, count in pools:
        shifts += [floor(total / mass + 0.5)] * count
    return [offset + shift for offset, shift in zip(packed, shifts, strict=True)]
