"""What is selected in a run: a step, one of its tasks, and one of the attempts of that."""

from __future__ import annotations

from dataclasses import dataclass

from flowtui.model import Attempt, Task


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
