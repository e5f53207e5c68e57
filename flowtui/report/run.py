"""A run as a picture for people: all of it, or one step or task."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from flowtui.lanes import SEVERITY
from flowtui.model import FINISHED, Attempt, Ms, Target, Task
from flowtui.picture import shown
from flowtui.report.graph import graph_lines
from flowtui.report.paper import look_on, put
from flowtui.store import RunStore
from flowtui.theme import Look
from flowtui.times import clock, span, stopwatch


def print_run(store: RunStore, look: Look, console: Console, target: Target | None = None) -> None:
    """Print the run: a headline, the graph, and the tasks with their attempts.

    Of a step its tasks alone, and of a task its attempts, each below the run's headline.
    """
    look = look_on(console, look)
    parts: list[RenderableType] = [
        headline(store, look),
        Text(shown(store.status.reason, look), "dim"),
        "",
    ]
    if target is None or target.step is None:
        if store.graph.nodes:
            parts += [*graph_lines(store, look, console.width), ""]
        parts.append(_tasks(store.all_tasks(), look))
    else:
        task = store.task(target.step, target.task or "")
        tasks = store.tasks(target.step).values()
        parts += [_about_step(store, target.step, look), ""]
        parts.append(_attempts(task, look) if task else _tasks(tasks, look))
    put(console, *parts)


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


def _tasks(tasks: Iterable[Task], look: Look) -> Table:
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
