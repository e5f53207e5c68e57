"""Turns a flow's graph into layers: which step stands in which row, and in what order."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from flowtui.graph.order import ordered
from flowtui.graph.ranks import ranks
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
    def rank(self) -> Mapping[Vertex, int]:
        """Vertex → the number of its layer."""
        return {vertex: i for i, layer in enumerate(self.layers) for vertex in layer}

    @cached_property
    def segments(self) -> tuple[tuple[tuple[Vertex, Vertex, Pair], ...], ...]:
        """Per pair of adjacent layers, what is joined there: (upper, lower, edge)."""
        rank = self.rank
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
    ranked, chains = _rank(ahead)
    declared = _declared_order(ahead, chains, graph.start_step)
    return Layering(ordered(ranked, chains.values(), declared), chains, back)


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


def _rank(ahead: Mapping[str, Sequence[str]]) -> tuple[_Ranked, _Chains]:
    """The layers, not in order, and the vertices of every edge."""
    rank = ranks(ahead, _topological(ahead, list(ahead), frozenset()))
    layers: _Ranked = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for name, r in rank.items():
        layers[r].append(name)
    chains: _Chains = {}
    for source, targets in ahead.items():
        for target in targets:
            between = range(rank[source] + 1, rank[target])
            dummies = [Dummy(source, target, r) for r in between]
            for dummy in dummies:
                layers[dummy.rank].append(dummy)
            chains[source, target] = (source, *dummies, target)
    return layers, chains


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
