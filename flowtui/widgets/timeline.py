"""The timeline of a run: what ran when, what waited, and what the end of the run waited for."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from textual.geometry import Region
from textual.strip import Strip

from flowtui.commands import Scope, bindings
from flowtui.logs.sanitise import one_line
from flowtui.model import FINISHED, Ms, State, Task
from flowtui.store import Applied, RunStore
from flowtui.theme import Look
from flowtui.times import clock, span
from flowtui.views.bars import (
    Cell,
    Segment,
    attempt_at,
    bar,
    density,
    segments,
    sparkline,
    unknown,
)
from flowtui.views.critical_path import CriticalPath
from flowtui.views.timeline import View, Window
from flowtui.widgets.row_list import RowList
from flowtui.widgets.run_view import Picked, Retitled, RunView
from flowtui.widgets.task_rows import Order
from flowtui.widgets.timeline_about import about, wrapped
from flowtui.widgets.timeline_columns import FOLD_CELLS, TimelineColumns, critical_mark
from flowtui.widgets.timeline_rows import RowKey, StepRows, TimelineRows

_ORDERS = (Order.TASK, Order.STATE, Order.STARTED, Order.TOOK)
_ZOOM, _PAN = 2.0, 0.2
_ROOMY = 90
"""Cells from which one line tells all about the row under the cursor."""
_MANY = 50
"""From this many changed tasks on, repainting all is cheaper than finding their rows."""


class Timeline(RowList[RowKey], RunView):
    """A row for each step and task that has begun, a bar in it for each attempt.

    The axis shows the whole run until it is zoomed; a live run's edge is followed until it is
    panned.
    """

    VIEW = "timeline"
    BINDINGS = bindings(Scope.VIEW)

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._store: RunStore | None = None
        self._rows = TimelineRows()
        self._columns = TimelineColumns()
        self._path: CriticalPath | None = None
        self._selected: RowKey | None = None
        self._attempt: int | None = None
        self._view = View()
        self._now = Ms(0)
        self._drawn: dict[str, tuple[object, list[Cell]]] = {}

    # What is shown

    def show(self, store: RunStore, applied: Applied | None) -> None:
        self._now = Ms(max(self._now, store.now)) if store is self._store else store.now
        if applied is None or store is not self._store or self._path is None:
            self._store, self._path = store, CriticalPath(store)
            self._rows.show(store)
            self._drawn.clear()
            self._move_on(anew=True)
            self._measure()
            self._cursor_at = self._cursor_row()
            self.post_message(Retitled())
            return
        anchor = self._anchor()
        self._path.take(applied.tasks)
        moved = self._rows.update(store, applied.tasks)
        over = store.status.state in FINISHED
        # While the run goes on, the next tick finds the path.
        differs = over and self._path.find()
        if self._move_on(anew=over) or differs:
            self.refresh()
        if moved or self._columns != self._fitting():
            self._moved_from(anchor)
        elif len(applied.tasks) > _MANY:
            self.refresh()
        else:
            for task in applied.tasks:
                self._repaint_key((task.step, None))
                self._repaint_key(task.key)
            self._repaint_header()

    def select(self, step: str, task: str | None = None) -> None:
        if (step, task) != self._selected:
            self._selected, self._attempt = (step, task), None
        row = self._rows.place((step, task))
        if row is not None:
            self._place_cursor(row, by_hand=False)
        self._repaint_header()

    def tick(self, now: Ms) -> None:
        self._now = now
        if self._path is None:
            return
        anchor = self._anchor()
        differs = self._path.find()
        if self._move_on() or differs or not self._rows:
            self.refresh()
        if self._rows.tick(now):
            self._moved_from(anchor)
        for row in self._visible():
            step, task = self._rows[row]
            if (task.state not in FINISHED) if task else step.times.running:
                self._repaint(row)
        self._repaint_header()

    def title(self) -> str:
        order, reverse = self._rows.order, self._rows.reverse
        parts = ["timeline", f"{critical_mark(self._look)} critical path"]
        if order is not Order.TASK or reverse:
            parts.append(f"by {order}{' reversed' if reverse else ''}")
        if not self._view.fits:
            parts.append(f"{span(round(self._window.length))} in view")
        return " · ".join(parts)

    # Moving, zooming, ordering

    def action_zoom_in(self) -> None:
        self._zoom(1 / _ZOOM)

    def action_zoom_out(self) -> None:
        self._zoom(_ZOOM)

    def action_zoom_fit(self) -> None:
        self._view.fit(self._whole())
        self._turned()

    def action_scroll_left(self) -> None:
        """Pan; while all is in view there is nothing to pan, and the step is folded."""
        if self._view.fits:
            self._fold(unfolded=False)
        else:
            self._pan(-_PAN)

    def action_scroll_right(self) -> None:
        if self._view.fits:
            self._fold(unfolded=True)
        else:
            self._pan(_PAN)

    def sort_next(self) -> None:
        at = _ORDERS.index(self._rows.order)
        self._sort(_ORDERS[(at + 1) % len(_ORDERS)], reverse=False)

    def turn_round(self) -> None:
        self._sort(self._rows.order, reverse=not self._rows.reverse)

    def _sort(self, order: Order, *, reverse: bool) -> None:
        self._rows.sort(order, reverse=reverse)
        self._measure()
        self.scroll_to(y=0, animate=False)
        self._cursor_at = self._cursor_row()
        self.post_message(Retitled())

    def _fold(self, *, unfolded: bool, row: int | None = None) -> None:
        at = self._cursor_at if row is None else row
        if at is None or not self.row_count:
            return
        step, _ = self._rows[at]
        anchor = (step.step, None), self._rows.place((step.step, None)) or 0
        self._rows.fold(step.step, unfolded=unfolded)
        if self._cursor is not None and self._cursor[0] == step.step and not unfolded:
            self._cursor = (step.step, None)
        self._moved_from(anchor)

    def _zoom(self, factor: float) -> None:
        if not self._rows:
            return
        self._view.zoom(factor, self._middle(), self._whole())
        self._turned()

    def _pan(self, part: float) -> None:
        self._view.pan(part, self._whole())
        self._turned()

    def _turned(self) -> None:
        self.refresh()
        self.post_message(Retitled())

    def _middle(self) -> float:
        """What zooming keeps in place: the middle of the row under the cursor, if it is in view."""
        centre = (self._window.start + self._window.end) / 2
        if self._cursor_at is None:
            return centre
        step, task = self._rows[self._cursor_at]
        start = task.started_at if task else step.times.first
        end = (task.finished_at if task else step.times.last) or self._now
        if start is None:
            return centre
        middle = (start + max(start, end)) / 2
        return middle if self._window.start <= middle <= self._window.end else centre

    def _move_on(self, *, anew: bool = False) -> bool:
        """Follow the run's time; whether another stretch of it is in view than before."""
        before = self._window
        self._view.follow(self._now, self._whole(), live=self._live, anew=anew)
        return self._window != before

    @property
    def _window(self) -> Window:
        return self._view.window

    def _whole(self) -> Window:
        """All the time of the run so far."""
        times = self._rows.times
        created = self._store.description.created_at if self._store is not None else None
        first = min((m for m in (created, times.first) if m is not None), default=self._now)
        last = self._now if self._live else (times.last or first)
        return Window.fitting(first, max(first, last), live=self._live)

    def _run_length(self) -> int:
        """Milliseconds that the run takes so far."""
        whole = self._whole()
        return round((self._now if self._live else whole.end) - whole.start)

    @property
    def _live(self) -> bool:
        return self._store is not None and self._store.status.state not in FINISHED

    # Rows

    @property
    def row_count(self) -> int:
        return len(self._rows)

    def _id_at(self, row: int) -> RowKey:
        return self._rows.key_at(row)

    def _place(self, row_id: RowKey) -> int | None:
        return self._rows.place(row_id)

    def _tell_moved(self, by_hand: bool) -> None:
        if by_hand and self._cursor_at is not None:
            step, task = self._rows[self._cursor_at]
            self._pick(step.step, task.id if task else None)
        self._repaint_header()

    def _tell_view(self, rows: range) -> None:
        """Nobody asks."""

    def _choose(self, row: int, x: int) -> None:
        step, task = self._rows[row]
        if x < FOLD_CELLS and step.foldable and self._rows.key_at(row)[1] is None:
            self._fold(unfolded=not step.open, row=row)
            return
        self._place_cursor(row, by_hand=True)
        if task is not None and self._store is not None:
            at = x - self._columns.left
            number = attempt_at(self._segments(task), self._window, self._columns.bar, at)
            if number is not None:
                self._pick(step.step, task.id, number)

    def _pick(self, step: str, task: str | None, attempt: int | None = None) -> None:
        self._selected, self._attempt = (step, task), attempt
        self.post_message(Picked(step, task, attempt))
        self._repaint_header()

    def _reason_for_nothing(self) -> str:
        created = self._store.description.created_at if self._store is not None else None
        if created is None:
            return "Nothing has started yet."
        waited = span(self._now - created)
        return f"Nothing has started yet.\nThe run was created at {clock(created)}, {waited} ago."

    # Drawing

    def _fitting(self) -> TimelineColumns:
        return TimelineColumns.fitting(self._rows.steps, self.size.width, self._look)

    def _fit(self) -> None:
        self._columns = self._fitting()
        self.header_rows = 3 if self.size.width >= _ROOMY else 4

    def _header_line(self, y: int) -> Strip:
        if not self._rows:
            return Strip.blank(self.size.width, self.rich_style)
        if y == 0:
            return self._line(self._over_time(), self.rich_style)
        if y == 1:
            axis = self._columns.axis(self._window, self._look)
            return self._line(axis, self.get_component_rich_style("row-list--header"))
        about = self._about(y - 2)
        about.stylize(self._muted())
        return self._line(about, self.rich_style)

    def _over_time(self) -> Text:
        """How many attempts ran over time."""
        columns = self._columns
        cells = self._rows.times.over_time(
            self._window.start, self._window.end, columns.bar, self._now
        )
        row = sparkline(cells, State.RUNNING, self._look)
        return columns.running(row, max(cells, default=0), self._look, self._muted())

    def _about(self, line: int) -> Text:
        """What the row under the cursor waited for, and what it meant to the run."""
        key = self._selected or self._cursor
        if self._path is None or key is None:
            return Text()
        step = self._rows.step(key[0])
        if step is None:
            return Text(f"   {one_line(key[0], 60)} · has not started")
        task = step.lone if key[1] is None else step.tasks.get(key[1])
        parts = about(step, task, self._attempt, self._path, self._run_length(), self._now)
        return Text("   " + wrapped(parts, self.size.width - 4, self.header_rows - 2)[line])

    def _draw(self, row: int, cursor: bool, base: Style) -> Strip:
        store, path = self._store, self._path
        if store is None or path is None:
            return self._line(Text(), base)
        step, task = self._rows[row]
        own = self._rows.key_at(row)[1] is None
        if task is not None:
            state, critical = task.state, task.key in path
            cells = self._bar(task)
        else:
            state, critical = store.steps[step.step].state, bool(path.through(step.step))
            cells = self._density(step)
        text = self._columns.row(
            step, task, state, cells, self._look,
            now=self._now, cursor=cursor, critical=critical, below=not own,
        )  # fmt: skip
        return self._line(text, base)

    def _bar(self, task: Task) -> list[Cell]:
        told = unknown(task)
        if told is not None:
            return [(char, task.state) for char in f"? {told}"[: self._columns.bar]]
        return bar(self._segments(task), self._window, self._columns.bar, self._look)

    def _segments(self, task: Task) -> Sequence[Segment]:
        ready = self._path.before.ready_at(task) if self._path is not None else None
        return segments(task, ready, self._now, live=self._live)

    def _density(self, step: StepRows) -> list[Cell]:
        bar_cells = self._columns.bar
        now = self._now if step.times.running else None
        drawn = (self._window, bar_cells, step.changes, now)
        known = self._drawn.get(step.step)
        if known is not None and known[0] == drawn:
            return known[1]
        running = step.times.over_time(self._window.start, self._window.end, bar_cells, self._now)
        # What ended badly has its glyphs: the others are not to look as if they had, too.
        colour = State.RUNNING if step.times.running else State.SUCCEEDED
        cells = density(running, step.failures, self._window, colour, self._look)
        self._drawn[step.step] = (drawn, cells)
        return cells

    def _repaint_key(self, key: RowKey) -> None:
        row = self._rows.place(key)
        if row is not None:
            self._repaint(row)

    def _repaint_header(self) -> None:
        self.refresh(Region(0, 0, self.size.width, self.header_rows))
