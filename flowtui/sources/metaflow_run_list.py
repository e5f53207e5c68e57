"""A list of Metaflow's runs: rows from a provider, and looks into the runs that matter now.

What a look tells is what the run's own source tells: states, reasons and counts are the same ones.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from flowtui.model import Ms
from flowtui.run_summary import RunKey, RunListChanges, RunSummary
from flowtui.sources.base import NotFound, SourceError
from flowtui.sources.run_looks import Looks, Standing
from flowtui.sources.run_rows import YOUNG, ListedRun, RunRows

ROWS = 0.1
"""Seconds that one poll spends on rows, while there are more than that takes."""

FIRST_ROWS = 0.01
"""Seconds that the first poll spends on rows."""

LOOKS = 0.1
"""Seconds that one poll spends on looks into runs."""

IN_VIEW = 0.5
"""Seconds between two looks into a run in view, at least: polls may follow each other at once."""

UNSEEN = 5.0
"""Seconds between two looks into an unfinished run that is not in view."""

DOUBTFUL = 10.0
"""Seconds between two looks into a run that has failed or could not be read."""


@dataclass(slots=True)
class _Entry:
    """A listed run; `looked_at` is when it was looked into last, on the steady clock."""

    listed: ListedRun
    standing: Standing | None = None
    looked_at: float = -math.inf
    settled: bool = False
    trouble: str | None = None


class MetaflowRunList:
    """The runs that `rows` lists and that are in a namespace; `looks` opens them."""

    def __init__(
        self,
        rows: RunRows,
        looks: Looks,
        namespace: str | None,
        *,
        now: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`namespace` is a tag, None for all runs; `now` gives milliseconds since the epoch by the
        provider's clock, `monotonic` seconds that only ever go on."""
        self._rows, self._looks, self._namespace = rows, looks, namespace
        self._now, self._monotonic = now, monotonic
        self._entries: dict[RunKey, _Entry] = {}
        self._unfinished: dict[RunKey, None] = {}
        self._told: dict[RunKey, RunSummary] = {}
        self._touched: dict[RunKey, None] = {}
        self._attended: Sequence[RunKey] = ()
        self._newest = Ms(0)

    def attend(self, runs: Sequence[RunKey]) -> None:
        """Name the runs in view, which are looked into first."""
        self._attended = tuple(runs)

    def poll(self) -> RunListChanges:
        """Read rows for a while, look into runs for a while, and say what differs."""
        attended = [key for key in dict.fromkeys(self._attended) if key in self._entries]
        watched = [key for key in attended if not self._entries[key].settled]
        # The very first rows are shown at once, before any run is looked into.
        begun = bool(self._told)
        patience = ROWS if begun else FIRST_ROWS
        news = self._rows.look(patience, {*watched, *self._unfinished})
        for key in news.gone:
            self._remove(key)
        for listed in news.runs:
            self._take(listed)
        attended = [key for key in dict.fromkeys(self._attended) if key in self._entries]
        if begun:
            self._look_into(attended)
        return self._changes(attended)

    def close(self) -> None:
        """Release what is held; the list is not used afterwards."""
        self._looks.close()
        self._rows.close()

    # Rows

    def _take(self, listed: ListedRun) -> None:
        key, row = listed.key, listed.row
        if self._namespace is not None and self._namespace not in (*row.tags, *row.system_tags):
            self._remove(key)
            return
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry(listed)
        entry.listed = listed
        self._newest = Ms(max(self._newest, row.created_at or 0))
        self._touched[key] = None
        if listed.unfinished and not (entry.standing and entry.standing.succeeded):
            entry.settled = False
            self._unfinished[key] = None

    def _remove(self, key: RunKey) -> None:
        if self._entries.pop(key, None) is not None:
            self._unfinished.pop(key, None)
            self._touched[key] = None
            self._looks.drop(key)

    # Looks

    def _look_into(self, attended: Sequence[RunKey]) -> None:
        now = self._monotonic()
        in_view = frozenset(attended)
        for key in list(self._due(attended, in_view, now)):
            self._look(key, in_view)
            if self._monotonic() >= now + LOOKS:
                return

    def _due(
        self, attended: Sequence[RunKey], in_view: frozenset[RunKey], now: float
    ) -> Iterator[RunKey]:
        """Runs in view before others, of both those first that were never looked into."""
        others = sorted(self._unfinished.keys() - in_view, key=self._created, reverse=True)
        for keys in (attended, others):
            viewed = keys is attended
            due = [key for key in keys if now >= self._due_at(self._entries[key], in_view=viewed)]
            yield from sorted(due, key=lambda key: self._entries[key].looked_at)

    @staticmethod
    def _due_at(entry: _Entry, *, in_view: bool) -> float:
        """When to look into a run next, on the steady clock."""
        standing = entry.standing
        if entry.settled:
            return math.inf
        if entry.trouble is not None:
            return entry.looked_at + DOUBTFUL
        if in_view and not (standing and standing.whole):
            return entry.looked_at
        if standing and standing.over:
            return entry.looked_at + DOUBTFUL
        return entry.looked_at + (IN_VIEW if in_view else UNSEEN)

    def _created(self, key: RunKey) -> tuple[int, str]:
        return (self._entries[key].listed.row.created_at or 0, key[1])

    def _look(self, key: RunKey, in_view: frozenset[RunKey]) -> None:
        entry = self._entries[key]
        entry.looked_at = self._monotonic()
        self._touched[key] = None
        try:
            entry.standing = self._looks.into(key, first=entry.standing is None)
        except NotFound:
            self._rows.forget(key)
            self._remove(key)
        except SourceError as error:
            entry.trouble = str(error)
        else:
            entry.trouble = entry.standing.trouble
            if entry.standing.over and entry.standing.whole:
                self._let_go(key, entry, entry.standing, in_view)
            elif entry.standing.succeeded:
                # What its tasks did is read once it is in view.
                self._unfinished.pop(key, None)

    def _let_go(
        self, key: RunKey, entry: _Entry, standing: Standing, in_view: frozenset[RunKey]
    ) -> None:
        """Care no longer for a run that is over; never again, if nothing can come after that."""
        self._unfinished.pop(key, None)
        ended = standing.finished_at or entry.listed.row.created_at or 0
        # What seems to have failed or to be lost may give a sign of life again, but not days after.
        entry.settled = standing.succeeded or self._now() - ended > YOUNG
        if entry.settled or key not in in_view:
            self._looks.drop(key)

    # Changes

    def _changes(self, attended: Sequence[RunKey]) -> RunListChanges:
        runs, vanished = [], []
        for key in self._touched:
            entry = self._entries.get(key)
            if entry is None:
                if self._told.pop(key, None) is not None:
                    vanished.append(key)
                continue
            summary = _summary(entry)
            if self._told.get(key) != summary:
                self._told[key] = summary
                runs.append(summary)
        self._touched.clear()
        return RunListChanges(
            now=Ms(max(self._now(), self._newest)),
            runs=tuple(runs),
            vanished=tuple(vanished),
            more=self._rows.more
            or any(self._waits(key, in_view=True) for key in attended)
            or any(self._waits(key, in_view=False) for key in self._unfinished),
            all_since=self._rows.all_since,
            viewed=not any(self._waits(key, in_view=True) for key in attended),
            trouble=self._trouble(attended),
        )

    def _waits(self, key: RunKey, *, in_view: bool) -> bool:
        """Whether the next poll will look into a run that is not known yet, or not as a whole."""
        entry = self._entries.get(key)
        if entry is None or entry.settled or entry.trouble is not None:
            return False
        return entry.standing is None or (in_view and not entry.standing.whole)

    def _trouble(self, attended: Sequence[RunKey]) -> str | None:
        """The first of what could not be read, and how many more there are."""
        found = [self._rows.trouble]
        for key in dict.fromkeys([*attended, *self._unfinished]):
            entry = self._entries.get(key)
            found.append(entry.trouble if entry else None)
        sentences = [sentence for sentence in found if sentence is not None]
        if len(sentences) < 2:
            return sentences[0] if sentences else None
        return f"{sentences[0]} {len(sentences) - 1} more runs cannot be read whole."


def _summary(entry: _Entry) -> RunSummary:
    row, standing = entry.listed.row, entry.standing
    summary = RunSummary(row.flow, row.run, row.created_at, row.user, row.tags, row.system_tags)
    if standing is None:
        return summary
    return replace(
        summary,
        state=standing.state,
        reason=standing.reason,
        finished_at=standing.finished_at,
        origin_run=standing.origin_run,
        current=standing.current,
        counts=standing.counts,
        expected=standing.expected,
    )
