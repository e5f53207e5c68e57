"""Where time went: sums, percentiles and costs, worked out by hand; the same however it came."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from flowtui.model import Attempt, Ms, State, Task
from flowtui.store import RunStore
from flowtui.views.times import Order, RunTimes, Times, together
from tests import fixed_run
from tests.scripted_run import RUN, START, many

NOW = Ms(START + 100_000)


def task(number: int, state: State, *attempts: tuple[State, int | None, int | None]) -> Task:
    """A task of the step `work`; attempts are told by state, start and end, seconds from START."""
    told = tuple(
        Attempt(
            at,
            of,
            "…",
            Ms(START + began * 1000) if began is not None else None,
            Ms(START + ended * 1000) if ended is not None else None,
        )
        for at, (of, began, ended) in enumerate(attempts)
    )
    return Task("work", str(number), state, "…", told)


def done(number: int, length: int) -> Task:
    return task(number, State.SUCCEEDED, (State.SUCCEEDED, 0, length))


def times(*tasks: Task) -> Times:
    return RunTimes(tasks).of("work", NOW)


def test_the_fixed_run_by_hand() -> None:
    store = RunStore(fixed_run.RUN)
    store.apply(fixed_run.CHANGES)
    known = RunTimes(store.all_tasks())
    train = known.of("train", store.now)
    assert (train.tasks, train.total) == (4, 1200 + 1200 + 2 * 1200 + 3 * 1200)
    assert (train.median, train.p95) == ((1200 + 2400) // 2, 3600)
    assert (train.slowest, train.slowest_task) == (3600, ("train", "7"))
    assert (train.retries, train.retried) == (3, 3 * 1200)
    # From the start of train/4 to the end of the third attempt of train/7.
    assert train.wall(store.now) == (9000 + 2 * 1500 + 1200) - 4000
    whole = together(known.of(step, store.now) for step in store.steps)
    assert (whole.tasks, whole.total) == (11, 14 * 1200)
    assert (whole.slowest_task, whole.retried) == (("train", "7"), 3600)
    assert whole.wall(store.now) == (25_000 + 1200) - 500
    assert (whole.median, whole.p95) == (None, None)


@pytest.mark.parametrize(
    ("lengths", "median", "p95"),
    [
        ([7], 7_000, 7_000),
        ([1, 4], 2_500, 4_000),
        ([9, 1, 5], 5_000, 9_000),
        ([*range(1, 20)], 10_000, 19_000),
        ([*range(1, 21)], 10_500, 19_000),
        ([*range(1, 101)], 50_500, 95_000),
    ],
)
def test_percentiles(lengths: list[int], median: int, p95: int) -> None:
    found = times(*(done(number, length) for number, length in enumerate(lengths)))
    assert (found.median, found.p95) == (median, p95)


def test_what_runs_counts_up_to_now_and_in_no_percentile() -> None:
    going = task(2, State.RUNNING, (State.FAILED, 0, 10), (State.RUNNING, 40, None))
    found = times(done(1, 30), going)
    assert (found.total, found.running) == (30_000 + 10_000 + 60_000, 1)
    assert (found.slowest, found.slowest_task) == (70_000, ("work", "2"))
    assert (found.median, found.retried) == (30_000, 10_000)
    assert found.last is None
    assert found.wall(NOW) == 100_000


def test_the_attempts_of_a_task_that_waits_for_another_are_what_retries_cost() -> None:
    found = times(task(1, State.WAITING, (State.FAILED, 0, 10), (State.FAILED, 20, 25)))
    assert (found.retries, found.retried, found.slowest) == (2, 15_000, 15_000)
    assert found.median is None
    failed = times(task(1, State.FAILED, (State.FAILED, 0, 10), (State.FAILED, 20, 25)))
    assert (failed.retries, failed.retried, failed.median) == (1, 10_000, 15_000)


def test_clones_and_attempts_without_times_are_left_out_and_counted() -> None:
    clone = task(1, State.CLONED, (State.CLONED, 0, 500))
    lost = task(2, State.LOST, (State.LOST, 0, None))
    half = task(3, State.SUCCEEDED, (State.LOST, 1, None), (State.SUCCEEDED, 5, 9))
    never = task(4, State.PENDING)
    found = times(clone, lost, half, never)
    assert (found.tasks, found.clones, found.unknown) == (4, 1, 2)
    assert (found.total, found.median, found.slowest) == (4_000, 4_000, 4_000)
    assert times(clone).first is None
    assert times().tasks == 0


def test_a_clock_that_went_back_makes_no_negative_time() -> None:
    assert times(task(1, State.SUCCEEDED, (State.SUCCEEDED, 9, 5))).total == 0
    ahead = task(1, State.RUNNING, (State.RUNNING, 200, None))
    assert (times(ahead).total, times(ahead).slowest) == (0, 0)


def test_what_a_measure_is_not_known_of_has_none() -> None:
    assert [Times().measure(order) for order in Order] == [None] * len(Order)
    found = times(done(1, 3))
    assert [found.measure(order) for order in Order] == [None, 3_000, 3_000, 3_000, 3_000, None]


def test_taken_in_task_by_task_it_is_what_it_would_be_at_once() -> None:
    store = RunStore(RUN)
    script = many(600, *[40] * 5, 400)
    store.apply(next(script))
    known = RunTimes(store.all_tasks())
    chance = random.Random(5)
    for changes in script:
        applied = store.apply(changes)
        # Some of the same task twice in one portion, as while a source catches up.
        known.take([*(replace(each, state=State.PENDING, attempts=())
                      for each in chance.sample(applied.tasks, 5)), *applied.tasks])  # fmt: skip
        anew = RunTimes(store.all_tasks())
        for step in store.steps:
            assert known.of(step, NOW) == anew.of(step, NOW)
        axis = (START, Ms(START + 90_000), 50, NOW)
        assert known.concurrency.over_time(*axis) == anew.concurrency.over_time(*axis)
