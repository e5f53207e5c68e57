"""The bars of a timeline, cell by cell."""

from __future__ import annotations

from flowtui.model import State, Task
from flowtui.theme import Look
from flowtui.views.bars import attempt_at, bar, density, rank, segments, sparkline
from flowtui.views.timeline import Window
from tests.timed_run import at, task

S, F, R, L, C, K = (
    State.SUCCEEDED, State.FAILED, State.RUNNING, State.LOST, State.CLONED, State.CAUGHT,
)  # fmt: skip
WAITING, PENDING = State.WAITING, State.PENDING
UNICODE, ASCII = Look(), Look(ascii=True)
TEN = Window(at(0), at(10))
"""Ten seconds, mostly shown in ten cells."""


def drawn(
    of: Task,
    *,
    ready: float | None = None,
    now: float = 10,
    live: bool = False,
    window: Window = TEN,
    cells: int = 10,
    look: Look = UNICODE,
) -> str:
    ready_at = at(ready) if ready is not None else None
    row = segments(of, ready_at, at(now), live=live)
    return "".join(char for char, _ in bar(row, window, cells, look)).rstrip()


def test_a_bar_goes_from_start_to_end() -> None:
    assert drawn(task("work/1", (S, 2, 6))) == "  ████"


def test_a_bar_ends_exact_to_an_eighth_and_begins_exact_to_a_half_of_a_cell() -> None:
    for eighth, end in enumerate("▏▎▍▌▋▊▉", 1):
        assert drawn(task("work/1", (S, 2, 4 + eighth / 8))) == f"  ██{end}"
    assert drawn(task("work/1", (S, 2.5, 5))) == "  ▐██"
    assert drawn(task("work/1", (S, 2.9, 5))) == "  ▕██"


def test_what_is_shorter_than_a_cell_is_as_wide_as_it_took_and_always_seen() -> None:
    assert drawn(task("work/1", (S, 3.2, 3.7))) == "   ▌"
    assert drawn(task("work/1", (S, 3, 3))) == "   ▏"


def test_attempts_share_a_row_and_what_went_wrong_ends_in_its_glyph() -> None:
    assert drawn(task("work/1", (F, 0, 2), (F, 4, 5), (S, 7, 9))) == "██✗┄█✗┄██"
    assert drawn(task("work/1", (F, 0, 2), (K, 3, 5))) == "██✗██◆"
    # Without room behind it, the glyph takes the last cell of the bar.
    assert drawn(task("work/1", (F, 0, 3), (S, 3, 5))) == "██✗██"
    assert drawn(task("work/1", (F, 0, 10))) == "█████████✗"


def test_in_a_cell_that_attempts_share_the_worst_of_them_is_shown() -> None:
    quick = task("work/1", (F, 5.0, 5.1), (S, 5.3, 5.4))
    row = bar(segments(quick, None, at(10), live=False), TEN, 10, UNICODE)
    assert row[5][1] is F
    assert row[6] == ("✗", F)


def test_waiting_to_start_and_for_a_retry_is_hollow() -> None:
    waited = task("work/1", (F, 3, 4), (S, 7, 9))
    row = bar(segments(waited, at(1), at(10), live=False), TEN, 10, UNICODE)
    assert "".join(char for char, _ in row) == " ┄┄█✗┄┄██ "
    assert [row[1][1], row[5][1]] == [PENDING, WAITING]


def test_a_running_attempt_has_a_live_edge() -> None:
    running = task("work/1", (F, 0, 1), (R, 2, None))
    assert drawn(running, now=5.5, live=True) == "█✗███▌●"
    assert drawn(running, now=7, live=True) == "█✗█████●"


def test_a_wait_lasts_until_now_while_the_run_goes_on() -> None:
    waiting = task("work/1", (F, 0, 2), state=WAITING)
    assert drawn(waiting, now=6, live=True) == "██✗┄┄┄"
    assert drawn(waiting, now=6) == "██✗"
    assert drawn(task("work/1"), ready=4, now=7, live=True) == "    ┄┄┄"
    assert drawn(task("work/1"), ready=4, now=7) == ""


def test_a_clone_is_a_mark_wherever_it_stands() -> None:
    assert drawn(task("work/1", (C, 3, 3))) == "   ↺"
    assert drawn(task("work/1", (C, -50, -40)), ready=-60) == "↺"


def test_an_end_that_nobody_recorded_is_a_question_up_to_the_next_attempt() -> None:
    assert drawn(task("work/1", (L, 1, None), (S, 5, 7))) == " ▏?┄┄██"
    assert drawn(task("work/1", (L, 1, None))) == " ▏?"


def test_of_an_attempt_without_a_start_nothing_is_drawn_but_the_others_are() -> None:
    assert drawn(task("work/1", (F, None, 2), (S, 5, 7)), ready=1) == "     ██"


def test_what_is_out_of_view_is_cut_off_without_a_glyph() -> None:
    long = task("work/1", (F, 0, 20), (S, 25, 40))
    assert drawn(long, window=Window(at(5), at(15))) == "██████████"
    assert drawn(long, window=Window(at(15), at(25))) == "█████✗┄┄┄┄"
    assert drawn(long, window=Window(at(50), at(60))) == ""
    assert drawn(long, cells=0) == ""


def test_in_ascii_a_bar_is_made_of_its_states_glyph() -> None:
    assert drawn(task("work/1", (F, 1, 3), (S, 5, 9)), ready=0, look=ASCII) == "-xxx-++++"


def test_a_click_finds_the_attempt_and_the_glyph_behind_it_but_no_wait() -> None:
    row = segments(task("work/1", (F, 2, 4), (S, 7, 9)), at(0), at(10), live=False)
    found = [attempt_at(row, TEN, 10, cell) for cell in range(10)]
    assert found == [None, None, 0, 0, 0, None, None, 1, 1, 1]


def test_a_step_shows_how_many_ran_and_where_a_task_of_it_ended_badly() -> None:
    failures = [(at(3.5), rank(K)), (at(7), rank(F)), (at(7.2), rank(K))]
    row = density((0, 1, 2, 4, 4, 2, 2, 1, 0, 0), failures, TEN, S, UNICODE)
    assert "".join(char for char, _ in row) == " ▂▄◆█▄▄✗  "
    assert [row[3][1], row[4][1], row[7][1]] == [K, S, F]
    row = density((0, 1, 2, 4, 4, 2, 2, 1, 0, 0), failures, TEN, S, ASCII)
    assert "".join(char for char, _ in row) == " :=c@==x  "


def test_one_of_many_is_seen() -> None:
    assert "".join(char for char, _ in sparkline((1, 0, 1000), R, UNICODE)) == "▁ █"
