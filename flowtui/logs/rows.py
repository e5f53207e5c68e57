"""Which row of the screen is which line of a log, and where long lines fold."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from rich.cells import chop_cells

from flowtui.logs.buffer import LogBuffer
from flowtui.logs.mflog import LogLine
from flowtui.logs.sanitise import plain_text


def folds(text: str, width: int) -> list[int]:
    """The characters at which new rows start, so that no row is wider than `width` cells."""
    if text.isascii():
        return list(range(width, len(text), width))
    return list(accumulate(len(row) for row in chop_cells(text, width)))[:-1]


def row_count(raw: bytes, width: int) -> int:
    """How many rows of `width` cells a line of a log takes, at least one."""
    # No character takes more cells than bytes, tabs aside.
    if len(raw) <= width and b"\t" not in raw:
        return 1
    return len(folds(plain_text(raw), width)) + 1


class Rows:
    """The rows of a buffer's lines, from 0; lines are one row each, or folded to a width.

    `header` is how many rows come before the first line.
    """

    def __init__(self, buffer: LogBuffer, width: int | None = None) -> None:
        self._buffer = buffer
        self.header = 0
        self.width = width
        self.fold(width)

    def fold(self, width: int | None) -> None:
        """Fold all lines to `width` cells, or none when it is None."""
        self.width = width
        self._starts = [0]
        if width is not None:
            numbers = range(self._buffer.first, self._buffer.end)
            self._extend([self._buffer[number] for number in numbers], width)

    def append(self, lines: Sequence[LogLine], dropped: int) -> None:
        """The buffer has taken in `lines` and dropped some of its oldest."""
        if self.width is not None:
            self._extend(lines, self.width)
            del self._starts[:dropped]

    def _extend(self, lines: Sequence[LogLine], width: int) -> None:
        for line in lines:
            self._starts.append(self._starts[-1] + row_count(line.text, width))

    def __len__(self) -> int:
        if self.width is None:
            return self.header + len(self._buffer)
        return self.header + self._starts[-1] - self._starts[0]

    def locate(self, row: int) -> tuple[int, int]:
        """The number of the line in `row`, and which of its parts is there."""
        row = max(0, row - self.header)
        if self.width is None:
            return self._buffer.first + row, 0
        row += self._starts[0]
        index = bisect_right(self._starts, row) - 1
        return self._buffer.first + index, row - self._starts[index]

    def row_of(self, number: int, part: int = 0) -> int:
        """The row of a line's part; of a line that was dropped, row 0, and so of the first."""
        index = min(number, self._buffer.end) - self._buffer.first
        if index < 0 or index == part == 0:
            return 0
        before = index if self.width is None else self._starts[index] - self._starts[0]
        return self.header + before + part
