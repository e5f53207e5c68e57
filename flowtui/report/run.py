"""A run as a document for programs and as a picture for people: all of it, or one step or task."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from flowtui.graph.draw import draw
from flowtui.model import FINISHED, Attempt, Ms, Node, State, StepStatus, Target, Task
from flowtui.picture import boxes, case_labels, not_taken, shown
from flowtui.report.paper import look_on, put
from flowtui.store import RunStore
from flowtui.task_index import SEVERITY
from flowtui.theme import Look
from flowtui.times import clock, iso, span, stopwatch

SCHEMA = "flowtui.run/1"
"""Names the shape of the document; it changes when a key changes its meaning."""


def document(store: RunStore, target: Target | None = None) -> dict[str, Any]:
    """The run as plain data: every key always present, None when unknown, times ISO-8601 UTC.

    Of its steps and tasks those that a target names; all else is that of the whole run.
    """
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
        "duration_s": seconds(run.created_at, status.finished_at),
        "counts": counted(store.counts),
        "steps": [_step(store, node, target) for node in _nodes(store, target)],
    }


def to_json(document: Mapping[str, Any]) -> str:
    """A document as text: ASCII only, so that no name in it can reach a terminal as it is."""
    return json.dumps(document, indent=2)


def _nodes(store: RunStore, target: Target | None) -> Sequence[Node]:
    step = target.step if target else None
    return [node for node in store.graph.nodes if step in (None, node.name)]


def _chosen(store: RunStore, target: Target | None) -> Iterator[Task]:
    """The tasks that a target names, by step in graph order."""
    named = target.task if target else None
    for node in _nodes(store, target):
        yield from (task for task in store.tasks(node.name).values() if named in (None, task.id))


def _step(store: RunStore, node: Node, target: Target | None) -> dict[str, Any]:
    status = store.steps.get(node.name, StepStatus(State.PENDING, "not reached yet"))
    return {
        "name": node.name,
        "type": node.type,
        "next": list(node.next),
        "status": str(status.state),
        "reason": status.reason,
        "counts": counted(status.counts),
        "decorators": [
            {"name": deco.name, "attributes": _json_value(deco.attributes)}
            for deco in node.decorators
        ],
        "tasks": [
            _task(store.description.pathspec, task)
            for task in store.tasks(node.name).values()
            if target is None or target.task in (None, task.id)
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
        "duration_s": seconds(attempt.started_at, attempt.finished_at),
    }


def counted(counts: Mapping[State, int]) -> dict[str, int]:
    """Numbers by state, of the states that there are."""
    return {str(state): counts[state] for state in State if counts.get(state)}


def seconds(start: Ms | None, end: Ms | None) -> float | None:
    """From one moment to the other, never negative; None unless both are known."""
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


def print_run(store: RunStore, look: Look, console: Console, target: Target | None = None) -> None:
    """Print the run: a headline, the graph, and the tasks with their attempts.

    Of a step its tasks alone, and of a task its attempts, each below the run's headline.
    """
    look = look_on(console, look)
    parts: list[RenderableType] = [
        headline(store, look),
        Text(shown(store.status.reason, look), "dim"),
    ]
    if target is not None and target.step is not None:
        parts += ["", _about_step(store, target.step, look)]
    elif store.graph.nodes:
        parts += ["", _graph(store, look)]
    task = target and store.task(target.step or "", target.task or "")
    parts += ["", _attempts(task, look) if task else _tasks(_chosen(store, target), look)]
    put(console, *parts)


def _graph(store: RunStore, look: Look) -> Text:
    drawing = draw(
        store.graph,
        boxes(store, look),
        case_labels(store.graph, look),
        dimmed=not_taken(store.graph, store.steps),
        ascii=look.ascii,
    )
    return Text(drawing.plain(), no_wrap=True, overflow="ignore")


def _about_step(store: RunStore, step: str, look: Look) -> Text:
    status = store.steps[step]
    return Text.assemble(
        (shown(step, look, 60), "bold"),
        "  ",
        (f"{look.glyph(status.state)} {status.state}", look.style(status.state)),
        f"  {shown(status.reason, look)}",
    )


def headline(store: RunStore, look: Look, now: Ms | None = None) -> Text:
    """What the run is, how it stands, how long it took or takes, and its tasks by state.

    `now` is the time by the source's clock; else that of the last look.
    """
    state = store.status.state
    text = Text()
    text.append(f"{shown(store.description.pathspec, look)}  ", "bold")
    text.append(f"{look.glyph(state)} {state}", look.style(state))
    if duration := took(store, now):
        text.append(f"  {duration}")
    for counted in SEVERITY:
        if store.counts.get(counted):
            text.append(f"  {store.counts[counted]} {counted}", look.style(counted))
    if store.description.origin_run:
        text.append(f"  resumed from {shown(store.description.origin_run, look, 60)}", "dim")
    return text


def took(store: RunStore, now: Ms | None = None) -> str:
    """How long the run took or takes; nothing where that is not known."""
    created = store.description.created_at
    going_on = store.now if now is None else now
    end = store.status.finished_at if store.status.state in FINISHED else going_on
    return stopwatch(end - created) if created is not None and end is not None else ""


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in columns:
        table.add_column(name, no_wrap=name != "why", overflow="fold")
    return table


def _tasks(tasks: Iterator[Task], look: Look) -> Table:
    table = _table("task", "foreach", "attempts", "state", "started", "took", "why")
    for task in tasks:
        strip = Text()
        for attempt in task.attempts:
            strip.append(look.glyph(attempt.state), look.style(attempt.state))
        table.add_row(
            Text(shown(f"{task.step}/{task.id}", look, 60)),
            Text(shown(task.label or "", look, 40)),
            strip,
            *_standing(task, look),
        )
    return table


def _attempts(task: Task, look: Look) -> Table:
    table = _table("task", "foreach", "attempt", "state", "started", "took", "why")
    for attempt in task.attempts:
        table.add_row(
            Text(shown(f"{task.step}/{task.id}", look, 60)),
            Text(shown(task.label or "", look, 40)),
            Text(str(attempt.number)),
            *_standing(attempt, look),
        )
    return table


def _standing(of: Task | Attempt, look: Look) -> Sequence[Text]:
    """The cells that say how a task or an attempt stands, when it was and why."""
    start, end = of.started_at, of.finished_at
    return (
        Text(str(of.state), look.style(of.state)),
        Text(clock(start)),
        Text(span(end - start) if start is not None and end is not None else ""),
        Text(shown(of.reason, look)),
    )
