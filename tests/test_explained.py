"""What an attempt failed of, on the run's screen and at the head of its logs; and the way to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from flowtui.app import FlowtuiApp
from flowtui.logs.tails import Part
from flowtui.model import Changes, Ms, RunStatus, State, Target, Task
from flowtui.screens.log import LogScreen
from flowtui.sources.registry import Where
from flowtui.widgets.exception_view import ExceptionView
from flowtui.widgets.log_pane import LogPane
from tests.pilot import SMALL, WIDE, screen_text, shows, until, watching
from tests.runs import RecordedRun
from tests.scripted_run import RUN, START, ScriptedSource, work
from tests.stored import part

Runs = dict[str, RecordedRun]

TRACEBACK = (
    "Traceback (most recent call last):",
    '  File "/gone/flow.py", line 41, in work',
    "    raise ValueError(country)",
    "ValueError: no data for FI",
)


def exception(app: FlowtuiApp) -> ExceptionView:
    return app.screen.query_one(ExceptionView)


# On the run's screen


async def test_the_exception_of_the_selected_attempt_stands_below_it(runs: Runs) -> None:
    async with watching(runs["retry"], "/flaky") as (app, pilot):
        await pilot.press("left_square_bracket")
        await shows(pilot, "RuntimeError: try 1 went wrong  retry.py:16 in flaky")
        await pilot.press("left_square_bracket")
        await shows(pilot, "RuntimeError: try 0 went wrong  retry.py:16 in flaky")
        await pilot.press("right_square_bracket", "right_square_bracket")
        await until(pilot, lambda: exception(app).raised is None, "the third has none")
        assert "retry.py:16" not in screen_text(app)


async def test_the_list_tells_what_tasks_failed_of(runs: Runs) -> None:
    async with watching(runs["catch"], "/divide") as (app, pilot):
        await shows(pilot, "ZeroDivisionError: division by zero  catch.py:20 in divide")

        def row() -> str:
            return next(line for line in screen_text(app).splitlines() if "✗✗◆" in line)

        await until(pilot, lambda: "ZeroDivisionError: division by zero" in row(), "its row")


async def test_a_task_that_helped_itself_by_a_retry_tells_no_exception_in_the_list(
    runs: Runs,
) -> None:
    async with watching(runs["retry"], "/flaky") as (app, pilot):
        await pilot.press("left_square_bracket")
        await shows(pilot, "RuntimeError: try 1 went wrong  retry.py:16")
        rows = [line for line in screen_text(app).splitlines() if "✗✗✓" in line]
        assert "try 3 of 3: attempt_ok=True" in rows[0]


async def test_a_fallback_of_catch_tells_of_the_attempt_that_died(runs: Runs) -> None:
    async with watching(runs["catch_killed"], "/doomed") as (app, pilot):
        await shows(pilot, "Attempt 1 printed no exception to its logs.")
        assert exception(app).raised is None


class Live(ScriptedSource):
    """A task whose state and logs a test changes; its log is stored when `stored` says so."""

    def __init__(self, *lines: str) -> None:
        super().__init__(())
        self.lines = lines
        self.stored = False
        self.news: list[Task] = [work(2, State.RUNNING)]

    def poll(self) -> Changes:
        # One by one: the test adds to them from another thread.
        tasks = tuple(self.news.pop(0) for _ in range(len(self.news)))
        return Changes(
            Ms(START + 9000), status=RunStatus(State.RUNNING, "work is running"), tasks=tasks
        )

    def log(self, step: str, task: str, attempt: int, stream: str) -> Sequence[Part]:
        lines = self.lines if stream == "stderr" and self.stored else ()
        return [part(*lines, ended=lambda: self.stored, stream=stream)]


def opened(source: Live, monkeypatch: pytest.MonkeyPatch) -> FlowtuiApp:
    target = Target.parse(RUN.pathspec + "/work/2")
    monkeypatch.setattr("flowtui.app.open_source", lambda *_: (target, source))
    return FlowtuiApp(target, Where(), interval=0.1)


async def test_an_exception_whose_log_is_stored_after_the_outcome_comes_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = Live(*TRACEBACK)
    app = opened(source, monkeypatch)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "● running")
        source.news.append(work(2, State.FAILED))
        await shows(pilot, "The logs of attempt 0 hold no exception so far.")
        source.stored = True
        await shows(pilot, "ValueError: no data for FI  flow.py:41 in work")
        await until(
            pilot, lambda: screen_text(app).count("ValueError: no data for FI") >= 2, "its why"
        )


async def test_of_a_lost_attempt_what_it_merely_logged_is_no_exception(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = Live(*TRACEBACK)
    source.stored = True
    source.news.append(work(2, State.LOST))
    app = opened(source, monkeypatch)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "Attempt 0 printed no exception to its logs.")
        assert exception(app).raised is None


# At the head of the logs


async def test_the_logs_of_a_failed_attempt_begin_with_its_exception(runs: Runs) -> None:
    async with watching(runs["failed"], "/train/4") as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LogScreen), "the logs are open")
        await shows(
            pilot, '  failed.py:18 in train   raise ValueError(f"no data for {self.input}")'
        )
        assert app.focused is exception(app)
        assert screen_text(app).splitlines()[3] == " ▸ ValueError: no data for NO"
        await pilot.press("enter")
        await shows(pilot, f'File "{runs["failed"].flow_file}", line 18, in train')
        await pilot.press("enter")
        await until(pilot, lambda: not exception(app).unfolded, "it is folded")
        await pilot.press("y")
        assert app.clipboard.splitlines()[-1] == "ValueError: no data for NO"
        await pilot.press("tab")
        assert isinstance(app.focused, LogPane)
        await pilot.press("shift+tab")
        assert app.focused is exception(app)


@pytest.mark.parametrize("size", [SMALL, WIDE])
async def test_an_unfolded_traceback_leaves_room_for_the_logs(
    size: tuple[int, int], runs: Runs
) -> None:
    async with watching(runs["failed"], "/train/4", size=size) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LogScreen), "the logs are open")
        await until(pilot, lambda: exception(app).raised, "the exception is read")
        await pilot.press("enter")
        await shows(pilot, "failed.py")
        await until(pilot, lambda: exception(app).size.height > 10, "it is unfolded")
        await shows(pilot, "raise ValueError(f")
        panes = list(app.screen.query(LogPane))
        assert all(pane.size.height >= 1 for pane in panes if pane.display)
        assert "esc back" in screen_text(app).splitlines()[-1]


async def test_a_succeeded_attempt_has_no_exception_and_its_log_has_the_focus(runs: Runs) -> None:
    async with watching(runs["retry"], "/flaky") as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LogScreen), "the logs are open")
        assert isinstance(app.focused, LogPane)
        assert not exception(app).display
        await pilot.press("left_square_bracket")
        await shows(pilot, "▸ RuntimeError: try 1 went wrong")
        await pilot.press("shift+tab")
        assert isinstance(app.focused, ExceptionView)
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: isinstance(app.focused, LogPane), "the log has the focus")
        assert not exception(app).display


async def test_on_the_exception_the_keys_of_a_log_are_those_of_the_log(runs: Runs) -> None:
    async with watching(runs["failed"], "/train/4") as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LogScreen), "the logs are open")
        await shows(pilot, "ValueError: no data for NO")
        assert app.focused is exception(app)
        await pilot.press("w")
        stderr = app.screen.query_one("#stderr", LogPane)
        await pilot.press("slash", *"valueerror", "enter")
        await shows(pilot, "match 1/2")
        await pilot.press("n")
        await shows(pilot, "match 2/2")
        assert stderr.has_class("-current")


async def test_an_attempt_that_fails_while_its_logs_are_watched_gets_its_exception(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = Live(*TRACEBACK)
    app = opened(source, monkeypatch)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "● running")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LogScreen), "the logs are open")
        assert isinstance(app.focused, LogPane)
        source.stored = True
        source.news.append(work(2, State.FAILED))
        await shows(pilot, "▸ ValueError: no data for FI")
        assert isinstance(app.focused, LogPane)


# The line of code in an editor


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An editor that writes down its arguments, and where."""
    script, told = tmp_path / "vim", tmp_path / "told"
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {told}\n')
    script.chmod(0o755)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", str(script))
    return told


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a test's driver be left for another program, as that of a terminal is."""
    from textual.drivers.headless_driver import HeadlessDriver

    monkeypatch.setattr(HeadlessDriver, "can_suspend", True)
    monkeypatch.setattr(HeadlessDriver, "suspend_application_mode", lambda _: None)
    monkeypatch.setattr(HeadlessDriver, "resume_application_mode", lambda _: None)


@pytest.mark.usefixtures("terminal")
async def test_o_opens_the_line_that_raised_in_the_editor(runs: Runs, editor: Path) -> None:
    async with watching(runs["failed"], "/train/4") as (app, pilot):
        await shows(pilot, "failed.py:18 in train")
        await pilot.press("o")
        await until(pilot, editor.exists, "the editor was started")
        assert editor.read_text().splitlines() == ["+18", str(runs["failed"].flow_file)]
        editor.unlink()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LogScreen), "the logs are open")
        await until(pilot, lambda: exception(app).raised, "the exception is read")
        await pilot.press("enter", "k", "o")
        await until(pilot, editor.exists, "the editor was started")
        line, file = editor.read_text().splitlines()
        assert file.endswith("/metaflow/task.py")
        assert line[1:].isdigit()


@pytest.mark.usefixtures("terminal")
async def test_code_that_ran_elsewhere_is_opened_where_its_like_is_here(
    editor: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    source = Live(*TRACEBACK)
    source.stored = True
    source.news.append(work(2, State.FAILED))
    app = opened(source, monkeypatch)
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await shows(pilot, "flow.py:41 in work")
        await pilot.press("o")
        await shows(pilot, "/gone/flow.py is not on this machine")
        assert not editor.exists()
        (tmp_path / "flow.py").touch()
        await pilot.press("o")
        await until(pilot, editor.exists, "the editor was started")
        assert editor.read_text().splitlines() == ["+41", str(tmp_path / "flow.py")]


async def test_without_an_exception_there_is_no_line_to_open(runs: Runs) -> None:
    async with watching(runs["linear"]) as (_, pilot):
        await pilot.press("o")
        await shows(pilot, "No line of code is known here.")
