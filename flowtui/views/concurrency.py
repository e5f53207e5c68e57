"""How many attempts run at a time: what a sparkline of a run, or of a step, is made of."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from itertools import accumulate, pairwise

from flowtui.model import Attempt, Ms, State


class Concurrency:
    """Starts and ends of attempts, in order: one attempt more or less costs a search by halves.

    Left out are clones, and attempts whose start is unknown; what ended without recording when
    counts at its start only.
    """

    def __init__(self, attempts: Iterable[Attempt] = ()) -> None:
        known = [times for attempt in attempts if (times := _times(attempt)) is not None]
        self._starts = sorted(start for start, _ in known)
        self._ends = sorted(end for _, end in known if end is not None)

    @classmethod
    def of_all(cls, parts: Iterable[Concurrency]) -> Concurrency:
        """The attempts of all of these together."""
        together = cls()
        for part in parts:
            together._starts += part._starts
            together._ends += part._ends
        together._starts.sort()
        together._ends.sort()
        return together

    @property
    def first(self) -> Ms | None:
        """When the first attempt started."""
        return Ms(self._starts[0]) if self._starts else None

    @property
    def last(self) -> Ms | None:
        """When the last of those that are over ended."""
        return Ms(self._ends[-1]) if self._ends else None

    @property
    def running(self) -> int:
        """How many are not over."""
        return len(self._starts) - len(self._ends)

    def add(self, attempts: Iterable[Attempt]) -> None:
        for attempt in attempts:
            start, end = _times(attempt) or (None, None)
            if start is not None:
                insort(self._starts, start)
            if end is not None:
                insort(self._ends, end)

    def remove(self, attempts: Iterable[Attempt]) -> None:
        """Take out attempts that were added."""
        for attempt in attempts:
            start, end = _times(attempt) or (None, None)
            if start is not None:
                del self._starts[bisect_left(self._starts, start)]
            if end is not None:
                del self._ends[bisect_left(self._ends, end)]

    def over_time(self, start: float, end: float, cells: int, now: Ms) -> tuple[int, ...]:
        """The most that ran at once in each of `cells` equal parts of a time; none from now on."""
        edges = [start + (end - start) * cell / cells for cell in range(cells + 1)] if cells else []
        return tuple(
            self._most(since, until) if since <= now else 0 for since, until in pairwise(edges)
        )

    def _most(self, since: float, until: float) -> int:
        started, ended = bisect_left(self._starts, since), bisect_right(self._ends, since)
        starts = self._starts[started : bisect_left(self._starts, until)]
        ends = self._ends[ended : bisect_left(self._ends, until)]
        # What ends in the moment in which another starts does not run beside it.
        changes = sorted([*((at, 1) for at in starts), *((at, -1) for at in ends)])
        at_once = accumulate((change for _, change in changes), initial=started - ended)
        return max(at_once)


def _times(attempt: Attempt) -> tuple[Ms, Ms | None] | None:
    """Start and end of an attempt, no shorter than a millisecond; no end while it runs."""
    start, end = attempt.started_at, attempt.finished_at
    if start is None or attempt.state is State.CLONED:
        return None
    if attempt.state is State.RUNNING:
        return start, None
    return start, Ms(max(end or start, start + 1))
