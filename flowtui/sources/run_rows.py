"""How the rows of all runs are reached: what differs between Metaflow's client, files and HTTP."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from flowtui.model import RunDescription
from flowtui.run_summary import RunKey

YOUNG = 24 * 3600_000
"""Milliseconds for which a run may go on without its row saying so."""


@dataclass(frozen=True, slots=True)
class ListedRun:
    """A run as its own row tells it; `unfinished` is whether it may still go on, for all that can
    be told without looking into it."""

    row: RunDescription
    unfinished: bool

    @property
    def key(self) -> RunKey:
        return (self.row.flow, self.row.run)


@dataclass(frozen=True, slots=True)
class RowNews:
    """The runs that are new or may differ, and those that are gone."""

    runs: tuple[ListedRun, ...] = ()
    gone: tuple[RunKey, ...] = ()


class RunRows(Protocol):
    """The rows of runs, whatever their namespace. Blocking; `look` may raise Unreachable.

    `more` is whether `look` has left rows unread for want of time: none of runs begun after
    `all_since`, in milliseconds since the epoch. `trouble` is a sentence on what it could not read.
    """

    @property
    def more(self) -> bool: ...
    @property
    def all_since(self) -> float: ...
    @property
    def trouble(self) -> str | None: ...

    def look(self, patience: float, watched: Collection[RunKey]) -> RowNews:
        """Read on for so many seconds, but one piece at least.

        `watched` are runs in view and unfinished ones: what differs is looked for there first.
        """

    def forget(self, key: RunKey) -> None:
        """The run was found to be gone: if it is listed again, it counts as new."""

    def close(self) -> None:
        """Release what is held."""
