"""A run's failures in groups: real runs, one that goes on failing, and the list they lead to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from flowtui.app import FlowtuiApp
from flowtui.logs.tails import Part
from flowtui.model import Changes, Ms, RunStatus, State, Target, Task
from flowtui.screens.failures import FailureList, FailuresScreen
from flowtui.screens.run import RunScreen
from flowtui.sources.registry import Where
from flowtui.widgets.task_list import TaskList
from tests.pilot import SMALL, WIDE, screen_text, shows, until, watching
from tests.runs import SCENARIOS, RecordedRun, _plain, _Recorder
from tests.scripted_run import RUN, START, ScriptedSource, work
from tests.stored import part

Runs = dict[str, RecordedRun]


@pytest.fixture(scope="module")
def raises(pytestconfig: pytest.Config) -> Iterator[RecordedRun]:
    """The run of `raises.py`, executed once and cached."""
    cache = Path(pytestconfig.rootpath) / ".pytest_cache" / "flowtui-raises"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SCENARIOS, "raises", ("RaisesFlow", "raises.py", _plain("raises.py")))
        yield _Recorder(cache).get("raises")


def rows(app: FlowtuiApp) -> list[str]:
    """What is listed: two rows for each group, without its time."""
    listed = [line.rstrip() for line in screen_text(app).splitlines()[3:-1]]
    parts = [line.split(" · ") for line in listed if line]
    return [" · ".join(part for part in line if part[2:3] != ":") for line in parts]


def kinds(app: FlowtuiApp) -> list[str]:
    """The first word of what each group failed of."""
    return [row.split()[2] for row in rows(app)[::2]]


@pytest.mark.parametrize(
    ("name", "count", "listed"),
    [
        (
            "failed",
            "1 failed or lost · 1 group",
            [
                " ✗      1  ValueError: no data for NO",
                "           failed.py:18 · step train · task 4 countries=NO",
            ],
        ),
        (
            "catch",
            "1 caught · 1 group",
            [
                " ◆      1  ZeroDivisionError: division by zero",
                "           catch.py:20 · step divide · task 2 divisors=0 · caught by @catch",
            ],
        ),
        (
            "segfault",
            "1 failed or lost · 1 group",
            [
                " ⊘      1  exit by signal 11 (SIGSEGV), no outcome recorded",
                "           step crash · task 2",
            ],
        ),
        (
            "catch_killed",
            "1 caught · 1 group",
            [
                " ◆      1  exit by signal 9 (SIGKILL), no outcome recorded",
                "           step doomed · task 2 · caught by @catch",
            ],
        ),
    ],
)
async def test_the_failures_of_recorded_runs(
    name: str, count: str, listed: Sequence[str], runs: Runs
) -> None:
    async with watching(runs[name]) as (app, pilot):
        await pilot.press("F")
        await until(pilot, lambda: isinstance(app.screen, FailuresScreen), "failures are open")
        await until(pilot, lambda: rows(app) == listed, "the group is listed")
        lines = screen_text(app).splitlines()
        assert lines[0] == f" {runs[name].pathspec}  failures"
        assert lines[1].strip() == count


async def test_a_run_that_was_killed_tells_how_it_is_known_to_be(runs: Runs) -> None:
    async with watching(runs["launcher_killed"]) as (_, pilot):
        await pilot.press("F")
        await shows(pilot, "no process on this machine and nothing written for ")
        await shows(pilot, "1 failed or lost · 1 group")


async def test_where_nothing_has_failed_it_says_so(runs: Runs) -> None:
    async with watching(runs["linear"]) as (app, pilot):
        await pilot.press("F")
        await shows(pilot, "Nothing has failed.")
        await pilot.press("enter", "j")
        assert isinstance(app.screen, FailuresScreen)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunScreen), "back on the run")


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_each_way_to_fail_is_a_group_of_two_rows(
    size: tuple[int, int], raises: RecordedRun
) -> None:
    async with watching(raises, size=size) as (app, pilot):
        await pilot.press("F")
        await shows(pilot, "8 caught · 8 groups")
        await until(pilot, lambda: len(rows(app)) == 16, "all are listed, in two rows each")
        assert sorted(kind.rstrip(":") for kind in kinds(app)) == [
            "AttributeError",
            "DataError",
            "ExceptionGroup",
            "KeyError",
            "RecursionError",
            "Segmentation",
            "metaflow.exception.MetaflowException",
            "metaflow.plugins.catch_decorator.FailureHandledByCatch",
        ]
        assert rows(app)[14:] == [
            " ◆      1  Segmentation fault",
            "           raises.py:53 · step fail · task 8 kinds=crashed · caught by @catch",
        ]


async def test_enter_lists_the_tasks_of_a_group_and_escape_all_again(raises: RecordedRun) -> None:
    async with watching(raises, "/start") as (app, pilot):
        await pilot.press("F")
        await shows(pilot, "8 caught · 8 groups")
        await until(pilot, lambda: "RecursionError:" in kinds(app), "it is listed")
        at = kinds(app).index("RecursionError:")
        await pilot.press(*"j" * at, "enter")
        await shows(pilot, "1 of 8 tasks · RecursionError at raises.py:32")
        await until(pilot, lambda: isinstance(app.focused, TaskList), "the list has the focus")
        listed = app.screen.query_one(TaskList)
        assert listed.row_count == 1
        await until(pilot, lambda: listed.current and listed.current.id == "4", "its task")
        await shows(pilot, "RecursionError: maximum recursion depth exceeded  raises.py:32")
        await pilot.press("escape")
        await shows(pilot, "fail · foreach kinds · 8 tasks")
        assert isinstance(app.focused, TaskList)
        assert listed.current is not None
        assert listed.current.id == "4"


async def test_another_step_or_failure_lifts_the_choice(raises: RecordedRun) -> None:
    async with watching(raises) as (app, pilot):
        await pilot.press("F")
        await shows(pilot, "8 caught · 8 groups")
        await pilot.press("enter")
        await shows(pilot, "1 of 8 tasks · ")
        run = app.screen
        assert isinstance(run, RunScreen)
        run.visit("fail", "9")
        await shows(pilot, "fail · foreach kinds · 8 tasks")
        assert run.query_one(TaskList).current is not None
        await until(pilot, lambda: run.query_one(TaskList).current.id == "9", "the task")  # type: ignore[union-attr]


# A run that goes on failing


class Failing(ScriptedSource):
    """A run whose tasks fail when a test says so; what they print depends on their number."""

    def __init__(self) -> None:
        super().__init__(())
        self.now = Ms(START + 1000)
        self.news: list[Task] = []
        self.stored = True
        self._told = False

    def fail(self, *numbers: int, state: State = State.FAILED) -> None:
        self.news += [work(number, state) for number in numbers]

    def poll(self) -> Changes:
        self.now = Ms(self.now + 100)
        tasks, self.news = tuple(self.news), []
        if not self._told:
            self._told = True
            running = tuple(work(number, State.RUNNING) for number in range(2, 30))
            status = RunStatus(State.RUNNING, "work is running")
            return Changes(self.now, status=status, tasks=(*running, *tasks), splits={"start": 28})
        return Changes(self.now, tasks=tasks)

    def log(self, step: str, task: str, attempt: int, stream: str) -> Sequence[Part]:
        kind = "ValueError" if int(task) % 2 else "KeyError"
        lines = (
            "Traceback (most recent call last):",
            '  File "flow.py", line 41, in work',
            f"{kind}: {task}",
        )
        return [part(*lines if self.stored else (), ended=lambda: self.stored, stream=stream)]


@asynccontextmanager
async def following(
    source: Failing, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int] = WIDE
) -> AsyncIterator[tuple[FlowtuiApp, Pilot[None]]]:
    target = Target.parse(RUN.pathspec + "/work")
    monkeypatch.setattr("flowtui.app.open_source", lambda *_: (target, source))
    app = FlowtuiApp(target, Where(), interval=0.1)
    async with app.run_test(size=size, notifications=True) as pilot:
        await shows(pilot, "items=item-2")
        yield app, pilot


async def test_failures_that_come_join_their_groups_and_the_cursor_stays_on_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = Failing()
    source.fail(5, 6)
    async with following(source, monkeypatch) as (app, pilot):
        await pilot.press("F")
        await shows(pilot, "2 failed or lost · 2 groups")
        listed = app.screen.query_one(FailureList)
        assert listed.highlighted == 0
        await pilot.press("j")
        await until(pilot, lambda: kinds(app) == ["ValueError:", "KeyError:"], "both are listed")
        source.fail(8, 9, 11)
        await until(
            pilot,
            lambda: [row.split()[1] for row in rows(app)[::2]] == ["3", "2"],
            "each has more tasks",
        )
        # One that ended earlier puts its group before the other.
        source.fail(2)
        await shows(pilot, "6 failed or lost · 2 groups")
        await until(
            pilot, lambda: " ✗      3  KeyError: 2" in rows(app)[0], "the order has changed"
        )
        assert listed.highlighted == 0
        assert rows(app)[1].strip() == "flow.py:41 · step work · first 2 items=item-2"
        source.fail(4, state=State.WAITING)
        await shows(pilot, "6 failed or lost · 1 waiting to be tried again · 2 groups")
        source.fail(4, 6, 8, 2, state=State.RUNNING)
        await shows(pilot, "3 failed or lost · 1 group")


async def test_a_log_that_is_stored_after_the_outcome_is_read_when_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = Failing()
    source.stored = False
    source.fail(5)
    async with following(source, monkeypatch) as (app, pilot):
        await pilot.press("F")
        # Until then its state's reason stands for it.
        await until(pilot, lambda: kinds(app) == ["…"], "the failure is listed")
        source.fail(7)
        await shows(pilot, "2 failed or lost · 1 group")
        source.stored = True
        await shows(pilot, "2  ValueError: 5")
        assert len(rows(app)) == 2
        await pilot.press("escape")
        await shows(pilot, "ValueError: 7")


async def test_a_chosen_group_stays_listed_while_other_tasks_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = Failing()
    source.fail(5, 7, 6)
    async with following(source, monkeypatch) as (app, pilot):
        await pilot.press("F")
        await shows(pilot, "3 failed or lost · 2 groups")
        await pilot.press("enter")
        await shows(pilot, "2 of 28 tasks · ValueError at flow.py:41")
        source.fail(9, 31)
        await shows(pilot, "2 of 29 tasks · ValueError at flow.py:41")
        listed = app.screen.query_one(TaskList)
        assert listed.row_count == 2
        assert listed.current is not None
        assert listed.current.id == "5"
        await pilot.press("escape")
        await shows(pilot, "work · foreach items · 29 tasks")


async def test_hostile_causes_are_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Failing()
    hostile = "[/bold][@click=app.quit]x[/] \x1b]52;c;aGk=\x07\u202eevil\nline"
    source.stored = False
    lost = work(7, State.LOST)
    source.news = [replace(lost, attempts=(replace(lost.attempts[0], reason=hostile),))]
    async with following(source, monkeypatch) as (app, pilot):
        await pilot.press("F")
        await shows(pilot, "[/bold][@click=app.quit]x[/]")
        assert "\u202e" not in screen_text(app)
        assert "\x1b" not in screen_text(app)
        await pilot.press("enter")
        await shows(pilot, "1 of 28 tasks · [/bold][@click=app.quit]x[/]")
