"""Which steps of a flow run again: those of recursive switches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flowtui.model import Graph


def looped(graph: Graph) -> frozenset[str]:
    """The steps that run again: those on a way from a step back to itself."""
    place = {node.name: at for at, node in enumerate(graph.nodes)}
    back = [
        (node.name, target)
        for node in graph.nodes
        for target in node.next
        if place.get(target, len(place)) <= place[node.name]
    ]
    after = {node.name: node.next for node in graph.nodes}
    again: set[str] = set()
    for last, first in back:
        again |= _reached(first, after) & _reached(last, graph.predecessors)
    return frozenset(again)


def _reached(step: str, along: Mapping[str, Sequence[str]]) -> set[str]:
    reached, due = {step}, [step]
    while due:
        new = set(along.get(due.pop(), ())) - reached
        reached |= new
        due += new
    return reached
