"""Failures: which attempt tells of them, what its log says, and how they are grouped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from flowtui import failures
from flowtui.failures import (
    Cause,
    ExceptionReader,
    Failures,
    Grouping,
    Outcome,
    cause,
    failed_attempt,
    flow_files,
    read_exception,
)
from flowtui.logs.stored import TailError
from flowtui.logs.tails import Part
from flowtui.model import (
    Attempt,
    Changes,
    Graph,
    Ms,
    Node,
    RunDescription,
    RunStatus,
    State,
    Task,
)
from flowtui.sources.base import Unreachable
from flowtui.sources.local import LocalSource
from flowtui.sources.provider import Provider
from flowtui.store import RunStore
from tests.runs import RecordedRun, eventually
from tests.scripted_run import START, ScriptedSource
from tests.stored import part

TRACEBACK = (
    "Traceback (most recent call last):",
    '  File "/home/ada/train.py", line 41, in train',
    "    raise ValueError(country)",
    "ValueError: FI",
)


def task(step: str, number: int, *states: State, ended: int = 0, reason: str = "") -> Task:
    """A task whose attempts ended in these states, the last one at this second."""
    attempts = tuple(
        Attempt(at, state, reason or f"is {state}", START, Ms(START + ended * 1000))
        for at, state in enumerate(states)
    )
    return Task(step, str(number), states[-1], attempts[-1].reason, attempts)


def grouped(*known: tuple[Task, Cause]) -> Sequence[Failures]:
    grouping = Grouping()
    for failed, why in known:
        grouping.put(failed, why)
    return grouping.groups()


def told(groups: Sequence[Failures]) -> list[tuple[str, str, str | None, list[str]]]:
    return [
        (group.step, group.cause.kind, group.cause.where, [each.id for each in group.tasks])
        for group in groups
    ]


VALUE = Cause("ValueError", "train.py:41", "no data for FI")
ELSEWHERE = Cause("ValueError", "train.py:57", "no data for FI")

_F, _L, _C, _S = State.FAILED, State.LOST, State.CAUGHT, State.SUCCEEDED


# Groups


def test_failures_are_alike_by_step_exception_and_place() -> None:
    other = Cause("ValueError", "train.py:41", "no data for SE")
    groups = grouped(
        (task("train", 2, _F, ended=9), VALUE),
        (task("train", 3, _F, ended=4), other),
        (task("train", 4, _F, ended=5), ELSEWHERE),
        (task("check", 5, _F, ended=6), VALUE),
        (task("train", 6, _F, ended=7), Cause("KeyError", "train.py:41")),
    )
    assert told(groups) == [
        ("train", "ValueError", "train.py:41", ["3", "2"]),
        ("train", "ValueError", "train.py:57", ["4"]),
        ("check", "ValueError", "train.py:41", ["5"]),
        ("train", "KeyError", "train.py:41", ["6"]),
    ]
    assert groups[0].cause.message == "no data for SE"
    assert groups[0].first.id == "3"


def test_what_was_caught_is_apart_and_comes_after_what_was_not() -> None:
    groups = grouped(
        (task("train", 2, _C, ended=1), VALUE),
        (task("train", 3, _F, ended=9), VALUE),
        (task("train", 4, _C, ended=0), ELSEWHERE),
    )
    assert [(group.caught, group.first.id) for group in groups] == [
        (False, "3"),
        (True, "4"),
        (True, "2"),
    ]
    assert [group.state for group in groups] == [_F, _C, _C]


def test_ages_and_numbers_in_a_reason_do_not_make_another_failure() -> None:
    lost = [Cause(f"no heartbeat for {age} s, limit 60 s") for age in (74, 1080)]
    other = Cause("exit by signal 11 (SIGSEGV), no outcome recorded")
    groups = grouped(
        (task("train", 2, _L, ended=2), lost[0]),
        (task("train", 3, _L, ended=1), lost[1]),
        (task("train", 4, _L, ended=3), other),
    )
    assert [(group.cause.kind, len(group.tasks)) for group in groups] == [
        ("no heartbeat for 1080 s, limit 60 s", 2),
        ("exit by signal 11 (SIGSEGV), no outcome recorded", 1),
    ]


def test_what_was_killed_because_of_another_comes_last_of_what_was_not_caught() -> None:
    killed = "killed by Metaflow's runtime, no outcome recorded"
    groups = grouped(
        (task("train", 2, _L, ended=1, reason=killed), Cause(killed)),
        (task("train", 3, _C, ended=1), VALUE),
        (task("train", 4, _F, ended=5), VALUE),
    )
    assert [group.first.id for group in groups] == ["4", "2", "3"]


def test_of_equal_times_and_without_any_the_order_is_that_of_ids() -> None:
    unknown = Task("train", "10", _L, "", (Attempt(0, _L, "", START),))
    early = Task("train", "9", _L, "", (Attempt(0, _L, "", START),))
    groups = grouped((unknown, VALUE), (early, VALUE), (task("train", 11, _F, ended=1), VALUE))
    assert told(groups) == [("train", "ValueError", "train.py:41", ["11", "9", "10"])]


def test_a_task_that_changes_changes_its_group_and_one_that_is_dropped_leaves() -> None:
    grouping = Grouping()
    waiting = Task("train", "2", State.WAITING, "", (Attempt(0, _F, "", START, START),))
    grouping.put(waiting, VALUE)
    grouping.put(task("train", 3, _F, ended=1), VALUE)
    assert told(grouping.groups()) == [("train", "ValueError", "train.py:41", ["2", "3"])]
    grouping.put(task("train", 2, _F, _C, ended=2), VALUE)
    before = grouping.groups()
    assert [(group.caught, group.first.id) for group in before] == [(False, "3"), (True, "2")]
    grouping.put(task("train", 4, _F, ended=0), VALUE)
    assert grouping.groups()[0].is_like(before[0])
    assert not grouping.groups()[0].is_like(before[1])
    grouping.drop(("train", "3"))
    grouping.drop(("train", "3"))
    assert told(grouping.groups()) == [
        ("train", "ValueError", "train.py:41", ["4"]),
        ("train", "ValueError", "train.py:41", ["2"]),
    ]
    assert len(grouping) == 2
    grouping.drop(("train", "4"))
    grouping.drop(("train", "2"))
    assert grouping.groups() == []


# Which attempt, and which log


@pytest.mark.parametrize(
    ("states", "number"),
    [
        ([_F], 0),
        ([_F, _F], 1),
        ([_F, State.RUNNING], 0),
        ([_F, _C], 1),
        ([_F, _L, _C], 1),
        ([_L, _F, _C], 2),
        ([_F, _S], 0),
        ([State.RUNNING], None),
        ([State.CLONED], None),
    ],
)
def test_the_last_attempt_that_went_wrong_tells_of_it_but_not_a_fallback(
    states: Sequence[State], number: int | None
) -> None:
    attempt = failed_attempt(task("train", 2, *states))
    assert (attempt.number if attempt else None) == number


def test_without_an_exception_the_reason_tells() -> None:
    attempt = Attempt(0, _L, "exit by signal 9 (SIGKILL), no outcome, attempt 1 followed")
    assert cause(attempt, Outcome()) == Cause("exit by signal 9 (SIGKILL), no outcome")


def test_the_files_of_a_flow_are_all_that_its_steps_are_written_in() -> None:
    nodes = (Node("start", source_file="a.py"), Node("end", source_file="b.py"), Node("x"))
    assert flow_files(Graph(nodes, file="c.py")) == {"a.py", "b.py", "c.py"}


def opened(run: RecordedRun) -> tuple[LocalSource, RunStore]:
    source = LocalSource(Provider(f"local@{run.root}", ""), run.flow, run.run)
    store = RunStore(source.describe())
    store.apply(source.poll())
    return source, store


@pytest.mark.parametrize(
    ("scenario", "key", "number", "summary", "where"),
    [
        ("failed", ("train", "4"), 0, "ValueError: no data for NO", "failed.py:18"),
        ("catch", ("divide", "2"), 0, "ZeroDivisionError: division by zero", "catch.py:20"),
        ("catch", ("divide", "2"), 2, "ZeroDivisionError: division by zero", "catch.py:20"),
        ("segfault", ("crash", "2"), 1, None, None),
        ("catch_killed", ("doomed", "2"), 1, None, None),
    ],
)
def test_what_recorded_attempts_raised_is_read_from_the_stream_that_has_it(
    scenario: str,
    key: tuple[str, str],
    number: int,
    summary: str | None,
    where: str | None,
    runs: dict[str, RecordedRun],
) -> None:
    source, store = opened(runs[scenario])
    found = store.task(*key)
    assert found is not None
    outcome = read_exception(source, found, found.attempts[number], flow_files(store.graph))
    raised = outcome.raised
    assert ((raised.summary, raised.where) if raised else (None, None)) == (summary, where)


class LogSource(ScriptedSource):
    """Has for every attempt what `lines` holds now; `ended` is whether it is stored."""

    def __init__(self, *lines: str, ended: bool = True) -> None:
        super().__init__(())
        self.lines: Sequence[str] = lines
        self.ended = ended
        self.error: Exception | None = None
        self.asked: list[tuple[str, str]] = []

    def log(self, step: str, task: str, attempt: int, stream: str) -> Sequence[Part]:
        self.asked.append((task, stream))
        if self.error is not None:
            raise self.error
        return [part(*self.lines, ended=lambda: self.ended, stream=stream)]


CRASH = (
    "Fatal Python error: Segmentation fault",
    "",
    "Current thread 0x00007f02 (most recent call first):",
    '  File "/home/ada/train.py", line 9 in train',
)


@pytest.mark.parametrize(
    ("state", "lines", "kind", "stream"),
    [
        (_F, TRACEBACK, "ValueError", "stderr"),
        (_L, TRACEBACK, None, "stderr"),
        (_L, CRASH, "Segmentation fault", "stderr"),
        (_C, TRACEBACK, "ValueError", "stdout"),
    ],
)
def test_of_a_lost_attempt_only_a_crash_is_taken_for_its_end(
    state: State, lines: Sequence[str], kind: str | None, stream: str
) -> None:
    source, failed = LogSource(*lines), task("train", 2, state)
    outcome = read_exception(source, failed, failed.attempts[0], frozenset())
    assert (outcome.raised.type if outcome.raised else None) == kind
    assert source.asked == [("2", stream)]


# The reader

GOING_ON = RunStatus(State.RUNNING, "")


class Heard:
    """What a reader has published."""

    def __init__(self) -> None:
        self.outcomes: list[tuple[str, Outcome]] = []

    def __call__(self, task: Task, _attempt: Attempt, outcome: Outcome) -> None:
        self.outcomes.append((task.id, outcome))

    def kinds(self, task: str) -> list[str | None]:
        return [
            each.raised.type if each.raised else None for id_, each in self.outcomes if id_ == task
        ]


@contextmanager
def reading(
    source: LogSource,
    publish: Callable[[Task, Attempt, Outcome], None],
    status: RunStatus = GOING_ON,
) -> Iterator[ExceptionReader]:
    """A reader for a run that stands like this, at START."""
    store = RunStore(RunDescription("F", "1", "local"))
    store.apply(Changes(START, status=status))
    reader = ExceptionReader(source, store, publish)
    reader.start()
    try:
        yield reader
    finally:
        reader.stop()


def wanted(*numbers: int, state: State = _F) -> list[tuple[Task, Attempt]]:
    return [(each, each.attempts[0]) for each in (task("train", n, state) for n in numbers)]


def test_attempts_are_read_in_the_order_wanted() -> None:
    source, heard = LogSource(*TRACEBACK), Heard()
    with reading(source, heard) as reader:
        reader.want(wanted(7, 2, 5))
        eventually(lambda: len(heard.outcomes) == 3, "all are read")
    assert [id_ for id_, _ in heard.outcomes] == ["7", "2", "5"]
    assert all(outcome.final for _, outcome in heard.outcomes)


@pytest.mark.parametrize(("ago", "final"), [(25_000, True), (15_000, False)])
def test_of_a_run_that_has_long_ended_no_log_is_waited_for(ago: int, final: bool) -> None:
    source, heard = LogSource(ended=False), Heard()
    with reading(source, heard, RunStatus(State.FAILED, "", Ms(START - ago))) as reader:
        reader.want(wanted(2))
        eventually(lambda: heard.outcomes, "it was looked into")
    assert heard.outcomes[0][1].final is final


def test_a_log_that_is_not_stored_yet_is_looked_into_again_also_when_others_are_wanted() -> None:
    source, heard = LogSource(ended=False), Heard()
    with reading(source, heard) as reader:
        reader.want(wanted(2))
        eventually(lambda: heard.kinds("2") == [None], "it was looked into")
        assert not heard.outcomes[0][1].final
        # Anew with what is wanted besides, which must not start it from the beginning.
        for number in range(3, 9):
            reader.want(wanted(2, number))
            eventually(lambda number=number: heard.kinds(str(number)), "the other is read")  # type: ignore[misc]
        assert heard.kinds("2") == [None]
        source.lines = TRACEBACK
        eventually(lambda: heard.kinds("2") == [None, "ValueError"], "its exception has come")
        assert heard.outcomes[-1][1].final


def test_what_is_not_wanted_any_more_is_not_looked_into_again() -> None:
    source, heard = LogSource(ended=False), Heard()
    with reading(source, heard) as reader:
        reader.want(wanted(2))
        eventually(lambda: heard.kinds("2"), "it was looked into")
        source.ended = True
        reader.want(wanted(3))
        eventually(lambda: heard.kinds("3"), "the other was read")
        with reader._lock:
            assert not reader._later
            assert not reader._due


def test_a_log_that_never_comes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "_MOST_LOOKS", 2)
    source, heard = LogSource(ended=False), Heard()
    with reading(source, heard) as reader:
        reader.want(wanted(2, state=_L))
        eventually(lambda: len(heard.outcomes) == 2, "it was looked into twice")
    assert [outcome.final for _, outcome in heard.outcomes] == [False, True]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Unreachable("The service does not answer."), "The service does not answer."),
        (TailError("The log cannot be read."), "The log cannot be read."),
        (ZeroDivisionError("x"), "Unexpected ZeroDivisionError: x"),
    ],
)
def test_why_a_log_cannot_be_read_is_told_and_the_next_one_is_read(
    error: Exception, said: str
) -> None:
    source = LogSource(*TRACEBACK)
    source.error = error
    first = threading.Event()
    heard = Heard()

    def publish(task: Task, attempt: Attempt, outcome: Outcome) -> None:
        heard(task, attempt, outcome)
        source.error = None
        first.set()

    with reading(source, publish) as reader:
        reader.want(wanted(2, 3))
        eventually(lambda: len(heard.outcomes) == 2, "both are published")
    assert heard.outcomes[0] == ("2", Outcome(trouble=said))
    assert heard.kinds("3") == ["ValueError"]
