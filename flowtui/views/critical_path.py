"""What each task waited for, and the chain of tasks that decided when the run ended."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable

from flowtui.model import FINISHED, Key, Ms, State, Task
from flowtui.store import RunStore

_Place = tuple[str | int | None, ...]
"""Levels of a foreach: labels, outermost first, and where all are told the index in the last."""

_End = tuple[Ms, str]
"""When a task ended, and its id."""


class Precedence:
    """Which tasks came before which, by the graph and by where in a foreach they stand.

    A task waits for the tasks before it that have its labels: in a foreach for the one it was split
    off, in a join for all that it joins. Where labels are not unique, what is in question is the
    one that ended last. Indexes are made when first asked, and then follow the changes.
    """

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._ended: dict[str, _Ended] = {}
        self._going: dict[Key, Task] = {
            task.key: task
            for node in store.graph.nodes
            if any(state not in FINISHED for state in store.tasks(node.name).counts)
            for task in store.tasks(node.name).values()
            if _goes_on(task)
        }

    def take(self, changed: Iterable[Task]) -> None:
        """Follow tasks that are new or differ."""
        for task in changed:
            if _goes_on(task):
                self._going[task.key] = task
            else:
                self._going.pop(task.key, None)
            if task.step in self._ended:
                self._ended[task.step].take(task)

    def waited_for(self, task: Task) -> Task | None:
        """The task before this one that ended last before it started; None at the start of the run,
        and when none is known."""
        before = self._store.graph.predecessors.get(task.step, ())
        ends = [(end, step) for step in before for end in self._of(step).last_before(task)]
        if ends:
            (_, last), step = max(ends)
            return self._store.task(step, last)
        # Clocks of machines differ a little: what it waited for may seem to end after its start.
        ends = [(end, step) for step in before for end in self._of(step).first_after(task)]
        if not ends:
            return None
        (_, first), step = min(ends)
        return self._store.task(step, first) if step != task.step else None

    def ready_at(self, task: Task) -> Ms | None:
        """When nothing was left to wait for but room to run in; None when that is not known."""
        if task.step == self._store.graph.start_step:
            return self._store.description.created_at
        before = self.waited_for(task)
        return before.finished_at if before else None

    def last(self) -> Task | None:
        """The task that decides the end: of those that run the one that began first, else the one
        that ended last."""
        if self._store.status.state not in FINISHED and self._going:
            return min(self._going.values(), key=lambda task: task.started_at or 0)
        ends = [
            (end, node.name)
            for node in self._store.graph.nodes
            if (end := self._of(node.name).last) is not None
        ]
        if not ends:
            return None
        (_, task_id), step = max(ends)
        return self._store.task(step, task_id)

    def path(self) -> tuple[Task, ...]:
        """The chain of tasks, each of which waited for the one before it, up to the last one.

        It begins at the start of the run, or behind what was cloned from another.
        """
        chain: list[Task] = []
        seen: set[Key] = set()
        task = self.last()
        while task is not None and task.key not in seen and task.state is not State.CLONED:
            chain.append(task)
            seen.add(task.key)
            task = self.waited_for(task)
        return tuple(reversed(chain))

    def _of(self, step: str) -> _Ended:
        if step not in self._ended:
            self._ended[step] = _Ended(self._store.tasks(step).values())
        return self._ended[step]


class CriticalPath:
    """The path as it was found last: looked for again when something has happened, and asked."""

    def __init__(self, store: RunStore) -> None:
        self.before = Precedence(store)
        self._tasks: dict[Key, Task] = {}
        self._due = True
        self.find()

    def __contains__(self, key: Key) -> bool:
        return key in self._tasks

    def through(self, step: str) -> list[Task]:
        """The tasks of a step that are on it, by time."""
        return [task for task in self._tasks.values() if task.step == step]

    def take(self, changed: Iterable[Task]) -> None:
        """Follow tasks that are new or differ, or a run that is over."""
        self.before.take(changed)
        self._due = True

    def find(self) -> bool:
        """Find it anew if anything has happened; whether it leads through other tasks."""
        if not self._due:
            return False
        self._due = False
        known, self._tasks = self._tasks, {task.key: task for task in self.before.path()}
        return known.keys() != self._tasks.keys()


class _Ended:
    """The tasks of a step that are over, by the order in which they ended, for each place."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._ended = {task.id: (task, end) for task in tasks if (end := _end(task)) is not None}
        self._depth = max((len(task.labels) for task, _ in self._ended.values()), default=0)
        self._ends: dict[int | None, dict[_Place, list[_End]]] = {}

    @property
    def last(self) -> _End | None:
        """The one that ended last."""
        ends = self._among(0).get(())
        return ends[-1] if ends else None

    def last_before(self, task: Task) -> Iterable[_End]:
        """The last that ended before this task started, at most one; before now if it has not."""
        ends = self._at(task)
        at = len(ends)
        if task.started_at is not None:
            at = bisect_left(ends, (Ms(task.started_at + 1), ""))
        # A task may end in the millisecond in which it starts, but does not wait for itself.
        return [end for end in ends[max(0, at - 2) : at] if self._ended[end[1]][0] != task][-1:]

    def first_after(self, task: Task) -> Iterable[_End]:
        """The first that ended at all, at most one."""
        return self._at(task)[:1]

    def take(self, task: Task) -> None:
        """Follow a task that is new or differs."""
        if task.id in self._ended:
            old, end = self._ended.pop(task.id)
            for depth, places in self._ends.items():
                ends = places[_place(old, depth)]
                del ends[bisect_left(ends, end)]
        now = _end(task)
        if now is None:
            return
        self._ended[task.id] = task, now
        self._depth = max(self._depth, len(task.labels))
        for depth, places in self._ends.items():
            insort(places.setdefault(_place(task, depth), []), now)

    def _at(self, task: Task) -> list[_End]:
        """The ends of the tasks that stand where this one does, above it, or below it."""
        levels = min(len(task.labels), self._depth)
        depth = None if levels == len(task.labels) == self._depth else levels
        return self._among(depth).get(_place(task, depth), [])

    def _among(self, depth: int | None) -> dict[_Place, list[_End]]:
        """The ends by so many levels of labels; None is for all of them, and the index."""
        if depth not in self._ends:
            places: dict[_Place, list[_End]] = {}
            for task, end in self._ended.values():
                places.setdefault(_place(task, depth), []).append(end)
            for ends in places.values():
                ends.sort()
            self._ends[depth] = places
        return self._ends[depth]


def _goes_on(task: Task) -> bool:
    """Whether a task has begun and is not over."""
    return task.state not in FINISHED and task.started_at is not None


def _place(task: Task, depth: int | None) -> _Place:
    return (*task.labels, task.index) if depth is None else task.labels[:depth]


def _end(task: Task) -> _End | None:
    """When a task was over; one that recorded no end was not before its last attempt began."""
    if task.state not in FINISHED or not task.attempts:
        return None
    last = task.attempts[-1]
    moment = last.finished_at if last.finished_at is not None else last.started_at
    return (moment, task.id) if moment is not None else None
