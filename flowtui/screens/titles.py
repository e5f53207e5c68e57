"""What stands above the panes of a run."""

from __future__ import annotations

from flowtui.logs.sanitise import one_line
from flowtui.model import Graph
from flowtui.widgets.task_list import TaskList
from flowtui.widgets.task_rows import Order


def tasks_title(graph: Graph, step: str | None, tasks: TaskList) -> str:
    """The step, what it is a foreach over, how many of its tasks are listed, and how."""
    parts = [one_line(step or "", 60)]
    if step is not None and step in graph:
        before = graph.predecessors.get(step, ())
        names = [graph[name].foreach_artifact for name in before if name in graph]
        parts += [f"foreach {one_line(name, 40)}" for name in names if name]
    if tasks.failed_only or tasks.filter_text:
        parts.append(f"{tasks.row_count:,} of {tasks.total:,} tasks")
        parts += ["failed only"] if tasks.failed_only else []
        parts += [f"/{one_line(tasks.filter_text, 40)}"] if tasks.filter_text else []
    else:
        parts.append(f"{tasks.total:,} task{'s' if tasks.total != 1 else ''}")
    if tasks.order is not Order.TASK or tasks.reverse:
        parts.append(f"by {tasks.order}{' reversed' if tasks.reverse else ''}")
    return " · ".join(parts)
