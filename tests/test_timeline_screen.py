"""The timeline on the run screen, on real runs: what its keys do and what it leads to."""

from __future__ import annotations

import re

from flowtui.widgets.timeline import Timeline
from tests.pilot import SMALL, screen_text, shows, until, watching
from tests.runs import RecordedRun

Runs = dict[str, RecordedRun]


async def test_a_click_on_an_attempt_shows_its_log(runs: Runs) -> None:
    async with watching(runs["retry"]) as (app, pilot):
        await pilot.press("3")
        await shows(pilot, "timeline · ┃ critical path")
        row = next(line for line in screen_text(app).splitlines() if "┃ ✓ flaky" in line)
        assert re.search(r"✓ flaky +\d\.\ds .*✗.*✗.*[▏▎▍▌▋▊▉█▐▕]", row)
        await pilot.press("up")
        await shows(pilot, "in 3 attempts")
        left = app.screen.query_one(Timeline).region.x
        second = row.index("✗", row.index("✗") + 1)
        await pilot.click(Timeline, offset=(second - left, 5))
        await shows(pilot, "RuntimeError: try 1 went wrong")
        await shows(pilot, "attempt 1 failed")


async def test_the_row_under_the_cursor_is_what_the_other_panes_show(runs: Runs) -> None:
    async with watching(runs["nested_foreach"]) as (app, pilot):
        await pilot.press("3", "g", "down", "down", "down")
        await shows(pilot, "country · foreach countries · 2 tasks")
        await pilot.press("enter", "down", "up")
        await until(pilot, lambda: app.focused is not app.screen.query_one(Timeline), "the tasks")
        told = [line for line in screen_text(app).splitlines() if "country/2 countries=" in line]
        assert "after start/1" in told[0]


async def test_in_a_small_window_it_is_ordered_zoomed_and_left_again(runs: Runs) -> None:
    async with watching(runs["failed"], size=SMALL) as (app, pilot):
        await pilot.press("3")
        await until(pilot, lambda: re.search("│▸[ ┃]", screen_text(app)), "the failed task's row")
        await pilot.press("s", "s", "s")
        await shows(pilot, "by took")
        await pilot.press("S")
        await shows(pilot, "by took reversed")
        await pilot.press("plus", "plus")
        await shows(pilot, "s in view")
        await pilot.press("0")
        await until(pilot, lambda: "in view" not in screen_text(app), "all is in view")
        await pilot.press("exclamation_mark")
        await shows(pilot, "train/4")
        await pilot.press("escape")
        await shows(pilot, "by took reversed")
        assert "train/4 countries=NO" in screen_text(app)


async def test_keys_that_come_faster_than_the_panes_follow_are_all_obeyed(runs: Runs) -> None:
    async with watching(runs["nested_foreach"]) as (app, pilot):
        await pilot.press("3", "g")
        view = app.screen.query_one(Timeline)
        for _ in range(5):
            view.action_scroll_down()
        await shows(pilot, "title · foreach titles · 4 tasks")
        row = next(line for line in screen_text(app).splitlines() if line[1:2] == "▸")
        assert re.match(r"│▸[ ┃]  ✓ (FI|SE) › [ab]", row)
