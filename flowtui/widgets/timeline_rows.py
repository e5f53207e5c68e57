"""Which rows a timeline has: one for each step, and those of its tasks where it is unfolded."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from math import inf

from flowtui.model import Ms, State, Task
from flowtui.store import RunStore
from flowtui.views.bars import rank
from flowtui.views.concurrency import Concurrency
from flowtui.widgets.task_rows import Order, TaskRows

RowKey = tuple[str, str | None]
"""A step and one of its tasks, or None for the step's own row."""

UNFOLDED = 20
"""Tasks of a step up to which they have rows from the start."""

_BAD = frozenset({State.FAILED, State.LOST, State.CAUGHT})


class StepRows:
    """A step's rows, and what is known of all its tasks together."""

    def __init__(self, store: RunStore, step: str, order: Order, reverse: bool) -> None:
        self.step = step
        self.tasks = store.tasks(step)
        self.expected = 0
        self.unfolded: bool | None = None
        self.changes = 0
        self.listed = TaskRows()
        self.listed.sort(order, reverse=reverse)
        self.listed.show(self.tasks, store.now)
        self._known = dict(self.tasks.items())
        self.times = Concurrency(
            attempt for task in self._known.values() for attempt in task.attempts
        )
        self.failures = sorted(
            end for task in self._known.values() if task.state in _BAD for end in _bad_end(task)
        )

    @property
    def lone(self) -> Task | None:
        """The task that shares the step's row, where there is but one."""
        return None if self.foldable else next(iter(self.tasks.values()), None)

    @property
    def foldable(self) -> bool:
        """Whether there are, or will be, tasks with rows of their own."""
        return max(len(self.tasks), self.expected) > 1

    @property
    def open(self) -> bool:
        """Whether the tasks have rows."""
        if self.unfolded is None:
            return self.foldable and max(len(self.tasks), self.expected) <= UNFOLDED
        return self.foldable and self.unfolded

    @property
    def height(self) -> int:
        return 1 + (len(self.listed) if self.open else 0)

    def took(self, now: Ms) -> int | None:
        """Milliseconds from the first start to the last end, or until now; None before it."""
        first, last = self.times.first, self.times.last
        if first is None:
            return None
        return max(last or first, now if self.times.running else first) - first

    def take(self, changed: Iterable[Task]) -> list[Task]:
        """Follow tasks of this step that are new or differ; returns those as they were."""
        before = []
        self.changes += 1
        for task in changed:
            old = self._known.get(task.id)
            if old is not None:
                before.append(old)
                self.times.remove(old.attempts)
                for end in _bad_end(old):
                    del self.failures[bisect_left(self.failures, end)]
            self._known[task.id] = task
            self.times.add(task.attempts)
            for end in _bad_end(task):
                insort(self.failures, end)
        return before


class TimelineRows:
    """The steps that have tasks, in the chosen order, with their rows."""

    def __init__(self) -> None:
        self.order = Order.TASK
        self.reverse = False
        self.times = Concurrency()
        self._store: RunStore | None = None
        self._steps: dict[str, StepRows] = {}
        self._ordered: list[StepRows] = []
        self._ends: list[int] = []

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, row: int) -> tuple[StepRows, Task | None]:
        """A row's step, and the task it is about, None for a step of many."""
        at = bisect_right(self._ends, row)
        step = self._ordered[at]
        within = row - self._ends[at] + step.height
        return step, step.listed[within - 1] if within else step.lone

    @property
    def steps(self) -> Sequence[StepRows]:
        """The steps with rows, in their order."""
        return self._ordered

    def step(self, name: str) -> StepRows | None:
        return self._steps.get(name)

    def key_at(self, row: int) -> RowKey:
        """What a row is told by."""
        at = bisect_right(self._ends, row)
        step = self._ordered[at]
        within = row - self._ends[at] + step.height
        return step.step, step.listed[within - 1].id if within else None

    def place(self, key: RowKey) -> int | None:
        """The row of a step or of one of its tasks; of a task without a row the step's."""
        name, task = key
        step = self._steps.get(name)
        if step is None:
            return None
        top = self._ends[self._ordered.index(step)] - step.height
        within = step.listed.place(task) if step.open and task is not None else None
        return top if within is None else top + 1 + within

    def show(self, store: RunStore) -> None:
        """List all anew; of a run that was listed before, what was folded stays so."""
        before = self._steps if store is self._store else {}
        self._store, self._steps = store, {}
        for node in store.graph.nodes:
            self._note(store, node.name)
        for name, step in self._steps.items():
            step.unfolded = before[name].unfolded if name in before else None
        self.times = Concurrency.of_all(step.times for step in self._steps.values())
        self._arrange(store)

    def update(self, store: RunStore, changed: Iterable[Task]) -> bool:
        """Follow what the store has taken in; whether a row came, went or moved."""
        by_step: dict[str, dict[str, Task]] = {}
        for task in changed:
            by_step.setdefault(task.step, {})[task.id] = task
        moved = False
        for name, tasks in by_step.items():
            step = self._steps.get(name)
            if step is None:
                self._note(store, name)
                before: list[Task] = []
            else:
                before = step.take(tasks.values())
                moved |= step.listed.update(tasks.values(), store.now) and step.open
            for old in before:
                self.times.remove(old.attempts)
            for task in tasks.values():
                self.times.add(task.attempts)
        return self._arrange(store) or moved

    def tick(self, now: Ms) -> bool:
        """Follow the running times; whether a row moved."""
        moved = [step.listed.tick(now) for step in self._ordered if step.open]
        return any(moved)

    def sort(self, order: Order, *, reverse: bool) -> None:
        """Order the steps and the tasks in each by this."""
        self.order, self.reverse = order, reverse
        for step in self._steps.values():
            step.listed.sort(order, reverse=reverse)
        if self._store is not None:
            self._arrange(self._store)

    def fold(self, name: str, *, unfolded: bool) -> None:
        """Give the tasks of a step rows, or take them away."""
        step = self._steps.get(name)
        if step is not None and self._store is not None:
            step.unfolded = unfolded
            self._arrange(self._store)

    def _note(self, store: RunStore, name: str) -> None:
        if store.tasks(name):
            self._steps[name] = StepRows(store, name, self.order, self.reverse)

    def _arrange(self, store: RunStore) -> bool:
        """Put the steps in order; whether that or the number of rows differs."""
        ordered, ends = self._ordered, self._ends
        for name, step in self._steps.items():
            step.expected = store.steps[name].expected or 0
        self._ordered = sorted(self._steps.values(), key=self._keyer(store), reverse=self.reverse)
        self._ends = list(accumulate(step.height for step in self._ordered))
        return ordered != self._ordered or ends != self._ends

    def _keyer(self, store: RunStore) -> Callable[[StepRows], float]:
        places = {node.name: place for place, node in enumerate(store.graph.nodes)}

        def started(step: StepRows) -> float:
            return inf if step.times.first is None else -step.times.first

        def longest(step: StepRows) -> float:
            length = step.took(store.now)
            return inf if length is None else -length

        keyers: Mapping[Order, Callable[[StepRows], float]] = {
            Order.STATE: lambda step: rank(store.steps[step.step].state),
            Order.STARTED: started,
            Order.TOOK: longest,
        }
        return keyers.get(self.order, lambda step: places[step.step])


def _bad_end(task: Task) -> Iterable[tuple[Ms, int]]:
    """When a task ended badly, with the rank of how; nothing of one that did not."""
    if task.state in _BAD and task.finished_at is not None:
        yield task.finished_at, rank(task.state)
