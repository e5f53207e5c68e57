"""Which tasks of a step are listed, and in which order: kept up to date task by task."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Iterator, Mapping
from enum import StrEnum
from math import inf
from operator import itemgetter

from flowtui.lanes import SEVERITY, NaturalKey, natural
from flowtui.model import FINISHED, Ms, State, Task
from flowtui.task_filter import BadFilterError, TaskFilter
from flowtui.task_index import StepTasks

OF_INTEREST = frozenset({State.FAILED, State.LOST, State.CAUGHT, State.WAITING})
"""What the filter `failed only` leaves."""

_RANKS = {state: rank for rank, state in enumerate(SEVERITY)}

_MANY = 256
"""From this many changed tasks on, ordering all anew is cheaper than moving each."""

_RowKey = tuple[float | NaturalKey, NaturalKey]
"""What a row is ordered by, and the id, which ends every tie."""


class Order(StrEnum):
    """What rows are ordered by; the value is the column."""

    TASK = "task"
    STATE = "state"
    STARTED = "started"
    TOOK = "took"
    FOREACH = "foreach"


DOWNWARD = frozenset({Order.STARTED, Order.TOOK})
"""Orders that begin with the highest value: the newest, the longest."""


def took(task: Task, now: Ms) -> int | None:
    """Milliseconds from a task's start to its end, or until now; None when that is not known."""
    if task.started_at is None or task.state is State.CLONED:
        return None
    end = task.finished_at
    if end is None and task.state not in FINISHED:
        end = now
    return end - task.started_at if end is not None else None


class TaskRows:
    """The tasks of a step that pass the filters, in the chosen order.

    Without filters, in the order of ids, the step's own index is looked at and nothing is copied.
    """

    def __init__(self) -> None:
        self.tasks = StepTasks()
        self.order = Order.TASK
        self.reverse = False
        self.failed_only = False
        self.text = ""
        self.only: frozenset[str] | None = None
        self.wrong: str | None = None
        self._now = Ms(0)
        self._keys: list[_RowKey] | None = None
        self._known: dict[str, _RowKey] = {}
        self._going: set[str] = set()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, row: int) -> Task:
        at = self._count - 1 - row if self.reverse else row
        key = self.tasks.keys_in_order[at] if self._keys is None else self._keys[at][1]
        return self.tasks[key[1]]

    def __iter__(self) -> Iterator[Task]:
        return (self[row] for row in range(self._count))

    def place(self, task_id: str) -> int | None:
        """The row of a task, or None when it is not listed."""
        if self._keys is None:
            if task_id not in self.tasks:
                return None
            at = bisect_left(self.tasks.keys_in_order, natural(task_id))
        else:
            key = self._known.get(task_id)
            if key is None:
                return None
            at = bisect_left(self._keys, key)
        return self._count - 1 - at if self.reverse else at

    def show(self, tasks: StepTasks, now: Ms) -> None:
        """List the tasks of another step."""
        self.tasks, self._now = tasks, now
        self._arrange()

    def sort(self, order: Order, *, reverse: bool) -> None:
        """Order the rows by this; `reverse` turns the whole list upside down."""
        self.reverse = reverse
        if order is not self.order:
            self.order = order
            self._arrange()

    def filter(self, *, failed_only: bool, text: str) -> None:
        """Leave the tasks that the text leaves, as `TaskFilter` reads it.

        `wrong` is a sentence where it is no filter: nothing is left then.
        """
        self.failed_only, self.text = failed_only, text
        self._arrange()

    def pick(self, only: frozenset[str] | None) -> None:
        """Leave of these only the tasks with these ids; None lifts that."""
        self.only = only
        self._arrange()

    def update(self, changed: Collection[Task], now: Ms) -> bool:
        """Follow tasks that are new or differ; whether a row came, went or moved."""
        self._now = now
        if self._keys is None:
            before, self._count = self._count, len(self.tasks)
            return before != self._count
        if len(changed) >= _MANY:
            self._arrange()
            return True
        moved, wrong, passes, key_of = False, self.wrong, self._passer(), self._keyer()
        if self.wrong != wrong:
            # The first tasks of a foreach have come, and with them the names of its levels.
            self._arrange()
            return True
        for task in changed:
            known = self.tasks[task.id]
            new = (key_of(known), natural(known.id)) if passes(known) else None
            moved = self._move(self._keys, known, new) or moved
        self._count = len(self._keys)
        return moved

    def tick(self, now: Ms) -> bool:
        """Follow the running times; whether a row moved."""
        return self.update([self.tasks[task_id] for task_id in self._going], now)

    def _move(self, keys: list[_RowKey], task: Task, new: _RowKey | None) -> bool:
        old = self._known.get(task.id)
        if old == new:
            return False
        if old is not None:
            del keys[bisect_left(keys, old)], self._known[task.id]
            self._going.discard(task.id)
        if new is not None:
            insort(keys, new)
            self._known[task.id] = new
            self._note_going(task)
        return True

    def _arrange(self) -> None:
        self._known, self._going, self.wrong = {}, set(), None
        filtered = self.failed_only or self.text or self.only is not None
        if self.order is Order.TASK and not filtered:
            self._keys, self._count = None, len(self.tasks)
            return
        tasks, passes, key_of = self.tasks, self._passer(), self._keyer()
        listed = [key for key in tasks.keys_in_order if passes(tasks[key[1]])]
        self._keys = [(key_of(tasks[key[1]]), key) for key in listed]
        # They are in the order of their ids, which the sort keeps where the keys are equal.
        self._keys.sort(key=itemgetter(0))
        self._known = {key[1][1]: key for key in self._keys}
        for key in listed if self.order is Order.TOOK else ():
            self._note_going(tasks[key[1]])
        self._count = len(self._keys)

    def _note_going(self, task: Task) -> None:
        if self.order is Order.TOOK and task.state not in FINISHED:
            self._going.add(task.id)

    def _keyer(self) -> Callable[[Task], float | NaturalKey]:
        now = self._now

        def started(task: Task) -> float:
            moment = task.started_at
            return inf if moment is None else -moment

        def longest(task: Task) -> float:
            length = took(task, now)
            return inf if length is None else -length

        keyers: Mapping[Order, Callable[[Task], float | NaturalKey]] = {
            Order.TASK: lambda _: 0,
            Order.STATE: lambda task: _RANKS[task.state],
            Order.STARTED: started,
            Order.TOOK: longest,
            Order.FOREACH: self.tasks.label_key,
        }
        return keyers[self.order]

    def _passer(self) -> Callable[[Task], bool]:
        tasks, failed_only, only = self.tasks, self.failed_only, self.only
        self.wrong = None
        try:
            chosen = TaskFilter.parse(self.text, [name for name, _ in tasks.widest.levels])
        except BadFilterError as error:
            self.wrong = str(error)
            return lambda _: False

        def passes(task: Task) -> bool:
            if only is not None and task.id not in only:
                return False
            if failed_only and task.state not in OF_INTEREST:
                return False
            return chosen.leaves(task, tasks)

        return passes
