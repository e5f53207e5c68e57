"""A step's tasks as its views need them: in order, by id, and as codes that a picture is made of.

Taking a task in costs what the task holds and a search by halves, not what the step holds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len

from flowtui.lanes import Lane, NaturalKey, natural
from flowtui.model import LEVELS_APART, Ms, State, Task

MAX_NESTED = 8
"""Outer elements whose tasks are kept apart."""


def level(label: str) -> tuple[str, str]:
    """The name and the value that one level's label tells: `country=FI`."""
    name, _, value = label.partition("=")
    return name, value


@dataclass(slots=True)
class Widest:
    """Cells of a step's widest id and foreach label, and its highest number of attempts.

    `levels` are the levels of the foreach, outermost first: name, and cells of its widest value, or
    of a label that is no value of it.
    """

    id: int = 0
    label: int = 0
    attempts: int = 0
    levels: list[tuple[str, int]] = field(default_factory=list)


class Lengths:
    """When a step's tasks began and ended, and how long they took, in milliseconds; those that
    were cloned left out, which took their time in another run."""

    def __init__(self) -> None:
        self.began: Ms | None = None
        self.ended: Ms | None = None
        self._sorted: list[int] = []
        self._new: list[int] = []

    @property
    def median(self) -> int | None:
        """Of the tasks that are over, or None."""
        if self._new:
            # What is nearly sorted is sorted at the cost of looking at it once.
            self._sorted += self._new
            self._sorted.sort()
            self._new.clear()
        return self._sorted[len(self._sorted) // 2] if self._sorted else None

    def take(self, old: Task | None, task: Task) -> None:
        """Take in a task that is new or differs."""
        began, ended = task.started_at, task.finished_at
        if began is not None and task.state is not State.CLONED:
            self.began = min(began, self.began or began)
        if ended is not None and task.state is not State.CLONED:
            self.ended = max(ended, self.ended or ended)
        before, now = _length(old), _length(task)
        if before == now:
            return
        if before is not None:
            self._forget(before)
        if now is not None:
            self._new.append(now)

    def _forget(self, length: int) -> None:
        place = bisect_left(self._sorted, length)
        if place < len(self._sorted) and self._sorted[place] == length:
            del self._sorted[place]
        else:
            self._new.remove(length)


def _length(task: Task | None) -> int | None:
    if task is None or task.state is State.CLONED:
        return None
    if task.started_at is None or task.finished_at is None:
        return None
    return task.finished_at - task.started_at


class StepTasks(Mapping[str, Task]):
    """Tasks by id, in natural order of their ids; changed by its owner alone, read by all.

    `retried` counts the tasks that have more than one attempt.
    """

    def __init__(self, tasks: Collection[Task] = ()) -> None:
        self.counts: Counter[State] = Counter()
        self.widest = Widest()
        self.retried = 0
        self.lengths = Lengths()
        self._tasks: dict[str, Task] = {}
        self._lane = Lane()
        self._nested: dict[tuple[str, ...], Lane] | None = {}
        self._texts: dict[str, str] = {}
        self._label_keys: dict[str, NaturalKey] = {}
        self.take(tasks)

    def __getitem__(self, task_id: str) -> Task:
        return self._tasks[task_id]

    def __iter__(self) -> Iterator[str]:
        return (task_id for _, task_id in self._lane.keys)

    def __len__(self) -> int:
        return len(self._tasks)

    def __contains__(self, task_id: object) -> bool:
        return task_id in self._tasks

    @property
    def keys_in_order(self) -> Sequence[NaturalKey]:
        """The natural keys of the ids, sorted; each ends in its id."""
        return self._lane.keys

    @property
    def nested(self) -> Mapping[tuple[str, ...], Lane]:
        """The tasks of a foreach in a foreach, by the labels of the outer ones.

        Empty outside of one, and where there are more than `MAX_NESTED`: nobody could tell so many
        apart in a strip.
        """
        return self._nested or {}

    def take(self, tasks: Collection[Task]) -> None:
        """Take in tasks of this step that are new or differ."""
        new: list[NaturalKey] = []
        for task in tasks:
            old = self._tasks.get(task.id)
            self._tasks[task.id] = task
            self.counts[task.state] += 1
            self.retried += len(task.attempts) > 1
            self._texts.pop(task.id, None)
            self._label_keys.pop(task.id, None)
            self._measure(task)
            self.lengths.take(old, task)
            if len(task.labels) > 1 or (old is not None and len(old.labels) > 1):
                self._nest(old, task)
            if old is None:
                new.append(natural(task.id))
                continue
            self.counts[old.state] -= 1
            self.retried -= len(old.attempts) > 1
            if old.state is not task.state:
                self._lane.change(task)
        if new:
            self._lane.add(new, self._tasks)

    def worst(self, cells: int, total: int | None = None, start: int = 0) -> tuple[State, ...]:
        """The worst state in each of `cells` slices of all tasks, as `Lane.worst` says it."""
        return self._lane.worst(cells, total, start)

    def search_text(self, task: Task) -> str:
        """What a filter looks through: id and foreach label, folded; made when first wanted."""
        text = self._texts.get(task.id)
        if text is None:
            text = self._texts[task.id] = f"{task.id}\n{task.label or ''}".casefold()
        return text

    def label_key(self, task: Task) -> NaturalKey:
        """Sorts by foreach label; made when first wanted."""
        key = self._label_keys.get(task.id)
        if key is None:
            key = self._label_keys[task.id] = natural(task.label or "")
        return key

    def _measure(self, task: Task) -> None:
        widest = self.widest
        widest.id = max(widest.id, cell_len(task.id))
        widest.attempts = max(widest.attempts, len(task.attempts))
        cells = len(LEVELS_APART) * (len(task.labels) - 1)
        for at, label in enumerate(task.labels):
            if at == len(widest.levels):
                widest.levels.append((level(label)[0], 0))
            name, known = widest.levels[at]
            width = _cells(label)
            named = _cells(name) + 1 if label.startswith(f"{name}=") else 0
            widest.levels[at] = name, max(known, width - named)
            cells += width
        widest.label = max(widest.label, cells)

    def _nest(self, old: Task | None, task: Task) -> None:
        if self._nested is None:
            return
        was, now = (other.labels[:-1] if other else () for other in (old, task))
        if was != now:
            if was:
                self._nested[was].drop(task.id)
            if now:
                self._nested.setdefault(now, Lane()).add([natural(task.id)], self._tasks)
        elif old is not None and old.state is not task.state:
            self._nested[now].change(task)
        if len(self._nested) > MAX_NESTED:
            self._nested = None


def _cells(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)
