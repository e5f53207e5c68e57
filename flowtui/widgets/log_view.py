"""A log: follows its end, scrolls and wraps; draws only the lines in view."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.cache import LRUCache
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.selection import Selection
from textual.strip import Strip

from flowtui.logs.document import LogDocument
from flowtui.logs.drawing import Inks
from flowtui.logs.hits import Place
from flowtui.logs.tails import Growth, Tail
from flowtui.widgets.extent import LineView

MOST_COPIED = 10_000
"""Lines that are copied at once, the last ones: a clipboard is no place for a whole log."""

_CACHED_LINES = 512
_COLUMNS_PER_STEP = 8
_SETTLING_TURNS = 8


class LogView(LineView, can_focus=True):
    """The log that a tail follows, or a note that says why there is none.

    Keys are the app's: every action is an `action_…` method, and only what a scrollable widget
    binds of its own (arrows, page keys, home, end) works without it.
    """

    ALLOW_SELECT = True
    COMPONENT_CLASSES = {
        "log-view--time",
        "log-view--label",
        "log-view--stderr",
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
        & > .log-view--label { color: $text-secondary; }
        & > .log-view--stderr { color: $error; }
        & > .log-view--note { color: $foreground-muted; text-style: italic; }
        & > .log-view--match { background: $warning 30%; text-style: underline; }
        & > .log-view--current-match { background: $warning; color: $text; text-style: bold; }
        & > .log-view--target { background: $error 20%; }
    }
    """

    note: reactive[Content | str | None] = reactive(None)
    """Shown, centred, as long as there is no line."""

    class Changed(Message):
        """Following, wrapping, the timestamps or what is marked: what a title would show."""

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
        self.document = LogDocument()
        self.set_reactive(LogView.note, note)
        self.wrap = False
        """Whether long lines fold to the width of the view."""
        self._following = True
        self._widest = 0
        self._placing = False
        self._strips: LRUCache[Place, list[Strip]] = LRUCache(_CACHED_LINES)
        self._inks: dict[Style, Inks] = {}
        self._painted: tuple[Style, int] | None = None
        self._wrapped: tuple[Content | str | None, int, Sequence[Content]] | None = None
        self._announced: object = None

    # What is shown

    @property
    def line_count(self) -> int:
        """Lines known; of a long log that is opened at its end their number grows."""
        return self.document.line_count

    @property
    def following(self) -> bool:
        """Whether the view moves on to new lines as they come."""
        return self._following

    @property
    def timestamps(self) -> bool:
        """Whether each line shows its local time."""
        return self.document.looks.timestamps

    @property
    def pretty(self) -> bool:
        """Whether lines of JSON are spread over rows."""
        return self.document.looks.pretty

    def clear(self, note: Content | str | None = None, tail: Tail | None = None) -> None:
        """Forget all lines, follow again, and go on with another tail's; looks stay."""
        self.document.clear(tail)
        self.note = note
        self._following = True
        self._widest = 0
        self._redraw((Place(0, 0), 0))

    def grow(self, growth: Growth) -> None:
        """Take in what the tail found; the view stays where it is unless it follows."""
        top, looks = self._top(), self.document.looks
        self.document.grow(growth)
        if self.document.looks != looks:
            # Sources came: the lines of all are labelled now, or wider.
            self._redraw(top)
        if growth.restarted:
            self._strips.clear()
        changed = {block.at for block in growth.blocks}.union(growth.gone)
        known = self._strips.keys()
        for place in [place for place in known if place.at in changed]:
            self._strips.discard(place)
        self._place(top)

    # Moving and looks

    def action_follow(self) -> None:
        """Go to the end and stay there."""
        self._following = True
        self._jump(self.max_scroll_y)
        self._announce()

    def action_scroll_end(self) -> None:
        self.action_follow()

    # Not animated: an animation ends at a row, which may be another line's by then.

    def action_scroll_down(self) -> None:
        self.scroll_relative(y=1, animate=False)

    def action_scroll_up(self) -> None:
        self.scroll_relative(y=-1, animate=False)

    def action_scroll_home(self) -> None:
        self.scroll_to(y=0, animate=False, force=True)

    def action_page_down(self) -> None:
        self.scroll_page_down(animate=False)

    def action_page_up(self) -> None:
        self.scroll_page_up(animate=False)

    def action_scroll_left(self) -> None:
        self.scroll_relative(x=-_COLUMNS_PER_STEP, animate=False)

    def action_scroll_right(self) -> None:
        self.scroll_relative(x=_COLUMNS_PER_STEP, animate=False)

    def action_toggle_timestamps(self) -> None:
        top = self._top()
        self.document.lay_out(timestamps=not self.timestamps)
        self._widest = 0
        self._redraw(top)

    def action_toggle_pretty(self) -> None:
        top = self._top()
        self.document.lay_out(pretty=not self.pretty)
        self._widest = 0
        self._redraw(top)

    def action_toggle_wrap(self) -> None:
        top = self._top()
        self.wrap = not self.wrap
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
        self._settle()
        self._announce()

    def on_resize(self, _event: events.Resize) -> None:
        if self.wrap:
            self._redraw(self._top())
        else:
            self._place(self._top())

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._inks.clear()
        self._strips.clear()

    # Copying

    def selected_text(self) -> str | None:
        """What is selected with the mouse; None when nothing is."""
        selection = self.text_selection
        return None if selection is None else self.get_selection(selection)[0]

    def last_text(self) -> str:
        """The last lines, `MOST_COPIED` at most, as shown, without colours and timestamps."""
        return "\n".join(self.document.last_lines(MOST_COPIED))

    def get_selection(self, selection: Selection) -> tuple[str, str]:
        """The selected text, and the newline that Textual puts after it."""
        if selection.start is None and selection.end is None:
            return self.last_text(), "\n"
        first = selection.start.y if selection.start else 0
        last = selection.end.y if selection.end else self.document.row_count - 1
        last = min(last, first + MOST_COPIED)
        return self.document.text_between(first, last, selection.get_span), "\n"

    def selection_updated(self, _selection: Selection | None) -> None:
        self.refresh()

    # Placing

    @property
    def _columns(self) -> int:
        """Cells that a row has, the scrollbar's apart; 0 while nothing is shown."""
        return self.scrollable_content_region.width if self.size.width else 0

    def _top(self) -> tuple[Place, int]:
        """The line at the top of the view, and which part of it is there."""
        return self.document.locate(self.scroll_offset.y)

    def _redraw(self, top: tuple[Place, int]) -> None:
        """The lines look different now."""
        self._strips.clear()
        self.document.fit(self._columns, wrap=self.wrap)
        self._place(top)

    def _place(self, top: tuple[Place, int]) -> None:
        """There are other rows now: keep the line at the top in its place, or the end in view."""
        if not self.is_attached:
            return
        # Where rows are estimates, those around the view are counted, which may move it.
        for _ in range(_SETTLING_TURNS):
            self._placing = True
            self.set_extent(Size(0 if self.wrap else self._widest, self.document.row_count))
            self._placing = False
            row = self.max_scroll_y if self._following else self.document.row_of(*top)
            if not self._measure(row):
                break
        # New lines must not catch someone who is just being scrolled away from the end.
        moving = self.app.animator.is_being_animated(self, "scroll_y")
        if row != round(self.scroll_y) and not moving:
            self._jump(row)
        self.refresh()
        self._announce()

    def _settle(self) -> None:
        """Count the rows around the view, and keep it where it is."""
        if not self.document.looks.in_one_row:
            top = self._top()
            if self._measure(self.scroll_offset.y):
                self._place(top)

    def _measure(self, row: int) -> bool:
        """Count the rows a page before and behind the view, were it at `row`."""
        height = max(1, self.size.height)
        return self.document.measure(row - height, row + 2 * height)

    def go_to(self, place: Place) -> None:
        """Bring a line into view, and stop following: it is to be read."""
        self._following = False
        for _ in range(_SETTLING_TURNS):
            row = self.document.row_of(place)
            if not self._measure(row):
                break
        self._place(self._top())
        row = self.document.row_of(place)
        if not self.scroll_offset.y <= row < self.scroll_offset.y + self.size.height:
            self._jump(max(0, row - self.size.height // 3))
            self._settle()

    def _jump(self, row: int) -> None:
        """Scroll without taking it for someone's wish to stop or start following."""
        self._placing = True
        self.scroll_to(y=row, animate=False, force=True)
        self._placing = False

    def reveal_match(self, place: Place) -> None:
        """Scroll sideways to the first match in a line."""
        if self.wrap:
            return
        start, end, line_end = self.document.first_match(place)
        # The line may not have been drawn yet, and so not have made room for itself.
        self._widen(line_end)
        width, left = self._columns, self.scroll_offset.x
        if start < left or end > left + width:
            x = 0 if end <= width else max(0, start - width // 3)
            self.scroll_to(x=x, animate=False, force=True)

    def _widen(self, width: int) -> None:
        if not self.wrap and width > self._widest:
            self._widest = width
            self._place(self._top())

    def _state(self) -> object:
        return (
            self._following,
            None if self._following else self.scroll_offset.y,
            self.line_count,
            self.document.looks,
        )

    def _announce(self) -> None:
        state = self._state()
        if state != self._announced:
            self._announced = state
            self.post_message(self.Changed(self))

    # Drawing

    def render_lines(self, crop: Region) -> list[Strip]:
        # What each line asks for, and Textual works out anew each time.
        self._painted = self.rich_style, self._columns
        try:
            return super().render_lines(crop)
        finally:
            self._painted = None

    def render_line(self, y: int) -> Strip:
        base, width = self._painted or (self.rich_style, self._columns)
        if not self.document.row_count:
            return self._note_strip(y)
        left, top = self.scroll_offset
        row = top + y
        if row >= self.document.row_count:
            return Strip.blank(width, base)
        strip, base = self._row(row, base)
        selection = self.text_selection
        if selection and (span := selection.get_span(row)):
            strip = self._selected(strip, *span)
        return strip.crop_extend(left, left + width, base).apply_offsets(left, row)

    def _row(self, row: int, base: Style) -> tuple[Strip, Style]:
        """A row, and the style of what is right of it, `base` but for a line that stands out."""
        place, part = self.document.locate(row)
        if place == self.document.target:
            base = self.get_component_rich_style("log-view--target")
        strips = self._strips.get(place)
        if strips is None:
            strips = self._strips[place] = self._draw(place, base)
            widest = max(strip.cell_length for strip in strips)
            if widest > self._widest:
                self.call_later(self._widen, widest)
        return strips[min(part, len(strips) - 1)], base

    def _draw(self, place: Place, base: Style) -> list[Strip]:
        inks = self._inks.get(base)
        if inks is None:
            inks = self._inks[base] = Inks(
                base=base,
                time=self._ink("time"),
                label=self._ink("label"),
                stderr=self._ink("stderr"),
                note=self._ink("note"),
                match=self.get_component_rich_style("log-view--match"),
                current_match=self.get_component_rich_style("log-view--current-match"),
            )
        console = self.app.console
        return [Strip(row.render(console)) for row in self.document.draw(place, inks)]

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
        width, height = self._columns, self.size.height
        lines = self._note_lines(width)
        at = y - max(0, height - len(lines)) // 2
        if not 0 <= at < len(lines):
            return Strip.blank(width, self.rich_style)
        strip = Strip(lines[at].rstrip().render_segments(self.get_visual_style("log-view--note")))
        return strip.text_align(width, "center").apply_style(self.rich_style)
