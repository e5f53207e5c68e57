"""Why: the records behind a state with those that decide first, the retry budget, step and run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from textual.containers import VerticalScroll

from flowtui.app import FlowtuiApp
from flowtui.model import Attempt, Changes, Fact, Ms, RunStatus, State, Target, Task
from flowtui.screens.failures import FailuresScreen
from flowtui.screens.run import RunScreen
from flowtui.screens.why import WhyScreen, _tries
from flowtui.sources.base import Unreachable
from flowtui.sources.registry import Where
from flowtui.status import Budget
from tests.pilot import SMALL, WIDE, screen_text, shows, until, watching
from tests.runs import RecordedRun
from tests.scripted_run import RUN, START, ScriptedSource, work

Runs = dict[str, RecordedRun]


def told(app: FlowtuiApp) -> list[str]:
    """What the dialog tells, line by line, without its frame."""
    assert isinstance(app.screen, WhyScreen)
    region = app.screen.query_one(VerticalScroll).content_region
    lines = screen_text(app).splitlines()[region.y : region.bottom]
    return [line[region.x : region.right].rstrip() for line in lines]


def records(app: FlowtuiApp) -> list[tuple[str, str]]:
    """Name and value of the records that stand in one line each."""
    lines = told(app)
    at = next(n for n, line in enumerate(lines) if line.startswith("at ") and "record" in line)
    name, value = lines[at].index("record"), lines[at].index("value")
    until_empty = lines[at + 1 : lines.index("", at)]
    rows = [(line[name:value].strip(), line[value:].strip()) for line in until_empty]
    return [row for row in rows if row[0]]


@pytest.mark.parametrize(
    ("name", "focus", "keys", "first", "decisive", "budget"),
    [
        (
            "failed",
            "/train/4",
            "i",
            ["Attempt 0 of train/4  countries=NO", "✗ failed  attempt_ok=False"],
            {"attempt": "0", "attempt_ok": "False", "attempt-done": "0", "exit": "exit code 1"},
            "try 1 of 1: the step has no @retry",
        ),
        (
            "segfault",
            "/crash/2",
            "i",
            ["Attempt 1 of crash/2", "⊘ lost  exit by signal 11 (SIGSEGV), no outcome recorded"],
            {"attempt": "1", "exit": "exit by signal 11 (SIGSEGV)"},
            "try 2 of 2",
        ),
        (
            "catch",
            "/divide/2",
            "i",
            [
                "Attempt 2 of divide/2  divisors=0",
                "◆ caught  @catch stored it in divide_failed",
            ],
            {
                "attempt": "2",
                "attempt_ok": "True",
                "attempt-done": "2",
                "exit": "exit code 0",
                "_catch_exception": "registered",
            },
            "try 3 of 3, then @catch keeps the exception in divide_failed and the run goes on",
        ),
        (
            "catch_killed",
            "/doomed/2",
            "i",
            ["Attempt 2 of doomed/2", "◆ caught  @catch stored it in doom"],
            {
                "attempt": "2",
                "attempt_ok": "True",
                "attempt-done": "2",
                "exit": "exit code 0",
                "_catch_exception": "registered",
            },
            "fallback 1 of 3 after 2 tries",
        ),
        (
            "retry",
            "/flaky",
            "[i",
            ["Attempt 1 of flaky/2", "✗ failed  attempt_ok=False, attempt 2 followed"],
            {"attempt": "1", "attempt_ok": "False", "attempt-done": "1", "exit": "exit code 1"},
            "try 2 of 3",
        ),
    ],
)
async def test_the_records_that_decide_come_first(
    name: str,
    focus: str,
    keys: str,
    first: Sequence[str],
    decisive: dict[str, str],
    budget: str,
    runs: Runs,
) -> None:
    async with watching(runs[name], focus) as (app, pilot):
        await pilot.press(*keys)
        await until(pilot, lambda: isinstance(app.screen, WhyScreen), "why is open")
        await shows(pilot, "metaflow_version")
        lines = told(app)
        assert lines[:2] == first
        assert budget in lines[3]
        assert dict(records(app)[: len(decisive)]) == decisive
        assert records(app)[len(decisive)][0] not in decisive


async def test_a_clone_tells_where_it_comes_from_and_the_run_its_lineage(runs: Runs) -> None:
    origin = runs["failed"]
    async with watching(runs["resumed"], "/start") as (app, pilot):
        await pilot.press("i")
        await shows(pilot, "metaflow_version")
        lines = told(app)
        assert lines[1] == f"↺ cloned  cloned from {origin.pathspec}/start/1"
        assert ("origin-task-id", "1") in records(app)
        assert not any("try 1 of" in line for line in lines)
        assert f"resumed: {origin.run} → {runs['resumed'].run}" in lines


async def test_on_the_graph_it_is_about_the_step(runs: Runs) -> None:
    async with watching(runs["catch"], "/divide/2") as (app, pilot):
        await pilot.press("escape", "i")
        await until(pilot, lambda: isinstance(app.screen, WhyScreen), "why is open")
        await shows(pilot, "Step divide")
        assert told(app)[:5] == [
            "Step divide",
            "◆ caught  1 of 3 tasks caught",
            "1 caught, 2 succeeded, 3 expected",
            "@retry times=2 minutes_between_retries=0",
            "@catch var=divide_failed print_exception=True",
        ]
        assert f"Run {runs['catch'].pathspec}" in told(app)
        assert "✓ succeeded  end/6 attempt 0: attempt_ok=True" in told(app)


async def test_a_task_with_many_attempts_lists_them_with_their_reasons(runs: Runs) -> None:
    async with watching(runs["retry"], "/flaky") as (app, pilot):
        await pilot.press("i")
        await shows(pilot, "Task flaky/2")
        lines = told(app)
        at = lines.index("Task flaky/2")
        assert lines[at + 1 : at + 5] == [
            "✓ succeeded  try 3 of 3: attempt_ok=True",
            "  attempt 0 ✗ failed  attempt_ok=False, attempt 1 followed",
            "  attempt 1 ✗ failed  attempt_ok=False, attempt 2 followed",
            "  attempt 2 ✓ succeeded  attempt_ok=True",
        ]


@pytest.mark.parametrize("key", ["q", "i", "escape"])
async def test_it_closes_and_the_app_goes_on(key: str, runs: Runs) -> None:
    async with watching(runs["failed"], "/train/4") as (app, pilot):
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.screen, WhyScreen), "why is open")
        await pilot.press(key)
        await until(pilot, lambda: isinstance(app.screen, RunScreen), "back on the run")
        assert app.is_running
        assert app.return_code is None


async def test_in_a_small_window_it_scrolls_by_line(runs: Runs) -> None:
    async with watching(runs["catch"], "/divide/2", size=SMALL) as (app, pilot):
        await pilot.press("i")
        await shows(pilot, "attempt_ok  ")
        assert told(app)[0].startswith("Attempt 2 of divide/2")
        await pilot.press("j", "j")
        await until(pilot, lambda: told(app)[0].startswith("started "), "it has scrolled")
        await pilot.press("k")
        await until(pilot, lambda: told(app)[0].startswith("◆ caught"), "and back")
        await pilot.press("end")
        await shows(pilot, "end/6 attempt 0: attempt_ok=True")


# What recorded runs do not have


@pytest.mark.parametrize(
    ("number", "budget", "line"),
    [
        (0, Budget(), "try 1 of 1: the step has no @retry"),
        (0, Budget(tries=3), "try 1 of 3"),
        (2, Budget(tries=3), "try 3 of 3"),
        (
            0,
            Budget(tries=1, fallbacks=3, catch_var="problem"),
            "try 1 of 1: the step has no @retry, then @catch keeps the exception in problem and the"
            " run goes on",
        ),
        (
            1,
            Budget(tries=2, fallbacks=3),
            "try 2 of 2, then @catch keeps the exception and the run goes on",
        ),
        (2, Budget(tries=2, fallbacks=3), "fallback 1 of 3 after 2 tries"),
        (5, Budget(tries=5, fallbacks=3), "fallback 1 of 1 after 5 tries"),
    ],
)
def test_where_an_attempt_stands_in_its_budget(number: int, budget: Budget, line: str) -> None:
    assert _tries(Attempt(number, State.FAILED, ""), budget) == line


class Told(ScriptedSource):
    """A run with one task, of which a test says how it stands and what is recorded."""

    def __init__(self, task: Task) -> None:
        super().__init__(())
        self.task: Task | None = task
        self.now = Ms(START + 61_000)
        self.known: Sequence[Fact] = (Fact("attempt", "0", 0, START),)
        self.error: Exception | None = None

    def poll(self) -> Changes:
        task, self.task = self.task, None
        status = RunStatus(State.RUNNING, "work is running")
        return Changes(self.now, status=status, tasks=(task,) if task else ())

    def facts(self, step: str, task: str) -> Sequence[Fact]:
        if self.error is not None:
            raise self.error
        return self.known


def opened(source: Told, monkeypatch: pytest.MonkeyPatch) -> FlowtuiApp:
    target = Target.parse(RUN.pathspec + "/work")
    monkeypatch.setattr("flowtui.app.open_source", lambda *_: (target, source))
    return FlowtuiApp(target, Where(), interval=0.1)


async def test_a_running_attempt_tells_its_process_and_what_comes_of_it_is_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = Told(work(2, State.RUNNING))
    source.known = (*source.known, Fact("process", "4242", 0, None), Fact("user", "ada", 1, None))
    app = opened(source, monkeypatch)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "attempt 0")
        await pilot.press("i")
        await shows(pilot, "4242")
        assert records(app) == [("attempt", "0"), ("process", "4242")]
        assert "running for 0:5" in told(app)[2]
        source.known = (Fact("attempt", "0", 0, START), Fact("attempt_ok", "False", 0, START))
        source.task = work(2, State.FAILED)
        await shows(pilot, "attempt_ok")
        assert records(app) == [("attempt", "0"), ("attempt_ok", "False")]
        assert told(app)[1].startswith("✗ failed")


async def test_a_waiting_task_says_when_it_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = replace(work(2, State.FAILED).attempts[0], reason="attempt_ok=False")
    waiting = replace(
        work(2, State.WAITING), attempts=(failed,), retry_at=Ms(START + 61_000 + 90_000)
    )
    source = Told(waiting)
    app = opened(source, monkeypatch)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "next attempt in 1:30")
        await pilot.press("i")
        await shows(pilot, "next retry in 1:30")
        assert "try 1 of 3" in told(app)
        source.now = Ms(START + 200_000)
        await shows(pilot, "the retry is due now")


async def test_why_records_cannot_be_read_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Told(work(2, State.FAILED))
    source.error = Unreachable("The service [b]does not[/b]\x1b[2J answer.")
    app = opened(source, monkeypatch)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "attempt 0")
        await pilot.press("i")
        await shows(pilot, "The service [b]does not[/b] answer.")
        assert "Step work" in told(app)
        await pilot.press("escape")
        source.error = ZeroDivisionError("[oh]")
        await pilot.press("i")
        await shows(pilot, "The records could not be read: [oh]")


async def test_hostile_records_are_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = "[/bold][@click=app.quit]x[/]\x1b]52;c;aGk=\x07\u202eevil\nline"
    source = Told(work(2, State.FAILED))
    source.known = (Fact(hostile, hostile, 0, START), Fact("exit", "x" * 9000, 0, None))
    app = opened(source, monkeypatch)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "attempt 0")
        await pilot.press("i")
        await shows(pilot, "[/bold][@click=app.quit]x[/]")
        text = screen_text(app)
        assert not {"\x1b", "\u202e", "\x07"} & {*text}
        assert text.count("x" * 20) < 20


async def test_before_a_task_is_there_it_tells_of_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Told(Task("start", "1", State.RUNNING, "started"))
    app = opened(source, monkeypatch)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "scripted · ")
        await pilot.press("i")
        await shows(pilot, "Step work")
        assert told(app)[0] == "Step work"
        await pilot.press("F")
        assert not isinstance(app.screen, FailuresScreen)
