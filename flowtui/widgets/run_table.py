"""The list of runs, one row each and one for each group, over an index of all runs."""

from __future__ import annotations

from collections.abc import Callable, Collection

from rich.style import Style
from rich.text import Text
from textual.cache import LRUCache
from textual.message import Message
from textual.strip import Strip

from flowtui.model import Ms, State
from flowtui.run_index import Group, Grouping, Order, RowId, RunIndex
from flowtui.run_summary import RunKey, RunListChanges, RunSummary
from flowtui.theme import Look
from flowtui.widgets.row_list import RowList
from flowtui.widgets.run_columns import Columns, group_row, measured, told_age, told_took

_CACHED_ROWS = 1000
"""Rows that are kept as drawn: scrolling draws what comes into view."""


class RunTable(RowList[RowId]):
    """Rows over an index, which nobody else changes while it is shown."""

    pane_name = "runs"

    class Moved(Message):
        """Another row is under the cursor."""

    class InView(Message):
        """Other runs than before are in view."""

    def __init__(
        self,
        look: Look,
        nothing: Callable[[], str],
        *,
        flow: str | None = None,
        id: str | None = None,  # noqa: A002
    ) -> None:
        """`nothing` says why there are no rows; `flow` is the only one whose runs are listed."""
        super().__init__(id=id)
        self._look, self._nothing, self._flow = look, nothing, flow
        self.index = RunIndex()
        self._now = Ms(0)
        self._wanted: RunKey | None = None
        self._by_hand = False
        self._in_view: tuple[RunKey, ...] = ()
        self._columns = Columns()
        self._widest = measured((), {})
        self._strips: LRUCache[RunKey, tuple[object, Strip]] = LRUCache(_CACHED_ROWS)

    @property
    def current(self) -> RunSummary | Group | None:
        """What is under the cursor."""
        at = self._cursor_at
        return self.index[at] if at is not None and at < len(self.index) else None

    @property
    def in_view(self) -> tuple[RunKey, ...]:
        """The runs in view, from top to bottom."""
        return self._in_view

    def start_anew(self) -> None:
        """Forget all runs, but not what is asked of them."""
        old, self.index = self.index, RunIndex()
        self.index.sort(old.order, reverse=old.reverse)
        self.index.group(old.grouping)
        self.index.filter(old.text, old.states)
        self._cursor = self._cursor_at = None
        self._widest = measured((), {})
        self._by_hand = False
        self.scroll_to(0, 0, animate=False)
        self._measure()

    def want(self, run: RunKey) -> None:
        """Put the cursor on this run as soon as it is listed, unless a person moves it before."""
        self._wanted = run

    def update(self, changes: RunListChanges) -> None:
        """Take in what a poll found; what is under the cursor or in view stays where it is."""
        self._now = changes.now
        anchor = self._anchor()
        self._widest = measured(changes.runs, self._widest)
        if self.index.apply(changes) or self._fitting() != self._columns:
            self._moved_from(anchor)
        elif self.index.grouping is not Grouping.NONE:
            self.refresh()
        else:
            self._repaint_changed()
        self._go_to_wanted()

    def tick(self, now: Ms) -> None:
        """Move ages and running times of visible rows."""
        self._now = now
        anchor = self._anchor()
        if self.index.tick(now):
            self._moved_from(anchor)
        else:
            self._repaint_changed()

    def set_filter(
        self, *, text: str | None = None, states: Collection[State] | None = None
    ) -> None:
        """Leave only the runs that pass; the cursor stays on its run if that is left."""
        index = self.index
        index.filter(
            index.text if text is None else text, index.states if states is None else states
        )
        self._rearranged()

    def sort(self, order: Order, *, reverse: bool) -> None:
        """Order the runs; a cursor that was on the first row is so again."""
        on_first = self._cursor_at == 0
        self.index.sort(order, reverse=reverse)
        self._rearranged(0 if on_first else None)

    def group(self, by: Grouping) -> None:
        """Put the runs together by this; the cursor stays on its run."""
        on_first = self._cursor_at == 0
        self.index.group(by)
        self._rearranged(0 if on_first else None)

    def toggle_fold(self) -> None:
        """Fold the group under the cursor, or unfold it."""
        current = self.current
        if isinstance(current, Group):
            self._fold(current.name, not current.folded)

    def action_scroll_left(self) -> None:
        """Fold the group that the cursor is in; the cursor goes to its head."""
        name = self._cursor if isinstance(self._cursor, str) else None
        if name is None and self._cursor is not None:
            name = self.index.group_of(self._cursor)  # type: ignore[arg-type]
        if name is not None:
            self._cursor = name
            self._fold(name, True)

    def action_scroll_right(self) -> None:
        """Unfold the group under the cursor."""
        if isinstance(self.current, Group):
            self._fold(self.current.name, False)

    def _fold(self, name: str, folded: bool) -> None:
        self.index.fold(name, folded)
        self._rearranged()

    def _rearranged(self, row: int | None = None) -> None:
        before = self._cursor_at or 0
        self._measure()
        if row is None:
            row = self._cursor_row()
        self._place_cursor(before if row is None else row, by_hand=True)

    def _go_to_wanted(self) -> None:
        row = self.index.place(self._wanted) if self._wanted and not self._by_hand else None
        if row is not None:
            self._wanted = None
            self._place_cursor(row, by_hand=False)

    def _repaint_changed(self) -> None:
        for row in self._visible():
            item = self.index[row]
            known = self._strips.get(item.key) if isinstance(item, RunSummary) else None
            if isinstance(item, RunSummary) and (
                known is None or known[0] != self._drawn(item, row)
            ):
                self._repaint(row)

    # What the list asks

    @property
    def row_count(self) -> int:
        """How many rows there are, those of groups among them."""
        return len(self.index)

    def _id_at(self, row: int) -> RowId:
        return self.index.id_at(row)

    def _place(self, row_id: RowId) -> int | None:
        return self.index.place(row_id)

    def _header(self) -> Text:
        return self._columns.header(self.index.order, self.index.reverse, self._look)

    def _reason_for_nothing(self) -> str:
        return self._nothing()

    def _draw(self, row: int, cursor: bool, base: Style) -> Strip:
        item, dim = self.index[row], self._muted(cursor=cursor)
        if isinstance(item, Group):
            return self._line(group_row(item, self._look, dim, cursor=cursor), base)
        key = self._drawn(item, row)
        known = self._strips.get(item.key)
        if known is not None and known[0] == key:
            return known[1]
        text = self._columns.row(item, self._look, dim, now=self._now, cursor=cursor)
        strip = self._line(text, base)
        self._strips[item.key] = (key, strip)
        return strip

    def _drawn(self, run: RunSummary, row: int) -> tuple[object, ...]:
        """What a row shows: it is drawn anew once that differs."""
        times = (told_age(run, self._now), told_took(run, self._now))
        cursor = row == self._cursor_at and (1 + self.has_focus)
        drawn_for = (self._columns, self._look.dark, self.size.width)
        return (run, *times, cursor, self.app.theme, *drawn_for)

    def _fitting(self) -> Columns:
        by_flow = self.index.grouping is Grouping.FLOW or self._flow is not None
        by_user = self.index.grouping is Grouping.USER
        without = [name for name, is_so in (("flow", by_flow), ("user", by_user)) if is_so]
        within = self.index.grouping is not Grouping.NONE
        return Columns.fitting(self._widest, self.size.width, without=without, within=within)

    def _fit(self) -> None:
        self._columns = self._fitting()

    def _tell_moved(self, by_hand: bool) -> None:
        self._by_hand = self._by_hand or by_hand
        self.post_message(self.Moved())

    def _tell_view(self, rows: range) -> None:
        items = (self.index[row] for row in rows)
        keys = tuple(item.key for item in items if isinstance(item, RunSummary))
        if keys != self._in_view:
            self._in_view = keys
            self.post_message(self.InView())
