"""Turns the evidence a source gathers into changes: what every source of Metaflow runs shares.

The ledger keeps the evidence of each task and the state last said of it. Tasks that nothing can
change any more are not looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from flowtui import status
from flowtui.model import (
    SETTLED,
    UNSUCCESSFUL,
    Attempt,
    Changes,
    Key,
    Ms,
    RunDescription,
    RunStatus,
    State,
    Task,
)
from flowtui.status import Budget, Context, TaskEvidence, Vital
from flowtui.store import first_failure

_LEADING_NUMBER = re.compile(r"\d+")


class Ledger:
    """Evidence in, changes out, for one run."""

    def __init__(self) -> None:
        self._evidence: dict[Key, TaskEvidence] = {}
        self._tasks: dict[Key, Task] = {}
        self._open: set[Key] = set()
        self._final: set[Key] = set()
        self._budgets: dict[str, Budget] = {}
        self._description: RunDescription | None = None
        self._told: RunDescription | None = None
        self._said: RunStatus | None = None
        self._splits: dict[str, dict[str, int]] = {}
        self._new_splits: set[str] = set()
        self._controls: set[Key] = set()
        self._by_step: dict[str, set[Key]] = {}
        self._busy: dict[Key, Task] = {}
        self._unsuccessful: dict[Key, Task] = {}
        self._first_failure: Task | None = None
        self._failures_moved = False
        self._last_end: Ms | None = None
        self._started = False

    def final(self, key: Key) -> bool:
        """Whether nothing later can change what is said of the task: it need not be fetched."""
        return key in self._final

    def evidence(self, key: Key) -> TaskEvidence | None:
        return self._evidence.get(key)

    def record(self, evidence: TaskEvidence, *, control: bool = False) -> None:
        """Take in what is known of a task, in place of what was known before."""
        self._evidence[evidence.key] = evidence
        self._open.add(evidence.key)
        self._final.discard(evidence.key)
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

    def doubtful(
        self, description: RunDescription, vital: Vital, *, heartbeats: bool
    ) -> Sequence[Key]:
        """The tasks of which `changes` would newly say that an attempt is lost.

        What came to an end while it was being read looks the same: a source that reads one task
        after the other looks at these once more before it says so.
        """
        self._note(description)
        context = self._context(description, vital, heartbeats)
        found = []
        for key in self._open:
            evidence = self._evidence[key]
            if all(attempt.ok is not None for attempt in evidence.attempts):
                continue
            known = self._tasks.get(key)
            # An attempt that another one followed has long come to its end.
            lost = _lost(self._attempts(evidence, description, context)[-1:])
            if lost - _lost(known.attempts if known else ()):
                found.append(key)
        return sorted(found, key=_order)

    def changes(self, description: RunDescription, vital: Vital, *, heartbeats: bool) -> Changes:
        """Judge all that is open and say what differs from what was said before."""
        self._note(description)
        tasks = self._judge(description, vital, heartbeats)
        run = self._judge_run(description, vital)
        changed = Changes(
            now=vital.now,
            description=description if description != self._told else None,
            status=run if run != self._said else None,
            tasks=tuple(tasks),
            splits={step: sum(self._splits[step].values()) for step in self._new_splits},
        )
        self._told, self._said = description, run
        self._new_splits.clear()
        return changed

    def _note(self, description: RunDescription) -> None:
        known = self._description
        if description == known:
            return
        self._budgets.clear()
        self._description = description
        if known is not None and description.graph != known.graph:
            # What was said without the graph did not know how often a task may be tried.
            self._open.update(self._evidence)
            self._final.clear()

    def _context(self, description: RunDescription, vital: Vital, heartbeats: bool) -> Context:
        outcome = self._terminal(description)
        return Context(
            now=vital.now,
            over=outcome.reason if outcome else None,
            heartbeats=heartbeats,
            control_over=frozenset(
                key for key in self._controls if self._went_on(key, description)
            ),
        )

    def _went_on(self, key: Key, description: RunDescription) -> bool:
        """Whether a control task has the outcome with which the run goes on to the next step."""
        tried = self._attempts(self._evidence[key], description, Context(now=Ms(0)))
        return bool(tried) and tried[-1].state in SETTLED

    def _judge(self, description: RunDescription, vital: Vital, heartbeats: bool) -> list[Task]:
        outcome = self._terminal(description)
        context = self._context(description, vital, heartbeats)
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
            evidence = self._evidence[key]
            task = status.task(evidence, attempts[key], limits, vital, alive)
            if self._tasks.get(key) != task:
                self._say(key, task)
                changed.append(task)
            if status.is_final(task, evidence, limits, graph_known=bool(description.graph.nodes)):
                self._open.discard(key)
                self._final.add(key)
        return changed

    def _say(self, key: Key, task: Task) -> None:
        self._tasks[key] = task
        self._busy.pop(key, None)
        if self._unsuccessful.pop(key, None) is not None:
            self._failures_moved = True
        if task.state in (State.RUNNING, State.WAITING):
            self._busy[key] = task
        elif task.state in UNSUCCESSFUL:
            self._unsuccessful[key] = task
            self._failures_moved = True
        self._started = self._started or bool(task.attempts)
        # A lost attempt has no end on record: its last sign is the latest that is known of it.
        signs = [attempt.last_sign or 0 for attempt in self._evidence[key].attempts]
        ended = task.finished_at or (max(signs) if task.state is State.LOST else None)
        if ended:
            self._last_end = Ms(max(self._last_end or 0, ended))

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
        context, vital = Context(now=Ms(0)), Vital(now=Ms(0))
        limits = self._limits(end or "", description)
        ends = []
        for key in sorted(self._by_step.get(end or "", ()), key=_order):
            evidence = self._evidence[key]
            attempts = self._attempts(evidence, description, context)
            # Judged as in a run that is alive: with retries left, a failure is not the outcome.
            ends.append(status.task(evidence, attempts, limits, vital, alive=True))
        return status.terminal_outcome(ends)

    def _judge_run(self, description: RunDescription, vital: Vital) -> RunStatus:
        first = min(self._busy, key=_order, default=None)
        busy = self._busy[first] if first is not None else None
        if self._failures_moved:
            self._first_failure = first_failure(iter(self._unsuccessful.values()))
            self._failures_moved = False
        return status.run(
            vital,
            outcome=self._terminal(description),
            running=f"{busy.step}/{busy.id}: {busy.reason}" if busy else None,
            started=self._started,
            first_failure=self._first_failure,
            finished_at=self._last_end,
        )

    def _limits(self, step: str, description: RunDescription) -> Budget:
        if step not in self._budgets:
            node = description.graph.by_name.get(step)
            delayed = status.delays_retries(description)
            self._budgets[step] = status.budget(node, delayed=delayed)
        return self._budgets[step]


def _lost(attempts: Iterable[Attempt]) -> set[int]:
    return {attempt.number for attempt in attempts if attempt.state is State.LOST}


def _order(key: Key) -> tuple[str, int, str]:
    """Task ids in the order in which Metaflow gave them: by their number, then by name."""
    step, task = key
    number = _LEADING_NUMBER.match(task)
    return (step, int(number[0]) if number else 0, task)
