"""What every list of runs offers: the runs that a provider and a namespace show, how they stand.

The errors are those of a RunSource.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from flowtui.run_summary import RunKey, RunListChanges


@dataclass(frozen=True, slots=True)
class Listing:
    """Where runs are listed from: the provider, as in `local@DIR`, the namespace, None for all of
    them, and the source that reads it."""

    provider: str
    namespace: str | None
    source: str


class RunList(Protocol):
    """The runs of a provider, of one flow or of all, in one namespace or in all. Blocking.

    `poll` and `close` are called by one thread, `attend` by any, also while a poll goes on. A run
    that has succeeded is looked into once, and costs nothing from then on.
    """

    def poll(self) -> RunListChanges:
        """What changed since the last call, found in a fraction of a second.

        The first calls give the runs newest first, as far as the provider tells, and say that there
        are `more`. Raises Unreachable when the provider fails; the next call goes on from where
        this one stopped.
        """

    def attend(self, runs: Sequence[RunKey]) -> None:
        """Name the runs in view: how they stand is looked up first, then that of other unfinished
        ones; of runs that are over and not in view it is not."""

    def close(self) -> None:
        """Release what the list holds; it is not used afterwards."""
