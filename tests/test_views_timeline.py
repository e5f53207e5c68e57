"""The time axis: its ticks, and what zooming and panning leave in view."""

from __future__ import annotations

import time
from datetime import datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from flowtui.views.timeline import Window, date, ticks
from tests.timed_run import BEGAN, at


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def in_view(start: float, end: float) -> Window:
    return Window(at(start), at(end))


def axis(window: Window, cells: int) -> str:
    line = [" "] * cells
    for tick in ticks(window, cells):
        line[tick.cell : tick.cell + len(tick.text) + 1] = "|" + tick.text
    return "".join(line).rstrip()


@pytest.mark.parametrize(
    ("start", "end", "cells", "told"),
    [
        (0, 30, 36, "|09:50:00   |09:50:10   |09:50:20"),
        (3, 33, 36, "        |09:50:10   |09:50:20"),
        (0, 1, 40, "|09:50:00.000       |09:50:00.500"),
        (0, 3600, 40, "      |10:00    |10:15    |10:30"),
        (0, 3 * 3600, 30, " |10:00    |11:00    |12:00"),
        (14 * 3600, 14 * 3600 + 1200, 40, "|23:50    |23:55    |22 Nov   |00:05"),
        (0, 5 * 86_400, 40, "            |23 Nov         |25 Nov"),
    ],
)
def test_ticks_stand_at_clock_times_that_a_person_counts_in(
    start: float, end: float, cells: int, told: str
) -> None:
    assert axis(in_view(start, end), cells) == told


def test_where_no_text_fits_there_is_no_tick() -> None:
    assert not ticks(in_view(0, 30), 5)
    assert not ticks(in_view(0, 30), 0)


def test_the_day_is_told_where_it_begins_and_before_the_axis() -> None:
    assert (date(at(0)), date(at(11 * 86_400))) == ("21 Nov", " 2 Dec")


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/New_York"])
@given(
    start=some.integers(0, 10**12), length=some.integers(10, 10**10), cells=some.integers(0, 220)
)
def test_no_two_ticks_touch_and_each_stands_in_the_cell_of_its_time(
    zone: str, start: int, length: int, cells: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        window = Window(start, start + length)
        found = ticks(window, cells)
        for before, after in pairwise(found):
            assert before.cell + 1 + len(before.text) < after.cell
        for tick in found:
            assert tick.cell <= window.place(tick.moment, cells) < tick.cell + 1
            assert tick.cell + 1 + len(tick.text) <= cells
            local = datetime.fromtimestamp(tick.moment / 1000)
            assert tick.text in (f"{local.day} {local:%b}", f"{local:%H:%M}", f"{local:%H:%M:%S}",
                                 f"{local:%H:%M:%S.%f}"[:-3])  # fmt: skip
        assert len({round(b.moment - a.moment) for a, b in pairwise(found)}) <= 1


WHOLE = in_view(0, 100)


def test_zooming_keeps_in_place_what_it_is_about() -> None:
    zoomed = WHOLE.zoomed(0.5, at(20), WHOLE)
    assert zoomed == in_view(10, 60)
    assert zoomed.place(at(20), 50) == WHOLE.place(at(20), 50) == 10
    assert zoomed.zoomed(2, at(20), WHOLE) == WHOLE


def test_there_is_no_more_to_see_than_all_and_no_less_than_some_milliseconds() -> None:
    assert in_view(10, 60).zoomed(4, at(20), WHOLE) == WHOLE
    assert WHOLE.zoomed(1e-9, at(20), WHOLE).length == 10


def test_what_is_not_in_view_is_not_zoomed_about() -> None:
    assert in_view(10, 20).zoomed(0.5, at(90), WHOLE) == in_view(15, 20)


def test_panning_ends_where_there_is_nothing_more() -> None:
    assert in_view(10, 60).panned(0.2, WHOLE) == in_view(20, 70)
    assert in_view(10, 60).panned(-0.5, WHOLE) == in_view(0, 50)
    assert in_view(10, 60).panned(5, WHOLE) == in_view(50, 100)


def test_a_live_run_has_room_before_it_and_one_that_is_over_has_none() -> None:
    assert Window.fitting(at(0), at(84), live=True) == in_view(0, 100)
    assert Window.fitting(at(0), at(84), live=False) == in_view(0, 84)
    assert Window.fitting(BEGAN, BEGAN, live=False).length > 0


def test_now_is_followed_by_leaps_so_that_not_every_second_moves_all() -> None:
    window = in_view(0, 100)
    assert window.following(at(100)) == window
    assert window.following(at(101)) == in_view(17, 117)
