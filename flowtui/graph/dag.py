"""Turns a flow's graph into layers: which step stands in which row, and in what order.

The layering library sits behind `layers` alone and decides nothing but ranks and one candidate
order, so that it can be replaced.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from flowtui.model import Graph, Node

Pair = tuple[str, str]
"""An edge: (source step, target step)."""


class Dummy(NamedTuple):
    """Where the edge `source` → `target` passes through the layer `rank` between their own."""

    source: str
    target: str
    rank: int


Vertex = str | Dummy
"""A step by its name, or a place that a long edge passes."""


@dataclass(frozen=True)
class Layering:
    """Layers from top to bottom, each from left to right.

    `chains` maps every forward edge to its vertices from source to target, one per layer.
    `back` holds the edges that lead upwards or to the step itself; they are in no chain.
    """

    layers: tuple[tuple[Vertex, ...], ...]
    chains: Mapping[Pair, tuple[Vertex, ...]]
    back: frozenset[Pair]

    @cached_property
    def segments(self) -> tuple[tuple[tuple[Vertex, Vertex, Pair], ...], ...]:
        """Per pair of adjacent layers, what is joined there: (upper, lower, edge)."""
        rank = {vertex: i for i, layer in enumerate(self.layers) for vertex in layer}
        found: list[list[tuple[Vertex, Vertex, Pair]]] = [[] for _ in self.layers[1:]]
        for edge, chain in self.chains.items():
            for upper, lower in itertools.pairwise(chain):
                found[rank[upper]].append((upper, lower, edge))
        return tuple(tuple(segments) for segments in found)


def order_nodes(nodes: Iterable[Node], start: str | None) -> tuple[Node, ...]:
    """The nodes in topological order from `start`, back edges ignored, siblings as declared.

    Steps that `start` does not reach come last. Names in `next` that no node has are ignored.
    """
    by_name = {node.name: node for node in nodes}
    after = _successors(by_name.values())
    back = _find_back_edges(after, start)
    ahead = {name: [n for n in names if (name, n) not in back] for name, names in after.items()}
    reached = _topological(ahead, [start] if start in ahead else [], frozenset())
    rest = _topological(ahead, list(ahead), frozenset(reached))
    return tuple(by_name[name] for name in (*reached, *rest))


def back_edges(graph: Graph) -> frozenset[Pair]:
    """The edges that close a cycle, found depth first from the start step; self loops are some."""
    return _find_back_edges(_successors(graph.nodes), graph.start_step)


def layers(graph: Graph) -> Layering:
    """Ranks and orders the steps so that few edges cross; the same graph gives the same layers.

    Among orders with equally few crossings the one nearest to the declared order wins. Parts that
    no edge connects stand next to each other. Edges to unknown steps are dropped.
    """
    after = _successors(graph.nodes)
    back = _find_back_edges(after, graph.start_step)
    ahead = {name: [n for n in names if (name, n) not in back] for name, names in after.items()}
    edges = [(name, successor) for name, names in ahead.items() for successor in names]
    ranked, chains = _rank(edges, list(after))
    declared = _declared_order(ahead, chains, graph.start_step)
    order = _Order(ranked, chains, declared)
    return Layering(order.best(), chains, back)


def _successors(nodes: Iterable[Node]) -> dict[str, list[str]]:
    nodes = tuple(nodes)
    known = {node.name for node in nodes}
    return {node.name: [n for n in dict.fromkeys(node.next) if n in known] for node in nodes}


def _find_back_edges(after: Mapping[str, Sequence[str]], start: str | None) -> frozenset[Pair]:
    found: set[Pair] = set()
    done: set[str] = set()
    roots = [start, *after] if start in after else list(after)
    for root in roots:
        if root is None or root in done:
            continue
        path = {root}
        stack = [(root, iter(after[root]))]
        while stack:
            name, rest = stack[-1]
            successor = next(rest, None)
            if successor is None:
                stack.pop()
                path.discard(name)
                done.add(name)
            elif successor in path:
                found.add((name, successor))
            elif successor not in done:
                path.add(successor)
                stack.append((successor, iter(after[successor])))
    return frozenset(found)


def _topological(
    ahead: Mapping[str, Sequence[str]], roots: Sequence[str | None], skip: frozenset[str]
) -> list[str]:
    """Depth-first post-order of an acyclic graph, reversed; last sibling first, so that the
    first one ends up in front."""
    seen = set(skip)
    left: list[str] = []
    for root in reversed(roots):
        if root is None or root in seen:
            continue
        seen.add(root)
        stack = [(root, reversed(ahead[root]))]
        while stack:
            name, rest = stack[-1]
            successor = next((n for n in rest if n not in seen), None)
            if successor is None:
                stack.pop()
                left.append(name)
            else:
                seen.add(successor)
                stack.append((successor, reversed(ahead[successor])))
    return left[::-1]


_Ranked = list[list[Vertex]]
_Chains = dict[Pair, tuple[Vertex, ...]]


def _rank(edges: Sequence[Pair], names: Sequence[str]) -> tuple[_Ranked, _Chains]:
    """Layers of every part of the graph, side by side, with the vertices of every edge."""
    ranked: _Ranked = []
    chains: _Chains = dict.fromkeys(edges, ())
    for part, joined in _parts(edges, names):
        found: _Ranked = _rank_part(joined, part, chains) if joined else [[*part]]
        ranked += [[] for _ in found[len(ranked) :]]
        for rank, layer in enumerate(found):
            ranked[rank] += layer
    return ranked, chains


def _parts(edges: Sequence[Pair], names: Sequence[str]) -> list[tuple[list[str], list[Pair]]]:
    """The connected parts, each with its steps and its edges."""
    beside: dict[str, list[str]] = {name: [] for name in names}
    for source, target in edges:
        beside[source].append(target)
        beside[target].append(source)
    part_of: dict[str, int] = {}
    count = 0
    for name in names:
        if name in part_of:
            continue
        stack = [name]
        while stack:
            found = stack.pop()
            if found not in part_of:
                part_of[found] = count
                stack += beside[found]
        count += 1
    parts: list[tuple[list[str], list[Pair]]] = [([], []) for _ in range(count)]
    for name in names:
        parts[part_of[name]][0].append(name)
    for edge in edges:
        parts[part_of[edge[0]]][1].append(edge)
    return parts


def _rank_part(edges: Sequence[Pair], names: Sequence[str], chains: _Chains) -> _Ranked:
    """Layers of one connected part, from the library; fills in the chains of its edges.

    The library numbers the vertices it adds from the count of ours on, and mixes those of separate
    parts up: hence one call for each, and dense numbers.
    """
    # Reading a run needs the order of its steps, not where they stand.
    from fast_sugiyama import from_edges

    number = {name: i for i, name in enumerate(names)}
    ((positions, _, _, joined),) = from_edges(
        [(number[source], number[target]) for source, target in edges],
        dummy_vertices=True,
        dummy_size=1.0,
        vertex_spacing=1,
        check_layout=False,
    )
    top = max(y for _, (_, y) in positions)
    rank = {int(n): round(top - y) for n, (_, y) in positions}
    vertex: dict[int, Vertex] = dict(enumerate(names))
    follow = {int(a): int(b) for a, b in joined or ()}
    for first, second in joined or ():
        if first >= len(names):
            continue
        numbers = [int(first), int(second)]
        while numbers[-1] >= len(names):
            numbers.append(follow[numbers[-1]])
        edge = (names[numbers[0]], names[numbers[-1]])
        vertex |= {n: Dummy(*edge, rank[n]) for n in numbers[1:-1]}
        chains[edge] = tuple(vertex[n] for n in numbers)
    ranked: _Ranked = [[] for _ in range(max(rank.values()) + 1)]
    for n, (_, _) in sorted(positions, key=lambda item: (item[1][0], item[0])):
        ranked[rank[n]].append(vertex[n])
    return ranked


def _declared_order(
    ahead: Mapping[str, Sequence[str]], chains: _Chains, start: str | None
) -> dict[Vertex, int]:
    """Every vertex numbered as a depth-first walk in declared order meets it."""
    met: dict[Vertex, int] = {}
    for root in [start, *ahead] if start in ahead else list(ahead):
        if root is None or root in met:
            continue
        met[root] = len(met)
        stack = [(root, iter(ahead[root]))]
        while stack:
            name, rest = stack[-1]
            successor = next(rest, None)
            if successor is None:
                stack.pop()
                continue
            for dummy in chains[name, successor][1:-1]:
                met[dummy] = len(met)
            if successor not in met:
                met[successor] = len(met)
                stack.append((successor, iter(ahead[successor])))
    return met


class _Order:
    """Chooses the order within layers: fewest crossings first, then nearest to the declared one."""

    def __init__(self, ranked: _Ranked, chains: _Chains, declared: Mapping[Vertex, int]) -> None:
        self.ranked = ranked
        self.declared = declared
        self.below: dict[Vertex, list[Vertex]] = {v: [] for layer in ranked for v in layer}
        self.above: dict[Vertex, list[Vertex]] = {v: [] for layer in ranked for v in layer}
        for chain in chains.values():
            for upper, lower in itertools.pairwise(chain):
                self.below[upper].append(lower)
                self.above[lower].append(upper)

    def best(self) -> tuple[tuple[Vertex, ...], ...]:
        chosen = [sorted(layer, key=self.declared.__getitem__) for layer in self.ranked]
        crossings = self.crossings(chosen)
        if crossings:
            rivals = (self.swept(chosen), self.ranked, [layer[::-1] for layer in self.ranked])
            for rival in rivals:
                improved = self.switched(rival)
                count = self.crossings(improved)
                if count < crossings:
                    chosen, crossings = improved, count
        return tuple(tuple(layer) for layer in chosen)

    def crossings(self, order: _Ranked) -> int:
        count = 0
        for upper, lower in itertools.pairwise(order):
            place = {vertex: i for i, vertex in enumerate(lower)}
            ends: list[int] = []
            for vertex in upper:
                here = sorted(place[v] for v in self.below[vertex])
                count += sum(len(ends) - bisect_right(ends, end) for end in here)
                for end in here:
                    insort(ends, end)
        return count

    def swept(self, order: _Ranked) -> _Ranked:
        """Sorts by the mean place of the neighbours, down and up by turns; ties stay."""
        order = [list(layer) for layer in order]
        for turn in range(6):
            down = turn % 2 == 0
            near = self.above if down else self.below
            ranks = range(1, len(order)) if down else range(len(order) - 2, -1, -1)
            for rank in ranks:
                beside = {v: i for i, v in enumerate(order[rank - 1 if down else rank + 1])}
                mean = {
                    v: sum(beside[n] for n in near[v]) / len(near[v]) if near[v] else float(i)
                    for i, v in enumerate(order[rank])
                }
                order[rank].sort(key=mean.__getitem__)
        return order

    def switched(self, order: _Ranked) -> _Ranked:
        """Exchanges neighbours while that saves crossings, or costs none and is as declared."""
        order = [list(layer) for layer in order]
        place = {v: i for layer in order for i, v in enumerate(layer)}
        for _ in range(8):
            changed = False
            for layer in order:
                for i in range(len(layer) - 1):
                    left, right = layer[i], layer[i + 1]
                    gain = self._gain(left, right, place)
                    if gain > 0 or (gain == 0 and self.declared[right] < self.declared[left]):
                        layer[i], layer[i + 1] = right, left
                        place[left], place[right] = i + 1, i
                        changed = True
            if not changed:
                break
        return order

    def _gain(self, left: Vertex, right: Vertex, place: Mapping[Vertex, int]) -> int:
        """How many crossings it saves to put `left` after its neighbour `right`."""
        gain = 0
        for near in (self.above, self.below):
            for a in near[left]:
                for b in near[right]:
                    gain += (place[a] > place[b]) - (place[a] < place[b])
        return gain
