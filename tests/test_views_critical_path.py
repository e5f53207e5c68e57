"""What a task waited for, and which tasks decided when the run ended."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

import pytest

from flowtui.model import Changes, State, Task
from flowtui.sources.local import LocalSource
from flowtui.sources.provider import Provider
from flowtui.store import RunStore
from flowtui.views.critical_path import Precedence
from tests.fixed_run import CHANGES, RUN
from tests.runs import RecordedRun
from tests.timed_run import at, done, graph, run, task

S, F, L, C, R = State.SUCCEEDED, State.FAILED, State.LOST, State.CLONED, State.RUNNING
BRANCH = graph(start="left right", left="join", right="join", join="end", end="")
FOREACH = graph(start="*work", work="join", join="end", end="")
NESTED = graph(start="*outer", outer="*inner", inner="join_in", join_in="join_out",
               join_out="end", end="")  # fmt: skip
LOOP = graph(start="work", work="work end", end="")


def named(tasks: Sequence[Task]) -> list[str]:
    return [f"{task.step}/{task.id}" for task in tasks]


def path(store: RunStore) -> list[str]:
    return named(Precedence(store).path())


def waited_for(store: RunStore, name: str) -> str | None:
    """What a task of the store waited for."""
    known = store.task(*name.split("/"))
    assert known is not None
    before = Precedence(store).waited_for(known)
    return named([before])[0] if before else None


def test_a_join_waited_for_the_branch_that_ended_last() -> None:
    store = run(
        BRANCH, done("start/1", 1, 2), done("left/2", 3, 9), done("right/3", 3, 5),
        done("join/4", 10, 11), done("end/5", 12, 13), now=13,
    )  # fmt: skip
    assert path(store) == ["start/1", "left/2", "join/4", "end/5"]
    assert waited_for(store, "start/1") is None


def test_a_task_of_a_foreach_waited_for_the_split_and_the_join_for_the_slowest() -> None:
    store = run(
        FOREACH, done("start/1", 0, 1),
        done("work/2", 2, 8, "x=a", index=0), done("work/3", 6, 20, "x=b", index=1),
        done("work/4", 2, 3, "x=c", index=2), done("join/5", 21, 22), done("end/6", 23, 24), now=24,
    )  # fmt: skip
    assert path(store) == ["start/1", "work/3", "join/5", "end/6"]
    assert waited_for(store, "work/4") == "start/1"


def test_in_a_nested_foreach_only_tasks_of_the_same_branch_are_waited_for() -> None:
    store = run(
        NESTED, done("start/1", 0, 1),
        done("outer/2", 2, 3, "c=FI", index=0), done("outer/3", 2, 5, "c=SE", index=1),
        done("inner/4", 4, 9, "c=FI", "t=a", index=0),
        done("inner/5", 4, 6, "c=FI", "t=b", index=1),
        done("inner/6", 6, 8, "c=SE", "t=a", index=0),
        done("inner/7", 6, 7, "c=SE", "t=b", index=1),
        done("join_in/8", 9, 10, "c=SE", index=1), done("join_in/9", 10, 12, "c=FI", index=0),
        done("join_out/10", 13, 14), done("end/11", 15, 16), now=16,
    )  # fmt: skip
    assert path(store) == ["start/1", "outer/2", "inner/4", "join_in/9", "join_out/10", "end/11"]
    assert waited_for(store, "join_in/8") == "inner/6"
    assert waited_for(store, "inner/7") == "outer/3"


def test_tasks_with_the_same_label_are_told_apart_by_their_index() -> None:
    steps = graph(start="*fetch", fetch="work", work="join", join="end", end="")
    store = run(
        steps, done("start/1", 0, 1),
        done("fetch/2", 2, 3, "x=same", index=0), done("fetch/3", 2, 4, "x=same", index=1),
        done("work/4", 5, 6, "x=same", index=0), done("work/5", 5, 9, "x=same", index=1), now=9,
    )  # fmt: skip
    assert waited_for(store, "work/4") == "fetch/2"
    assert waited_for(store, "work/5") == "fetch/3"


def test_a_round_of_a_loop_waited_for_the_round_before_it() -> None:
    store = run(
        LOOP, done("start/1", 0, 1), done("work/2", 2, 3), done("work/3", 4, 5),
        done("work/4", 6, 6), done("end/5", 7, 8), now=8,
    )  # fmt: skip
    assert path(store) == ["start/1", "work/2", "work/3", "work/4", "end/5"]


def test_clocks_that_differ_a_little_do_not_break_the_chain() -> None:
    store = run(
        BRANCH, done("start/1", 1, 2), done("left/2", 1.9, 9), done("right/3", 1.9, 5), now=9,
    )  # fmt: skip
    assert path(store) == ["start/1", "left/2"]


def test_while_a_run_goes_on_it_waits_for_what_has_run_longest() -> None:
    store = run(
        FOREACH, done("start/1", 0, 1), done("work/2", 2, 30, "x=a", index=0),
        task("work/3", (F, 3, 4), (R, 5, None), labels=("x=b",), index=1),
        task("work/4", (R, 6, None), labels=("x=c",), index=2), now=40, state=R,
    )  # fmt: skip
    assert path(store) == ["start/1", "work/3"]


def test_a_task_that_recorded_no_end_was_not_over_before_it_began() -> None:
    store = run(LOOP, done("start/1", 0, 1), task("work/2", (L, 2, None)), now=60, state=F)
    assert path(store) == ["start/1", "work/2"]


def test_the_path_of_a_resumed_run_begins_behind_what_was_cloned() -> None:
    store = run(
        FOREACH, task("start/1", (C, 0.1, 0.1)),
        task("work/2", (C, 0.1, 0.1), labels=("x=a",), index=0),
        done("work/3", 2, 5, "x=b", index=1), done("join/4", 6, 7), now=7,
    )  # fmt: skip
    assert path(store) == ["work/3", "join/4"]
    assert waited_for(store, "work/3") == "start/1"


def test_what_could_have_started_when_is_the_end_of_what_it_waited_for() -> None:
    store = run(LOOP, done("start/1", 1, 2), done("work/2", 5, 6), now=6)
    before = Precedence(store)
    assert before.ready_at(store.tasks("work")["2"]) == at(2)
    assert before.ready_at(store.tasks("start")["1"]) == at(0)


def test_changes_are_followed_as_if_all_were_read_anew() -> None:
    chance = random.Random(7)
    store = run(FOREACH, done("start/1", 0, 1), now=1, state=R)
    known = Precedence(store)
    known.path()
    for now in range(2, 60):
        number = chance.randrange(12)
        began = chance.uniform(1, now)
        changed = chance.choice([
            task(f"work/{number}", (R, began, None), labels=(f"x={number}",), index=number),
            done(f"work/{number}", began, now, f"x={number}", index=number),
            done("join/90", now, now + 1),
        ])  # fmt: skip
        applied = store.apply(Changes(at(now), tasks=(changed,)))
        known.take(applied.tasks)
        assert named(known.path()) == path(store)


def test_the_path_of_a_run_with_retries_and_a_switch() -> None:
    store = RunStore(RUN)
    store.apply(CHANGES)
    assert path(store) == [
        "start/1", "fetch/3", "train/7", "collect/8", "combine/9", "check/10", "publish/12",
    ]  # fmt: skip


STEPS = {
    "branch": ["start", "left|right", "join", "end"],
    "foreach": ["start", "visit", "join", "end"],
    "nested_foreach": ["start", "country", "title", "join_titles", "join_countries", "end"],
    "switch": ["start", "fast", "end"],
    "loop": ["start", "work", "work", "work", "end"],
    "parallel": ["start", "train", "join", "end"],
    "retry": ["start", "flaky", "end"],
    "catch_killed": ["start", "doomed", "end"],
    "segfault": ["start", "crash"],
    "resumed": ["train", "join", "end"],
}


@pytest.mark.timeout(120, func_only=True)
@pytest.mark.parametrize("name", STEPS)
def test_of_a_recorded_run_each_task_waited_for_the_last_that_led_to_it(
    name: str, runs: dict[str, RecordedRun]
) -> None:
    run = runs[name]
    source = LocalSource(Provider(f"local@{run.root}", ""), run.flow, run.run)
    store = RunStore(source.describe())
    store.apply(source.poll())
    chain = Precedence(store).path()
    assert len(chain) == len(STEPS[name])
    for link, step in zip(chain, STEPS[name], strict=True):
        assert link.step in step.split("|")
    for before, after in pairwise(chain):
        assert after.step in store.graph[before.step].next
        shared = min(len(before.labels), len(after.labels))
        assert before.labels[:shared] == after.labels[:shared]
        assert (before.finished_at or 0) <= (after.started_at or 0)
