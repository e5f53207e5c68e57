"""Where time went: the steps of a run by how long their tasks took, and how many ran at once."""

from __future__ import annotations

from datetime import datetime

from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from flowtui.commands import Scope
from flowtui.model import Ms, State
from flowtui.store import Applied, RunStore
from flowtui.theme import Look
from flowtui.times import clock
from flowtui.views.times import Order, RunTimes, Times, together
from flowtui.widgets.row_list import RowList
from flowtui.widgets.run_view import Opened, Picked, Retitled, RunView
from flowtui.widgets.times_columns import TimesColumns, sparkline, width_of

_RUNNING, _AXIS, _NAMES, _WHOLE = range(4)
"""The lines above the rows: what ran when, the clock below it, names of columns, the whole run."""

_MARGIN = 11
"""Cells left of the sparkline, for what it says."""


class TimesView(RowList[str], RunView):
    """A row for each step; above them what ran when, and the sum of all.

    Picking a step selects its slowest task.
    """

    VIEW = "times"
    SCOPES = (Scope.LIST,)

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.header_rows = 4
        self._look = look
        self._store: RunStore | None = None
        self._known = RunTimes()
        self._now = Ms(0)
        self._order, self._reverse = Order.GRAPH, False
        self._times: dict[str, Times] = {}
        self._whole = Times()
        self._rows: list[str] = []
        self._place_of: dict[str, int] = {}
        self._columns = TimesColumns(10, frozenset())
        self._drawn: tuple[object, Text] | None = None

    # What is shown

    def show(self, store: RunStore, applied: Applied | None) -> None:
        if applied is None or store is not self._store:
            self._store = store
            self._known = RunTimes(store.all_tasks())
        else:
            self._known.take(applied.tasks)
        self._now = max(self._now, store.now) if applied is not None else store.now
        changed = applied.steps if applied is not None and not applied.graph else None
        self._work_out(changed)

    def select(self, step: str, task: str | None = None) -> None:  # noqa: ARG002
        row = self._place_of.get(step)
        if row is not None and step != self._cursor:
            before, self._cursor, self._cursor_at = self._cursor_at, step, row
            self._reveal(row)
            for at in (before, row):
                if at is not None:
                    self._repaint(at)

    def tick(self, now: Ms) -> None:
        self._now = now
        going = frozenset(step for step, times in self._times.items() if times.running)
        if going:
            self._work_out(going)

    def title(self) -> str:
        whole = self._whole
        left_out = []
        if whole.clones:
            left_out.append(f"{whole.clones:,} clone{'s' if whole.clones != 1 else ''}")
        if whole.unknown:
            attempts = "attempts" if whole.unknown != 1 else "attempt"
            left_out.append(f"{whole.unknown:,} {attempts} without times")
        return "times" + (f" · left out: {', '.join(left_out)}" if left_out else "")

    def _work_out(self, changed: frozenset[str] | None) -> None:
        """Renew the times of the steps that changed, or of all, and what follows from them."""
        store = self._store
        if store is None:
            return
        title, names = self.title(), [node.name for node in store.graph.nodes]
        due = names if changed is None else changed
        self._times = {} if changed is None else self._times
        self._times |= {step: self._known.of(step, self._now) for step in due}
        self._whole = together(self._times.values())
        anchor = self._anchor()
        rows = self._sorted(names)
        if rows != self._rows:
            self._rows = rows
            self._place_of = {step: row for row, step in enumerate(rows)}
            self._moved_from(anchor)
        else:
            self._measure()
        if title != self.title():
            self.post_message(Retitled())

    def _sorted(self, names: list[str]) -> list[str]:
        """The steps in order, those without a figure last however it is turned."""
        if self._order is Order.GRAPH:
            return names[::-1] if self._reverse else names
        measured = {step: self._times[step].measure(self._order) for step in names}
        known = [step for step in names if measured[step] is not None]
        known.sort(key=lambda step: measured[step] or 0, reverse=not self._reverse)
        return known + [step for step in names if measured[step] is None]

    # Orders

    def sort_next(self) -> None:
        """Order the rows by what comes next."""
        orders = list(Order)
        self._sort(orders[(orders.index(self._order) + 1) % len(orders)], reverse=False)

    def turn_round(self) -> None:
        """Turn the order upside down."""
        self._sort(self._order, reverse=not self._reverse)

    def _sort(self, order: Order, *, reverse: bool) -> None:
        self._order, self._reverse = order, reverse
        self._work_out(frozenset())

    # The list

    @property
    def row_count(self) -> int:
        """How many steps there are."""
        return len(self._rows)

    def _id_at(self, row: int) -> str:
        return self._rows[row]

    def _place(self, row_id: str) -> int | None:
        return self._place_of.get(row_id)

    def _reason_for_nothing(self) -> str:
        return "No step is known yet."

    def _fit(self) -> None:
        tasks = [times.slowest_task[1] for times in self._times.values() if times.slowest_task]
        tasks.append("/".join(self._whole.slowest_task or ()))
        self._columns = TimesColumns.fitting(
            max((width_of(step) for step in self._rows), default=0),
            max((width_of(task) for task in tasks), default=0),
            self.scrollable_content_region.width,
            retries=bool(self._whole.retries),
        )

    def _tell_moved(self, by_hand: bool) -> None:
        step = self._cursor
        if by_hand and step is not None:
            slowest = self._times[step].slowest_task
            self.post_message(Picked(step, slowest[1] if slowest else None))

    def _tell_view(self, rows: range) -> None:
        """Nothing is read for the rows in view: all is in the store."""

    def on_row_list_opened(self, message: RowList.Opened) -> None:
        message.stop()
        self.post_message(Opened())

    # Drawing

    def _draw(self, row: int, cursor: bool, base: Style) -> Strip:
        step = self._rows[row]
        status = self._store.steps.get(step) if self._store else None
        state = status.state if status else State.PENDING
        text = self._columns.row(
            *(step, state, self._times[step], self._whole, self._look),
            now=self._now,
            cursor=cursor,
        )
        return self._line(text, base)

    def _header_line(self, y: int) -> Strip:
        if y == _RUNNING:
            return self._line(self._over_time(), self.rich_style)
        if y == _AXIS:
            return self._line(self._axis(), self.rich_style + Style(dim=True))
        if y == _WHOLE:
            return self._line(self._sum(), self.rich_style + Style(bold=True))
        return super()._header_line(y)

    def _header(self) -> Text:
        return self._columns.header(self._order, self._reverse, self._look)

    def _sum(self) -> Text:
        return self._columns.row(
            *("all steps", None, self._whole, self._whole, self._look),
            now=self._now,
            cursor=False,
        )

    @property
    def _end(self) -> Ms:
        """Where the axis ends."""
        return self._now if self._whole.last is None else self._whole.last

    def _over_time(self) -> Text:
        """How many attempts ran at once, over the time of the run."""
        begin, end = self._whole.first, self._end
        cells = self.size.width - _MARGIN - 1
        if begin is None or cells < 1:
            return Text("  Nothing has run yet.", Style(dim=True))
        key = (self._whole, end, cells)
        if self._drawn is None or self._drawn[0] != key:
            until = max(end, begin + 1)
            values = self._known.concurrency.over_time(begin, until, cells, self._now)
            text = Text(f"  {f'peak {max(values):,}':<{_MARGIN - 2}}")
            text.append(sparkline(values, self._look), self._look.style(State.RUNNING))
            self._drawn = (key, text)
        return self._drawn[1].copy()

    def _axis(self) -> Text:
        begin, end = self._whole.first, self._end
        if begin is None:
            return Text("")
        days = {datetime.fromtimestamp(moment / 1000).date() for moment in (begin, end)}
        left, right = (_moment(moment, with_day=len(days) > 1) for moment in (begin, end))
        room = self.size.width - _MARGIN - 1
        if len(left) + len(right) + 1 > room:
            return Text(f"  {'running':<{_MARGIN - 2}}{left}")
        return Text(f"  {'running':<{_MARGIN - 2}}{left}{right:>{room - len(left)}}")


def _moment(moment: Ms, *, with_day: bool) -> str:
    day = datetime.fromtimestamp(moment / 1000).strftime("%b %d ") if with_day else ""
    return day + clock(moment)
