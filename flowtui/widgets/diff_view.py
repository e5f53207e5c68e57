"""Two logs beside each other, or in one column where there is no room; equal lines are folded."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.cache import LRUCache
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from flowtui.commands import Scope, bindings
from flowtui.logs.diff import Comparison, Kind, Row
from flowtui.logs.folds import Line, Part, blocks, fold_text, picture
from flowtui.theme import Look
from flowtui.widgets.diff_marks import NARROW, halves, mark, marked
from flowtui.widgets.extent import LineView

_CACHED_TEXTS = 512
_COLUMNS_PER_STEP = 8
_ROWS_ABOVE = 4
"""What stays in view above a difference that was gone to."""

_LEFT, _RIGHT = 0, 1


class DiffView(LineView, can_focus=True):
    """The rows of a comparison, or a note as long as there is none."""

    ALLOW_SELECT = False
    pane_name = "differences"
    BINDINGS = bindings(Scope.LIST)
    COMPONENT_CLASSES = {
        "diff--number",
        "diff--current",
        "diff--rule",
        "diff--absent",
        "diff--fold",
        "diff--note",
        "diff--value",
        "diff--changed",
        "diff--removed",
        "diff--added",
        "diff--removed-words",
        "diff--added-words",
    }
    DEFAULT_CSS = """
    DiffView {
        background: $surface;
        color: $foreground;
        scrollbar-gutter: stable;
        scrollbar-size: 0 1;
        & > .diff--number { color: $foreground 40%; }
        & > .diff--current { color: $accent; text-style: bold; }
        & > .diff--rule { color: $foreground 25%; }
        & > .diff--absent { color: $foreground 12%; }
        & > .diff--fold { color: $foreground-muted; background: $foreground 6%; }
        & > .diff--note { color: $foreground-muted; text-style: italic; }
        & > .diff--value { color: $foreground 60%; text-style: italic; }
        & > .diff--changed { color: $text-warning; background: $warning 8%; text-style: bold; }
        & > .diff--removed { color: $text-error; background: $error 14%; text-style: bold; }
        & > .diff--added { color: $text-success; background: $success 14%; text-style: bold; }
        & > .diff--removed-words { background: $error 40%; text-style: bold; }
        & > .diff--added-words { background: $success 40%; text-style: bold; }
    }
    """

    class Moved(Message):
        """Another difference is the current one, or there are others."""

    def __init__(self, look: Look, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._look = look
        self._comparison = Comparison((), (), ())
        self._note = Content()
        self._numbers = False
        self._unfolded = False
        self._opened: set[int] = set()
        self._blocks: Sequence[range] = ()
        self._current = 0
        self._lines: Sequence[Line] = ()
        self._widest = 0
        self._texts: LRUCache[tuple[int, int], Strip] = LRUCache(_CACHED_TEXTS)

    @property
    def differences(self) -> Sequence[range]:
        """The runs of rows that count as different now."""
        return self._blocks

    @property
    def current(self) -> int:
        """Which difference was gone to last, counted from 0."""
        return self._current

    @property
    def numbers(self) -> bool:
        """Whether lines that differ in numbers, times and ids alone count as different."""
        return self._numbers

    @property
    def narrow(self) -> bool:
        """Whether both logs share one column."""
        return self.app.size.width < NARROW

    def show(self, comparison: Comparison | None, note: str = "") -> None:
        """Show a comparison from its first difference on; or a note where it has no rows."""
        self._comparison = comparison or Comparison((), (), ())
        self._note = Content(note)
        self._opened.clear()
        self._current = self._widest = 0
        self._judge()
        self._arrange()
        self.scroll_to(0, 0, animate=False, force=True)
        self._go_to(0)

    def go(self, step: int) -> None:
        """Go to the next difference (1) or the one before (-1), from what is in view."""
        if not self._blocks:
            return
        top = self.scroll_offset.y
        end = min(top + self.size.height, len(self._lines))
        if top <= self._line_of(self._blocks[self._current].start) < end:
            target = self._current + step
        elif step > 0:
            target = self._first_from(self._lines[top].row)
        else:
            target = self._first_from(self._lines[end - 1].row + 1) - 1
        self._go_to(max(0, min(target, len(self._blocks) - 1)))

    def toggle_unfolded(self) -> None:
        """Show all equal lines, or fold them again; what is looked at stays where it is."""
        held = self._held()
        self._unfolded = not self._unfolded
        self._opened.clear()
        self._rearrange(*held)

    def count_numbers(self, numbers: bool) -> None:
        """Let numbers, times and ids count from the next comparison on, or not."""
        self._numbers = numbers

    def toggle_numbers(self) -> None:
        """Let numbers, times and ids count, or not."""
        row, above = self._held()
        self._numbers = not self._numbers
        self._opened.clear()
        self._judge()
        self._rearrange(row, above)
        self._go_to(max(0, min(self._first_from(row), len(self._blocks) - 1)))

    def action_scroll_left(self) -> None:
        self.scroll_relative(x=-_COLUMNS_PER_STEP, animate=False)

    def action_scroll_right(self) -> None:
        self.scroll_relative(x=_COLUMNS_PER_STEP, animate=False)

    def on_click(self, event: events.Click) -> None:
        at = int(event.y) + self.scroll_offset.y
        if at < len(self._lines) and self._lines[at].part is Part.FOLD:
            self._opened.add(self._lines[at].row)
            self._rearrange(self._row_on(self.scroll_offset.y), 0)

    def on_resize(self, _event: events.Resize) -> None:
        # In one column, what has changed looks different.
        self._texts.clear()
        self._rearrange(*self._held())

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._texts.clear()

    # Placing

    def _judge(self) -> None:
        self._blocks = blocks(self._comparison, numbers=self._numbers)
        self._texts.clear()

    def _arrange(self) -> None:
        columns = 1 if self.narrow else 2
        self._lines = picture(
            self._comparison,
            self._blocks,
            unfolded=self._unfolded,
            opened=self._opened,
            columns=columns,
        )
        self._make_room()

    def _rearrange(self, row: int, above: int) -> None:
        """There are other lines now: leave a row where it is, with as many lines above it."""
        self._arrange()
        self.scroll_to(y=max(0, self._line_of(row) - above), animate=False, force=True)

    def _held(self) -> tuple[int, int]:
        """The row to hold in its place, and the lines above it: the difference that was gone to,
        or where it is out of view what is on top."""
        top = self.scroll_offset.y
        if self._blocks:
            row = self._blocks[self._current].start
            above = self._line_of(row) - top
            if 0 <= above < self.size.height:
                return row, above
        return self._row_on(top), 0

    def _row_on(self, line: int) -> int:
        return self._lines[line].row if line < len(self._lines) else 0

    def _make_room(self) -> None:
        width = self._columns
        room = min(halves(width)) if not self.narrow else width
        beyond = max(0, self._widest - max(1, room - self._gutter))
        self.set_extent(Size(width + beyond, len(self._lines)))
        self.refresh()

    def _line_of(self, row: int) -> int:
        """The line that shows a row, or the fold it is in."""
        at = bisect_left(self._lines, row, key=lambda line: line.row + line.rows - 1)
        while at < len(self._lines) - 1 and self._lines[at].part is Part.LEFT_OUT:
            at += 1
        return at

    def _first_from(self, row: int) -> int:
        """The first difference that starts at this row or after it."""
        return bisect_left(self._blocks, row, key=lambda block: block.start)

    def _go_to(self, number: int) -> None:
        self._current = number
        if self._blocks:
            block = self._blocks[number]
            first, last = self._line_of(block.start), self._line_of(block.stop - 1)
            top, height = self.scroll_offset.y, self.size.height
            if first < top or min(last, first + height - _ROWS_ABOVE) >= top + height:
                self.scroll_to(y=max(0, first - _ROWS_ABOVE), animate=False, force=True)
        self.refresh()
        self.post_message(self.Moved())

    @property
    def _columns(self) -> int:
        """Cells that a line has, the scrollbar's apart."""
        return self.scrollable_content_region.width

    @property
    def _gutter(self) -> int:
        """Cells before a text: a mark for the current difference, the line number, its kind."""
        return 1 + self._digits + 3

    @property
    def _digits(self) -> int:
        return len(str(max(len(self._comparison.left), len(self._comparison.right))))

    # Drawing

    def render_line(self, y: int) -> Strip:
        width = self._columns
        if not self._lines:
            return self._note_strip(y)
        at = self.scroll_offset.y + y
        if at >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        line = self._lines[at]
        if line.part in (Part.FOLD, Part.LEFT_OUT):
            return self._fold_strip(line, width)
        if self.narrow:
            return self._side(line, _LEFT if line.part is Part.LEFT else _RIGHT, width)
        left, right = halves(width)
        rule = Segment("|" if self._look.ascii else "│", self.rich_style + self._ink("rule"))
        sides = self._side(line, _LEFT, left), self._side(line, _RIGHT, right)
        return Strip.join([sides[0], Strip([rule], 1), sides[1]])

    def _side(self, line: Line, side: int, width: int) -> Strip:
        """One log's line: its gutter, and the part of its text that is in view."""
        number = line.right if side and line.right is not None else line.row
        row = self._comparison.rows[number]
        index = row.right if side else row.left
        if index is None:
            return self._absent(width)
        kind = self._kind_on(row, side, line.part)
        base = self._base(kind)
        current = self._blocks and number in self._blocks[self._current]
        bar = (">" if self._look.ascii else "▌") if current else " "
        colours = self.rich_style + Style(bgcolor=base.bgcolor)
        gutter = Strip(
            [
                Segment(bar, colours + self._ink("current")),
                Segment(f"{index + 1:{self._digits}} ", colours + self._ink("number")),
                Segment(f"{mark(kind, self._look)} ", colours + self._kind_ink(kind)),
            ]
        )
        shift, room = self.scroll_offset.x, max(0, width - self._gutter)
        text = self._text(number, side, kind)
        shown = text.crop_extend(shift, shift + room, colours)
        return Strip.join([gutter, shown]).crop(0, width)

    def _kind_on(self, row: Row, side: int, part: Part) -> Kind:
        """What a row is on one side: in one column, a change is a line removed and one added."""
        kind = row.kind
        if kind is Kind.ALIKE and self._numbers:
            kind = Kind.CHANGED
        if part is not Part.BOTH and kind is Kind.CHANGED:
            return Kind.ADDED if side else Kind.REMOVED
        return kind

    def _text(self, number: int, side: int, kind: Kind) -> Strip:
        """The whole text of a row's side, with what differs marked."""
        strip = self._texts.get((number, side))
        if strip is None:
            row = self._comparison.rows[number]
            text = self._comparison.texts(row)[side] or ""
            ranges = row.right_ranges if side else row.left_ranges
            base = self.rich_style + Style(bgcolor=self._base(kind).bgcolor)
            strip = Strip(marked(text, ranges, base, base + self._words(kind, side)))
            self._texts[number, side] = strip
            if strip.cell_length > self._widest:
                self.call_later(self._widen, strip.cell_length)
        return strip

    def _widen(self, width: int) -> None:
        if width > self._widest:
            self._widest = width
            self._make_room()

    def _words(self, kind: Kind, side: int) -> Style:
        """How words that differ stand out."""
        if kind is Kind.ALIKE:
            return self._ink("value")
        name = "added-words" if side else "removed-words"
        style = self.get_component_rich_style(f"diff--{name}")
        return Style(bgcolor=style.bgcolor, bold=style.bold, underline=style.underline)

    def _base(self, kind: Kind) -> Style:
        if kind in (Kind.SAME, Kind.ALIKE):
            return self.rich_style
        return self.get_component_rich_style(f"diff--{kind}")

    def _kind_ink(self, kind: Kind) -> Style:
        return self._ink("number" if kind in (Kind.SAME, Kind.ALIKE) else kind)

    def _absent(self, width: int) -> Strip:
        filling = " " if self._look.ascii else "╱"
        return Strip([Segment(filling * width, self.rich_style + self._ink("absent"))], width)

    def _fold_strip(self, line: Line, width: int) -> Strip:
        style = self.get_component_rich_style("diff--fold")
        text = " " * self._gutter + fold_text(self._comparison, line)
        return Strip([Segment(text, style)]).adjust_cell_length(width, style)

    def _note_strip(self, y: int) -> Strip:
        width, height = self._columns, self.size.height
        lines = self._note.wrap(max(1, width - 4)) if self._note else []
        at = y - max(0, height - len(lines)) // 2
        if not 0 <= at < len(lines):
            return Strip.blank(width, self.rich_style)
        strip = Strip(lines[at].rstrip().render_segments(self.get_visual_style("diff--note")))
        return strip.text_align(width, "center").apply_style(self.rich_style)

    def _ink(self, component: str) -> Style:
        """A component's style without its background."""
        style = self.get_component_rich_style(f"diff--{component}")
        return style.without_color + Style(color=style.color)
