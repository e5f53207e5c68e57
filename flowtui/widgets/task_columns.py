"""One task in one row: the columns of the task list and what stands in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from rich.text import Text

from flowtui.logs.sanitise import one_line
from flowtui.model import Attempt, Ms, ProcessUse, State, Task
from flowtui.task_index import Widest
from flowtui.theme import Look
from flowtui.times import clock, span
from flowtui.widgets.task_rows import DOWNWARD, Order, took

_LONGEST_ID = 20
_LONGEST_LABEL = 40
_LONGEST_VALUE = 24
_STATE, _STARTED, _TOOK = 11, 10, 7
_LEAST_WHY = 8


@dataclass(frozen=True, slots=True)
class Columns:
    """Cells of the columns whose width depends on the tasks; `label` and `why` are 0 without.

    Where a nested foreach has a column for each of its `levels`, there is no other label.
    """

    task: int = 4
    label: int = 0
    levels: tuple[tuple[str, int], ...] = ()
    attempts: int = 8
    why: int = 0

    @classmethod
    def fitting(cls, widest: Widest, width: int) -> Columns:
        """The columns for a step's tasks in a list of this width."""
        task = max(len("task"), min(widest.id, _LONGEST_ID))
        attempts = max(len("attempts"), widest.attempts)
        left = width - (2 + task + 1 + attempts + 1 + _STATE + _STARTED + _TOOK)
        levels = _levels(widest) if len(widest.levels) > 1 else ()
        beside = sum(width + 1 for _, width in levels)
        if beside > left:
            levels, beside = (), 0
        label = max(min(widest.label, _LONGEST_LABEL), len("foreach")) if widest.label else 0
        label = 0 if levels else max(0, min(label, left - 1))
        why = left - beside - (label + 1 if label else 0)
        return cls(task, label, levels, attempts, why if why >= _LEAST_WHY else 0)

    def header(self, order: Order, reverse: bool, look: Look) -> Text:
        """The names of the columns; an arrow at the one that the rows are ordered by, which says
        where its values grow."""
        arrow = ""
        if order is not Order.TASK or reverse:
            arrow = sort_arrow((order in DOWNWARD) is not reverse, look)

        def name(column: str, width: int) -> str:
            return set_cell_size(f"{column}{arrow if column == order else ''}", width)

        names = ["  ", name("task", self.task + 1)]
        names += [name("foreach", self.label + 1)] if self.label else []
        for at, (of_level, width) in enumerate(self.levels):
            mark = arrow if order is Order.FOREACH and not at else ""
            names.append(cell(of_level + mark, width) + " ")
        names += [name("attempts", self.attempts + 1), name("state", _STATE)]
        names += [name("started", _STARTED), name("took", _TOOK), "why" if self.why else ""]
        return Text("".join(names))

    def row(
        self,
        task: Task,
        look: Look,
        dim: Style,
        *,
        now: Ms,
        use: ProcessUse | None,
        cause: str | None,
        cursor: bool,
    ) -> Text:
        """A task; `use` is what its process takes, if it runs on this machine, `cause` what it
        failed of, as far as its log tells."""
        style = look.style(task.state)
        quiet = dim if task.state in (State.CLONED, State.PENDING) else Style.null()
        text = Text(("> " if look.ascii else "▸ ") if cursor else "  ")
        text.append(cell(task.id, self.task) + " ", quiet)
        if self.label:
            text.append(cell(task.label or "", self.label) + " ", quiet)
        for (name, width), label in zip_longest(self.levels, task.labels[: len(self.levels)]):
            text.append(cell((label or "").removeprefix(f"{name}="), width) + " ", quiet)
        text.append_text(strip(task.attempts, look))
        shown = len(task.attempts)
        if task.state is State.WAITING:
            text.append(look.glyph(State.WAITING), style)
            shown += 1
        text.append(" " * max(1, self.attempts + 1 - shown))
        text.append(f"{task.state:<{_STATE}}", style)
        text.append(f"{clock(task.started_at):<{_STARTED}}", dim)
        text.append(f"{_took(task, now):<{_TOOK}}")
        if self.why:
            text.append(one_line(cause or why(task, now, use), self.why), dim)
        return text


def _levels(widest: Widest) -> tuple[tuple[str, int], ...]:
    """The levels of a nested foreach as columns; the first has room for the arrow of the order."""
    columns = []
    for at, (name, cells) in enumerate(widest.levels):
        heading = cell_len(one_line(name, 20)) + (0 if at else 1)
        columns.append((name, max(heading, min(cells, _LONGEST_VALUE))))
    return tuple(columns)


def sort_arrow(down: bool, look: Look) -> str:
    """Marks the column that rows are ordered by: from its highest value down, or the lowest up."""
    return ("v" if down else "^") if look.ascii else ("↓" if down else "↑")


def strip(attempts: Iterable[Attempt], look: Look) -> Text:
    """An attempt strip, `✗✗◆`: one glyph per attempt, earlier ones dimmer."""
    known = tuple(attempts)
    text = Text(end="")
    for attempt in known:
        earlier = attempt.number != known[-1].number
        text.append(look.glyph(attempt.state), look.style(attempt.state) + Style(dim=earlier))
    return text


def _took(task: Task, now: Ms) -> str:
    length = took(task, now)
    if length is not None:
        return span(length)
    return "" if task.started_at is None or task.state is State.CLONED else "?"


def why(task: Task, now: Ms, use: ProcessUse | None) -> str:
    """What is to be said of a task: of its retry, its process or its state; as it came."""
    if task.state is State.WAITING and task.retry_at is not None:
        left = task.retry_at - now
        return f"next attempt in {span(left)}" if left > 0 else "next attempt is due"
    if task.state is State.RUNNING and use is not None:
        return _use(use)
    return "" if task.state is State.SUCCEEDED and len(task.attempts) == 1 else task.reason


def _use(use: ProcessUse) -> str:
    cpu = [f"{use.cpu:.0f}% cpu"] if use.cpu is not None else []
    megabytes = use.memory / 1e6
    memory = f"{megabytes / 1000:.1f} GB" if megabytes >= 999.5 else f"{megabytes:.0f} MB"
    return " · ".join([f"pid {use.pid}", *cpu, memory])


def cell(text: str, width: int) -> str:
    """Remote text in exactly `width` cells."""
    safe = one_line(text, 200)
    if cell_len(safe) > width:
        safe = set_cell_size(safe, width - 1) + "…"
    return set_cell_size(safe, width)
