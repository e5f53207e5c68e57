"""All that is known of one run, kept up to date by changes; steps and counts are derived from it.

Applying a change set costs what it holds, not what the run holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from flowtui import status
from flowtui.model import (
    FINISHED,
    UNSUCCESSFUL,
    Changes,
    Graph,
    Key,
    Ms,
    Node,
    ProcessUse,
    RunDescription,
    RunStatus,
    State,
    StepStatus,
    Target,
    Task,
)
from flowtui.status import Budget
from flowtui.step_index import StepIndex
from flowtui.task_index import StepTasks

_TASKS_NAMED = 8
_NO_TASKS = StepTasks()


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying a change set touched, so that a screen repaints no more than that."""

    graph: bool
    steps: frozenset[str]
    tasks: tuple[Task, ...]


class RunStore:
    """One run as far as it is known; single-threaded, owned by whoever applies the changes."""

    def __init__(self, description: RunDescription) -> None:
        self.description = description
        self.status = RunStatus(State.PENDING, "nothing read yet")
        self.now = Ms(0)
        self.processes: Mapping[Key, ProcessUse] = {}
        self.counts: Counter[State] = Counter()
        self._tasks: dict[str, StepTasks] = {}
        self._unsuccessful: dict[Key, Task] = {}
        self._splits: dict[str, int] = {}
        self._retried = 0
        self._graph = description.graph
        self._index = StepIndex(self._graph, self._splits, self._tasks)
        self._expected = self._sum_expected()
        self._first_failure: Task | None = None
        self._first_failure_known = True

    @property
    def graph(self) -> Graph:
        """The run's graph; steps that have tasks but are in no graph stand at its end."""
        return self._graph

    @property
    def steps(self) -> Mapping[str, StepStatus]:
        """How the steps stand, by name; it follows what is applied."""
        return self._index.steps

    @property
    def splits(self) -> Mapping[str, int]:
        """Per split step, how many tasks its foreach or num_parallel has asked for so far."""
        return self._splits

    @property
    def retried(self) -> int:
        """How many tasks have more than one attempt."""
        return self._retried

    @property
    def expected(self) -> int | None:
        """How many tasks a run to its end has, as far as is known, or None.

        What a run that succeeded did not need does not count; what a failed one did not reach does.
        """
        return self._expected

    @property
    def finished(self) -> int:
        """How many tasks have nothing left to do."""
        return sum(count for state, count in self.counts.items() if state in FINISHED)

    def tasks(self, step: str) -> StepTasks:
        """A step's tasks by id, in the natural order of their ids; it follows what is applied."""
        known = self._tasks.get(step)
        if known is None:
            if step not in self._graph:
                return _NO_TASKS
            known = self._tasks[step] = StepTasks()
        return known

    def task(self, step: str, task_id: str) -> Task | None:
        return self.tasks(step).get(task_id)

    def all_tasks(self) -> Iterator[Task]:
        """Every task, by step in graph order."""
        for node in self.graph.nodes:
            yield from self.tasks(node.name).values()

    def unsuccessful(self) -> Iterable[Task]:
        """The tasks that failed or were lost, in the order in which they became known."""
        return self._unsuccessful.values()

    def frontier(self) -> str | None:
        """The step to look at while nothing has failed: what runs, was caught, or is the last."""
        names = [node.name for node in self.graph.nodes]
        running = [name for name in names if self.steps[name].state is State.RUNNING]
        caught = [name for name in names if self.steps[name].state is State.CAUGHT]
        reached = [name for name in names if self.tasks(name)]
        if self.status.state in FINISHED and caught:
            return caught[0]
        return next(reversed(running or reached), names[0] if names else None)

    def first_failure(self) -> Task | None:
        """The unsuccessful task that ended first; one killed because of another is not first."""
        if not self._first_failure_known:
            self._first_failure = first_failure(iter(self._unsuccessful.values()))
            self._first_failure_known = True
        return self._first_failure

    def budget(self, step: str) -> Budget:
        """How often the tasks of a step may be tried."""
        delayed = status.delays_retries(self.description)
        return status.budget(self._graph.by_name.get(step), delayed=delayed)

    def missing(self, target: Target) -> str | None:
        """A sentence that says which part of a target the run does not have, or None."""
        if target.step is not None and target.step not in self.graph:
            steps = ", ".join(node.name for node in self.graph.nodes) or "none yet"
            return f"Run {self.description.pathspec} has no step {target.step!r}. Steps: {steps}."
        if target.task is not None and self.task(target.step or "", target.task) is None:
            ids = list(self.tasks(target.step or ""))
            known = ", ".join(ids[:_TASKS_NAMED]) or "none yet"
            more = f" and {len(ids) - _TASKS_NAMED} more" if len(ids) > _TASKS_NAMED else ""
            return f"Step {target.step} has no task {target.task!r}. Tasks: {known}{more}."
        return None

    def apply(self, changes: Changes) -> Applied:
        """Take a change set in and say what it touched."""
        self.now = changes.now
        self.processes = changes.processes
        if not changes:
            return Applied(False, frozenset(), ())
        known = self._graph
        if changes.description is not None:
            self.description = changes.description
            self._graph = _with_unknown_steps(
                changes.description.graph, [name for name, tasks in self._tasks.items() if tasks]
            )
        if changes.status is not None:
            self.status = changes.status
        self._splits.update(changes.splits)
        by_step: dict[str, list[Task]] = {}
        for task in changes.tasks:
            by_step.setdefault(task.step, []).append(task)
        for step, tasks in by_step.items():
            self._take(step, tasks)
        differ = self._derive(by_step, graph=self._graph is not known, splits=bool(changes.splits))
        return Applied(self._graph != known, differ.union(by_step), changes.tasks)

    def _take(self, step: str, tasks: list[Task]) -> None:
        if step not in self._graph:
            self._graph = _with_unknown_steps(self._graph, [step])
        known = self._tasks.setdefault(step, StepTasks())
        latest = {task.id: task for task in tasks}
        for task_id, task in latest.items():
            old = known.get(task_id)
            if old is not None:
                self.counts[old.state] -= 1
                self._retried -= len(old.attempts) > 1
            self.counts[task.state] += 1
            self._retried += len(task.attempts) > 1
            self._note_failure(task)
        known.take(latest.values())

    def _note_failure(self, task: Task) -> None:
        failed = task.state in UNSUCCESSFUL
        if failed:
            self._unsuccessful[task.key] = task
        elif self._unsuccessful:
            failed = self._unsuccessful.pop(task.key, None) is not None
        if failed:
            self._first_failure_known = False

    def _derive(self, touched: Iterable[str], *, graph: bool, splits: bool) -> frozenset[str]:
        """Bring the steps up to date with tasks, and with a graph or splits that differ."""
        before = self._index.steps
        if graph:
            self._index = StepIndex(self._graph, self._splits, self._tasks)
        due = set(touched).union(self._index.end(self.status.state in FINISHED))
        if splits and not graph:
            due.update(self._index.expect(self._splits))
        differ = self._index.renew(due)
        if graph:
            now = self._index.steps.items()
            differ = frozenset(name for name, status in now if before.get(name) != status)
        self._expected = self._sum_expected()
        return differ

    def _sum_expected(self) -> int | None:
        done = self.status.state is State.SUCCEEDED
        known = [
            step.expected
            for step in self.steps.values()
            if not (done and step.state is State.SKIPPED)
        ]
        return sum(count for count in known if count) if None not in known else None


def first_failure(tasks: Iterator[Task]) -> Task | None:
    """Of unsuccessful tasks, the one that ended first; failed before lost, known before unknown."""

    def ended(task: Task) -> tuple[bool, bool, int, int]:
        moment = task.finished_at
        killed = "killed by Metaflow" in task.reason
        return (killed, moment is None, moment or 0, task.attempts[0].started_at or 0)

    return min(tasks, key=ended, default=None)


def _with_unknown_steps(graph: Graph, steps: list[str]) -> Graph:
    """The graph with a node of type `unknown` for each step it does not have."""
    missing = tuple(Node(name, type="unknown") for name in steps if name not in graph)
    if not missing:
        return graph
    return Graph(graph.nodes + missing, graph.start_step, graph.end_step, graph.file)
