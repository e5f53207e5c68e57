"""Which runs out of view are looked into because only runs in some states are to be listed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from flowtui.run_summary import RunKey

MOST = 1000
"""Runs that are looked into at most: of a service each takes several requests."""

AT_ONCE = 20
"""Runs that are looked into before it is asked again which ones matter."""


class Sought:
    """A few at a time, each once."""

    def __init__(self) -> None:
        self._tried: set[RunKey] = set()
        self._now: Sequence[RunKey] = ()

    def looked_into(self) -> None:
        """The last ones have been looked into, whether that told their state or not."""
        self._tried.update(self._now)
        self._now = ()

    def next(self, unknown: Iterable[RunKey]) -> Sequence[RunKey]:
        """The runs to look into now, of those whose state is not known."""
        if not self._now and len(self._tried) < MOST:
            new = (key for key in unknown if key not in self._tried)
            self._now = tuple(islice(new, AT_ONCE))
        return self._now
