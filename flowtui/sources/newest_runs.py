"""The newest runs of a list, each looked into; of all others no more is read than that takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flowtui.model import Ms
from flowtui.run_summary import RunKey, RunSummary
from flowtui.sources.run_list import RunList


@dataclass(frozen=True, slots=True)
class NewestRuns:
    """Runs, newest first, and the provider's clock; `trouble` is a sentence on what could not be
    read and is left out."""

    runs: Sequence[RunSummary]
    now: Ms
    trouble: str | None


def newest_runs(listed: RunList, count: int) -> NewestRuns:
    """The `count` newest runs, or all where there are fewer; raises Unreachable.

    What cannot be read of a run is None.
    """
    known: dict[RunKey, RunSummary] = {}
    attended: list[RunKey] | None = None
    while True:
        changes = listed.poll()
        known.update((summary.key, summary) for summary in changes.runs)
        for key in changes.vanished:
            del known[key]
        newest = sorted(known.values(), key=_created, reverse=True)[:count]
        enough = len(newest) == count and changes.all_since <= _created(newest[-1])[0]
        if changes.more and not enough:
            continue
        keys = [summary.key for summary in newest]
        if keys == attended and changes.viewed:
            return NewestRuns(newest, changes.now, changes.trouble)
        attended = keys
        listed.attend(attended)


def _created(summary: RunSummary) -> tuple[int, str]:
    return (summary.created_at or 0, summary.run)
