"""One row of the tree: the lines that lead to it, its columns, and what stands in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from rich.text import Text

from flowtui.model import FINISHED, Ms, ProcessUse, State
from flowtui.picture import shown
from flowtui.task_index import StepTasks
from flowtui.theme import Look
from flowtui.times import span
from flowtui.views.tree_nodes import Fold, Row
from flowtui.widgets.run_columns import told_counts
from flowtui.widgets.task_columns import strip, why

CURSOR = 2
"""Cells before the tree, in which the row under the cursor is marked."""

_TOOK, _ATTEMPTS = 7, 10
_LEAST_WHY = 14
_BEFORE = 4
"""Cells of what stands before a name: what folds it, and its state."""

_COUNT = 8
"""Cells that the number of tasks takes behind a name."""

_LEAST_NAME = 16


@dataclass(frozen=True, slots=True)
class Columns:
    """Cells of the columns whose width depends on the run and on the pane."""

    name: int = _LEAST_NAME
    why: int = _LEAST_WHY

    @classmethod
    def fitting(cls, widest: int, width: int) -> Columns:
        """The columns of a pane of this width for names that need `widest` cells."""
        left = width - CURSOR - _TOOK - _ATTEMPTS - 1
        name = max(_LEAST_NAME, min(widest, left - _LEAST_WHY))
        return cls(name, max(0, left - name))

    def header(self) -> Text:
        """The names of the columns."""
        name = set_cell_size("step, task", self.name + 1)
        return Text(f"{'':{CURSOR}}{name}{'took':{_TOOK}}{'attempts':{_ATTEMPTS}}why")

    def row(
        self,
        row: Row,
        look: Look,
        dim: Style,
        *,
        now: Ms,
        use: ProcessUse | None,
        cursor: bool,
    ) -> Text:
        """A row; `use` is what its task's process takes, if it runs on this machine."""
        text = Text(("> " if look.ascii else "▸ ") if cursor else "  ")
        name = _name(row, look, dim)
        name.truncate(self.name, overflow="ellipsis", pad=True)
        text.append_text(name)
        text.append(f" {_took(row, now):<{_TOOK}}")
        told = _told(row, look, dim)
        if told or row.task is not None:
            text.append_text(told).append(" " * max(1, _ATTEMPTS - told.cell_len))
        said = why(row.task, now, use) if row.task is not None else row.why
        return text.append(shown(said, look), dim)


def lead(guides: Sequence[bool], look: Look) -> str:
    """The lines that lead to a row: two cells for each level that it is below its step."""
    on, off, more, last = ("| ", "  ", "|-", "`-") if look.ascii else ("│ ", "  ", "├─", "└─")
    if not guides:
        return ""
    above = "".join(on if follows else off for follows in guides[:-1])
    return above + (more if guides[-1] else last)


def _name(row: Row, look: Look, dim: Style) -> Text:
    text = Text(end="", no_wrap=True).append(lead(row.guides, look), dim)
    if row.fold is None:
        line = "- " if look.ascii else "─ "
        text.append(line if row.guides else "  ", dim)
    elif look.ascii:
        text.append("+ " if row.fold is Fold.FOLDED else "- ")
    else:
        text.append("▶ " if row.fold is Fold.FOLDED else "▼ ")
    if row.id.rest:
        return text.append(_rest(row, look), dim)
    text.append(f"{look.glyph(row.state)} ", look.style(row.state))
    quiet = row.state in (State.SKIPPED, State.CLONED, State.PENDING)
    plain = dim if quiet else Style.null()
    text.append(shown(row.name, look, 200), plain if row.guides else plain + Style(bold=True))
    if row.label:
        text.append(f" {shown(row.label, look, 200)}", dim if row.task is None else plain)
    many = max(row.total or 0, sum(row.counts.values()))
    if many > 1:
        text.append(f" {'x' if look.ascii else '×'}{many:,}", dim)
    return text


def _rest(row: Row, look: Look) -> str:
    states = [state for state, count in row.counts.items() if count]
    dots = "..." if look.ascii else "…"
    only = f" {states[0]}" if len(states) == 1 else ""
    return f"{dots} {sum(row.counts.values()):,} more{only}"


def _told(row: Row, look: Look, dim: Style) -> Text:
    """The attempts of a task; of many tasks how they stand, and how many are done if not all."""
    if row.attempts or row.task is not None:
        text = strip(row.attempts, look)
        if row.state is State.WAITING:
            text.append(look.glyph(State.WAITING), look.style(State.WAITING))
        return text
    text = told_counts(row.counts, look)[2:]
    if row.id.rest:
        return text if len(row.counts) > 1 else Text()
    count = sum(row.counts.values())
    done = sum(count for state, count in row.counts.items() if state in FINISHED)
    total = max(count, row.total or 0)
    if total > 1 and done < total:
        text.append(f"  {done:,} of {total:,}", dim)
    return text


def _took(row: Row, now: Ms) -> str:
    if row.began is None:
        return ""
    end = now if row.going else row.ended
    return span(end - row.began) if end is not None else "?"


def widest_name(step: str, tasks: StepTasks) -> int:
    """Cells that the names of a step, its groups and tasks need, whatever of it is unfolded."""
    wide = _BEFORE + cell_len(step) + _COUNT
    if not tasks:
        return wide
    labels = [cell_len(name) + 1 + cells for name, cells in tasks.widest.levels]
    groups = [2 * depth + _BEFORE + cells + _COUNT for depth, cells in enumerate(labels[:-1], 1)]
    task = tasks.widest.id + (1 + labels[-1] if labels else 0)
    rest = len(f"{len(tasks):,} more succeeded") if len(tasks) > 1 else 0
    return max(wide, *groups, 2 * max(1, len(labels)) + _BEFORE + max(task, rest))
