"""The lines that a log view holds: the newest ones, numbered from the first that ever came."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from flowtui.logs.mflog import LogLine
from flowtui.logs.sanitise import LOG_LINE_LIMIT, plain_text

MAX_LINES = 200_000
"""Lines that are kept; older ones are dropped and counted."""

_ERROR_WORDS = (b"Error", b"Exception", b"Traceback", b"ERROR", b"CRITICAL", b"FATAL")

# The lookbehind stands for `\w+`, which would take quadratic time on a long word.
_ERROR = re.compile(
    rb"\bTraceback\b|(?<=\w)(?:Error|Exception)\b|(?<![A-Z_])(?:ERROR|CRITICAL|FATAL)\b"
)


class LogBuffer:
    """At most `capacity` lines; a line keeps its number when older ones are dropped."""

    def __init__(self, capacity: int = MAX_LINES) -> None:
        self._capacity = capacity
        self._lines: list[LogLine] = []
        self.first = 0
        """The number of the oldest line held: how many have been dropped."""

    @property
    def end(self) -> int:
        """The number that the next line will have."""
        return self.first + len(self._lines)

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, number: int) -> LogLine:
        return self._lines[number - self.first]

    def append(self, lines: Sequence[LogLine]) -> int:
        """Take in newer lines; returns how many of the oldest were dropped for them."""
        self._lines.extend(lines)
        surplus = max(0, len(self._lines) - self._capacity)
        del self._lines[:surplus]
        self.first += surplus
        return surplus

    def texts(self) -> Iterator[str]:
        """All lines as they are shown, without styles."""
        return (plain_text(line.text) for line in self._lines)

    def error_from(self, start: int, step: int) -> int | None:
        """The first line from `start` on that looks like an error, in steps of 1 or -1.

        Goes on at the other end, so that it is None only when no line looks like one.
        """
        count = len(self._lines)
        numbers = ((start - self.first + step * i) % count for i in range(count))
        index = next((at for at in numbers if looks_like_error(self._lines[at].text)), None)
        return None if index is None else self.first + index


def looks_like_error(raw: bytes) -> bool:
    """Names an exception or a level of ERROR or above, or starts a traceback."""
    # Most lines hold none of the words, which is found out faster than by the pattern.
    if not any(word in raw for word in _ERROR_WORDS):
        return False
    return _ERROR.search(raw, 0, LOG_LINE_LIMIT) is not None
