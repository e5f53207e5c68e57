"""What is selected in a run: a step, one of its tasks, and one of the attempts of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flowtui.model import Attempt, RunDescription, Task
from flowtui.run_summary import RunSummary
from flowtui.sources.base import RunSource


@dataclass
class Selection:
    """`number` is the attempt that was picked; None follows the last one."""

    step: str | None = None
    task: Task | None = None
    number: int | None = None

    @property
    def attempt(self) -> Attempt | None:
        """The attempt shown: the one picked, else the last."""
        attempts = self.task.attempts if self.task else ()
        picked = [attempt for attempt in attempts if attempt.number == self.number]
        return picked[0] if picked else attempts[-1] if attempts else None

    def go(self, task: Task | None) -> None:
        """Select a task; of another one than before the last attempt."""
        if (task.key if task else None) != (self.task.key if self.task else None):
            self.number = None
        self.task = task

    def step_attempt(self, step: int) -> None:
        """Pick the attempt before (-1) or after (1), if there is one."""
        attempt = self.attempt
        if self.task is None or attempt is None:
            return
        numbers = [known.number for known in self.task.attempts]
        at = numbers.index(attempt.number) + step
        self.number = numbers[max(0, min(at, len(numbers) - 1))]


@dataclass(frozen=True, slots=True)
class Picked:
    """What is selected of which run, for who acts on it; None where nothing is."""

    run: RunDescription | RunSummary
    source: RunSource | None
    step: str | None
    task: Task | None
    attempt: Attempt | None

    def values(self) -> Mapping[str, str]:
        """What there is to fill into a command of the person's own, by placeholder."""
        known = {
            "flow": self.run.flow,
            "run": self.run.run,
            "step": self.step,
            "task": self.task.id if self.task else None,
            "attempt": str(self.attempt.number) if self.attempt else None,
        }
        return {name: value for name, value in known.items() if value is not None}
