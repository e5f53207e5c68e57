"""The tasks of a step, one row each, drawn by line: what is not visible costs nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rich.style import Style
from rich.text import Text
from textual.cache import LRUCache
from textual.message import Message
from textual.strip import Strip

from flowtui.logs.sanitise import one_line
from flowtui.model import FINISHED, Key, Ms, ProcessUse, Task
from flowtui.task_index import StepTasks
from flowtui.theme import Look
from flowtui.widgets.row_list import RowList
from flowtui.widgets.task_columns import Columns
from flowtui.widgets.task_rows import Order, TaskRows

_CACHED_ROWS = 1000
"""Rows of finished tasks that are kept as drawn: scrolling draws what comes into view."""


class TaskList(RowList[str]):
    """Rows over the tasks of one step, in their order, filtered; one is under the cursor."""

    pane_name = "tasks"

    class Moved(Message):
        """Another task is under the cursor; None when there is no row."""

        def __init__(self, task: Task | None, by_hand: bool) -> None:
            super().__init__()
            self.task = task
            self.by_hand = by_hand

    class InView(Message):
        """Other tasks than before are in view; `keys` are theirs, from top to bottom."""

        def __init__(self, keys: tuple[Key, ...]) -> None:
            super().__init__()
            self.keys = keys

    def __init__(self, look: Look, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._look = look
        self._listed = TaskRows()
        self._now = Ms(0)
        self._empty = ""
        self._picked: str | None = None
        self._columns = Columns()
        self._in_view: tuple[Key, ...] = ()
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
    def levels(self) -> Collection[str]:
        """The levels of a nested foreach that have columns of their own."""
        return [name for name, _ in self._columns.levels]

    @property
    def failed_only(self) -> bool:
        """Whether only tasks that need a look are left."""
        return self._listed.failed_only

    @property
    def filter_text(self) -> str:
        """What the tasks are filtered by, as it was typed."""
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
        anchor = self._anchor()
        columns = Columns.fitting(self._listed.tasks.widest, self.size.width)
        if self._listed.update(changed, now) or columns != self._columns:
            self._moved_from(anchor)
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
        anchor = self._anchor()
        if self._listed.tick(now):
            self._moved_from(anchor)
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

    def _draw(self, row: int, cursor: bool, base: Style) -> Strip:
        task = self._listed[row]
        cause = self._causes.get(task.key)
        drawn = (task, cause, self._columns, base, self._look.dark, self.size.width)
        known = self._strips.get(task.key)
        if known is not None and known[0] == drawn:
            return known[1]
        use = self.processes.get(task.key)
        dim = self._muted(cursor=cursor)
        text = self._columns.row(
            task, self._look, dim, now=self._now, use=use, cause=cause, cursor=cursor
        )
        strip = self._line(text, base)
        if task.state in FINISHED:
            self._strips[task.key] = (drawn, strip)
        return strip

    def _id_at(self, row: int) -> str:
        return self._listed[row].id

    def _place(self, row_id: str) -> int | None:
        return self._listed.place(row_id)

    def _header(self) -> Text:
        return self._columns.header(self.order, self.reverse, self._look)

    def _reason_for_nothing(self) -> str:
        if self._listed.wrong and self.total:
            return one_line(self._listed.wrong)
        if self.total:
            wanted = "failed, lost or caught" if self.failed_only else "matching"
            return f"None of {self.total} tasks is {wanted}."
        return self._empty

    def _fit(self) -> None:
        self._columns = Columns.fitting(self._listed.tasks.widest, self.size.width)

    def _tell_moved(self, by_hand: bool) -> None:
        self.post_message(self.Moved(self.current, by_hand))

    def _tell_view(self, rows: range) -> None:
        keys = tuple(self._listed[row].key for row in rows)
        if keys != self._in_view:
            self._in_view = keys
            self.post_message(self.InView(keys))
