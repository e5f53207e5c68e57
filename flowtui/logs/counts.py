"""Counts of rows or matches per block of a log, and where the n-th of all of them is."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate


class Counts:
    """How many there are in each block, by the block's `at`."""

    def __init__(self) -> None:
        self._ats: list[int] = []
        self._counts: list[int] = []
        self._sums: list[int] | None = None

    @property
    def total(self) -> int:
        return self._until()[-1]

    @property
    def last(self) -> int:
        """The last block."""
        return self._ats[-1]

    def __contains__(self, at: int) -> bool:
        index = bisect_left(self._ats, at)
        return index < len(self._ats) and self._ats[index] == at

    def __getitem__(self, at: int) -> int:
        index = bisect_left(self._ats, at)
        return self._counts[index] if index < len(self._ats) and self._ats[index] == at else 0

    def set(self, at: int, count: int) -> None:
        """There are `count` in this block now."""
        index = bisect_left(self._ats, at)
        if index == len(self._ats) or self._ats[index] != at:
            self._ats.insert(index, at)
            self._counts.insert(index, count)
        elif self._counts[index] == count:
            return
        else:
            self._counts[index] = count
        self._sums = None

    def discard(self, at: int) -> None:
        """This block is gone."""
        index = bisect_left(self._ats, at)
        if index < len(self._ats) and self._ats[index] == at:
            del self._ats[index], self._counts[index]
            self._sums = None

    def before(self, at: int) -> int:
        """How many there are in the blocks before this one."""
        return self._until()[bisect_left(self._ats, at)]

    def find(self, number: int) -> tuple[int, int]:
        """The block that holds the one with this number, from 0, and which it is in there.

        `number` must be less than `total`.
        """
        sums = self._until()
        index = bisect_right(sums, number) - 1
        return self._ats[index], number - sums[index]

    def _until(self) -> list[int]:
        if self._sums is None:
            self._sums = list(accumulate(self._counts, initial=0))
        return self._sums
