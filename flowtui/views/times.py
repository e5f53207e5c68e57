"""Where a run's time went, step by step: kept up to date at the cost of the tasks that changed.

What counts is the time that attempts took, added up: waiting is no part of it. A clone took none in
this run. An attempt whose start or end nothing tells is left out, and counted as such.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import NamedTuple

from flowtui.model import FINISHED, Ms, State, Task
from flowtui.views.concurrency import Concurrency

_MANY = 256
"""From this many new values on, sorting all is cheaper than inserting each."""


class Order(StrEnum):
    """What steps are ordered by; the value is the column."""

    GRAPH = "step"
    TOTAL = "total"
    MEDIAN = "median"
    P95 = "p95"
    SLOWEST = "slowest"
    RETRIES = "retries"


@dataclass(frozen=True, slots=True)
class Times:
    """How long the tasks of a step, or of a whole run, took; all in milliseconds.

    `total` is the time of all attempts, up to now where they still run; `retried` the part of it in
    `retries`, the attempts after which there was another or is going to be. `median` and `p95` are
    of the tasks that are over. `slowest` is the time of the task `slowest_task`, (step, id), which
    may be running. `first` is when the first attempt started, `last` when the last one ended: None
    while one runs. `clones` of the `tasks` and `unknown` attempts of them are left out.
    """

    tasks: int = 0
    total: int = 0
    median: int | None = None
    p95: int | None = None
    slowest: int | None = None
    slowest_task: tuple[str, str] | None = None
    retries: int = 0
    retried: int = 0
    running: int = 0
    first: Ms | None = None
    last: Ms | None = None
    clones: int = 0
    unknown: int = 0

    def wall(self, now: Ms) -> int | None:
        """From the first start to the last end, or until now."""
        if self.first is None:
            return None
        return max(0, (now if self.last is None else self.last) - self.first)

    def measure(self, order: Order) -> int | None:
        """What an order goes by; None for the graph's, and where there is nothing to go by."""
        return {
            Order.TOTAL: self.total or None,
            Order.MEDIAN: self.median,
            Order.P95: self.p95,
            Order.SLOWEST: self.slowest,
            Order.RETRIES: self.retried or None,
        }.get(order)


class _Spent(NamedTuple):
    """What a task took so far: `ended` in attempts that are over, and one runs since `since`."""

    over: bool = False
    ended: int | None = None
    since: Ms | None = None
    first: Ms | None = None
    last: Ms | None = None
    retries: int = 0
    retried: int = 0
    clones: int = 0
    unknown: int = 0

    def ranks(self) -> Iterator[tuple[str, int]]:
        """Where the task stands, in each order that it has a place in."""
        if self.since is not None:
            yield "going", self.since - (self.ended or 0)
        elif self.ended is not None:
            yield "over" if self.over else "waiting", self.ended
        if self.first is not None:
            yield "first", self.first
        if self.last is not None:
            yield "last", self.last


def _spent(task: Task) -> _Spent:
    if task.state is State.CLONED:
        return _Spent(clones=1)
    ended = since = first = last = None
    retries = retried = unknown = 0
    for attempt in task.attempts:
        start, end = attempt.started_at, attempt.finished_at
        if start is not None and attempt.state is State.RUNNING:
            since = start
        elif start is not None and end is not None:
            took = max(0, end - start)
            ended = (ended or 0) + took
            last = end if last is None else max(last, end)
            if attempt is not task.attempts[-1] or task.state is State.WAITING:
                retries, retried = retries + 1, retried + took
        else:
            unknown += attempt.state is not State.PENDING
            continue
        first = start if first is None else min(first, start)
    over = task.state in FINISHED
    return _Spent(over, ended, since, first, last, retries, retried, 0, unknown)


_Ranked = list[tuple[int, str]]
"""A number of milliseconds and the id of its task, in order."""


class _Step:
    """The tasks of one step: sums, and the orders that the other figures are read from.

    Of `over` and `waiting` tasks by what their attempts took, of `going` ones by when they would
    have started had they run without a break; and all by their first start and last end.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._known: dict[str, _Spent] = {}
        self._ranked: Mapping[str, _Ranked] = {
            order: [] for order in ("over", "waiting", "going", "first", "last")
        }
        self._ended = self._since = self._retries = self._retried = 0
        self._clones = self._unknown = 0

    def take(self, tasks: Mapping[str, Task]) -> None:
        """Take in tasks that are new or differ, by id."""
        added: dict[str, _Ranked] = {order: [] for order in self._ranked}
        for task_id, task in tasks.items():
            old, new = self._known.get(task_id), _spent(task)
            if old is not None:
                self._sum(old, -1)
                for order, value in old.ranks():
                    ranked = self._ranked[order]
                    del ranked[bisect_left(ranked, (value, task_id))]
            self._known[task_id] = new
            self._sum(new, 1)
            for order, value in new.ranks():
                added[order].append((value, task_id))
        for order, values in added.items():
            _insert(self._ranked[order], values)

    def _sum(self, spent: _Spent, sign: int) -> None:
        self._ended += sign * (spent.ended or 0)
        self._since += sign * (spent.since or 0)
        self._retries += sign * spent.retries
        self._retried += sign * spent.retried
        self._clones += sign * spent.clones
        self._unknown += sign * spent.unknown

    def times(self, now: Ms) -> Times:
        over, waiting, going, first, last = self._ranked.values()
        longest = [ranked[-1] for ranked in (over, waiting) if ranked]
        longest += [(max(0, now - start), task) for start, task in going[:1]]
        took, task = max(longest, default=(None, None))
        return Times(
            tasks=len(self._known),
            total=self._ended + max(0, len(going) * now - self._since),
            median=_median(over),
            p95=over[ceil(len(over) * 0.95) - 1][0] if over else None,
            slowest=took,
            slowest_task=(self._name, task) if task is not None else None,
            retries=self._retries,
            retried=self._retried,
            running=len(going),
            first=Ms(first[0][0]) if first else None,
            last=Ms(last[-1][0]) if last and not going else None,
            clones=self._clones,
            unknown=self._unknown,
        )


def _insert(ranked: _Ranked, values: _Ranked) -> None:
    if len(values) < _MANY:
        for value in values:
            insort(ranked, value)
    else:
        ranked += values
        ranked.sort()


def _median(ranked: _Ranked) -> int | None:
    if not ranked:
        return None
    half = len(ranked) // 2
    middle = ranked[half][0]
    return middle if len(ranked) % 2 else (ranked[half - 1][0] + middle) // 2


class RunTimes:
    """The times of all steps of a run; `concurrency` is of all its attempts."""

    def __init__(self, tasks: Iterable[Task] = ()) -> None:
        known = list(tasks)
        self.concurrency = Concurrency(attempt for task in known for attempt in task.attempts)
        self._attempts = {task.key: task.attempts for task in known}
        self._steps: dict[str, _Step] = {}
        self._measure(known)

    def take(self, tasks: Iterable[Task]) -> None:
        """Take in tasks that are new or differ."""
        latest = {task.key: task for task in tasks}
        for key, task in latest.items():
            self.concurrency.remove(self._attempts.get(key, ()))
            self.concurrency.add(task.attempts)
            self._attempts[key] = task.attempts
        self._measure(latest.values())

    def of(self, step: str, now: Ms) -> Times:
        """The times of one step; all zero and None when it has no tasks."""
        known = self._steps.get(step)
        return known.times(now) if known is not None else _NOTHING

    def _measure(self, tasks: Iterable[Task]) -> None:
        by_step: dict[str, dict[str, Task]] = {}
        for task in tasks:
            by_step.setdefault(task.step, {})[task.id] = task
        for name, changed in by_step.items():
            self._steps.setdefault(name, _Step(name)).take(changed)


_NOTHING = Times()


def together(steps: Iterable[Times]) -> Times:
    """The times of a run, from those of its steps; it has no median and no p95."""
    known = [times for times in steps if times.tasks]
    running = sum(times.running for times in known)
    slowest = max(known, key=lambda times: times.slowest or 0, default=_NOTHING)
    return Times(
        tasks=sum(times.tasks for times in known),
        total=sum(times.total for times in known),
        slowest=slowest.slowest,
        slowest_task=slowest.slowest_task,
        retries=sum(times.retries for times in known),
        retried=sum(times.retried for times in known),
        running=running,
        first=min((times.first for times in known if times.first is not None), default=None),
        last=None
        if running
        else max((times.last for times in known if times.last is not None), default=None),
        clones=sum(times.clones for times in known),
        unknown=sum(times.unknown for times in known),
    )
