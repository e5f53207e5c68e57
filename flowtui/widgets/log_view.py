"""One stream's log: follows its end, scrolls, wraps, searches; draws only the lines in view."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.cache import LRUCache
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from flowtui.logs.document import LogDocument
from flowtui.logs.drawing import Inks
from flowtui.logs.mflog import LogLine
from flowtui.logs.search import Match
from flowtui.widgets.extent import set_extent

_CACHED_LINES = 512
_COLUMNS_PER_STEP = 8


class LogView(ScrollView, can_focus=True):
    """The lines of a log, or a note that says why there are none.

    Keys are the app's: every action is an `action_…` method, and only what a scrollable widget
    binds of its own (arrows, page keys, home, end) works without it.
    """

    ALLOW_SELECT = True
    COMPONENT_CLASSES = {
        "log-view--time",
        "log-view--note",
        "log-view--match",
        "log-view--current-match",
        "log-view--target",
    }
    DEFAULT_CSS = """
    LogView {
        background: $surface;
        color: $foreground;
        scrollbar-gutter: stable;
        scrollbar-size: 1 1;
        & > .log-view--time { color: $foreground-muted; }
        & > .log-view--note { color: $foreground-muted; text-style: italic; }
        & > .log-view--match { background: $warning 30%; text-style: underline; }
        & > .log-view--current-match { background: $warning; color: $text; text-style: bold; }
        & > .log-view--target { background: $error 20%; }
    }
    """

    note: reactive[Content | str | None] = reactive(None)
    """Shown, centred, as long as there is no line."""

    class Changed(Message):
        """Following, the search, wrapping or the timestamps changed: what a title would show."""

        def __init__(self, view: LogView) -> None:
            super().__init__()
            self.view = view

        @property
        def control(self) -> LogView:
            return self.view

    def __init__(
        self,
        note: Content | str | None = None,
        *,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._log = LogDocument()
        self.set_reactive(LogView.note, note)
        self._following = True
        self._widest = 0
        self._placing = False
        self._strips: LRUCache[int, list[Strip]] = LRUCache(_CACHED_LINES)
        self._wrapped: tuple[Content | str | None, int, Sequence[Content]] | None = None
        self._announced = self._state()

    # What is shown

    @property
    def skipped(self) -> int:
        """Bytes before the first line that were never loaded; told in a row before it."""
        return self._log.skipped

    @skipped.setter
    def skipped(self, skipped: int) -> None:
        top = self._top()
        self._log.skipped = skipped
        self._place(top)

    @property
    def line_count(self) -> int:
        """Lines held; those dropped are not counted."""
        return len(self._log.lines)

    @property
    def dropped(self) -> int:
        """Lines that were held once and had to make room for newer ones."""
        return self._log.lines.first

    @property
    def following(self) -> bool:
        """Whether the view moves on to new lines as they come."""
        return self._following

    @property
    def timestamps(self) -> bool:
        """Whether each line shows its local time."""
        return self._log.timestamps

    @property
    def wrap(self) -> bool:
        """Whether long lines fold to the width of the view."""
        return self._log.wrap

    @property
    def search_summary(self) -> str:
        """`3/17` for the third of 17 matches, empty without a search."""
        return self._log.search.summary if self._log.search else ""

    def clear(self, note: Content | str | None = None) -> None:
        """Forget all lines and follow again; wrapping, timestamps and the pattern stay."""
        self._log.clear()
        self.note = note
        self._following = True
        self._widest = 0
        self._redraw((0, 0))

    def append(self, lines: Sequence[LogLine]) -> None:
        """Show newer lines below the others; the view stays where it is unless it follows."""
        if lines:
            top = self._top()
            self._log.append(lines)
            self._place(top)

    # Searching

    def search(self, pattern: str) -> None:
        """Mark all matches and go to the first in or after view, or else the last before it.

        A regular expression, minding case when it has an upper-case letter; an empty one ends the
        search.
        """
        self._log.look_for(pattern)
        if self._log.search:
            self._go_to_match(self._log.search.start_at(self._top()[0]))
        self._redraw(self._top())

    def action_next_match(self) -> None:
        self._step_match(forward=True)

    def action_previous_match(self) -> None:
        self._step_match(forward=False)

    def _step_match(self, *, forward: bool) -> None:
        if self._log.search:
            self._go_to_match(self._log.search.step(forward, self._top()[0]))
            self._redraw(self._top())

    def _go_to_match(self, match: Match | None) -> None:
        if match is None:
            return
        self._go_to(match.line, match.start)
        if not self.wrap:
            self._reveal_columns(match)

    def action_next_error(self) -> None:
        self._go_to_error(1)

    def action_previous_error(self) -> None:
        self._go_to_error(-1)

    def _go_to_error(self, step: int) -> None:
        """From the last one when it is in view, else from the edge of the view inwards."""
        rows = self._log.rows
        bottom = min(self.scroll_offset.y + self.size.height, len(rows)) - 1
        first, last = self._top()[0], rows.locate(bottom)[0]
        start = first if step > 0 else last
        target = self._log.target
        if target is not None and first <= target <= last:
            start = target + step
        found = self._log.lines.error_from(start, step)
        if found is None:
            self.notify("No line of this log looks like an error.", markup=False, timeout=3)
            return
        self._log.target = found
        self._go_to(found)
        self._redraw(self._top())

    # Moving and looks

    def action_follow(self) -> None:
        """Go to the end and stay there."""
        self._following = True
        self._jump(self.max_scroll_y)
        self._announce()

    def action_scroll_end(self) -> None:
        self.action_follow()

    def action_scroll_left(self) -> None:
        self.scroll_relative(x=-_COLUMNS_PER_STEP, animate=False)

    def action_scroll_right(self) -> None:
        self.scroll_relative(x=_COLUMNS_PER_STEP, animate=False)

    def action_toggle_timestamps(self) -> None:
        top = self._top()
        self._log.timestamps = not self.timestamps
        self._widest = 0
        self._redraw(top)

    def action_toggle_wrap(self) -> None:
        top = self._top()
        self._log.wrap = not self.wrap
        self._redraw(top)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if self._placing:
            return
        at_end = round(new_value) >= self.max_scroll_y
        if new_value < old_value and not at_end:
            self._following = False
        elif new_value > old_value and at_end:
            self._following = True
        self._announce()

    def on_resize(self, _event: events.Resize) -> None:
        if self.wrap:
            self._redraw(self._top())
        else:
            self._place(self._top())

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()

    # Copying

    def selected_text(self) -> str | None:
        """What is selected with the mouse; None when nothing is."""
        selection = self.text_selection
        return None if selection is None else self.get_selection(selection)[0]

    def all_text(self) -> str:
        """Every line held, as shown, without colours and timestamps."""
        return "\n".join(self._log.lines.texts())

    def get_selection(self, selection: Selection) -> tuple[str, str]:
        """The selected text, and the newline that Textual puts after it."""
        if selection.start is None and selection.end is None:
            return self.all_text(), "\n"
        first = selection.start.y if selection.start else 0
        last = selection.end.y if selection.end else len(self._log.rows)
        return self._log.text_between(first, last, selection.get_span), "\n"

    def selection_updated(self, _selection: Selection | None) -> None:
        self.refresh()

    # Placing

    def _top(self) -> tuple[int, int]:
        """The number of the line at the top of the view, and which part of it is there."""
        return self._log.rows.locate(self.scroll_offset.y)

    def _redraw(self, top: tuple[int, int]) -> None:
        """The lines look different now."""
        self._strips.clear()
        self._log.lay_out(self.size.width)
        self._place(top)

    def _place(self, top: tuple[int, int]) -> None:
        """There are other rows now: keep the line at the top in its place, or the end in view."""
        if not self.is_attached:
            return
        rows = self._log.rows
        rows.header = int(bool(self._log.missing()))
        self._placing = True
        set_extent(self, Size(0 if self.wrap else self._widest, len(rows)))
        self._placing = False
        row = self.max_scroll_y if self._following else rows.row_of(*top)
        # New lines must not catch someone who is just being scrolled away from the end.
        moving = self.app.animator.is_being_animated(self, "scroll_y")
        if row != round(self.scroll_y) and not moving:
            self._jump(row)
        self.refresh()
        self._announce()

    def _go_to(self, number: int, character: int = 0) -> None:
        """Bring a line into view, and stop following: it is to be read."""
        row = self._log.row_of(number, character)
        self._following = False
        if not self.scroll_offset.y <= row < self.scroll_offset.y + self.size.height:
            self._jump(max(0, row - self.size.height // 3))

    def _jump(self, row: int) -> None:
        """Scroll without taking it for someone's wish to stop or start following."""
        self._placing = True
        self.scroll_to(y=row, animate=False, force=True)
        self._placing = False

    def _reveal_columns(self, match: Match) -> None:
        start, end, line_end = self._log.cells_of(match)
        # The line may not have been drawn yet, and so not have made room for itself.
        self._widen(line_end)
        width, left = self.size.width, self.scroll_offset.x
        if start < left or end > left + width:
            x = 0 if end <= width else max(0, start - width // 3)
            self.scroll_to(x=x, animate=False, force=True)

    def _widen(self, width: int) -> None:
        if not self.wrap and width > self._widest:
            self._widest = width
            self._place(self._top())

    def _state(self) -> tuple[object, ...]:
        return self._following, self.search_summary, self.timestamps, self.wrap

    def _announce(self) -> None:
        state = self._state()
        if state != self._announced:
            self._announced = state
            self.post_message(self.Changed(self))

    # Drawing

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if not self.line_count:
            return self._note_strip(y)
        left, top = self.scroll_offset
        row = top + y
        if row >= len(self._log.rows):
            return Strip.blank(width, self.rich_style)
        strip, base = self._row(row)
        selection = self.text_selection
        if selection and (span := selection.get_span(row)):
            strip = self._selected(strip, *span)
        return strip.crop_extend(left, left + width, base).apply_offsets(left, row)

    def _row(self, row: int) -> tuple[Strip, Style]:
        """A row, and the style of what is right of it."""
        rows = self._log.rows
        base = self.rich_style
        if row < rows.header:
            return Strip([Segment(self._log.missing(), base + self._ink("note"))]), base
        number, part = rows.locate(row)
        if number == self._log.target:
            base = self.get_component_rich_style("log-view--target")
        strips = self._strips.get(number)
        if strips is None:
            strips = self._strips[number] = self._draw(number, base)
            if strips[0].cell_length > self._widest:
                self.call_later(self._widen, strips[0].cell_length)
        return strips[min(part, len(strips) - 1)], base

    def _draw(self, number: int, base: Style) -> list[Strip]:
        inks = Inks(
            base=base,
            time=self._ink("time"),
            note=self._ink("note"),
            match=self.get_component_rich_style("log-view--match"),
            current_match=self.get_component_rich_style("log-view--current-match"),
        )
        console = self.app.console
        return [Strip(row.render(console)) for row in self._log.draw(number, inks)]

    def _ink(self, component: str) -> Style:
        """A component's style without its background."""
        style = self.get_component_rich_style(f"log-view--{component}")
        return style.without_color + Style(color=style.color)

    def _selected(self, strip: Strip, start: int, end: int) -> Strip:
        """`strip` with the characters from `start` to `end` (-1: all that follow) marked."""
        length = strip.cell_length
        cells = [length if at < 0 else strip.index_to_cell_position(at) for at in (start, end)]
        before, chosen, after = strip.divide([*sorted(cells), length])
        style = self.screen.get_component_rich_style("screen--selection")
        marked = Segment.apply_style(chosen, post_style=style)
        return Strip.join([before, Strip(marked, chosen.cell_length), after])

    def _note_lines(self, width: int) -> Sequence[Content]:
        """The note, wrapped: once, not for each of its rows."""
        if self._wrapped is None or self._wrapped[:2] != (self.note, width):
            note = self.note if isinstance(self.note, Content) else Content(self.note or "")
            lines = note.wrap(max(1, width)) if note else []
            self._wrapped = (self.note, width, lines)
        return self._wrapped[2]

    def _note_strip(self, y: int) -> Strip:
        width, height = self.size
        lines = self._note_lines(width)
        at = y - max(0, height - len(lines)) // 2
        if not 0 <= at < len(lines):
            return Strip.blank(width, self.rich_style)
        strip = Strip(lines[at].rstrip().render_segments(self.get_visual_style("log-view--note")))
        return strip.text_align(width, "center").apply_style(self.rich_style)
