"""The loop that polls a list of runs: portions, rows in view, outages, and its end."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from flowtui.poller import PORTION, Listed, ListOpened, RunListPoller, Trouble, portions
from flowtui.run_summary import RunKey, RunListChanges
from flowtui.sources.base import NotFound, Unreachable
from flowtui.sources.run_list import Listing
from tests.run_summaries import news, run

LISTING = Listing("local@here", None, "local")
QUIET = news()
MANY = tuple(run(f"Flow/{at}", at) for at in range(2 * PORTION + 1))
News = ListOpened | Listed | Trouble


class Scripted:
    """A list that answers by a script, its last line for ever."""

    def __init__(self, *script: RunListChanges | Exception) -> None:
        self.script = list(script)
        self.attended: queue.Queue[Sequence[RunKey]] = queue.Queue()
        self.closed = threading.Event()

    def poll(self) -> RunListChanges:
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def attend(self, runs: Sequence[RunKey]) -> None:
        self.attended.put(runs)

    def close(self) -> None:
        self.closed.set()


@contextmanager
def polling(
    runs: Scripted, *failures: Exception, interval: float = 60.0
) -> Iterator[tuple[RunListPoller, queue.Queue[News]]]:
    """A poller whose list cannot be opened as often as there are failures."""
    told: queue.Queue[News] = queue.Queue()
    due = list(failures)

    def open_it() -> tuple[Listing, Scripted]:
        if due:
            raise due.pop(0)
        return LISTING, runs

    poller = RunListPoller(open_it, told.put, interval)
    poller.start()
    try:
        yield poller, told
    finally:
        poller.stop()


def test_it_says_where_the_runs_are_from_and_polls_at_once_while_there_are_more() -> None:
    first, second = news(MANY[0], more=True), news(MANY[1])
    with polling(Scripted(first, second, QUIET)) as (_, told):
        got = [told.get(timeout=5) for _ in range(3)]
    assert got == [ListOpened(LISTING), Listed(first), Listed(second)]


@pytest.mark.parametrize("count", [0, 1, PORTION, PORTION + 1, 2 * PORTION + 1])
def test_many_runs_come_in_portions_the_last_of_which_ends_them(count: int) -> None:
    whole = news(*MANY[:count], vanished=(("Flow", "gone"),), trouble="Some cannot be read.")
    parts = [*portions(whole)]
    assert tuple(each for part in parts for each in part.runs) == whole.runs
    assert all(len(part.runs) <= PORTION for part in parts)
    assert [part.more for part in parts] == [True] * (len(parts) - 1) + [False]
    assert [part.vanished for part in parts[:-1]] == [()] * (len(parts) - 1)
    assert parts[-1].vanished == whole.vanished
    assert {part.trouble for part in parts} == {whole.trouble}


def test_rows_in_view_are_looked_into_at_once() -> None:
    listed = Scripted(QUIET)
    with polling(listed) as (poller, told):
        assert [told.get(timeout=5) for _ in range(2)] == [ListOpened(LISTING), Listed(QUIET)]
        assert listed.attended.get(timeout=5) == ()
        poller.attend([("Flow", "1")])
        assert listed.attended.get(timeout=5) == [("Flow", "1")]
        # Long before the interval has passed.
        assert told.get(timeout=5) == Listed(QUIET)


def test_an_outage_is_told_with_the_next_try_and_gone_on_from() -> None:
    with polling(Scripted(Unreachable("No answer."), QUIET), interval=0.01) as (_, told):
        assert told.get(timeout=5) == ListOpened(LISTING)
        trouble = told.get(timeout=5)
        assert isinstance(trouble, Trouble)
        assert trouble.sentence == "No answer."
        assert trouble.retry_in is not None
        assert told.get(timeout=5) == Listed(QUIET)


def test_a_flow_that_is_not_there_is_not_tried_again() -> None:
    with polling(Scripted(QUIET), NotFound("There is no flow 'X'.")) as (poller, told):
        assert told.get(timeout=5) == Trouble("There is no flow 'X'.", None, not_found=True)
        poller._thread.join(5)
        assert not poller._thread.is_alive()


def test_stopping_closes_the_list() -> None:
    listed = Scripted(QUIET)
    with polling(listed) as (_, told):
        told.get(timeout=5)
    assert listed.closed.wait(5)
