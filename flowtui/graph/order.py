"""Orders vertices within their layers: fewest crossings first, then nearest to a given order."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from itertools import islice, pairwise, product
from typing import TypeVar

V = TypeVar("V", bound=Hashable)

_SWEEPS = 6
_EXCHANGES = 8
_LARGE = 500
"""Vertices from which on one attempt has to do."""

_Layers = list[list[int]]


def ordered(
    layers: Iterable[Iterable[V]], chains: Iterable[Sequence[V]], wanted: Mapping[V, int]
) -> tuple[tuple[V, ...], ...]:
    """The same layers in order; `chains` join vertices of adjacent layers, downwards.

    `wanted` numbers the vertices from 0 in the order that wins where it costs no crossing.
    """
    below: list[list[int]] = [[] for _ in wanted]
    above: list[list[int]] = [[] for _ in wanted]
    for chain in chains:
        for upper, lower in pairwise(wanted[vertex] for vertex in chain):
            below[upper].append(lower)
            above[lower].append(upper)
    by_number = sorted(wanted, key=wanted.__getitem__)
    best = _Order(above, below).best([sorted(wanted[v] for v in layer) for layer in layers])
    return tuple(tuple(by_number[n] for n in layer) for layer in best)


class _Order:
    """Vertices are numbers: the less, the further to the left they want to be."""

    def __init__(self, above: list[list[int]], below: list[list[int]]) -> None:
        self.above = above
        self.below = below
        self.place = [0] * len(above)

    def best(self, wanted: _Layers) -> _Layers:
        chosen, least = wanted, self.crossings(wanted)
        starts = (wanted, [layer[::-1] for layer in wanted])
        attempts = product(starts, (False, True))
        for start, down_first in islice(attempts, 1 if len(self.place) > _LARGE else None):
            if not least:
                break
            rival = self.exchanged(self.swept(start, down_first))
            count = self.crossings(rival)
            if count < least:
                chosen, least = rival, count
        return chosen

    def crossings(self, layers: _Layers) -> int:
        count = 0
        for upper, lower in pairwise(layers):
            self._put(lower)
            ends: list[int] = []
            for vertex in upper:
                here = sorted([self.place[v] for v in self.below[vertex]])
                count += sum([len(ends) - bisect_right(ends, end) for end in here])
                for end in here:
                    insort(ends, end)
        return count

    def _put(self, layer: Sequence[int]) -> None:
        for i, vertex in enumerate(layer):
            self.place[vertex] = i

    def swept(self, layers: _Layers, down_first: bool) -> _Layers:
        """Sorts by the mean place of the neighbours, down and up by turns; ties stay."""
        layers = [list(layer) for layer in layers]
        place = self.place
        for turn in range(_SWEEPS):
            down = (turn % 2 == 0) == down_first
            near = self.above if down else self.below
            last: list[int] = []
            for layer in layers if down else reversed(layers):
                self._put(last)
                mean = {
                    v: sum([place[n] for n in near[v]]) / len(near[v]) if near[v] else float(i)
                    for i, v in enumerate(layer)
                }
                layer.sort(key=mean.__getitem__)
                last = layer
        return layers

    def exchanged(self, layers: _Layers) -> _Layers:
        """Exchanges neighbours while that saves crossings, or costs none and is as wanted."""
        layers = [list(layer) for layer in layers]
        for layer in layers:
            self._put(layer)
        due: Collection[int] = range(len(layers))
        for _ in range(_EXCHANGES):
            changed = {i for i in due if self._exchange(layers[i])}
            if not changed:
                break
            due = sorted({i + by for i in changed for by in (-1, 0, 1)} & {*range(len(layers))})
        return layers

    def _exchange(self, layer: list[int]) -> bool:
        changed = False
        for i in range(len(layer) - 1):
            left, right = layer[i], layer[i + 1]
            gain = self._gain(left, right)
            if gain > 0 or (gain == 0 and right < left):
                layer[i], layer[i + 1] = right, left
                self.place[left], self.place[right] = i + 1, i
                changed = True
        return changed

    def _gain(self, left: int, right: int) -> int:
        """How many crossings it saves to put `left` after its neighbour `right`."""
        gain = 0
        place = self.place
        for near in (self.above, self.below):
            others = [place[b] for b in near[right]]
            for a in near[left]:
                at = place[a]
                for other in others:
                    gain += (at > other) - (at < other)
        return gain
