"""What a step's box says in a drawing of the graph: the same in the app and in plain text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from flowtui.graph.dag import Pair
from flowtui.graph.draw import BoxContent
from flowtui.graph.geometry import Edge
from flowtui.logs.sanitise import one_line
from flowtui.model import Graph, Node, State, StepStatus
from flowtui.theme import SEVERITY, Look

_STEADY_COUNTS = 11
"""Cells kept for a step's counts from the start, so that boxes do not grow as tasks finish."""

_UNKNOWN = StepStatus(State.PENDING, "")
_UNICODE = Look()


def boxes(
    graph: Graph, steps: Mapping[str, StepStatus], look: Look, *, one_row: bool = False
) -> Mapping[str, BoxContent]:
    """Step → its box: glyph and name, and for a step of many tasks how they stand.

    With `one_row` all of that stands in one line.
    """
    contents = {
        node.name: _box(graph, node, steps.get(node.name, _UNKNOWN), look) for node in graph.nodes
    }
    if not one_row:
        return contents
    return {
        name: replace(content, lines=("  ".join(content.lines).rstrip(),))
        for name, content in contents.items()
    }


def shown(text: str, look: Look, limit: int = 500) -> str:
    """Remote text as one row; where only ASCII can be drawn, `?` stands for all else."""
    line = one_line(text, limit)
    return line.encode("ascii", "replace").decode() if look.ascii else line


def case_labels(graph: Graph, look: Look = _UNICODE) -> list[Edge]:
    """The cases of the switches, as labels of their edges."""
    return [
        Edge(node.name, target, shown(case, look, 40))
        for node in graph.nodes
        for case, target in node.switch_cases.items()
    ]


def not_taken(graph: Graph, steps: Mapping[str, StepStatus]) -> set[Pair]:
    """The edges from or to a step that was skipped."""
    skipped = {name for name, status in steps.items() if status.state is State.SKIPPED}
    return {
        (node.name, target)
        for node in graph.nodes
        for target in node.next
        if node.name in skipped or target in skipped
    }


def _box(graph: Graph, node: Node, status: StepStatus, look: Look) -> BoxContent:
    name = f"{look.glyph(status.state)} {shown(node.name, look, 60)}"
    tasks = sum(status.counts.values())
    if not _has_many(graph, node, status, tasks):
        return BoxContent((name,), False, str(status.state))
    total = max(tasks, status.expected or 0)
    counts = " ".join(
        f"{look.glyph(state)}{status.counts[state]}"
        for state in SEVERITY
        if status.counts.get(state)
    )
    times = "x" if look.ascii else "×"
    lines = (f"{name} {times}{total or '?'}", counts.ljust(_STEADY_COUNTS))
    return BoxContent(lines, True, str(status.state))


def _has_many(graph: Graph, node: Node, status: StepStatus, tasks: int) -> bool:
    before = graph.predecessors.get(node.name, ())
    kinds = {graph[name].type for name in before if name in graph}
    split = kinds & {"split-foreach", "split-parallel"}
    return bool(split) or (status.expected or 0) > 1 or tasks > 1
