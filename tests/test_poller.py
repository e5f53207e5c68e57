"""The loop that polls a source: what it publishes, how it backs off, how it is stopped."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest

from flowtui.logs.stored import TailError
from flowtui.logs.tails import Growth, Part, Tail
from flowtui.loop import Loop
from flowtui.model import (
    Artifact,
    Artifacts,
    Changes,
    Fact,
    FlowSource,
    Key,
    Ms,
    ProcessId,
    RunDescription,
    RunStatus,
    State,
)
from flowtui.poller import (
    MAX_BACK_OFF,
    SLOW_DOWN,
    Opened,
    Polled,
    Poller,
    TailPoller,
    Trouble,
    back_off,
)
from flowtui.sources.base import NotFound, RunSource, Unreachable, Unsupported
from tests.runs import eventually
from tests.stored import Memory

RUN = RunDescription("F", "1", "scripted")
QUIET = Changes(Ms(1))
RUNNING = Changes(Ms(1), status=RunStatus(State.RUNNING, "…"))
OVER = Changes(Ms(1), status=RunStatus(State.FAILED, "…"))
News = Opened | Polled | Trouble


class Scripted:
    """A source that answers by a script, its last line for ever, and may be made to hang."""

    def __init__(self, *script: Changes | Exception) -> None:
        self.script = list(script or (QUIET,))
        self.polls = 0
        self.closed = threading.Event()
        self.hang: threading.Event | None = None
        self.in_poll = threading.Event()

    def describe(self) -> RunDescription:
        return RUN

    def poll(self) -> Changes:
        self.polls += 1
        self.in_poll.set()
        if self.hang is not None:
            self.hang.wait(30)
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def attend(self, tasks: Sequence[Key]) -> None:
        raise NotImplementedError

    def log(self, step: str, task: str, attempt: int, stream: str) -> Sequence[Part]:
        raise NotImplementedError

    def facts(self, step: str, task: str) -> Sequence[Fact]:
        raise NotImplementedError

    def artifacts(self, step: str, task: str, attempt: int) -> Artifacts:
        raise NotImplementedError

    def value(self, artifact: Artifact) -> object:
        raise NotImplementedError

    def flow_source(self) -> FlowSource | None:
        raise NotImplementedError

    def launcher(self) -> ProcessId | None:
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        return {}

    def close(self) -> None:
        self.closed.set()


@contextmanager
def polling(
    source: Scripted | Callable[[], RunSource], interval: float = 0.01
) -> Iterator[tuple[Poller, queue.Queue[News]]]:
    """A poller and what it publishes."""
    news: queue.Queue[News] = queue.Queue()
    opened = (lambda: source) if isinstance(source, Scripted) else source
    poller = Poller(opened, news.put, interval)
    poller.start()
    try:
        yield poller, news
    finally:
        poller.stop()
        eventually(lambda: not poller._thread.is_alive(), "the loop ends")


def turns(poller: Poller, count: int) -> list[float | None]:
    """The pauses after so many turns, taken without a thread and without waiting."""
    return [poller.turn() for _ in range(count)]


def test_the_first_news_is_the_description_then_come_polls() -> None:
    with polling(Scripted(RUNNING, QUIET)) as (_, news):
        assert news.get(timeout=5) == Opened(RUN)
        assert news.get(timeout=5) == Polled(RUNNING)
        assert news.get(timeout=5) == Polled(QUIET)


def test_an_outage_is_told_and_the_next_answer_ends_it() -> None:
    source = Scripted(RUNNING, Unreachable("The service is away."), QUIET)
    with polling(source) as (poller, news):
        assert [news.get(timeout=5) for _ in range(2)] == [Opened(RUN), Polled(RUNNING)]
        trouble = news.get(timeout=5)
        assert isinstance(trouble, Trouble)
        assert (trouble.sentence, trouble.not_found) == ("The service is away.", False)
        assert trouble.retry_in is not None
        assert 0 < trouble.retry_in <= 1
        poller.wake()
        assert news.get(timeout=5) == Polled(QUIET)


def test_a_source_that_cannot_be_opened_is_tried_again() -> None:
    answers: list[RunSource | Exception] = [Unreachable("Not yet."), Scripted()]

    def opened() -> RunSource:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with polling(opened) as (poller, news):
        assert isinstance(news.get(timeout=5), Trouble)
        poller.wake()
        assert news.get(timeout=5) == Opened(RUN)


def test_pauses_double_up_to_a_minute_and_start_again_after_an_answer() -> None:
    away = Unreachable("Away.")
    told: list[News] = []
    poller = Poller(lambda: Scripted(*[away] * 9, QUIET, away), told.append, 1.0)
    pauses = turns(poller, 9)
    for pause, full in zip(pauses, (2, 4, 8, 16, 32, 60, 60, 60, 60), strict=True):
        assert pause is not None
        assert 0.75 * full <= pause <= full
    assert [news.retry_in for news in told[1:] if isinstance(news, Trouble)] == pauses
    assert turns(poller, 1)[0] == pytest.approx(1.0, abs=0.2)
    again = turns(poller, 1)[0]
    assert again is not None
    assert 1.5 <= again <= 2


def test_watchers_of_one_service_do_not_come_back_together() -> None:
    assert len({back_off(5, 1.0) for _ in range(50)}) > 40
    assert max(back_off(5000, 3600.0) for _ in range(50)) <= MAX_BACK_OFF


@pytest.mark.parametrize(
    ("answers", "not_found"),
    [
        ([NotFound("There is no such run.")], True),
        ([Unsupported("It cannot.")], False),
        ([RUNNING, Unsupported("It cannot.")], False),
    ],
)
def test_what_was_never_there_or_cannot_be_done_is_not_tried_again(
    answers: list[Changes | Exception], not_found: bool
) -> None:
    source = Scripted(*answers)
    with polling(source) as (poller, news):
        last = [news.get(timeout=5) for _ in range(1 + len(answers))][-1]
        assert last == Trouble(str(answers[-1]), None, not_found)
        eventually(lambda: not poller._thread.is_alive(), "the loop ends by itself")
    assert source.polls == len(answers)
    assert source.closed.is_set()


def test_a_run_that_was_there_and_is_missed_is_looked_for_again() -> None:
    with polling(Scripted(RUNNING, NotFound("It is gone."), QUIET)) as (poller, news):
        assert [news.get(timeout=5) for _ in range(2)] == [Opened(RUN), Polled(RUNNING)]
        trouble = news.get(timeout=5)
        assert isinstance(trouble, Trouble)
        assert (trouble.sentence, trouble.not_found) == ("It is gone.", False)
        poller.wake()
        assert news.get(timeout=5) == Polled(QUIET)


def test_a_picture_that_lacks_something_is_completed_without_a_pause() -> None:
    lacking = replace(RUNNING, more=True)
    poller = Poller(lambda: Scripted(lacking, lacking, RUNNING), lambda _: None, 7.0)
    assert turns(poller, 3) == [0.0, 0.0, 7.0]


def test_a_mistake_in_a_source_is_told_by_its_type_and_the_loop_goes_on() -> None:
    with polling(Scripted(KeyError("task_id"), QUIET)) as (poller, news):
        assert news.get(timeout=5) == Opened(RUN)
        trouble = news.get(timeout=5)
        assert isinstance(trouble, Trouble)
        assert trouble.sentence == "Unexpected KeyError: 'task_id'"
        assert trouble.retry_in is not None
        poller.wake()
        assert news.get(timeout=5) == Polled(QUIET)


def test_stop_returns_at_once_while_a_poll_hangs_and_nothing_is_published_after_it() -> None:
    source = Scripted(RUNNING)
    source.hang = threading.Event()
    with polling(source) as (poller, news):
        assert source.in_poll.wait(5)
        began = time.monotonic()
        poller.stop()
        assert time.monotonic() - began < 0.5
        source.hang.set()
        assert source.closed.wait(5)
        assert [news.get_nowait()] == [Opened(RUN)]
        assert news.empty()


def test_stop_ends_a_pause_of_an_hour() -> None:
    source = Scripted(QUIET)
    with polling(source, interval=3600) as (poller, news):
        assert isinstance([news.get(timeout=5) for _ in range(2)][-1], Polled)
        poller.stop()
        assert source.closed.wait(5)


def test_wake_takes_the_next_poll_now() -> None:
    with polling(Scripted(QUIET), interval=3600) as (poller, news):
        assert isinstance([news.get(timeout=5) for _ in range(2)][-1], Polled)
        poller.wake()
        assert news.get(timeout=5) == Polled(QUIET)


def test_a_paused_loop_takes_no_turn_but_when_woken() -> None:
    source = Scripted(QUIET)
    with polling(source) as (poller, news):
        assert news.get(timeout=5) == Opened(RUN)
        poller.pause(True)
        assert poller.paused
        eventually(lambda: _steady(lambda: source.polls), "polling stops")
        polls = source.polls
        poller.wake()
        eventually(lambda: source.polls == polls + 1, "one poll is taken")
        assert _steady(lambda: source.polls)
        assert source.polls == polls + 1
        poller.pause(False)
        eventually(lambda: source.polls > polls + 3, "polling goes on")


def _steady(number: Callable[[], int]) -> bool:
    """Whether a number stays what it is for twenty intervals."""
    before = number()
    time.sleep(0.2)
    return number() == before


def test_a_screen_that_is_busy_is_not_polled_for() -> None:
    source = Scripted(QUIET)
    taken = threading.Semaphore(0)
    poller = Poller(lambda: source, lambda _: void(taken.acquire(timeout=30)), 0.01)
    poller.start()
    try:
        taken.release()
        eventually(lambda: source.polls == 1, "the first poll")
        assert _steady(lambda: source.polls)
        assert source.polls == 1
        taken.release()
        eventually(lambda: source.polls == 2, "the second poll, once the first was taken")
    finally:
        poller.stop()
        taken.release()
        taken.release()
        eventually(lambda: not poller._thread.is_alive(), "the loop ends")


def void(_: object) -> None:
    """For calls whose result is of no use."""


def test_a_run_that_is_over_is_looked_at_less_often_and_one_that_goes_on_again_is_not() -> None:
    poller = Poller(lambda: Scripted(RUNNING, OVER, QUIET, RUNNING, QUIET), lambda _: None, 2.0)
    assert turns(poller, 5) == [2.0, 2.0 * SLOW_DOWN, 2.0 * SLOW_DOWN, 2.0, 2.0]


def test_a_loop_stopped_before_its_first_turn_takes_none() -> None:
    class Once(Loop):
        turned = False

        def turn(self) -> float | None:
            self.turned = True
            return None

    loop = Once("once")
    loop.stop()
    loop.start()
    eventually(lambda: not loop._thread.is_alive(), "the loop ends")
    assert not loop.turned


# Tails


def tail_of(memory: Memory, ended: bool = True) -> Tail:
    return Tail([Part(memory, lambda: ended, "stdout", interval=0.01)])


def told(tail: Tail, news: queue.Queue[Growth]) -> list[bytes]:
    """The lines of what was published next."""
    growth = news.get(timeout=5)
    return [line.text for block in growth.blocks for line in tail.lines(block)]


def test_a_tail_is_followed_to_its_end() -> None:
    memory, news = Memory(), queue.Queue[Growth]()
    ended = threading.Event()
    tail = Tail([Part(memory, ended.is_set, "stdout", interval=0.01)])
    poller = TailPoller(tail, news.put)
    poller.start()
    assert told(tail, news) == []
    memory.append(b"hello\n")
    eventually(lambda: told(tail, news) == [b"hello"], "the line comes")
    ended.set()
    eventually(lambda: not poller._thread.is_alive(), "the loop ends with the log")
    assert tail.finished


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (TailError("It cannot be read."), "It cannot be read."),
        (RuntimeError("oops"), "Unexpected RuntimeError: oops"),
    ],
)
def test_a_tail_in_trouble_says_so_and_is_tried_again(error: Exception, sentence: str) -> None:
    class Broken(Memory):
        trouble: Exception | None = error

        def look(self) -> int | None:
            if self.trouble is not None:
                raise self.trouble
            return super().look()

    memory, news = Broken(b"hello\n"), queue.Queue[Growth]()
    tail = tail_of(memory)
    poller = TailPoller(tail, news.put)
    poller.start()
    assert news.get(timeout=5).trouble == sentence
    memory.trouble = None
    poller.wake()
    assert told(tail, news) == [b"hello"]
    eventually(lambda: tail.finished, "the log ends")
