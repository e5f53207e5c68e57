"""A run as a list of runs shows it, and what one look at the list found new: frozen values.

Times are milliseconds since the epoch, UTC; what is not known is None.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from flowtui.model import Ms, State

RunKey = tuple[str, str]
"""Flow and run id: what a run is told by among all runs."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run. Until it has been looked into, `state` and all that follows it are None.

    `current` are the steps that run, or the one that failed; empty once the run has succeeded.
    `counts` are tasks by state, of those known so far; `expected` is how many there will be.
    `origin_run` is the run it was resumed from, None also where there is none.
    """

    flow: str
    run: str
    created_at: Ms | None = None
    user: str | None = None
    tags: tuple[str, ...] = ()
    system_tags: tuple[str, ...] = ()
    state: State | None = None
    reason: str | None = None
    finished_at: Ms | None = None
    origin_run: str | None = None
    current: tuple[str, ...] | None = None
    counts: Mapping[State, int] | None = None
    expected: int | None = None

    @property
    def key(self) -> RunKey:
        """(flow, run): unique within a provider."""
        return (self.flow, self.run)

    @property
    def pathspec(self) -> str:
        return f"{self.flow}/{self.run}"


@dataclass(frozen=True, slots=True)
class RunListChanges:
    """What one poll found: the runs that are new or differ, and those that are no longer listed.

    `now` is the provider's clock. Said anew each time: `more`, whether runs are still to be listed,
    or runs in view to be looked into, which a further poll will do at once; `all_since`, the moment
    from which on every run is listed already; `viewed`, whether the runs in view are known as a
    whole, as far as they can be read; and `trouble`, a sentence on what could not be read and is
    left out.
    """

    now: Ms
    runs: tuple[RunSummary, ...] = ()
    vanished: tuple[RunKey, ...] = ()
    more: bool = False
    all_since: float = -math.inf
    viewed: bool = True
    trouble: str | None = None

    def __bool__(self) -> bool:
        return bool(self.runs or self.vanished)
