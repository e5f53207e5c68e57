"""From the logs of an attempt to others: both streams merged, other attempts, steps and runs."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widget import Widget

from flowtui.app import FlowtuiApp
from flowtui.live_logs import python_path
from flowtui.model import Target
from flowtui.screens.diff import DiffScreen
from flowtui.screens.log import LogScreen
from flowtui.screens.run import RunScreen
from flowtui.screens.step_log import StepLogScreen
from flowtui.sources.registry import Where
from flowtui.widgets.dag_view import DagView
from flowtui.widgets.log_pane import LogPane
from flowtui.widgets.task_list import TaskList
from tests.pilot import WIDE, screen_text, shows, until, watching
from tests.runs import RecordedRun, eventually, launch

Runs = dict[str, RecordedRun]


async def focus(app: FlowtuiApp, pilot: Pilot[None], wanted: str) -> None:
    """Press tab until the widget with this id has the focus."""
    for _ in range(10):
        if isinstance(app.focused, Widget) and app.focused.id == wanted:
            return
        await pilot.press("tab")
    raise AssertionError(f"no focus on {wanted}, but on {app.focused}")


def rows_of(app: FlowtuiApp, pane: str) -> list[str]:
    """What a pane draws, without empty rows at the end."""
    view = app.screen.query_one(f"#{pane}", LogPane)
    rows = [view.render_line(y).text.rstrip() for y in range(view.size.height)]
    while rows and not rows[-1]:
        rows.pop()
    return rows


# Both streams as one


async def test_m_shows_both_streams_by_time_and_m_again_apart(runs: Runs) -> None:
    async with watching(runs["catch"], "/divide/3") as (app, pilot):
        await shows(pilot, "dividing by 1")
        await focus(app, pilot, "stderr")
        await pilot.press("m")
        await shows(pilot, "output · attempt 0 · 2 lines")
        assert sorted(rows_of(app, "output")) == ["  dividing by 1", "▎ to stderr"]
        assert app.focused is app.screen.query_one("#output")
        assert "stdout ·" not in screen_text(app)
        await pilot.press("m")
        await shows(pilot, "stdout · attempt 0 · 1 line")
        await until(pilot, lambda: rows_of(app, "stderr") == ["to stderr"], "stderr is back")
        assert app.focused is app.screen.query_one("#stdout")
        assert "output ·" not in screen_text(app)


async def test_m_leaves_the_focus_where_it_is_outside_of_the_logs(runs: Runs) -> None:
    async with watching(runs["catch"], "/divide/3") as (app, pilot):
        await shows(pilot, "dividing by 1")
        assert isinstance(app.focused, TaskList)
        await pilot.press("m")
        await shows(pilot, "output · attempt 0 · 2 lines")
        assert isinstance(app.focused, TaskList)
        await pilot.press("k")
        await shows(pilot, "output · attempt 2 · ")
        await pilot.press("tab")
        assert app.focused is app.screen.query_one("#output")
        await pilot.press("tab")
        assert isinstance(app.focused, DagView)


async def test_m_on_the_whole_screen(runs: Runs) -> None:
    async with watching(runs["catch"], "/divide/3") as (app, pilot):
        await shows(pilot, "dividing by 1")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LogScreen), "the log is open")
        await shows(pilot, "stdout · attempt 0 · 1 line")
        await pilot.press("z", "m")
        await shows(pilot, "output · attempt 0 · 2 lines")
        assert app.focused is app.screen.query_one("#output")
        await pilot.press("tab", "m")
        await shows(pilot, "stdout · attempt 0 · 1 line")
        assert app.focused is app.screen.query_one("#stdout")


# Another attempt


async def test_d_compares_with_the_attempt_before_and_escape_leads_back(runs: Runs) -> None:
    async with watching(runs["retry"], "/flaky") as (app, pilot):
        await shows(pilot, "stdout · attempt 2 · 1 line")
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, DiffScreen), "the comparison is open")
        await shows(pilot, "no difference in 1 line but in the numbers, times and ids of 1")
        assert "- attempt 1 ✗ failed" in screen_text(app)
        assert "+ attempt 2 ✓ succeeded" in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunScreen), "back on the run")


async def test_d_compares_the_stream_and_the_attempt_that_are_looked_at(runs: Runs) -> None:
    async with watching(runs["retry"], "/flaky") as (app, pilot):
        await focus(app, pilot, "stderr")
        await pilot.press("left_square_bracket")
        await shows(pilot, "RuntimeError: try 1 went wrong")
        await pilot.press("d")
        await shows(pilot, "but in the numbers, times and ids of 1")
        assert "- attempt 0 ✗ failed" in screen_text(app)
        assert "+ attempt 1 ✗ failed" in screen_text(app)
        assert "stderr" in screen_text(app).splitlines()[0]


async def test_d_says_when_there_is_one_attempt_only(runs: Runs) -> None:
    async with watching(runs["linear"], "/middle") as (app, pilot):
        await pilot.press("d")
        await shows(pilot, "There is only one attempt, so nothing to compare.")
        assert isinstance(app.screen, RunScreen)


# The origin


async def test_u_opens_the_task_that_a_clone_comes_from(runs: Runs) -> None:
    origin = runs["failed"]
    async with watching(runs["resumed"], "/start") as (app, pilot):
        await shows(pilot, f"Cloned: its log is that of FailedFlow/{origin.run}/start/1.")
        await pilot.press("u")
        await until(pilot, lambda: f" {origin.pathspec}  ✗" in screen_text(app), "the origin")
        await shows(pilot, "╭─ start/1 ─")
        await pilot.press("escape", "escape")
        await shows(pilot, f" {runs['resumed'].pathspec}  ")


async def test_u_opens_the_run_that_was_resumed(runs: Runs) -> None:
    async with watching(runs["resumed"], "/end") as (app, pilot):
        await pilot.press("u")
        await shows(pilot, f" {runs['failed'].pathspec}  ✗")
        # As any run that has failed: at what failed first.
        await shows(pilot, "ValueError: no data for NO")
        assert len([s for s in app.screen_stack if isinstance(s, RunScreen)]) == 2


async def test_u_says_when_a_run_was_not_resumed(runs: Runs) -> None:
    async with watching(runs["linear"]) as (app, pilot):
        await pilot.press("u")
        await shows(pilot, "This run was not resumed from another one.")
        assert isinstance(app.screen, RunScreen)


# All tasks of a step


async def test_the_logs_of_a_finished_step_are_shown_with_labels(runs: Runs) -> None:
    async with watching(runs["catch"], "/divide") as (app, pilot):
        await pilot.press("L")
        await until(pilot, lambda: isinstance(app.screen, StepLogScreen), "the logs are open")
        await shows(pilot, "0 running · 3 tasks shown")
        await until(pilot, lambda: "following" not in screen_text(app), "all is read")
        await shows(pilot, "divisors=2    ▎ to stderr")
        text = screen_text(app)
        assert "divisors=0 #2   dividing by 0" in text
        assert "divisors=1      dividing by 1" in text
        assert f"{runs['catch'].pathspec}/divide" in text.splitlines()[0]
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunScreen), "back on the run")


@pytest.mark.parametrize(
    ("name", "step", "note"),
    [
        ("retry", "start", "These tasks wrote nothing."),
        ("switch", "slow", "No task of this step has run."),
        ("resumed", "start", "Cloned: these logs are with the run that was resumed."),
    ],
)
async def test_a_step_without_logs_says_why(name: str, step: str, note: str, runs: Runs) -> None:
    async with watching(runs[name], f"/{step}") as (_, pilot):
        await pilot.press("L")
        await shows(pilot, note)


@contextmanager
def live_run(root: Path, *options: str) -> Iterator[tuple[Target, Path]]:
    """A run of the watched flow with live logs, and the folder of its gates."""
    gates = root / "gates"
    gates.mkdir()
    process, id_file = launch(
        root,
        "watched.py",
        *("run", "--with", "live_logs", "--gates", str(gates), *options),
        extra={"PYTHONPATH": python_path(None)},
    )
    try:
        eventually(lambda: id_file.exists() and id_file.read_text(), "the run has an id")
        yield Target("WatchedFlow", id_file.read_text(), "train"), gates
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@asynccontextmanager
async def watching_live(
    target: Target, root: Path
) -> AsyncIterator[tuple[FlowtuiApp, Pilot[None]]]:
    app = FlowtuiApp(target, Where(metadata=f"local@{root}", namespace=""), interval=0.2)
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await shows(pilot, "local · ")
        yield app, pilot


async def test_the_logs_of_all_running_tasks_are_followed_until_the_run_is_over(
    tmp_path: Path,
) -> None:
    with live_run(tmp_path, "--max-workers", "2") as (target, gates):
        async with watching_live(target, tmp_path) as (app, pilot):
            await pilot.press("L")
            await shows(pilot, "Nothing yet: no task of this step has started.")
            (gates / "start").touch()
            await shows(pilot, "2 running · 2 tasks shown")
            await shows(pilot, "countries=FI   training FI")
            await shows(pilot, "countries=SE   training SE")
            assert "following" in screen_text(app)
            assert "training NO" not in screen_text(app)

            (gates / "FI-0").touch()
            await shows(pilot, "countries=NO   training NO")
            await shows(pilot, "2 running · 3 tasks shown")

            (gates / "NO-0").touch()
            await shows(pilot, "countries=NO    ▎ ValueError: no data for NO")
            await shows(pilot, "countries=NO #1   training NO")
            await shows(pilot, "2 running · 4 tasks shown")
            (gates / "NO-1").touch()
            (gates / "SE-0").touch()
            await shows(pilot, "0 running · 4 tasks shown")
            await until(pilot, lambda: "following" not in screen_text(app), "the run is over")
            tail = app.screen.query_one(LogPane).document.tail
            await until(pilot, lambda: tail and tail.finished, "the tail has finished")


# What is said of an empty log


@pytest.mark.parametrize(
    ("name", "focus", "note"),
    [
        ("failed", "/train/4", "This attempt wrote nothing to stdout."),
        ("switch", "/slow", "the switch before it took another branch."),
    ],
)
async def test_an_empty_log_says_why(name: str, focus: str, note: str, runs: Runs) -> None:
    async with watching(runs[name], focus) as (_, pilot):
        await shows(pilot, note)


async def test_an_empty_log_of_a_task_that_runs_says_what_to_expect(tmp_path: Path) -> None:
    with live_run(tmp_path) as (target, gates):
        (gates / "start").touch()
        async with watching_live(target, tmp_path) as (_, pilot):
            await shows(pilot, "training FI")
            await shows(pilot, "Nothing on stderr yet.")
            await pilot.press("m")
            await shows(pilot, "output · attempt 0 · 1 line · following")


# What is held open


async def test_logs_that_are_left_are_closed(runs: Runs) -> None:
    def held() -> list[str]:
        """The logs that are open."""
        paths = []
        for number in os.listdir("/proc/self/fd"):
            with suppress(OSError):
                paths.append(os.readlink(f"/proc/self/fd/{number}"))
        return [path for path in paths if path.endswith(".log")]

    before = held()
    async with watching(runs["catch"], "/divide") as (app, pilot):
        seen: set[int] = set()
        for _ in range(3):
            for key, task in (("j", 1), ("j", 2), ("k", 1), ("k", 0)):
                await pilot.press(key)
                await shows(pilot, f"│dividing by {task} ")
                seen.add(len(held()))
        # Both streams of one attempt, each in what the task stored and what its runtime did.
        assert max(seen) <= len(before) + 4
        await pilot.press("m", "enter")
        await until(pilot, lambda: isinstance(app.screen, LogScreen), "the log is open")
        await shows(pilot, "stdout · attempt 2 · ")
        await pilot.press("m", "escape", "L")
        await shows(pilot, "3 tasks shown")
        await until(pilot, lambda: "following" not in screen_text(app), "all is read")
        assert len(held()) > 4
        await pilot.press("escape")
        await until(pilot, lambda: len(held()) <= len(before) + 4, "the step's logs are closed")
    assert held() == before
