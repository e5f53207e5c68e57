"""A log as it is laid out: its lines, the rows they take, and what is marked in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from rich.cells import cell_len
from rich.text import Text

from flowtui.logs.buffer import LogBuffer
from flowtui.logs.drawing import NO_INKS, TIME_WIDTH, Inks, draw
from flowtui.logs.mflog import LogLine
from flowtui.logs.rows import Rows, folds
from flowtui.logs.sanitise import plain_text
from flowtui.logs.search import Match, Search


class LogDocument:
    """The lines of one log in rows of a given width.

    A line keeps its number while older ones are dropped; a row is where it is now. Row 0 tells
    what is missing before the first line, when something is. `target` is the line to make stand
    out, `skipped` the bytes before the first line that were never loaded.
    """

    def __init__(self) -> None:
        self.wrap = False
        self.timestamps = False
        self.search: Search | None = None
        self._width = 80
        self.clear()

    def clear(self) -> None:
        """Forget all lines and what is marked in them; looks and the pattern searched stay."""
        self.lines = LogBuffer()
        self.rows = Rows(self.lines)
        self.target: int | None = None
        self.skipped = 0
        self.look_for(self.search.pattern if self.search else "")
        self.lay_out(self._width)

    def append(self, lines: Sequence[LogLine]) -> None:
        """Take in newer lines."""
        known = self.lines.end
        dropped = self.lines.append(lines)
        self.rows.append(lines, dropped)
        if self.search:
            self.search.extend(self.lines, known)

    def look_for(self, pattern: str) -> None:
        """Search all lines for `pattern`, see `compile_pattern`; an empty one ends the search."""
        self.search = Search(pattern) if pattern else None
        if self.search:
            self.search.extend(self.lines, self.lines.first)

    @property
    def margin(self) -> int:
        """Cells before the text of a line."""
        return TIME_WIDTH if self.timestamps else 0

    def lay_out(self, width: int) -> None:
        """Fit the rows to `width` cells and to whether lines wrap and show their times.

        A width of 0, that of a widget not shown, changes nothing: no one sees those rows.
        """
        self._width = width or self._width
        folded = max(1, self._width - self.margin) if self.wrap else None
        if folded != self.rows.width:
            self.rows.fold(folded)

    def missing(self) -> str:
        """What is not there before the first line: bytes never loaded, and lines dropped since."""
        parts = []
        if self.skipped:
            parts.append(f"{self.skipped / 1e6:,.1f} MB before this not loaded")
        if self.lines.first:
            parts.append(f"{self.lines.first:,} earlier lines not shown")
        return f"… {' · '.join(parts)}" if parts and len(self.lines) else ""

    def draw(self, number: int, inks: Inks) -> list[Text]:
        """The rows of a line, matches marked."""
        line = self.lines[number]
        current = self.search.current if self.search else None
        return draw(
            line,
            inks,
            matches=self.search.spans(plain_text(line.text)) if self.search else (),
            current=current[1:] if current and current.line == number else None,
            timestamps=self.timestamps,
            width=self.rows.width,
        )

    def row_of(self, number: int, character: int) -> int:
        """The row in which a character of a line is."""
        part = 0
        if self.rows.width is not None:
            breaks = folds(plain_text(self.lines[number].text), self.rows.width)
            part = sum(at <= character for at in breaks)
        return self.rows.row_of(number, part)

    def cells_of(self, match: Match) -> tuple[int, int, int]:
        """Where a match starts and ends in a line that is not folded, and where the line ends."""
        text = plain_text(self.lines[match.line].text)
        start, end = (self.margin + cell_len(text[:at]) for at in match[1:])
        return start, end, self.margin + cell_len(text)

    def text_between(
        self, first: int, last: int, span: Callable[[int], tuple[int, int] | None]
    ) -> str:
        """Rows `first` to `last` as plain text, of each the characters that `span(row)` names.

        -1 is the end of a row. A line that was folded is put together again.
        """
        last = min(last, len(self.rows) - 1)
        numbers = [self.rows.locate(row)[0] for row in range(first, last + 1)]
        joints = [""] + ["" if a == b else "\n" for a, b in pairwise(numbers)]
        text = ""
        for row, joint in zip(range(first, last + 1), joints, strict=False):
            start, end = span(row) or (0, 0)
            shown = self._plain_row(row)
            if not joint and row > first:
                start = max(start, self.margin)
            text += joint + shown[start : None if end < 0 else end]
        return text

    def _plain_row(self, row: int) -> str:
        if row < self.rows.header:
            return self.missing()
        number, part = self.rows.locate(row)
        return self.draw(number, NO_INKS)[part].plain
