"""A run as a document for programs and as a picture for people, both without the app."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from flowtui.graph.draw import draw
from flowtui.model import FINISHED, Attempt, Ms, Node, State, StepStatus, Task
from flowtui.picture import boxes, case_labels, not_taken, shown
from flowtui.store import RunStore
from flowtui.task_index import SEVERITY
from flowtui.theme import Look
from flowtui.times import clock, iso, span, stopwatch

_PIPE_WIDTH = 4000
"""Cells of a line in a pipe, so that none is broken."""

SCHEMA = "flowtui.run/1"
"""Names the shape of the document; it changes when a key changes its meaning."""


def document(store: RunStore) -> dict[str, Any]:
    """The run as plain data: every key always present, None when unknown, times ISO-8601 UTC."""
    run, status = store.description, store.status
    return {
        "schema": SCHEMA,
        "pathspec": run.pathspec,
        "flow": run.flow,
        "run": run.run,
        "status": str(status.state),
        "reason": status.reason,
        "source": run.source,
        "user": run.user,
        "tags": list(run.tags),
        "system_tags": list(run.system_tags),
        "origin_run": run.origin_run,
        "created_at": iso(run.created_at),
        "finished_at": iso(status.finished_at),
        "duration_s": _seconds(run.created_at, status.finished_at),
        "counts": _counts(store.counts),
        "steps": [_step(store, node) for node in store.graph.nodes],
    }


def to_json(store: RunStore) -> str:
    """The document as text: ASCII only, so that no name in it can reach a terminal as it is."""
    return json.dumps(document(store), indent=2)


def _step(store: RunStore, node: Node) -> dict[str, Any]:
    status = store.steps.get(node.name, StepStatus(State.PENDING, "not reached yet"))
    return {
        "name": node.name,
        "type": node.type,
        "next": list(node.next),
        "status": str(status.state),
        "reason": status.reason,
        "counts": _counts(status.counts),
        "decorators": [
            {"name": deco.name, "attributes": _json_value(deco.attributes)}
            for deco in node.decorators
        ],
        "tasks": [
            _task(store.description.pathspec, task) for task in store.tasks(node.name).values()
        ],
    }


def _task(run: str, task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "pathspec": f"{run}/{task.step}/{task.id}",
        "status": str(task.state),
        "reason": task.reason,
        "index": task.index,
        "label": task.label,
        "origin_task": task.origin_task,
        "attempts": [_attempt(attempt) for attempt in task.attempts],
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "attempt": attempt.number,
        "status": str(attempt.state),
        "reason": attempt.reason,
        "started_at": iso(attempt.started_at),
        "finished_at": iso(attempt.finished_at),
        "duration_s": _seconds(attempt.started_at, attempt.finished_at),
    }


def _counts(counts: Mapping[State, int]) -> dict[str, int]:
    return {str(state): counts[state] for state in State if counts.get(state)}


def _seconds(start: Ms | None, end: Ms | None) -> float | None:
    if start is None or end is None:
        return None
    return max(0, end - start) / 1000


def _json_value(value: Any) -> Any:
    """A decorator's attributes as JSON has them; what JSON has no word for is told as text."""
    if isinstance(value, Mapping):
        return {str(key): _json_value(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(inner) for inner in value]
    if value is None or isinstance(value, str | int):
        return value
    return value if isinstance(value, float) and math.isfinite(value) else str(value)


def print_plain(store: RunStore, look: Look) -> None:
    """Print the run to stdout: a headline, the graph, and the tasks with their attempts.

    Coloured and as wide as the terminal on one; in a pipe plain text, one line for each task.
    """
    console = Console(highlight=False, markup=False, emoji=False)
    look = replace(look, sixteen=console.color_system == "standard")
    if console.is_terminal:
        _print(console, store, look)
        return
    console.width = _PIPE_WIDTH
    with console.capture() as printed:
        _print(console, store, look)
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in printed.get().splitlines())


def _print(console: Console, store: RunStore, look: Look) -> None:
    console.print(_headline(store, look))
    console.print(Text(shown(store.status.reason, look), "dim"))
    graph = store.graph
    if graph.nodes:
        drawing = draw(
            graph,
            boxes(store, look),
            case_labels(graph, look),
            dimmed=not_taken(graph, store.steps),
            ascii=look.ascii,
        )
        console.print()
        console.print(Text(drawing.plain()), no_wrap=True, crop=False)
    console.print()
    console.print(_tasks(store, look))


def _headline(store: RunStore, look: Look) -> Text:
    state = store.status.state
    text = Text(shown(store.description.pathspec, look), "bold")
    text.append("  ")
    text.append(f"{look.glyph(state)} {state}", look.style(state))
    created = store.description.created_at
    end = store.status.finished_at if state in FINISHED else store.now
    if created is not None and end is not None:
        text.append(f"  {stopwatch(end - created)}", "not bold")
    for counted in SEVERITY:
        if store.counts.get(counted):
            text.append(f"  {store.counts[counted]} {counted}", look.style(counted))
    if store.description.origin_run:
        text.append(f"  resumed from {shown(store.description.origin_run, look, 60)}", "dim")
    return text


def _tasks(store: RunStore, look: Look) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("task", "foreach", "attempts", "state", "started", "took", "why"):
        table.add_column(name, no_wrap=name != "why", overflow="fold")
    for task in store.all_tasks():
        strip = Text()
        for attempt in task.attempts:
            strip.append(look.glyph(attempt.state), look.style(attempt.state))
        start, end = task.started_at, task.finished_at
        table.add_row(
            Text(shown(f"{task.step}/{task.id}", look, 60)),
            Text(shown(task.label or "", look, 40)),
            strip,
            Text(str(task.state), look.style(task.state)),
            Text(clock(start)),
            Text(span(end - start) if start is not None and end is not None else ""),
            Text(shown(task.reason, look)),
        )
    return table
