"""How many attempts ran at a time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from flowtui.model import Attempt, Ms, State
from flowtui.views.concurrency import Concurrency

S, R, L, C = State.SUCCEEDED, State.RUNNING, State.LOST, State.CLONED


def ran(start: int | None, end: int | None, state: State = S) -> Attempt:
    started = Ms(start) if start is not None else None
    return Attempt(0, state, "…", started, Ms(end) if end is not None else None)


def test_each_part_tells_the_most_that_ran_at_once_in_it() -> None:
    attempts = [ran(0, 25), ran(12, 14), ran(14, 18), ran(30, 39)]
    assert Concurrency(attempts).over_time(0, 40, 4, Ms(40)) == (1, 2, 1, 1)


def test_one_that_starts_when_another_ends_does_not_run_beside_it() -> None:
    assert Concurrency([ran(0, 10), ran(10, 20)]).over_time(0, 20, 2, Ms(20)) == (1, 1)
    assert Concurrency([ran(0, 15), ran(15, 20)]).over_time(0, 20, 1, Ms(20)) == (1,)


def test_what_is_short_is_not_overlooked() -> None:
    assert Concurrency([ran(5, 5)]).over_time(0, 1000, 2, Ms(1000)) == (1, 0)


def test_what_runs_does_so_until_now() -> None:
    assert Concurrency([ran(0, None, R)]).over_time(0, 40, 4, Ms(15)) == (1, 1, 0, 0)


def test_clones_and_unknown_starts_are_left_out_and_an_unknown_end_counts_at_the_start() -> None:
    attempts = [ran(1, 1, C), ran(None, 20), ran(11, None, L)]
    assert Concurrency(attempts).over_time(0, 40, 4, Ms(40)) == (0, 1, 0, 0)


def test_nothing_ran_in_no_room() -> None:
    assert Concurrency([ran(0, 10)]).over_time(0, 10, 0, Ms(10)) == ()
    assert Concurrency([]).over_time(0, 10, 2, Ms(10)) == (0, 0)


TIMES = some.tuples(some.integers(0, 60), some.integers(0, 30))


@given(some.lists(TIMES, max_size=12), some.lists(TIMES, max_size=12), some.integers(1, 9))
def test_it_is_so_whatever_came_and_went_before(
    stays: list[tuple[int, int]], goes: list[tuple[int, int]], cells: int
) -> None:
    kept = [ran(start, start + length) for start, length in stays]
    known = Concurrency(ran(start, start + length) for start, length in goes)
    known.add(kept)
    known.remove(ran(start, start + length) for start, length in goes)
    counted = tuple(
        max(
            sum(start <= moment < start + max(1, length) for start, length in stays)
            for moment in range(cell * 10, cell * 10 + 10)
        )
        for cell in range(cells)
    )
    assert known.over_time(0, cells * 10, cells, Ms(1000)) == counted
    assert (known.first, known.running) == (min((start for start, _ in stays), default=None), 0)
