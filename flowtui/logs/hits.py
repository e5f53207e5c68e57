"""The lines of a log that a pattern was found in, so far, and which comes next."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from flowtui.logs.blocks import Block
from flowtui.logs.counts import Counts
from flowtui.logs.search import Pattern

_NONE = array("I")


class Place(NamedTuple):
    """A line of a log: its block's `at` and its number in there. Places order as the lines do."""

    at: int
    line: int


class Hits:
    """What a scan for `pattern` has found, and the `current` hit among it."""

    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern
        self.current: Place | None = None
        self.progress = 0.0
        """How much of the log has been looked through, from 0 to 1."""
        self._found: dict[int, array[int]] = {}
        self._counts = Counts()

    @property
    def total(self) -> int:
        return self._counts.total

    def add(self, found: Iterable[tuple[Block, array[int]]]) -> None:
        """Take in the lines found in blocks, in place of what was found in them before."""
        for block, lines in found:
            if lines:
                self._found[block.at] = lines
            else:
                self._found.pop(block.at, None)
            self._counts.set(block.at, len(lines))

    def remove(self, at: int) -> None:
        """This block is no more."""
        self._found.pop(at, None)
        self._counts.discard(at)

    def forget(self) -> None:
        """The log has started again."""
        self.current = None
        self._found.clear()
        self._counts = Counts()

    def within(self, at: int) -> array[int]:
        """The lines found in a block."""
        return self._found.get(at, _NONE)

    def after(self, place: Place, *, wrap: bool = True) -> Place | None:
        """The first hit behind a place; else, with `wrap`, the first of all."""
        return self._place(self._rank(place), wrap=wrap)

    def before(self, place: Place, *, wrap: bool = True) -> Place | None:
        """The last hit in front of a place; else, with `wrap`, the last of all."""
        before = Place(place.at, place.line - 1)
        return self._place(self._rank(before) - 1, wrap=wrap)

    def _rank(self, place: Place) -> int:
        """How many hits there are up to a place, and in it."""
        return self._counts.before(place.at) + bisect_right(self.within(place.at), place.line)

    def _place(self, rank: int, *, wrap: bool) -> Place | None:
        total = self.total
        if not total or not (wrap or 0 <= rank < total):
            return None
        at, index = self._counts.find(rank % total)
        return Place(at, self._found[at][index])

    @property
    def summary(self) -> str:
        """`3/17`: the position of the current hit, 0 when there is none, and how many there are.

        While the search goes on it says how far it is: `3/17 42%`.
        """
        position = 0
        if self.current is not None:
            position = self._rank(self.current)
        going_on = f" {self.progress:.0%}" if self.progress < 1 else ""
        return f"{position:,}/{self.total:,}{going_on}"
