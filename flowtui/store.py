"""All that is known of one run, kept up to date by changes; steps and counts are derived from it.

Applying a change set costs what it holds, not what the run holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from flowtui import steps as rules
from flowtui.model import (
    FINISHED,
    UNSUCCESSFUL,
    Changes,
    Graph,
    Ms,
    Node,
    RunDescription,
    RunStatus,
    State,
    StepStatus,
    Target,
    Task,
)

_TASKS_NAMED = 8


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
        self.steps: Mapping[str, StepStatus] = {}
        self.counts: Counter[State] = Counter()
        self._tasks: dict[str, dict[str, Task]] = {}
        self._step_counts: dict[str, Counter[State]] = {}
        self._splits: dict[str, int] = {}
        self._retried = 0
        self._graph = description.graph

    @property
    def graph(self) -> Graph:
        """The run's graph; steps that have tasks but are in no graph stand at its end."""
        return self._graph

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
        done = self.status.state is State.SUCCEEDED
        known = [
            step.expected
            for step in self.steps.values()
            if not (done and step.state is State.SKIPPED)
        ]
        return sum(count for count in known if count) if None not in known else None

    @property
    def finished(self) -> int:
        """How many tasks have nothing left to do."""
        return sum(count for state, count in self.counts.items() if state in FINISHED)

    def tasks(self, step: str) -> Mapping[str, Task]:
        """A step's tasks by id, in the order in which they became known."""
        return self._tasks.get(step, {})

    def task(self, step: str, task_id: str) -> Task | None:
        return self._tasks.get(step, {}).get(task_id)

    def all_tasks(self) -> Iterator[Task]:
        """Every task, by step in graph order."""
        for node in self.graph.nodes:
            yield from self.tasks(node.name).values()

    def first_failure(self) -> Task | None:
        """The unsuccessful task that ended first; one killed because of another is not first."""
        return first_failure(task for task in self.all_tasks() if task.state in UNSUCCESSFUL)

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
        known = self._graph
        if changes.description is not None:
            self.description = changes.description
            self._graph = _with_unknown_steps(changes.description.graph, self._tasks)
        if changes.status is not None:
            self.status = changes.status
        self._splits.update(changes.splits)
        for task in changes.tasks:
            self._take(task)
        before = self.steps
        self.steps = self._derive_steps()
        touched = {task.step for task in changes.tasks}
        touched |= {name for name, step in self.steps.items() if before.get(name) != step}
        return Applied(self._graph != known, frozenset(touched), changes.tasks)

    def _take(self, task: Task) -> None:
        if task.step not in self._graph:
            self._graph = _with_unknown_steps(self._graph, [task.step])
        tasks = self._tasks.setdefault(task.step, {})
        counts = self._step_counts.setdefault(task.step, Counter())
        old = tasks.get(task.id)
        if old is not None:
            counts[old.state] -= 1
            self.counts[old.state] -= 1
            self._retried -= len(old.attempts) > 1
        tasks[task.id] = task
        counts[task.state] += 1
        self.counts[task.state] += 1
        self._retried += len(task.attempts) > 1

    def _derive_steps(self) -> Mapping[str, StepStatus]:
        graph = self._graph
        expected = rules.expected_tasks(graph, self._splits)
        run_over = self.status.state in FINISHED
        steps: dict[str, StepStatus] = {}
        for node in graph.nodes:
            counts = {
                state: count
                for state, count in self._step_counts.get(node.name, Counter()).items()
                if count
            }
            before = [name for name in graph.predecessors[node.name] if name != node.name]
            steps[node.name] = rules.step(
                counts,
                expected[node.name],
                run_over=run_over,
                bypassed=not counts and rules.bypassed(node.name, graph, steps),
                growing=any(
                    name in steps and steps[name].state is State.RUNNING for name in before
                ),
            )
        return steps


def first_failure(tasks: Iterator[Task]) -> Task | None:
    """Of unsuccessful tasks, the one that ended first; failed before lost, known before unknown."""

    def ended(task: Task) -> tuple[bool, bool, int, int]:
        moment = task.finished_at
        killed = "killed by Metaflow" in task.reason
        return (killed, moment is None, moment or 0, task.attempts[0].started_at or 0)

    return min(tasks, key=ended, default=None)


def _with_unknown_steps(graph: Graph, steps: Mapping[str, object] | list[str]) -> Graph:
    """The graph with a node of type `unknown` for each step it does not have."""
    missing = tuple(Node(name, type="unknown") for name in steps if name not in graph)
    if not missing:
        return graph
    return Graph(graph.nodes + missing, graph.start_step, graph.end_step, graph.file)
