"""The columns of the view of where time went, and what stands in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from rich.text import Text

from flowtui.logs.sanitise import one_line
from flowtui.model import Ms, State
from flowtui.theme import Look
from flowtui.times import span
from flowtui.views.times import Order, Times
from flowtui.widgets.task_columns import cell, sort_arrow

_LONGEST_NAME, _SHORTEST_NAME = 28, 10
_LONGEST_TASK = 16
_SHARE_TEXT = 5
_LEAST_BAR, _MOST_BAR = 4, 30
_WIDTHS = {
    "tasks": 7,
    "total": 7,
    "median": 8,
    "p95": 7,
    "slowest": 8,
    "retries": 11,
    "wall": 7,
}
_DROPPED = ("wall", "tasks", "task", "p95", "median", "retries", "bar", "slowest")
"""What a narrow pane does without, first the first."""

_DIM = Style(dim=True)
_BLOCKS = " ▏▎▍▌▋▊▉"
_LEVELS, _ASCII_LEVELS = " ▁▂▃▄▅▆▇█", " ._:-=+*#"


@dataclass(frozen=True, slots=True)
class TimesColumns:
    """Cells of the columns that there is room for, by name."""

    name: int
    shown: frozenset[str]
    bar: int = 0
    task: int = 0

    @classmethod
    def fitting(cls, names: int, tasks: int, width: int, *, retries: bool) -> TimesColumns:
        """The columns in a pane of this width, where names of steps and of their slowest tasks have
        these; without `retries` there is nothing to say of them."""
        name = max(_SHORTEST_NAME, min(names + 2, _LONGEST_NAME))
        task = max(4, min(tasks, _LONGEST_TASK)) + 1
        needed = {**_WIDTHS, "bar": _LEAST_BAR + 1 + _SHARE_TEXT, "task": task}
        if not retries:
            del needed["retries"]
        room = width - (2 + name + 1) - 1
        for column in _DROPPED:
            if sum(needed.values()) > room:
                needed.pop(column, None)
        left = max(0, room - sum(needed.values()))
        bar = min(_MOST_BAR, _LEAST_BAR + left) if "bar" in needed else 0
        return cls(name, frozenset(needed), bar, task if "task" in needed else 0)

    def header(self, order: Order, reverse: bool, look: Look) -> Text:
        """The names of the columns; an arrow at the one that the rows are ordered by."""
        down = order is not Order.GRAPH
        arrow = sort_arrow(down is not reverse, look) if down or reverse else ""

        def named(column: str) -> str:
            return f"{column}{arrow}" if column == order else column

        parts = [f"  {set_cell_size(named('step'), self.name)} "]
        parts += [f"{named(column):>{_WIDTHS[column]}}" for column in self._between("tasks")]
        parts += [f"{named('total'):>{_WIDTHS['total']}}"]
        if self.bar:
            parts.append(f" {'share':<{self.bar + _SHARE_TEXT}}")
        for column in self._between("median", "p95", "slowest"):
            parts.append(f"{named(column):>{_WIDTHS[column]}}")
        if self.task:
            parts.append(f" {'task':<{self.task - 1}}")
        for column in self._between("retries", "wall"):
            parts.append(f"{named(column):>{_WIDTHS[column]}}")
        return Text("".join(parts))

    def row(
        self,
        name: str,
        state: State | None,
        times: Times,
        whole: Times,
        look: Look,
        *,
        now: Ms,
        cursor: bool,
    ) -> Text:
        """A step, or with the `state` None the whole run, and its part of what all tasks took."""
        text = Text(("> " if look.ascii else "▸ ") if cursor else "  ")
        if state is not None:
            text.append(f"{look.glyph(state)} ", look.style(state))
            text.append(f"{cell(name, self.name - 2)} ")
        else:
            text.append(f"{cell(name, self.name)} ")
        measured = times.first is not None
        values = {
            "tasks": f"{times.tasks:,}" if times.tasks else "",
            "total": span(times.total) if measured else "",
            "median": _span(times.median),
            "p95": _span(times.p95),
            "slowest": _span(times.slowest),
            "retries": _retries(times),
            "wall": _span(times.wall(now)),
        }

        def column(key: str, style: Style | None = None) -> None:
            text.append(f"{values[key]:>{_WIDTHS[key]}}", style or Style.null())

        for key in self._between("tasks"):
            column(key, _DIM)
        column("total")
        if self.bar:
            text.append(" ")
            text.append_text(self._share(times, whole, state, look))
        for key in self._between("median", "p95", "slowest"):
            column(key)
        if self.task:
            task = times.slowest_task
            told = "" if task is None else task[1] if state is not None else "/".join(task)
            text.append(f" {cell(told, self.task - 1)}", _DIM)
        for key in self._between("retries", "wall"):
            warns = look.style(State.WAITING) if key == "retries" else _DIM
            column(key, warns)
        return text

    def _share(self, times: Times, whole: Times, state: State | None, look: Look) -> Text:
        share = times.total / whole.total if whole.total else 0.0
        if not times.total:
            return Text(" " * (self.bar + _SHARE_TEXT))
        style = look.style(State.RUNNING)
        if state is None:
            return Text(" " * self.bar + f"{'100%':>{_SHARE_TEXT}}")
        told = f"{share:.0%}" if share >= 0.005 else "<1%"
        return Text.assemble((bar(share, self.bar, look), style), f"{told:>{_SHARE_TEXT}}")

    def _between(self, *columns: str) -> Sequence[str]:
        return [column for column in columns if column in self.shown]


def bar(share: float, width: int, look: Look) -> str:
    """A bar of so much of the width, to an eighth of a cell; never nothing, for what is some."""
    if look.ascii:
        return ("#" * max(1, round(share * width))).ljust(width)
    eighths = max(1, round(share * width * 8))
    full, rest = divmod(min(eighths, width * 8), 8)
    return ("█" * full + (_BLOCKS[rest] if rest else "")).ljust(width)


def sparkline(values: Sequence[int], look: Look) -> str:
    """One cell for each value, the highest as high as the row; never nothing, for what is some."""
    levels = _ASCII_LEVELS if look.ascii else _LEVELS
    top = max(values, default=0) or 1
    return "".join(levels[-(-value * (len(levels) - 1) // top)] for value in values)


def _span(length: int | None) -> str:
    return "" if length is None else span(length)


def _retries(times: Times) -> str:
    if not times.retries:
        return ""
    share = times.retried / times.total if times.total else 0.0
    return f"{span(times.retried)} {share:>4.0%}"


@lru_cache(4096)
def width_of(name: str) -> int:
    """Cells of a remote name as it is shown."""
    return cell_len(one_line(name, 200))
