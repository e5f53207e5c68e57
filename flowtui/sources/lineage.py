"""Where a resumed run comes from: the runs it goes back to, and what its clones are clones of."""

from __future__ import annotations

import math
from collections.abc import Callable

from flowtui.sources.base import SourceError
from flowtui.sources.datastore import plain_names
from flowtui.sources.metadata_rows import Fields
from flowtui.sources.records import Records

ORIGIN_DEPTH = 50
"""How many resumes back is looked."""

ANOTHER_TRY = 30.0
"""Seconds after which a run that could not be read is asked again for its origin."""

Foreach = tuple[int | None, tuple[str, ...]]
"""Index in the innermost foreach, and one label per level."""


class Lineage:
    """The origins of one run. A run's origin is told by the metadata of its tasks.

    Metaflow writes it on every task but that of `_parameters`: the start step's has it even where
    nothing was cloned.
    """

    def __init__(self, records: Records, run: str, monotonic: Callable[[], float]) -> None:
        self._records, self._run, self._monotonic = records, run, monotonic
        self._chain: list[str] = []
        self._unasked: str | None = None
        self._not_before = -math.inf
        self._foreach: dict[tuple[str, str, str], Foreach] = {}

    @property
    def runs(self) -> tuple[str, ...]:
        """The origins as far as they are known, oldest first."""
        return tuple(reversed(self._chain))

    @property
    def more(self) -> bool:
        """Whether `follow` has something to ask at once."""
        return self._unasked is not None and self._monotonic() >= self._not_before

    def begin(self, origin: str | None) -> None:
        """Take in the run's own origin, as one of its tasks tells it."""
        if not self._chain:
            self._add(origin)

    def follow(self, step: str, patience: float) -> None:
        """Ask the oldest known origin for its own, by its tasks of `step`, and go on for `patience`
        seconds.

        The chain ends with a run that is gone or has no origin. One that cannot be read is asked
        again later; no error is raised.
        """
        until = self._monotonic() + patience
        while self._unasked is not None and self.more:
            try:
                self._add(self._records.origin_of(self._unasked, step))
            except SourceError:
                self._not_before = self._monotonic() + ANOTHER_TRY
            if self._monotonic() >= until:
                return

    def _add(self, origin: str | None) -> None:
        self._unasked = None
        if origin is None or origin == self._run or origin in self._chain:
            return
        self._chain.append(origin)
        if len(self._chain) < ORIGIN_DEPTH and plain_names([origin]):
            self._unasked = origin

    def known_foreach(self, step: str, fields: Fields) -> Foreach | None:
        """Index and labels as far as they are known without asking."""
        if not fields.origin_task or not fields.origin_run:
            return fields.index, fields.labels
        return self._foreach.get((fields.origin_run, step, fields.origin_task))

    def foreach(self, step: str, fields: Fields) -> Foreach:
        """Index and labels; a clone does not record them, the task it was cloned from does."""
        asked: list[tuple[str, str, str]] = []
        found = (fields.index, fields.labels)
        while fields.origin_task and fields.origin_run and len(asked) < ORIGIN_DEPTH:
            origin = (fields.origin_run, step, fields.origin_task)
            if origin in self._foreach:
                found = self._foreach[origin]
                break
            asked.append(origin)
            fields = self._records.origin(*origin)
            found = (fields.index, fields.labels)
        for origin in asked:
            self._foreach[origin] = found
        return found
