"""The tasks of a step, one row each, drawn by line: what is not visible costs nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from rich.text import Text
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from flowtui.commands import Scope, bindings
from flowtui.logs.sanitise import one_line
from flowtui.model import FINISHED, Attempt, Ms, State, Task
from flowtui.theme import Look
from flowtui.times import clock, span

OF_INTEREST = frozenset({State.FAILED, State.LOST, State.CAUGHT, State.WAITING})
"""What the filter `failed only` leaves."""

_HEADER_ROWS = 1
_LONGEST_LABEL = 40


class TaskList(ScrollView, can_focus=True):
    """Rows over the tasks of one step, in their order, filtered; one is under the cursor."""

    BINDINGS = bindings(Scope.LIST)
    COMPONENT_CLASSES = {"task-list--cursor", "task-list--header", "task-list--dim"}
    DEFAULT_CSS = """
    TaskList { background: $surface; overflow-x: hidden; scrollbar-size-vertical: 1; }
    TaskList > .task-list--cursor { background: $primary 25%; }
    TaskList:focus > .task-list--cursor { background: $primary 60%; }
    TaskList > .task-list--header { color: $foreground-muted; text-style: underline; }
    TaskList > .task-list--dim { color: $foreground-muted; }
    """

    class Moved(Message):
        """Another task is under the cursor; None when there is no row."""

        def __init__(self, task: Task | None, by_hand: bool) -> None:
            super().__init__()
            self.task = task
            self.by_hand = by_hand

    class Opened(Message):
        """The task under the cursor was double-clicked."""

    def __init__(self, look: Look, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._look = look
        self._tasks: dict[str, Task] = {}
        self._rows: list[str] = []
        self._places: dict[str, int] = {}
        self._cursor: str | None = None
        self._now = Ms(0)
        self._empty = ""
        self._widths = (4, 0, 8, 0)
        self.failed_only = False
        self.filter_text = ""

    @property
    def current(self) -> Task | None:
        """The task under the cursor."""
        return self._tasks.get(self._cursor) if self._cursor is not None else None

    @property
    def row_count(self) -> int:
        """How many rows the filters leave."""
        return len(self._rows)

    @property
    def total(self) -> int:
        """How many tasks the step has."""
        return len(self._tasks)

    def show(self, tasks: Mapping[str, Task], now: Ms, empty: str) -> None:
        """Show another step's tasks; `empty` says why there are none."""
        self._tasks, self._now, self._empty = dict(tasks), now, empty
        self._cursor = None
        self._index()
        self.scroll_to(0, 0, animate=False)
        self._place_cursor(0, by_hand=False)

    def update(self, changed: Iterable[Task], now: Ms) -> None:
        """Take in tasks of the step shown that are new or differ; repaint their rows only."""
        self._now = now
        renew = widen = False
        for task in changed:
            known = self._places.get(task.id)
            self._tasks[task.id] = task
            widen = widen or self._outgrows(task)
            if (known is not None) != self._passes(task):
                renew = True
            elif known is not None:
                self._repaint(known)
        if renew:
            self._index()
            if self._cursor is None:
                self._place_cursor(0, by_hand=False)
        elif widen:
            self._measure()

    def _outgrows(self, task: Task) -> bool:
        """Whether a column is too narrow for it: labels and retries come after the task."""
        _, label, attempts, _ = self._widths
        wanted = min(cell_len(task.label or ""), _LONGEST_LABEL)
        return wanted > label or len(task.attempts) > attempts

    def tick(self, now: Ms) -> None:
        """Move the running times of visible rows."""
        self._now = now
        top = self.scroll_offset.y
        for row in range(top, min(top + self.size.height, len(self._rows))):
            if self._tasks[self._rows[row]].state not in FINISHED:
                self._repaint(row)

    def set_filter(self, *, failed_only: bool | None = None, text: str | None = None) -> None:
        """Leave only the tasks that pass; the cursor stays on its task if that is left."""
        self.failed_only = self.failed_only if failed_only is None else failed_only
        self.filter_text = self.filter_text if text is None else text
        self._index()
        if self._cursor not in self._places:
            self._place_cursor(0, by_hand=True)

    def go_to(self, task_id: str, *, by_hand: bool = True) -> bool:
        """Put the cursor on a task; False when the filters hide it."""
        row = self._places.get(task_id)
        if row is not None:
            self._place_cursor(row, by_hand=by_hand)
        return row is not None

    def action_scroll_down(self) -> None:
        self._move(1)

    def action_scroll_up(self) -> None:
        self._move(-1)

    def action_scroll_home(self) -> None:
        self._place_cursor(0, by_hand=True)

    def action_scroll_end(self) -> None:
        self._place_cursor(len(self._rows) - 1, by_hand=True)

    def action_page_down(self) -> None:
        self._move(max(1, self.size.height - 2))

    def action_page_up(self) -> None:
        self._move(-max(1, self.size.height - 2))

    def on_click(self, event: Click) -> None:
        row = int(event.y) - _HEADER_ROWS + self.scroll_offset.y
        if 0 <= row < len(self._rows) and event.y >= _HEADER_ROWS:
            self._place_cursor(row, by_hand=True)
            if event.chain == 2:
                self.post_message(self.Opened())

    def on_resize(self, _event: Resize) -> None:
        self._measure()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y < _HEADER_ROWS:
            return self._line(
                self._header(), width, self.get_component_rich_style("task-list--header")
            )
        row = y - _HEADER_ROWS + self.scroll_offset.y
        if row >= len(self._rows):
            if row == 0:
                dim = self.get_component_rich_style("task-list--dim", partial=True)
                return self._line(Text(f"  {self._reason_for_nothing()}"), width, dim)
            return Strip.blank(width, self.rich_style)
        task = self._tasks[self._rows[row]]
        cursor = self._rows[row] == self._cursor
        base = self.get_component_rich_style("task-list--cursor") if cursor else self.rich_style
        return self._line(self._row(task, cursor), width, base)

    def _line(self, text: Text, width: int, base: Style) -> Strip:
        text.no_wrap, text.end = True, ""
        text.truncate(width, overflow="ellipsis", pad=True)
        text.stylize_before(base)
        return Strip(text.render(self.app.console), width)

    def _columns(self) -> tuple[int, int, int, int]:
        """Cells of the columns task, label, attempts and why (0 when it does not fit)."""
        task, label, attempts = 4, 0, 8
        for known in self._tasks.values():
            task = max(task, min(len(known.id), 20))
            attempts = max(attempts, len(known.attempts))
            if known.label:
                label = max(label, min(cell_len(known.label), _LONGEST_LABEL), 5)
        left = self.size.width - (2 + task + 1 + attempts + 1 + 11 + 10 + 7)
        label = max(0, min(label, left - 1))
        why = left - (label + 1 if label else 0)
        return task, label, attempts, max(0, why) if why >= 8 else 0

    def _header(self) -> Text:
        task, label, attempts, why = self._widths
        names = [set_cell_size("  task", 3 + task)]
        if label:
            names.append(set_cell_size("foreach", label + 1))
        names += [set_cell_size("attempts", attempts + 1), "state      ", "started   ", "took   "]
        return Text("".join(names) + ("why" if why else ""))

    def _row(self, task: Task, cursor: bool) -> Text:
        task_width, label, attempts, why = self._widths
        dim = self.get_component_rich_style("task-list--dim", partial=True)
        style = self._look.style(task.state)
        quiet = dim if task.state in (State.CLONED, State.PENDING) else Style()
        text = Text("▸ " if cursor and not self._look.ascii else "> " if cursor else "  ")
        text.append(_cell(task.id, task_width) + " ", quiet)
        if label:
            text.append(_cell(task.label or "", label) + " ", quiet)
        text.append_text(strip(task.attempts, self._look))
        shown = len(task.attempts)
        if task.state is State.WAITING:
            text.append(self._look.glyph(State.WAITING), style)
            shown += 1
        text.append(" " * max(1, attempts + 1 - shown))
        text.append(f"{task.state:<11}", style)
        text.append(f"{clock(task.started_at):<10}", dim)
        text.append(f"{self._took(task):<7}")
        if why:
            text.append(one_line(self._why(task), why), dim)
        return text

    def _took(self, task: Task) -> str:
        start, end = task.started_at, task.finished_at
        if start is None or task.state is State.CLONED:
            return ""
        if end is None:
            end = self._now if task.state not in FINISHED else None
        return span(end - start) if end is not None else "?"

    def _why(self, task: Task) -> str:
        if task.state is State.WAITING and task.retry_at is not None:
            left = task.retry_at - self._now
            return f"next attempt in {span(left)}" if left > 0 else "next attempt is due"
        return "" if task.state is State.SUCCEEDED and len(task.attempts) == 1 else task.reason

    def _reason_for_nothing(self) -> str:
        if self._tasks:
            wanted = "failed, lost or caught" if self.failed_only else "matching"
            return f"None of {len(self._tasks)} tasks is {wanted}."
        return self._empty

    def _passes(self, task: Task) -> bool:
        if self.failed_only and task.state not in OF_INTEREST:
            return False
        wanted = self.filter_text.casefold()
        return not wanted or any(
            wanted in text.casefold() for text in (task.id, task.label or "", str(task.state))
        )

    def _index(self) -> None:
        self._rows = [task.id for task in self._tasks.values() if self._passes(task)]
        self._places = {task_id: row for row, task_id in enumerate(self._rows)}
        self._measure()

    def _measure(self) -> None:
        self._widths = self._columns()
        self.virtual_size = Size(self.size.width, len(self._rows) + _HEADER_ROWS)
        self.refresh()

    def _repaint(self, row: int) -> None:
        y = row - self.scroll_offset.y + _HEADER_ROWS
        if _HEADER_ROWS <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def _move(self, rows: int) -> None:
        at = self._places.get(self._cursor, 0) if self._cursor is not None else 0
        self._place_cursor(at + rows, by_hand=True)

    def _place_cursor(self, row: int, *, by_hand: bool) -> None:
        before = self._cursor
        if not self._rows:
            self._cursor = None
        else:
            row = max(0, min(row, len(self._rows) - 1))
            self._cursor = self._rows[row]
            visible = max(1, self.size.height - _HEADER_ROWS)
            top = self.scroll_offset.y
            if row < top:
                self.scroll_to(y=row, animate=False)
            elif row >= top + visible:
                self.scroll_to(y=row - visible + 1, animate=False)
        if self._cursor != before or before is None:
            self.refresh()
            self.post_message(self.Moved(self.current, by_hand))


def strip(attempts: Iterable[Attempt], look: Look) -> Text:
    """An attempt strip, `✗✗◆`: one glyph per attempt, earlier ones dimmer."""
    known = tuple(attempts)
    text = Text(end="")
    for attempt in known:
        earlier = attempt.number != known[-1].number
        text.append(look.glyph(attempt.state), look.style(attempt.state) + Style(dim=earlier))
    return text


def _cell(text: str, width: int) -> str:
    """Remote text in exactly `width` cells."""
    safe = one_line(text, 200)
    if cell_len(safe) > width:
        safe = set_cell_size(safe, width - 1) + "…"
    return set_cell_size(safe, width)
