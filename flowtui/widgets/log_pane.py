"""A log view with the keys of the catalogue: search, filter, errors, and a title that says it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from textual.content import Content
from textual.message import Message

from flowtui.commands import Scope, bindings
from flowtui.logs.blocks import Block
from flowtui.logs.hits import Hits, Place
from flowtui.logs.sanitise import one_line
from flowtui.logs.scan import Found, Scan
from flowtui.logs.search import ERRORS, Matcher, Pattern
from flowtui.logs.tails import Growth, Tail
from flowtui.widgets.find_bar import FindBar
from flowtui.widgets.log_view import MOST_COPIED, LogView
from flowtui.widgets.preferences import preferences_of


class LogPane(LogView):
    """One log: a stream of the selected attempt, or several merged."""

    SCOPES = (Scope.LOG,)
    BINDINGS = bindings(Scope.LIST, *SCOPES)
    DEFAULT_CSS = """
    LogPane { scrollbar-size-horizontal: 0; }
    """

    class Wanted(Message):
        """The person wants the log in a file (`saved`), in a pager or in an editor."""

        def __init__(self, pane: LogPane, how: Literal["saved", "paged", "edited"]) -> None:
            super().__init__()
            self.pane = pane
            self.how = how

        @property
        def control(self) -> LogPane:
            return self.pane

    class Scanned(Message, bubble=False):
        """A scan has looked through more of the log."""

        def __init__(self, found: Found) -> None:
            super().__init__()
            self.found = found

    def __init__(self, stream: str, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.stream = self.pane_name = stream
        self.file_name = f"{stream}.log"
        """A name for a file that the log is saved to."""
        self.trouble: str | None = None
        """What cannot be read of this log now, a sentence."""
        self._of = ""
        self._ended = False
        self._titled: tuple[str, str] = ("", "")
        self._searching: Scan | None = None
        self._filtering: Scan | None = None
        self._seeking: Scan | None = None
        self._sought = Place(0, 0), 1
        self._from = Place(0, 0)
        self._was_on_top = Place(0, 0), 0
        self._empty_note: Content | str | None = None
        self.title()

    def on_mount(self) -> None:
        wanted = preferences_of(self)
        self.wrap = wanted.log_wrap
        self.document.lay_out(timestamps=wanted.log_timestamps, pretty=wanted.log_json)

    # What is shown

    def clear(self, note: Content | str | None = None, tail: Tail | None = None) -> None:
        """Forget all; the patterns that were searched and filtered by stay."""
        search, chosen = self.pattern, self.filtered_by
        # Before the log is closed, or they would say that they cannot read it.
        self._stop_scans()
        super().clear(note, tail)
        self.trouble = None
        self._was_on_top = Place(0, 0), 0
        self._scan_anew(search, chosen)

    def grow(self, growth: Growth) -> None:
        super().grow(growth)
        if growth.trouble != self.trouble:
            self.trouble = growth.trouble
            self.title()
        if growth.restarted:
            # What they have yet to look through is not there any more.
            self._stop_scans()
            self._scan_anew(self.pattern, self.filtered_by)
            return
        for scan in (self._searching, self._filtering, self._seeking):
            if scan is not None:
                scan.add(growth.blocks)

    def _scan_anew(self, search: str, chosen: str) -> None:
        if chosen:
            self.filter(chosen)
        if search:
            self.search(search)

    def on_unmount(self) -> None:
        self._stop_scans()
        self.document.clear(None)

    def _top(self) -> tuple[Place, int]:
        # As long as a filter leaves no line, the one on top is that of before.
        if self.document.row_count:
            self._was_on_top = super()._top()
        return self._was_on_top

    @property
    def top_line(self) -> int | None:
        """The number of the first line in view, from 1, as far as it is known."""
        return self.document.line_number(self._top()[0])

    def title(self, of: str | None = None, *, ended: bool | None = None) -> None:
        """Say in the border what is shown: `of` names the attempt, `ended` that no line follows."""
        self._of = self._of if of is None else of
        self._ended = self._ended if ended is None else ended
        parts = [self.stream]
        if self._of:
            parts.append(self._of)
        if self.line_count:
            parts.append(self._amount())
        if self._of and not self._ended and self.following:
            parts.append("following")
        if not self.following and self.line_count:
            parts.append(self._where())
        if self.document.search:
            parts.append(f"match {self.document.search.summary}")
        # Of a log without lines the note says it.
        trouble = self.trouble if self.line_count else None
        title = " · ".join(parts), one_line(trouble or "")
        if title != self._titled:
            # Textual paints a widget anew whenever its title is set, also to what it was.
            self._titled = title
            self.border_title, self.border_subtitle = map(Content, title)
        self.set_class(self._ended and not self.line_count, "-blank")

    def _where(self) -> str:
        """How far the last row in view is."""
        rows = self.document.row_count
        bottom = min(rows, self.scroll_offset.y + self.size.height)
        percent = f"{bottom * 100 // max(1, rows)}%"
        number = self.top_line
        return percent if number is None else f"line {number:,} · {percent}"

    def _amount(self) -> str:
        lines = f"{self.line_count:,} line{'s' if self.line_count != 1 else ''}"
        chosen = self.document.filter
        if chosen is None:
            return lines
        going_on = f" {chosen.progress:.0%}" if chosen.progress < 1 else ""
        return f"{chosen.total:,} of {lines} with {one_line(chosen.pattern.text, 20)}{going_on}"

    def on_log_view_changed(self) -> None:
        self.title()

    # Asking

    def action_search(self) -> None:
        prompt = "search: a regular expression, Enter keeps it, Escape ends it"
        self._ask(prompt, "", self.search)

    def action_filter(self) -> None:
        prompt = "show only lines with a regular expression, ! first: without it"
        self._ask(prompt, self.filtered_by, self.filter)

    def action_go_to(self) -> None:
        self._find_bar.ask("go to a line: 1200, or to a percentage: 50%", "", kept=self._go_where)

    def _ask(self, prompt: str, text: str, typed: Callable[[str], None]) -> None:
        self._find_bar.ask(prompt, text, typed=typed, kept=self._take_focus)

    def _take_focus(self, _kept: str) -> None:
        self.focus()

    @property
    def _find_bar(self) -> FindBar:
        return self.screen.query_one(FindBar)

    def _go_where(self, typed: str) -> None:
        self.focus()
        number = typed.strip().removesuffix("%")
        if not number.isdecimal() or len(number) > 15:
            if typed:
                self.notify(f"{typed!r} is no line number.", markup=False, timeout=3)
            return
        rows = self.document.row_count
        if not rows:
            return
        if typed.strip().endswith("%"):
            row = rows * min(100, int(number)) // 100
        else:
            row = self.document.row_of_line(int(number))
        self.go_to(self.document.locate(row)[0])
        self._announce()

    def action_copy(self) -> None:
        selected = self.selected_text()
        text = selected or self.last_text()
        if not text:
            self.notify("There is nothing in this log.", markup=False, timeout=3)
            return
        self.app.copy_to_clipboard(text)
        copied = len(text.split("\n"))
        last = "" if selected or self.document.row_count <= MOST_COPIED else "the last "
        lines = f"{copied:,} line{'s' if copied != 1 else ''}"
        self.notify(f"Copied {last}{lines} of {self.stream}.", markup=False, timeout=3)

    def action_save(self) -> None:
        self.post_message(self.Wanted(self, "saved"))

    def action_view(self, edit: bool) -> None:
        self.post_message(self.Wanted(self, "edited" if edit else "paged"))

    # Search

    @property
    def pattern(self) -> str:
        """What is searched for, empty when nothing is."""
        return self.document.search.pattern.text if self.document.search else ""

    def search(self, text: str) -> None:
        """Mark all matches and go to the first in or after view, or else the first of all.

        A regular expression, minding case when it has an upper-case letter; an empty one ends the
        search.
        """
        self._searching = self._stopped(self._searching)
        self._from = self._top()[0]
        self.document.search = Hits(Pattern(text)) if text else None
        if self.document.search:
            patterns = [self.document.search.pattern, *self._filter_patterns()]
            blocks = self.document.blocks_from(self._from)
            self.document.search.progress = 0.0 if blocks else 1.0
            self._searching = self._started(patterns, blocks)
        self._redraw(self._top())
        self.title()

    def action_next_match(self) -> None:
        self._step_match(forward=True)

    def action_previous_match(self) -> None:
        self._step_match(forward=False)

    def _step_match(self, *, forward: bool) -> None:
        hits = self.document.search
        if hits is None:
            return
        top = self._top()[0]
        here = hits.current or Place(top.at, top.line - forward)
        self._go_to_match(hits.after(here) if forward else hits.before(here))

    def _go_to_match(self, place: Place | None) -> None:
        if place is None or self.document.search is None:
            return
        self.document.search.current = place
        self._strips.clear()
        self.go_to(place)
        self.reveal_match(place)
        self.refresh()
        self.title()

    # Filter

    @property
    def filtered_by(self) -> str:
        """The pattern whose lines alone are shown, empty when all are."""
        return self.document.filter.pattern.text if self.document.filter else ""

    def filter(self, text: str) -> None:
        """Show only the lines that match; `!` first: that do not; an empty pattern shows all."""
        top = self._top()
        self._filtering = self._stopped(self._filtering)
        hits = Hits(Pattern(text, invertible=True)) if text else None
        was_filtered = self.document.filter is not None
        self.document.filter_by(hits)
        if not was_filtered:
            self._empty_note = self.note
        if hits:
            blocks = self.document.blocks_from(top[0])
            self.note = f"No line with {one_line(text, 80)} so far."
            self._filtering = self._started([hits.pattern], blocks)
        elif was_filtered:
            self.note = self._empty_note
        self._widest = 0
        self._redraw(top)
        if self.pattern:
            self.search(self.pattern)
        self.title()

    def _filter_patterns(self) -> list[Pattern]:
        return [self.document.filter.pattern] if self.document.filter else []

    # Errors

    def action_next_error(self) -> None:
        self._seek_error(1)

    def action_previous_error(self) -> None:
        self._seek_error(-1)

    def _seek_error(self, step: int) -> None:
        """From the last one when it is in view, else from the edge of the view inwards."""
        rows = (
            self.scroll_offset.y,
            min(self.scroll_offset.y + self.size.height, self.document.row_count) - 1,
        )
        first, last = (self.document.locate(row)[0] for row in rows)
        start = Place(first.at, first.line - 1) if step > 0 else Place(last.at, last.line + 1)
        target = self.document.target
        if target is not None and first <= target <= last:
            start = target
        self._sought = start, step
        self._seeking = self._stopped(self._seeking)
        self._errors = Hits(Pattern(ERRORS))
        blocks = self.document.blocks_from(start, forward=step > 0)
        self._seeking = self._started([self._errors.pattern, *self._filter_patterns()], blocks)

    def _look_at_errors(self, *, round_end: bool, complete: bool) -> None:
        start, step = self._sought
        move = self._errors.after if step > 0 else self._errors.before
        # What is nearest is found first; only then does it go round the end.
        found = move(start, wrap=round_end or complete)
        if found is not None:
            self.document.target = found
            self._strips.clear()
            self.go_to(found)
            self.refresh()
        elif complete:
            self.notify("No line of this log looks like an error.", markup=False, timeout=3)
        if found is not None or complete:
            self._seeking = self._stopped(self._seeking)

    # Scans

    def on_log_pane_scanned(self, message: Scanned) -> None:
        found = message.found
        if found.scan not in (self._searching, self._filtering, self._seeking):
            return
        if found.trouble is not None:
            self.trouble = found.trouble
        # Some may have been replaced meanwhile, and are looked through again.
        lines = [(block, hits) for block, hits in found.lines if self.document.knows(block)]
        if found.scan is self._searching and self.document.search:
            hits = self.document.search
            hits.add(lines)
            hits.progress = found.progress
            if hits.current is None:
                first = Place(self._from.at, self._from.line - 1)
                # What lies behind the view is looked through first, and is all known by then.
                round_end = any(block.at < first.at for block, _ in found.lines)
                wrap = round_end or found.progress == 1
                self._go_to_match(hits.after(first, wrap=wrap))
        elif found.scan is self._filtering and self.document.filter:
            top = self._top()
            self.document.filter.add(lines)
            self.document.filter.progress = found.progress
            self.document.filtered([block for block, _ in found.lines])
            if found.progress == 1:
                self.note = f"No line with {one_line(self.filtered_by, 80)}."
            self._place(top)
        elif found.scan is self._seeking:
            self._errors.add(lines)
            start, step = self._sought
            round_end = any((block.at - start.at) * step < 0 for block, _ in found.lines)
            self._look_at_errors(round_end=round_end, complete=found.progress == 1)
        self.title()

    def _started(self, patterns: list[Pattern], blocks: Sequence[Block]) -> Scan | None:
        tail = self.document.tail
        if tail is None:
            return None
        scan = Scan(tail, Matcher(patterns), self._publish)
        scan.add(blocks)
        scan.start()
        if not blocks:
            self._publish(Found(scan))
        return scan

    def _publish(self, found: Found) -> None:
        if not self.post_message(self.Scanned(found)):
            found.scan.stop()

    def _stop_scans(self) -> None:
        for scan in (self._searching, self._filtering, self._seeking):
            self._stopped(scan)
        self._searching = self._filtering = self._seeking = None

    @staticmethod
    def _stopped(scan: Scan | None) -> None:
        if scan is not None:
            scan.stop()
