"""What a metaflow-service's queries over a step tell of its tasks, without reading each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flowtui.sources.metadata_rows import Fields
from flowtui.sources.service_api import ServiceApi
from flowtui.status import MAX_ATTEMPTS, AttemptEvidence


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Ids of tasks: with an attempt that succeeded or failed, with a second, third … attempt, and
    cloned ones."""

    succeeded: set[str]
    failed: set[str]
    again: Sequence[set[str]]
    cloned: set[str]

    def attempts(self, task: str) -> Fields | None:
        """A task's attempts, without times, where the queries leave no doubt; else None."""
        tries = 1 + max((nth for nth, ids in enumerate(self.again, 1) if task in ids), default=0)
        if task in self.cloned:
            return None
        if task in self.succeeded and (tries < 3 or task not in self.failed):
            # Nothing follows a success: it is the last, and any failure was before.
            before = False if task in self.failed else None
            return _fields([before] * (tries - 1) + [True])
        if task in self.failed and task not in self.succeeded and tries == 1:
            return _fields([False])
        return None


def read_outcomes(api: ServiceApi, step: str) -> Outcomes | None:
    """Ask for the outcomes of a step's tasks; None if the service knows no such queries.

    `filtered_tasks` looks for its pattern anywhere in a value, if it is not anchored.
    """
    succeeded = api.filtered_tasks(step, "attempt_ok", "^True$")
    if succeeded is None:
        return None
    failed = api.filtered_tasks(step, "attempt_ok", "^False$") or set()
    cloned = api.filtered_tasks(step, "origin-task-id", ".") or set()
    again: list[set[str]] = []
    while len(again) + 1 < MAX_ATTEMPTS:
        ids = api.filtered_tasks(step, "attempt", f"^{len(again) + 1}$")
        if not ids:
            break
        again.append(ids)
    return Outcomes(succeeded, failed, again, cloned)


def _fields(outcomes: Sequence[bool | None]) -> Fields:
    return Fields(
        attempts=tuple(AttemptEvidence(number, ok=ok) for number, ok in enumerate(outcomes))
    )
