"""Turns the evidence a source gathers into changes: what every source of Metaflow runs shares.

The ledger keeps the evidence of each task and the state last said of it. Tasks that nothing can
change any more are not looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from flowtui import status
from flowtui.model import (
    SETTLED,
    UNSUCCESSFUL,
    Attempt,
    Changes,
    Ms,
    RunDescription,
    RunStatus,
    State,
    Task,
)
from flowtui.status import Budget, Context, TaskEvidence, Vital
from flowtui.store import first_failure

Key = tuple[str, str]

_LEADING_NUMBER = re.compile(r"\d+")


class Ledger:
    """Evidence in, changes out, for one run."""

    def __init__(self) -> None:
        self._evidence: dict[Key, TaskEvidence] = {}
        self._tasks: dict[Key, Task] = {}
        self._open: set[Key] = set()
        self._budgets: dict[str, Budget] = {}
        self._description: RunDescription | None = None
        self._said: RunStatus | None = None
        self._splits: dict[str, dict[str, int]] = {}
        self._new_splits: set[str] = set()
        self._controls: set[Key] = set()
        self._by_step: dict[str, set[Key]] = {}
        self._busy: dict[Key, Task] = {}
        self._unsuccessful: dict[Key, Task] = {}
        self._last_end: Ms | None = None
        self._started = False

    def settled(self, key: Key) -> bool:
        """Whether nothing later can change the task: it need not be fetched again."""
        task = self._tasks.get(key)
        return task is not None and task.state in SETTLED

    def evidence(self, key: Key) -> TaskEvidence | None:
        return self._evidence.get(key)

    def unsettled(self) -> Iterable[Key]:
        """The tasks that can still change, as of the last `changes`."""
        return tuple(self._open)

    def record(self, evidence: TaskEvidence, *, control: bool = False) -> None:
        """Take in what is known of a task, in place of what was known before."""
        self._evidence[evidence.key] = evidence
        self._open.add(evidence.key)
        self._by_step.setdefault(evidence.step, set()).add(evidence.key)
        if control:
            self._controls.add(evidence.key)

    def record_split(self, step: str, task: str, count: int) -> None:
        """Take in how many tasks a foreach or num_parallel task asked for."""
        if self._splits.setdefault(step, {}).get(task) != count:
            self._splits[step][task] = count
            self._new_splits.add(step)

    def splits(self, step: str) -> Mapping[str, int]:
        """What each task of a split step asked for, by task id."""
        return self._splits.get(step, {})

    def changes(self, description: RunDescription, vital: Vital, *, heartbeats: bool) -> Changes:
        """Judge all that is open and say what differs from what was said before."""
        if description != self._description:
            self._budgets.clear()
        tasks = self._judge(description, vital, heartbeats)
        run = self._judge_run(description, vital)
        changed = Changes(
            now=vital.now,
            description=description if description != self._description else None,
            status=run if run != self._said else None,
            tasks=tuple(tasks),
            splits={step: sum(self._splits[step].values()) for step in self._new_splits},
        )
        self._description, self._said = description, run
        self._new_splits.clear()
        return changed

    def _judge(self, description: RunDescription, vital: Vital, heartbeats: bool) -> list[Task]:
        outcome = self._terminal(description)
        context = Context(
            now=vital.now,
            over=outcome.reason if outcome else None,
            heartbeats=heartbeats,
            control_over=frozenset(key for key in self._controls if self.settled(key)),
        )
        attempts = {
            key: self._attempts(self._evidence[key], description, context) for key in self._open
        }
        running = any(
            attempt.state is State.RUNNING for tried in attempts.values() for attempt in tried
        )
        alive = outcome is None and (running or vital.alive() is not None)
        if outcome is not None:
            # Nobody is left to start the retry of a run that has its outcome.
            vital = replace(vital, launcher_gone=True)
        changed: list[Task] = []
        for key in sorted(self._open, key=_order):
            limits = self._limits(key[0], description)
            task = status.task(self._evidence[key], attempts[key], limits, vital, alive)
            if self._tasks.get(key) != task:
                self._say(key, task)
                changed.append(task)
            if task.state in SETTLED:
                self._open.discard(key)
        return changed

    def _say(self, key: Key, task: Task) -> None:
        self._tasks[key] = task
        self._busy.pop(key, None)
        self._unsuccessful.pop(key, None)
        if task.state in (State.RUNNING, State.WAITING):
            self._busy[key] = task
        elif task.state in UNSUCCESSFUL:
            self._unsuccessful[key] = task
        self._started = self._started or bool(task.attempts)
        if task.finished_at is not None:
            self._last_end = Ms(max(self._last_end or 0, task.finished_at))

    def _attempts(
        self, evidence: TaskEvidence, description: RunDescription, context: Context
    ) -> tuple[Attempt, ...]:
        limits = self._limits(evidence.step, description)
        return tuple(
            status.attempt(attempt, evidence, limits, context) for attempt in evidence.attempts
        )

    def _terminal(self, description: RunDescription) -> RunStatus | None:
        """The run's outcome by its terminal step, judged from that step's evidence alone."""
        end = description.graph.end_step
        context = Context(now=Ms(0))
        limits = self._limits(end or "", description)
        ends = []
        for key in self._by_step.get(end or "", ()):
            evidence = self._evidence[key]
            attempts = self._attempts(evidence, description, context)
            vital = Vital(now=Ms(0), launcher_gone=True)
            ends.append(status.task(evidence, attempts, limits, vital, False))
        return status.terminal_outcome(ends)

    def _judge_run(self, description: RunDescription, vital: Vital) -> RunStatus:
        busy = next(iter(self._busy.values()), None)
        return status.run(
            vital,
            outcome=self._terminal(description),
            running=f"{busy.step}/{busy.id}: {busy.reason}" if busy else None,
            started=self._started,
            first_failure=first_failure(iter(self._unsuccessful.values())),
            finished_at=self._last_end,
        )

    def _limits(self, step: str, description: RunDescription) -> Budget:
        if step not in self._budgets:
            node = description.graph.by_name.get(step)
            # Metaflow's own launcher (`runtime:dev`) retries at once, whatever the decorator says.
            delayed = "runtime:dev" not in description.system_tags
            self._budgets[step] = status.budget(node, delayed=delayed)
        return self._budgets[step]


def _order(key: Key) -> tuple[str, int, str]:
    """Task ids in the order in which Metaflow gave them: by their number, then by name."""
    step, task = key
    number = _LEADING_NUMBER.match(task)
    return (step, int(number[0]) if number else 0, task)
