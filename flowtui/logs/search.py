"""Search in the lines of a log: where a pattern matches, and which match comes next."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import NamedTuple

from flowtui.logs.buffer import LogBuffer
from flowtui.logs.sanitise import plain_text

MAX_MATCHES = 10_000
"""Matches that are remembered; a pattern such as `.` has more than anyone can walk through."""


class Match(NamedTuple):
    """The number of a line, and the characters of its shown text from `start` up to `end`."""

    line: int
    start: int
    end: int


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """A regular expression, taken literally when it is none; an upper-case letter minds case."""
    letters = re.sub(r"\\.", "", pattern)
    flags = re.NOFLAG if any(c.isupper() for c in letters) else re.IGNORECASE
    try:
        return re.compile(pattern, flags)
    except (re.error, OverflowError, RecursionError):
        return re.compile(re.escape(pattern), flags)


class Search:
    """A pattern, its matches so far in order, and the current one among them."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self._regex = compile_pattern(pattern)
        self.matches: list[Match] = []
        self.current: Match | None = None

    def extend(self, buffer: LogBuffer, start: int) -> None:
        """Look through the lines from number `start` on; forget matches in dropped lines."""
        gone = bisect_left(self.matches, (buffer.first,))
        del self.matches[:gone]
        if self.current and self.current.line < buffer.first:
            self.current = None
        for number in range(max(start, buffer.first), buffer.end):
            room = MAX_MATCHES - len(self.matches)
            if room <= 0:
                break
            spans = self.spans(plain_text(buffer[number].text))
            self.matches += [Match(number, *span) for span in spans[:room]]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where the pattern matches in `text`; empty matches are none."""
        return [match.span() for match in self._regex.finditer(text) if match.end() > match.start()]

    def start_at(self, line: int) -> Match | None:
        """Make the first match from `line` on current, or else the last one before it."""
        at = bisect_left(self.matches, (line,))
        self.current = self.matches[min(at, len(self.matches) - 1)] if self.matches else None
        return self.current

    def step(self, forward: bool, line: int) -> Match | None:
        """Make the next or previous match current, round the ends; from `line` when none is."""
        if not self.matches:
            return None
        here = self.current or (line,)
        at = bisect_right(self.matches, here) if forward else bisect_left(self.matches, here) - 1
        self.current = self.matches[at % len(self.matches)]
        return self.current

    @property
    def summary(self) -> str:
        """`3/17`: the position of the current match (0 when there is none), and how many."""
        count = len(self.matches)
        position = bisect_left(self.matches, self.current) + 1 if self.current else 0
        return f"{position}/{count}{'+' if count >= MAX_MATCHES else ''}"
