"""The tasks of a step, one row each, drawn by line: what is not visible costs nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rich.style import Style
from rich.text import Text
from textual.cache import LRUCache
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from flowtui.commands import Scope, bindings
from flowtui.model import FINISHED, Key, Ms, ProcessUse, Task
from flowtui.task_index import StepTasks
from flowtui.theme import Look
from flowtui.widgets.extent import set_extent
from flowtui.widgets.task_columns import Columns
from flowtui.widgets.task_rows import Order, TaskRows

_CACHED_ROWS = 1000
"""Rows of finished tasks that are kept as drawn: scrolling draws what comes into view."""

_HEADER_ROWS = 1


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

    class InView(Message):
        """Other tasks than before are in view; `keys` are theirs, from top to bottom."""

        def __init__(self, keys: tuple[Key, ...]) -> None:
            super().__init__()
            self.keys = keys

    def __init__(self, look: Look, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._look = look
        self._listed = TaskRows()
        self._cursor: str | None = None
        self._cursor_at: int | None = None
        self._now = Ms(0)
        self._empty = ""
        self._picked: str | None = None
        self._columns = Columns()
        self._in_view: tuple[Key, ...] = ()
        self._view_due = False
        self._strips: LRUCache[Key, tuple[object, Strip]] = LRUCache(_CACHED_ROWS)
        self.processes: Mapping[Key, ProcessUse] = {}
        self._causes: Mapping[Key, str] = {}

    @property
    def current(self) -> Task | None:
        """The task under the cursor."""
        return self._listed.tasks.get(self._cursor) if self._cursor is not None else None

    @property
    def row_count(self) -> int:
        """How many rows the filters leave."""
        return len(self._listed)

    @property
    def total(self) -> int:
        """How many tasks the step has."""
        return len(self._listed.tasks)

    @property
    def labelled(self) -> bool:
        """Whether the tasks have foreach labels."""
        return bool(self._listed.tasks.widest.label)

    @property
    def failed_only(self) -> bool:
        """Whether only tasks that need a look are left."""
        return self._listed.failed_only

    @property
    def filter_text(self) -> str:
        """What id, foreach label or state must hold."""
        return self._listed.text

    @property
    def picked(self) -> str | None:
        """What the tasks have in common that were picked, None when none were."""
        return self._picked

    @property
    def order(self) -> Order:
        """What the rows are ordered by."""
        return self._listed.order

    @property
    def reverse(self) -> bool:
        """Whether the order is turned upside down."""
        return self._listed.reverse

    def show(self, tasks: StepTasks, now: Ms, empty: str) -> None:
        """Show another step's tasks, which are followed from now on; `empty` says why there are
        none."""
        self._now, self._empty = now, empty
        self._cursor = self._cursor_at = None
        self._picked = self._listed.only = None
        self._listed.show(tasks, now)
        self._measure()
        self.scroll_to(0, 0, animate=False)
        self._place_cursor(0, by_hand=False)

    def update(self, changed: Collection[Task], now: Ms) -> None:
        """Follow tasks of the step shown that are new or differ; repaint their rows only."""
        self._now = now
        before = self._cursor_at
        columns = Columns.fitting(self._listed.tasks.widest, self.size.width)
        if self._listed.update(changed, now) or columns != self._columns:
            self._moved_from(before)
            return
        for task in changed:
            row = self._listed.place(task.id)
            if row is not None:
                self._repaint(row)

    def explain(self, causes: Mapping[Key, str]) -> None:
        """Tell what tasks failed of; the mapping may grow and is told again then."""
        self._causes = causes
        self.refresh()

    def tick(self, now: Ms) -> None:
        """Move the running times of visible rows."""
        self._now = now
        before = self._cursor_at
        if self._listed.tick(now):
            self._moved_from(before)
            return
        for row in self._visible():
            if self._listed[row].state not in FINISHED:
                self._repaint(row)

    def set_filter(self, *, failed_only: bool | None = None, text: str | None = None) -> None:
        """Leave only the tasks that pass; the cursor stays on its task if that is left."""
        self._listed.filter(
            failed_only=self.failed_only if failed_only is None else failed_only,
            text=self.filter_text if text is None else text,
        )
        self._measure()
        self._place_cursor(self._cursor_row() or 0, by_hand=True)

    def show_only(self, ids: frozenset[str], what: str) -> None:
        """Leave only these tasks, whatever the other filters say; `what` they have in common."""
        self._picked = what
        self._listed.failed_only, self._listed.text = False, ""
        self._listed.pick(ids)
        self._measure()
        self._place_cursor(0, by_hand=True)

    def show_all(self) -> None:
        """Lift all filters."""
        self._picked = self._listed.only = None
        self.set_filter(failed_only=False, text="")

    def sort(self, order: Order, *, reverse: bool = False) -> None:
        """Order the rows; a cursor that was on the first row is so again, else it stays on its
        task."""
        on_first = self._cursor_at == 0
        self._listed.sort(order, reverse=reverse)
        self._measure()
        self._place_cursor(0 if on_first else self._cursor_row() or 0, by_hand=True)

    def go_to(self, task_id: str, *, by_hand: bool = True) -> bool:
        """Put the cursor on a task; False when the filters hide it."""
        row = self._listed.place(task_id)
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
        self._place_cursor(len(self._listed) - 1, by_hand=True)

    def action_page_down(self) -> None:
        self._move(max(1, self.size.height - 2))

    def action_page_up(self) -> None:
        self._move(-max(1, self.size.height - 2))

    def on_click(self, event: Click) -> None:
        row = int(event.y) - _HEADER_ROWS + self.scroll_offset.y
        if 0 <= row < len(self._listed) and event.y >= _HEADER_ROWS:
            self._place_cursor(row, by_hand=True)
            if event.chain == 2:
                self.post_message(self.Opened())

    def on_resize(self, _event: Resize) -> None:
        self._measure()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y < _HEADER_ROWS:
            header = self._columns.header(self.order, self.reverse, self._look)
            return self._line(header, width, self.get_component_rich_style("task-list--header"))
        row = y - _HEADER_ROWS + self.scroll_offset.y
        if row >= len(self._listed):
            if row == 0:
                dim = self.get_component_rich_style("task-list--dim", partial=True)
                return self._line(Text(f"  {self._reason_for_nothing()}"), width, dim)
            return Strip.blank(width, self.rich_style)
        task = self._listed[row]
        cursor = task.id == self._cursor
        base = self.get_component_rich_style("task-list--cursor") if cursor else self.rich_style
        cause = self._causes.get(task.key)
        drawn = (task, cause, self._columns, base, self._look.dark, width)
        known = self._strips.get(task.key)
        if known is not None and known[0] == drawn:
            return known[1]
        dim = self.get_component_rich_style("task-list--dim", partial=True)
        use = self.processes.get(task.key)
        text = self._columns.row(
            task, self._look, dim, now=self._now, use=use, cause=cause, cursor=cursor
        )
        strip = self._line(text, width, base)
        if task.state in FINISHED:
            self._strips[task.key] = (drawn, strip)
        return strip

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._look_again()

    def _line(self, text: Text, width: int, base: Style) -> Strip:
        text.no_wrap, text.end = True, ""
        text.truncate(width, overflow="ellipsis", pad=True)
        text.stylize_before(base)
        return Strip(text.render(self.app.console), width)

    def _reason_for_nothing(self) -> str:
        if self.total:
            wanted = "failed, lost or caught" if self.failed_only else "matching"
            return f"None of {self.total} tasks is {wanted}."
        return self._empty

    def _measure(self) -> None:
        self._columns = Columns.fitting(self._listed.tasks.widest, self.size.width)
        set_extent(self, Size(self.size.width, len(self._listed) + _HEADER_ROWS))
        self._look_again()
        self.refresh()

    def _room(self) -> int:
        """How many rows fit."""
        return max(1, self.size.height - _HEADER_ROWS)

    def _visible(self) -> range:
        top = self.scroll_offset.y
        return range(top, min(top + self._room(), len(self._listed)))

    def _repaint(self, row: int) -> None:
        if row in self._visible():
            y = row - self.scroll_offset.y + _HEADER_ROWS
            self.refresh(Region(0, y, self.size.width, 1))

    def _cursor_row(self) -> int | None:
        return self._listed.place(self._cursor) if self._cursor is not None else None

    def _moved_from(self, before: int | None) -> None:
        """Rows came, went or moved, the cursor's from `before`: keep it where it is in the pane.

        At the top of the list the list stands still instead, so that what becomes first is seen.
        """
        top = self.scroll_offset.y
        seen = before is not None and before in self._visible()
        self._measure()
        self._cursor_at = row = self._cursor_row()
        if row is None:
            self._place_cursor(before or 0, by_hand=False)
        elif seen and before is not None:
            if top:
                self.scroll_to(y=max(0, row - (before - top)), animate=False)
            self._reveal(row)

    def _move(self, rows: int) -> None:
        self._place_cursor((self._cursor_at or 0) + rows, by_hand=True)

    def _place_cursor(self, row: int, *, by_hand: bool) -> None:
        before, left = self._cursor, self._cursor_at
        if not self.row_count:
            self._cursor = self._cursor_at = None
        else:
            self._cursor_at = row = max(0, min(row, self.row_count - 1))
            self._cursor = self._listed[row].id
            self._reveal(row)
        if self._cursor != before or before is None:
            for at in (left, self._cursor_at):
                if at is not None:
                    self._repaint(at)
            self.post_message(self.Moved(self.current, by_hand))

    def _reveal(self, row: int) -> None:
        top, room = self.scroll_offset.y, self._room()
        if row < top:
            self.scroll_to(y=row, animate=False)
        elif row >= top + room:
            self.scroll_to(y=row - room + 1, animate=False)

    def _look_again(self) -> None:
        """Say which tasks are in view once all that is due has been done."""
        if not self._view_due:
            self._view_due = True
            self.call_after_refresh(self._tell_view)

    def _tell_view(self) -> None:
        self._view_due = False
        keys = tuple(self._listed[row].key for row in self._visible())
        if keys != self._in_view:
            self._in_view = keys
            self.post_message(self.InView(keys))
