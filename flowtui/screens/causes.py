"""What the tasks in view failed of, read from their logs while nobody waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from flowtui.failures import (
    ExceptionReader,
    Outcome,
    Place,
    failed_attempt,
    place_of,
)
from flowtui.model import UNSUCCESSFUL, Attempt, Key, State, Task
from flowtui.sources.base import RunSource
from flowtui.store import RunStore


class Causes:
    """Reads each exception once; `told` has its summary by task, and `changed` is called when it
    has more, in the reader's thread."""

    def __init__(self, source: RunSource, store: RunStore, changed: Callable[[], object]) -> None:
        self.told: dict[Key, str] = {}
        self._known: dict[Place, str] = {}
        self._settled: set[Place] = set()
        self._changed = changed
        self._reader = ExceptionReader(source, store, self._publish)
        self._reader.start()

    def look(self, tasks: Iterable[Task]) -> None:
        """Find out about these tasks, and about no others any more."""
        due = []
        for task in tasks:
            # What runs again, or waits to, is told by that.
            wrong = task.state in UNSUCCESSFUL or task.state is State.CAUGHT
            attempt = failed_attempt(task) if wrong else None
            if attempt is None:
                self.told.pop(task.key, None)
                continue
            place = place_of(task, attempt)
            if place not in self._settled:
                due.append((task, attempt))
            if self._known.get(place):
                self.told[task.key] = self._known[place]
        self._reader.want(due)

    def stop(self) -> None:
        """Read no more."""
        self._reader.stop()

    def _publish(self, task: Task, attempt: Attempt, outcome: Outcome) -> None:
        summary = outcome.raised.summary if outcome.raised else ""
        place = place_of(task, attempt)
        self._known[place] = summary
        if outcome.final:
            self._settled.add(place)
        if summary:
            self.told[task.key] = summary
            self._changed()
