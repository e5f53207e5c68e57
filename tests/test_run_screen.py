"""The run screen on real runs: what it selects, where keys lead, what fits in a small window."""

from __future__ import annotations

import gc

import pytest

from flowtui.screens.help import HelpScreen
from flowtui.screens.log import LogScreen
from flowtui.screens.resume import ResumeDialog
from flowtui.screens.run import RunScreen
from flowtui.widgets.dag_view import DagView
from flowtui.widgets.exception_view import ExceptionView
from flowtui.widgets.log_pane import LogPane
from flowtui.widgets.task_list import TaskList
from tests.pilot import SMALL, WIDE, screen_text, shows, until, watching
from tests.runs import RecordedRun

Runs = dict[str, RecordedRun]


async def test_a_failed_run_opens_on_its_failure_with_the_log_that_tells_why(runs: Runs) -> None:
    async with watching(runs["failed"]) as (app, pilot):
        await shows(pilot, "ValueError: no data for NO")
        text = screen_text(app)
        assert "✗ failed" in text.splitlines()[0]
        assert "train/4 failed: attempt_ok=False" in text.splitlines()[1]
        assert "train · foreach countries · 3 tasks" in text
        assert app.screen.query_one(DagView).selected == "train"


async def test_the_header_counts_tasks_by_state_and_names_retries(runs: Runs) -> None:
    async with watching(runs["catch"]) as (app, _):
        first, second = screen_text(app).splitlines()[:2]
        assert "6 of 6 tasks  ◆1  ✓5  1 retried" in first
        assert "end/6 attempt 0: attempt_ok=True" in second


async def test_a_task_row_has_its_label_and_its_attempts_as_a_strip(runs: Runs) -> None:
    async with watching(runs["catch"], "/divide") as (app, pilot):
        await shows(pilot, "ZeroDivisionError: division by zero    │")
        rows = [line for line in screen_text(app).splitlines() if "divisors=" in line]
        assert len(rows) == 3
        assert "divisors=0 ✗✗◆      caught" in rows[0]
        assert "ZeroDivisionError: division by zero" in rows[0]
        assert "succeeded" in rows[1]


async def test_brackets_go_through_the_attempts_and_their_logs(runs: Runs) -> None:
    async with watching(runs["retry"], "/flaky") as (app, pilot):
        await shows(pilot, "stdout · attempt 2 · 1 line")
        await pilot.press("left_square_bracket")
        await shows(pilot, "RuntimeError: try 1 went wrong")
        await pilot.press("left_square_bracket")
        await shows(pilot, "RuntimeError: try 0 went wrong")
        assert "attempt_ok=False, attempt 1 followed" in screen_text(app)
        await pilot.press("right_square_bracket", "right_square_bracket")
        await shows(pilot, "stdout · attempt 2")


async def test_enter_leads_from_the_graph_to_the_tasks_to_the_log_and_escape_back(
    runs: Runs,
) -> None:
    async with watching(runs["failed"]) as (app, pilot):
        assert isinstance(app.focused, DagView)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.focused, TaskList), "the tasks have the focus")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LogScreen), "the log is open")
        await shows(pilot, "ValueError: no data for NO")
        assert isinstance(app.focused, ExceptionView)
        await pilot.press("tab", "tab")
        assert isinstance(app.focused, LogPane)
        assert app.focused.stream == "stderr"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunScreen), "back on the run")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.focused, DagView), "back on the graph")


async def test_the_exclamation_mark_goes_to_the_first_failure_from_anywhere(runs: Runs) -> None:
    async with watching(runs["segfault"], "/start") as (app, pilot):
        await pilot.press("exclamation_mark")
        await shows(pilot, "crash · 1 task")
        await until(pilot, lambda: isinstance(app.focused, TaskList), "the tasks have the focus")
        assert "exit by signal 11 (SIGSEGV)" in screen_text(app)


async def test_the_exclamation_mark_says_when_nothing_has_failed(runs: Runs) -> None:
    async with watching(runs["linear"]) as (_, pilot):
        await pilot.press("exclamation_mark")
        await shows(pilot, "Nothing has failed.")


async def test_x_leaves_the_tasks_of_interest_and_x_again_brings_all_back(runs: Runs) -> None:
    async with watching(runs["catch"], "/divide") as (app, pilot):
        await pilot.press("x")
        await shows(pilot, "1 of 3 tasks · failed only")
        assert "divisors=0" in screen_text(app)
        assert "divisors=1" not in screen_text(app)
        await pilot.press("x")
        await shows(pilot, "divide · foreach divisors · 3 tasks")


async def test_a_slash_filters_tasks_by_label_and_escape_takes_it_back(runs: Runs) -> None:
    async with watching(runs["nested_foreach"], "/title") as (app, pilot):
        await pilot.press("slash", "t", "i", "t", "l", "e", "s", "=", "b")
        await shows(pilot, "2 of 4 tasks · /titles=b")
        assert "titles=a" not in screen_text(app)
        await pilot.press("escape")
        await shows(pilot, "title · foreach titles · 4 tasks")


async def test_a_slash_in_a_log_searches_it(runs: Runs) -> None:
    async with watching(runs["failed"], "/train/4") as (app, pilot):
        await shows(pilot, "ValueError: no data for NO")
        await pilot.press("tab", "tab")
        await until(pilot, lambda: isinstance(app.focused, LogPane), "a log has the focus")
        await pilot.press("slash", *"valueerror", "enter")
        await shows(pilot, "match 1/2")
        await pilot.press("n")
        await shows(pilot, "match 2/2")


async def test_a_target_opens_on_its_task(runs: Runs) -> None:
    async with watching(runs["foreach"], "/visit/3") as (app, pilot):
        await shows(pilot, "visiting SE")
        assert "visit/3" in screen_text(app)


async def test_arrows_move_along_the_graph_and_the_tasks_follow(runs: Runs) -> None:
    async with watching(runs["branch"]) as (app, pilot):
        graph = app.screen.query_one(DagView)
        await pilot.press("home")
        await shows(pilot, "start · 1 task")
        await pilot.press("down", "right")
        await shows(pilot, "right · 1 task")
        await pilot.press("left")
        await shows(pilot, "left · 1 task")
        await pilot.press("down", "down")
        await shows(pilot, "end · 1 task")
        assert graph.selected == "end"


async def test_the_branch_not_taken_is_skipped_and_says_so(runs: Runs) -> None:
    async with watching(runs["switch"], "/slow") as (app, pilot):
        await shows(pilot, "the switch before it took another branch.")
        assert "– slow" in screen_text(app)


async def test_a_resumed_run_names_its_origin_and_where_a_clone_keeps_its_log(runs: Runs) -> None:
    origin = runs["failed"].run
    async with watching(runs["resumed"], "/start") as (app, pilot):
        await shows(pilot, f"↺ resumed from {origin}")
        await shows(pilot, f"Cloned: its log is that of FailedFlow/{origin}/start/1.")
        assert "↺ start" in screen_text(app)


async def test_in_a_small_window_one_pane_is_shown_and_tab_shows_the_next(runs: Runs) -> None:
    async with watching(runs["failed"], size=SMALL) as (app, pilot):
        await shows(pilot, "✗ train ×3")
        assert " Graph  " in screen_text(app).splitlines()[2]
        assert "foreach   attempts" not in screen_text(app)
        await pilot.press("tab")
        await shows(pilot, "countries=NO ✗")
        assert "╭┬" not in screen_text(app)
        await pilot.press("tab", "tab")
        await shows(pilot, "ValueError: no data for NO")


async def test_zoom_gives_a_pane_the_whole_window_and_takes_it_back(runs: Runs) -> None:
    async with watching(runs["failed"]) as (app, pilot):
        await pilot.press("z")
        await until(pilot, lambda: "stderr" not in screen_text(app), "the logs are gone")
        await pilot.press("z")
        await shows(pilot, "stderr · attempt 0")


async def test_resizing_keeps_what_is_selected(runs: Runs) -> None:
    async with watching(runs["failed"], "/train/4") as (app, pilot):
        for size in (SMALL, (200, 60), (40, 10), (20, 5), WIDE):
            await pilot.resize_terminal(*size)
            await pilot.pause()
        await shows(pilot, "▸ 4")
        assert app.screen.query_one(DagView).selected == "train"


async def test_y_copies_the_pathspec_of_what_is_selected(runs: Runs) -> None:
    async with watching(runs["failed"], "/train/4") as (app, pilot):
        await pilot.press("y")
        await shows(pilot, "Copied: ")
        assert app.clipboard == f"{runs['failed'].pathspec}/train/4"


async def test_p_stops_reading_and_goes_on(runs: Runs) -> None:
    async with watching(runs["linear"]) as (_, pilot):
        await pilot.press("p")
        await shows(pilot, "local · paused")
        await pilot.press("p")
        await shows(pilot, "local · now")


async def test_r_opens_the_resume_dialog_on_this_run(runs: Runs) -> None:
    async with watching(runs["failed"]) as (app, pilot):
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, ResumeDialog), "the dialog is open")
        await shows(pilot, f"Resume {runs['failed'].pathspec}")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunScreen), "the dialog is closed")


async def test_read_only_there_is_no_resume(runs: Runs) -> None:
    async with watching(runs["failed"], read_only=True) as (app, pilot):
        await pilot.press("r")
        await pilot.pause()
        assert isinstance(app.screen, RunScreen)
        assert "r resume" not in screen_text(app)
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen), "help is open")
        assert "Resume the run" not in screen_text(app)


async def test_help_lists_keys_and_states_and_closes_by_escape(runs: Runs) -> None:
    async with watching(runs["linear"]) as (app, pilot):
        await pilot.press("question_mark")
        await shows(pilot, "Go to the task that failed first.")
        await pilot.press("end")
        await shows(pilot, "taken over from the run that was resumed")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunScreen), "help is closed")


@pytest.mark.parametrize("key", ["ctrl+p", "colon"])
async def test_the_palette_finds_and_runs_a_command(runs: Runs, key: str) -> None:
    async with watching(runs["failed"], "/start") as (_, pilot):
        await pilot.press(key)
        await shows(pilot, "Search")
        await pilot.press(*"first")
        await shows(pilot, "first failure")
        await pilot.pause(0.3)
        await pilot.press("enter")
        await shows(pilot, "train · foreach countries")


async def test_a_step_that_does_not_exist_ends_the_app_with_what_there_is(runs: Runs) -> None:
    from flowtui.app import FlowtuiApp
    from flowtui.model import Target
    from flowtui.sources.registry import Where

    run = runs["linear"]
    target = Target(run.flow, run.run, "nope")
    app = FlowtuiApp(target, Where(metadata=f"local@{run.root}", namespace=""))
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.parting, "the app has ended")
    assert app.return_code == 3
    assert app.parting == (f"Run {run.pathspec} has no step 'nope'. Steps: start, middle, end.")


async def test_garbage_is_collected_once_the_first_frame_is_there(runs: Runs) -> None:
    gc.disable()
    try:
        async with watching(runs["linear"]) as (_, pilot):
            await until(pilot, gc.isenabled, "it is collected again")
    finally:
        gc.enable()
        gc.unfreeze()


async def test_the_frame_tells_the_views_and_a_click_shows_one(runs: Runs) -> None:
    async with watching(runs["linear"]) as (app, pilot):
        await shows(pilot, "1 graph · 2 tree · 3 timeline · 4 times")
        lines = screen_text(app).splitlines()
        [y] = [at for at, line in enumerate(lines) if "3 timeline" in line]
        await pilot.click(offset=(lines[y].index("3 timeline") + 2, y))
        await shows(pilot, "timeline · ┃ critical path")
        await pilot.press("1")
        await until(pilot, lambda: app.screen.query_one(DagView).display, "the graph again")
