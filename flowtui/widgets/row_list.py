"""A list drawn by line over an index: what is not visible costs nothing."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Generic, TypeVar

from rich.style import Style
from rich.text import Text
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from flowtui.commands import Scope, bindings
from flowtui.widgets.extent import LineView

Id = TypeVar("Id", bound=Hashable)


class RowList(LineView, Generic[Id], can_focus=True):
    """Rows under a header, one of them under the cursor, which stays on what the row is about.

    Who derives from it says how many rows there are, what each is told by, and draws them.
    """

    BINDINGS = bindings(Scope.LIST)
    COMPONENT_CLASSES = {"row-list--cursor", "row-list--header", "row-list--dim"}
    DEFAULT_CSS = """
    RowList { background: $surface; overflow-x: hidden; scrollbar-size-vertical: 1; }
    RowList > .row-list--cursor { background: $primary 25%; }
    RowList:focus > .row-list--cursor { background: $primary 60%; }
    RowList > .row-list--header { color: $foreground-muted; text-style: underline; }
    RowList > .row-list--dim { color: $foreground-muted; }
    """

    class Opened(Message):
        """The row under the cursor was double-clicked."""

    class HeadingClicked(Message):
        """The name of a column was clicked."""

        def __init__(self, column: str) -> None:
            super().__init__()
            self.column = column

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.header_rows = 1
        self._cursor: Id | None = None
        self._cursor_at: int | None = None
        self._view_due = False

    # What is listed

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        raise NotImplementedError

    def _id_at(self, row: int) -> Id:
        """What a row is about."""
        raise NotImplementedError

    def _place(self, row_id: Id) -> int | None:
        """The row about this, None when there is none."""
        raise NotImplementedError

    def _header(self) -> Text:
        """The names of the columns."""
        raise NotImplementedError

    def _reason_for_nothing(self) -> str:
        """Why there are no rows: safe to show, maybe more than one line."""
        raise NotImplementedError

    def _draw(self, row: int, cursor: bool, base: Style) -> Strip:
        """A row, with `_line`."""
        raise NotImplementedError

    def _fit(self) -> None:
        """Take over the width and what is widest in the columns."""

    def _tell_moved(self, by_hand: bool) -> None:
        """Say that something else is under the cursor."""
        raise NotImplementedError

    def _tell_view(self, rows: range) -> None:
        """Say what is in view, unless it is the same as before."""
        raise NotImplementedError

    # Moving

    def action_scroll_down(self) -> None:
        self._move(1)

    def action_scroll_up(self) -> None:
        self._move(-1)

    def action_scroll_home(self) -> None:
        self._place_cursor(0, by_hand=True)

    def action_scroll_end(self) -> None:
        self._place_cursor(self.row_count - 1, by_hand=True)

    def action_page_down(self) -> None:
        self._move(max(1, self._room() - 1))

    def action_page_up(self) -> None:
        self._move(-max(1, self._room() - 1))

    def on_click(self, event: Click) -> None:
        within = event.get_content_offset(self)
        if within is None:
            return
        if within.y < self.header_rows:
            self._tell_heading(self._header_line(within.y).text, within.x)
            return
        row = within.y - self.header_rows + self.scroll_offset.y
        if row < self.row_count:
            self._choose(row, within.x)
            if event.chain == 2:
                self.post_message(self.Opened())

    def _tell_heading(self, headings: str, x: int) -> None:
        for heading in re.finditer(r"(\w+)\W?", headings):
            if heading.start() <= x < heading.end():
                self.post_message(self.HeadingClicked(heading[1]))

    def _choose(self, row: int, x: int) -> None:  # noqa: ARG002
        """A row was clicked, at this cell of it."""
        self._place_cursor(row, by_hand=True)

    def on_resize(self, _event: Resize) -> None:
        self._measure()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._look_again()

    def _move(self, rows: int) -> None:
        self._place_cursor((self._cursor_at or 0) + rows, by_hand=True)

    def _place_cursor(self, row: int, *, by_hand: bool) -> None:
        before, left = self._cursor, self._cursor_at
        if not self.row_count:
            self._cursor = self._cursor_at = None
        else:
            self._cursor_at = row = max(0, min(row, self.row_count - 1))
            self._cursor = self._id_at(row)
            self._reveal(row)
        if self._cursor != before or before is None:
            for at in (left, self._cursor_at):
                if at is not None:
                    self._repaint(at)
            self._tell_moved(by_hand)

    def _cursor_row(self) -> int | None:
        return self._place(self._cursor) if self._cursor is not None else None

    def _reveal(self, row: int) -> None:
        top, room = self.scroll_offset.y, self._room()
        if row < top:
            self.scroll_to(y=row, animate=False)
        elif row >= top + room:
            self.scroll_to(y=row - room + 1, animate=False)

    # Drawing

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y < self.header_rows:
            return self._header_line(y)
        row = y - self.header_rows + self.scroll_offset.y
        if row >= self.row_count:
            # `row` is the line of the reason, which stands where the rows would.
            reason = [] if self.row_count else self._reason_for_nothing().splitlines()
            if row < len(reason):
                return self._line(Text(f"  {reason[row]}"), self.rich_style + self._muted())
            return Strip.blank(width, self.rich_style)
        cursor = row == self._cursor_at
        base = self.get_component_rich_style("row-list--cursor") if cursor else self.rich_style
        return self._draw(row, cursor, base)

    def _header_line(self, _y: int) -> Strip:
        """A line above the rows."""
        return self._line(self._header(), self.get_component_rich_style("row-list--header"))

    def _muted(self, *, cursor: bool = False) -> Style:
        """How what matters less is drawn; on the cursor's background as all else, to be read."""
        if cursor:
            return Style.null()
        return Style(color=self.get_component_rich_style("row-list--dim").color)

    def _line(self, text: Text, base: Style) -> Strip:
        width = self.size.width
        text.no_wrap, text.end = True, ""
        text.truncate(width, overflow="ellipsis", pad=True)
        text.stylize_before(base)
        return Strip(text.render(self.app.console), width)

    def _measure(self) -> None:
        self._fit()
        self.set_extent(Size(self.size.width, self.row_count + self.header_rows))
        self._look_again()
        self.refresh()

    def _room(self) -> int:
        """How many rows fit."""
        return max(1, self.size.height - self.header_rows)

    def _visible(self) -> range:
        top = self.scroll_offset.y
        return range(top, min(top + self._room(), self.row_count))

    def _repaint(self, row: int) -> None:
        if row in self._visible():
            y = row - self.scroll_offset.y + self.header_rows
            self.refresh(Region(0, y, self.size.width, 1))

    def _anchor(self) -> tuple[Id, int] | None:
        """What is to stay where it is when rows come and go, and its row: what is under the cursor,
        or at the top of the pane where the cursor is out of view."""
        visible, at = self._visible(), self._cursor_at
        if self._cursor is not None and at is not None and at in visible:
            return self._cursor, at
        return (self._id_at(visible[0]), visible[0]) if visible else None

    def _moved_from(self, anchor: tuple[Id, int] | None) -> None:
        """Rows came, went or moved: keep the anchor, taken before, where it is in the pane.

        At the top of the list the list stands still instead, so that what becomes first is seen.
        """
        top, before = self.scroll_offset.y, self._cursor_at
        self._measure()
        self._cursor_at = row = self._cursor_row()
        if row is None:
            self._place_cursor(before or 0, by_hand=False)
            return
        if anchor is None:
            return
        now_at = self._place(anchor[0])
        if top and now_at is not None:
            self.scroll_to(y=max(0, now_at - (anchor[1] - top)), animate=False)
        if anchor[0] == self._cursor:
            self._reveal(row)

    def _look_again(self) -> None:
        """Say what is in view once all that is due has been done."""
        if not self._view_due:
            self._view_due = True
            self.call_after_refresh(self._tell)

    def _tell(self) -> None:
        self._view_due = False
        self._tell_view(self._visible())
