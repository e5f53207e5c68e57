"""One row of a timeline: whose it is, how long that took, and the bar beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from rich.text import Text

from flowtui.logs.sanitise import one_line
from flowtui.model import Ms, State, Task
from flowtui.theme import Look
from flowtui.times import span
from flowtui.views.bars import Cell, runs_of
from flowtui.views.timeline import Window, date, ticks
from flowtui.widgets.task_columns import cell
from flowtui.widgets.task_rows import took
from flowtui.widgets.timeline_rows import StepRows

FOLD_CELLS = 4
"""Cells at the left of a step's row that fold it when they are clicked."""

_MARKS, _TOOK = 3, 6
_NARROWEST, _WIDEST = 10, 40
_SHARE = 0.3
"""Of the width, what the names may take."""


@dataclass(frozen=True, slots=True)
class TimelineColumns:
    """Cells of the names and of the bars."""

    name: int = _NARROWEST
    bar: int = 0

    @classmethod
    def fitting(cls, steps: Iterable[StepRows], width: int, look: Look) -> TimelineColumns:
        """The columns for rows of these steps in so many cells."""
        widest = max((_widest(step, look) for step in steps), default=0)
        name = min(widest, _WIDEST, max(_NARROWEST, int(width * _SHARE)))
        name = max(name, _NARROWEST)
        return cls(name, max(0, width - name - _MARKS - _TOOK - 2))

    @property
    def left(self) -> int:
        """Cells before the bars."""
        return _MARKS + self.name + 1 + _TOOK + 1

    def axis(self, window: Window, look: Look) -> Text:
        """The ticks, and before them the date at which the bars begin."""
        line = [" "] * self.bar
        for tick in ticks(window, self.bar):
            text = ("|" if look.ascii else "╷") + tick.text
            line[tick.cell : tick.cell + len(text)] = text
        return Text(f"{'   ' + date(window.start):<{self.left}}" + "".join(line[: self.bar]))

    def running(self, cells: list[Cell], most: int, look: Look, dim: Style) -> Text:
        """How many ran over time, and how many at most."""
        text = Text("   ")
        text.append(cell("running", self.name), dim)
        text.append(f" {f'{most:,}':>{_TOOK}} ", dim)
        return _with_bar(text, cells, look)

    def row(
        self,
        step: StepRows,
        task: Task | None,
        state: State,
        cells: Iterable[Cell],
        look: Look,
        *,
        now: Ms,
        cursor: bool,
        critical: bool,
        below: bool,
    ) -> Text:
        """A step, or a task of it; `below` is whether it stands below its step's own row."""
        text = Text((">" if look.ascii else "▸") if cursor else " ")
        text.append(critical_mark(look) if critical else " ", Style(bold=True))
        style = look.style(state)
        if critical:
            style += Style(bold=True)
        if below and task is not None:
            text.append("  ")
            text.append(look.glyph(state), style)
            text.append(" " + cell(self._label(step, task), self.name - 3))
        else:
            text.append(_fold(step, look))
            text.append(look.glyph(state), style)
            many = _many(step, look)
            name = one_line(step.step, _WIDEST)
            if cell_len(name + many) > self.name - 2:
                name = cell(name, self.name - 2 - len(many))
            text.append(" " + set_cell_size(name + many, self.name - 2))
        length = took(task, now) if task is not None else step.took(now)
        text.append(f" {span(length) if length is not None else _no_length(task):>{_TOOK}} ")
        return _with_bar(text, cells, look)

    def _label(self, step: StepRows, task: Task) -> str:
        if not task.labels:
            return task.id
        if step.tasks.widest.label <= self.name - 3:
            return task.label or ""
        # The names of the levels are the same in all rows: what tells them apart comes first.
        return " › ".join(label.partition("=")[2] or label for label in task.labels)


def critical_mark(look: Look) -> str:
    """Stands at the rows of the critical path."""
    return "|" if look.ascii else "┃"


def _fold(step: StepRows, look: Look) -> str:
    if not step.foldable:
        return " "
    if look.ascii:
        return "-" if step.open else "+"
    return "▼" if step.open else "▶"


def _many(step: StepRows, look: Look) -> str:
    """How many tasks a step has, or will have."""
    many = max(len(step.tasks), step.expected)
    return f" {'x' if look.ascii else '×'}{many:,}" if step.foldable else ""


def _widest(step: StepRows, look: Look) -> int:
    widest = step.tasks.widest
    label = 3 + (widest.label or widest.id) if step.open else 0
    return max(cell_len(one_line(step.step, _WIDEST) + _many(step, look)) + 2, label)


def _no_length(task: Task | None) -> str:
    known = task is None or task.started_at is None or task.state is State.CLONED
    return "" if known else "?"


def _with_bar(text: Text, cells: Iterable[Cell], look: Look) -> Text:
    for chars, state in runs_of(cells):
        text.append(chars, look.style(state) if state is not None else None)
    return text
