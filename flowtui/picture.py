"""What a step's box says in a drawing of the graph: the same in the app and in plain text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flowtui.graph.dag import Pair
from flowtui.graph.drawing import BoxContent, Piece, Row, pieces, row_width
from flowtui.graph.geometry import Edge
from flowtui.logs.sanitise import one_line
from flowtui.model import Graph, Node, State, StepStatus
from flowtui.store import RunStore
from flowtui.task_index import SEVERITY
from flowtui.theme import Look

_STEADY_COUNTS = 11
"""Cells kept for a step's counts from the start, so that boxes do not grow as tasks finish."""

STRIP = 16
"""Cells of a heat strip at most; where a step has fewer tasks, one cell for each."""

_UNKNOWN = StepStatus(State.PENDING, "")
_UNICODE = Look()


def boxes(
    store: RunStore, look: Look, steps: Iterable[str] | None = None, *, one_row: bool = False
) -> Mapping[str, BoxContent]:
    """Step → its box: glyph and name, and for a step of many tasks how they stand.

    Of all steps, or of these. A heat strip shows the tasks in their order, the worst of those that
    share a cell; below are their numbers by state. With `one_row` all stands in one line, without
    the strip.
    """
    graph = store.graph
    nodes = graph.nodes if steps is None else [graph[name] for name in steps]
    return {node.name: _box(store, node, look, one_row) for node in nodes}


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


def _box(store: RunStore, node: Node, look: Look, one_row: bool) -> BoxContent:
    status = store.steps.get(node.name, _UNKNOWN)
    name = f"{look.glyph(status.state)} {shown(node.name, look, 60)}"
    tasks = store.tasks(node.name)
    if not _has_many(store.graph, node, status, len(tasks)):
        return BoxContent((name,), False, str(status.state))
    total = max(len(tasks), status.expected or 0)
    title = f"{name} {'x' if look.ascii else '×'}{f'{total:,}' if total else '?'}"
    counts = _counts(status, look)
    if one_row:
        row = (Piece(f"{title}  "), *counts) if counts else title
        return BoxContent((row,), True, str(status.state))
    strip = _strip(tasks.worst(STRIP, status.expected), look)
    # Until it is known how many tasks there will be, the box has room for the longest strip.
    room = STRIP if status.expected is None else 0
    lines = (title, _padded(strip, room), _padded(counts, _STEADY_COUNTS))
    return BoxContent(lines, True, str(status.state))


def _counts(status: StepStatus, look: Look) -> tuple[Piece, ...]:
    known = [state for state in SEVERITY if status.counts.get(state)]
    counts = [Piece(f"{look.glyph(state)}{status.counts[state]:,}", str(state)) for state in known]
    return tuple(part for count in counts for part in (Piece(" "), count))[1:]


def _strip(states: Iterable[State], look: Look) -> tuple[Piece, ...]:
    return tuple(Piece(look.bar(state), str(state)) for state in states)


def _padded(row: Row, width: int) -> Row:
    return (*pieces(row), Piece(" " * (width - row_width(row))))


def _has_many(graph: Graph, node: Node, status: StepStatus, tasks: int) -> bool:
    before = graph.predecessors.get(node.name, ())
    kinds = {graph[name].type for name in before if name in graph}
    split = kinds & {"split-foreach", "split-parallel"}
    return bool(split) or (status.expected or 0) > 1 or tasks > 1
