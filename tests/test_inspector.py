"""The inspector: what it shows of recorded runs, values on demand, and text that means harm."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from flowtui.app import FlowtuiApp
from flowtui.model import (
    Artifact,
    Artifacts,
    Attempt,
    Changes,
    Fact,
    Ms,
    RunStatus,
    State,
    Target,
    Task,
)
from flowtui.screens.inspector import InspectorScreen
from flowtui.screens.log import LogScreen
from flowtui.screens.run import RunScreen
from flowtui.sources.base import Unreachable, Unsupported
from flowtui.sources.registry import Where
from flowtui.widgets.inspector_list import InspectorList
from tests.pilot import SMALL, WIDE, screen_text, shows, until, watching
from tests.runs import RecordedRun
from tests.scripted_run import RUN, START, ScriptedSource, work

Runs = dict[str, RecordedRun]


def rows(app: FlowtuiApp) -> list[str]:
    """The rows in view, without the cursor and what folds them."""
    region = app.screen.query_one(InspectorList).content_region
    lines = screen_text(app).splitlines()[region.y : region.bottom]
    return [line[4:159].rstrip(" ▁▂▃▄▅▆▇█") for line in lines]


def cells(app: FlowtuiApp, name: str) -> list[str]:
    """The words of the row with this name."""
    (row,) = [row for row in rows(app) if row.split()[:1] == [name]]
    return row.split()[1:]


async def go_to(pilot: Any, app: FlowtuiApp, name: str) -> None:
    """Put the cursor on the row of that name."""
    await pilot.press("g")
    for _ in range(80):
        listed = app.screen.query_one(InspectorList)
        if listed._cursor is not None and name == listed._cursor[1]:
            return
        await pilot.press("j")
    raise AssertionError(f"no row of {name}\n{screen_text(app)}")


async def test_a_task_with_its_records_artifacts_step_and_run(runs: Runs) -> None:
    run = runs["catch"]
    async with watching(run, "/divide/2") as (app, pilot):
        await pilot.press("I")
        await shows(pilot, "attempt-done")
        await shows(pilot, "Artifacts of attempt 0  14")
        assert rows(app)[0] == "Task divide/2  8"
        assert cells(app, "state") == ["caught"]
        assert cells(app, "foreach") == ["divisors=0"]
        assert cells(app, "attempt_ok")[0] == "True"
        assert cells(app, "divisors")[:4] == ["list", "22", "B", "sha"]
        assert cells(app, "divide_failed")[0] == "MetaflowExceptionWrapper"
        await pilot.press("G")
        await shows(pilot, "system tag")
        text = screen_text(app)
        assert "@retry" in text
        assert cells(app, "times") == ["2"]
        assert "Parameters" in text
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunScreen), "the run")


async def test_a_value_is_read_when_it_is_asked_for_and_folds_again(runs: Runs) -> None:
    async with watching(runs["failed"], "/train/2") as (app, pilot):
        await pilot.press("I")
        await shows(pilot, "countries")
        assert "['FI', 'SE', 'NO']" not in screen_text(app)
        await go_to(pilot, app, "countries")
        await pilot.press("enter")
        await shows(pilot, "['FI', 'SE', 'NO']")
        await pilot.press("y")
        assert app.clipboard == "['FI', 'SE', 'NO']"
        await pilot.press("j", "j", "y", "h")
        await until(pilot, lambda: "['FI', 'SE', 'NO']" not in screen_text(app), "it is folded")
        await pilot.press("l")
        await shows(pilot, "['FI', 'SE', 'NO']")


async def test_what_is_no_plain_data_says_its_type_and_size(runs: Runs) -> None:
    async with watching(runs["catch"], "/divide/2") as (app, pilot):
        await pilot.press("I")
        await shows(pilot, "divide_failed")
        await go_to(pilot, app, "divide_failed")
        await pilot.press("enter")
        await shows(pilot, " B>: only plain data is read, and nothing is unpickled.")
        assert re.search(
            r"<metaflow\.exception\.MetaflowExceptionWrapper, \d+ B>", screen_text(app)
        )


async def test_on_the_graph_it_is_about_the_step_alone(runs: Runs) -> None:
    async with watching(runs["catch"], "/divide/2", size=(120, 40)) as (app, pilot):
        await pilot.press("escape", "I")
        await shows(pilot, "Step divide")
        assert rows(app)[0].startswith("Step divide")
        assert cells(app, "next") == ["join"]
        assert "Artifacts" not in screen_text(app)
        await pilot.press("I")
        await until(pilot, lambda: isinstance(app.screen, RunScreen), "the run")


async def test_a_clone_says_whose_artifacts_these_are(runs: Runs) -> None:
    origin = runs["failed"].pathspec
    async with watching(runs["resumed"], "/start") as (app, pilot):
        await pilot.press("I")
        await shows(pilot, f"Artifacts of attempt 0, as stored by {origin}/start/1")
        await go_to(pilot, app, "countries")
        await pilot.press("enter")
        await shows(pilot, "['FI', 'SE', 'NO']")


async def test_words_leave_what_holds_them_and_escape_lifts_that(runs: Runs) -> None:
    async with watching(runs["retry"], "/flaky", size=SMALL) as (app, pilot):
        await pilot.press("I")
        await shows(pilot, "Artifacts of attempt 0")
        await pilot.press("slash", *"attempt_ok FALSE", "enter")
        await until(pilot, lambda: "Step flaky" not in screen_text(app), "it is filtered")
        # Also within sections that are folded.
        assert [row.split() for row in rows(app) if row.startswith("attempt_ok")] != []
        assert {row.split()[1] for row in rows(app) if row.startswith("attempt_ok")} == {"False"}
        await pilot.press("slash", *"zzz", "enter")
        await shows(pilot, "Nothing here holds zzz.")
        await pilot.press("y", "enter", "h", "l", "j", "escape")
        await shows(pilot, "Task flaky/2")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunScreen), "the run")


async def test_sections_fold_and_stay_so(runs: Runs) -> None:
    async with watching(runs["linear"], "/start", size=SMALL) as (app, pilot):
        await pilot.press("I")
        await shows(pilot, "Artifacts of attempt 0")
        await pilot.press("j", "h", "enter")
        await until(pilot, lambda: rows(app)[1].startswith("Artifacts"), "the task is folded")
        screen = app.screen
        assert isinstance(screen, InspectorScreen)
        screen.renew()
        assert rows(app)[1].startswith("Artifacts")
        await pilot.press("l")
        await until(pilot, lambda: rows(app)[1].startswith("pathspec"), "it is unfolded")
        assert screen.listed._cursor == ("Task start/1", "", 0, -1)


async def test_it_is_there_for_the_task_whose_log_is_open(runs: Runs) -> None:
    async with watching(runs["linear"], "/start") as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LogScreen), "the log")
        await pilot.press("I")
        await shows(pilot, "Task start/1")


class Told(ScriptedSource):
    """A run with one task, of which a test says what is stored."""

    def __init__(self, task: Task) -> None:
        super().__init__(())
        self.task: Task | None = task
        self.known: Sequence[Fact] = (Fact("attempt", "0", 0, START),)
        self.stored: Artifacts | Exception = Artifacts()
        self.values: dict[str, Any] = {}
        self.gate = threading.Event()
        self.gate.set()
        self.asked: list[str] = []

    def poll(self) -> Changes:
        task, self.task = self.task, None
        status = RunStatus(State.RUNNING, "work is running")
        return Changes(Ms(START + 61_000), status=status, tasks=(task,) if task else ())

    def facts(self, step: str, task: str) -> Sequence[Fact]:
        return self.known

    def artifacts(self, step: str, task: str, attempt: int) -> Artifacts:
        if isinstance(self.stored, Exception):
            raise self.stored
        return self.stored

    def value(self, artifact: Artifact) -> Any:
        self.asked.append(artifact.name)
        self.gate.wait(20)
        value = self.values[artifact.name]
        if isinstance(value, Exception):
            raise value
        return value


def stored(*names: str, kind: str = "int", sha: str = "0" * 40) -> Artifacts:
    return Artifacts(
        tuple(Artifact("work", "2", 0, name, kind, 5, sha, "s3", "s3://bucket") for name in names)
    )


def opened(source: Told, monkeypatch: pytest.MonkeyPatch) -> FlowtuiApp:
    target = Target.parse(RUN.pathspec + "/work")
    monkeypatch.setattr("flowtui.app.open_source", lambda *_: (target, source))
    return FlowtuiApp(target, Where(), interval=0.1)


async def test_what_a_running_task_comes_to_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Told(work(2, State.RUNNING))
    app = opened(source, monkeypatch)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "attempt 0")
        await pilot.press("I")
        await shows(pilot, "None yet: they are stored when it ends.")
        source.known = (*source.known, Fact("attempt_ok", "False", 0, START))
        source.stored = stored("result")
        source.task = work(2, State.FAILED)
        await shows(pilot, "attempt_ok")
        await shows(pilot, "result")
        assert cells(app, "state") == ["failed"]


async def test_artifacts_that_come_after_the_end_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowtui.screens.inspector._LATER", 0.1)
    now = Ms(START + 60_500)
    ended = Attempt(0, State.SUCCEEDED, "…", START, now)
    source = Told(Task("work", "2", State.SUCCEEDED, "…", (ended,)))
    app = opened(source, monkeypatch)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "attempt 0")
        await pilot.press("I")
        await shows(pilot, "None are recorded.")
        source.stored = stored("late")
        await shows(pilot, "late")


async def test_a_slow_value_blocks_nothing_and_is_asked_for_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = Told(work(2))
    source.stored, source.values = stored("slow"), {"slow": {"answer": 42}}
    source.gate.clear()
    app = opened(source, monkeypatch)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "attempt 0")
        await pilot.press("I")
        await shows(pilot, "slow")
        await go_to(pilot, app, "slow")
        await pilot.press("enter", "enter", "enter", "j", "k")
        await shows(pilot, "Reading …")
        source.gate.set()
        await shows(pilot, "{'answer': 42}")
        assert source.asked == ["slow"]


async def test_why_something_cannot_be_read_is_said_and_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = Told(work(2))
    source.stored = Unreachable("The service [b]does not[/b]\x1b[2J answer.")
    app = opened(source, monkeypatch)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "attempt 0")
        await pilot.press("I")
        await shows(pilot, "The service [b]does not[/b] answer.")
        await pilot.press("escape")
        source.stored, source.values = stored("x"), {"x": ZeroDivisionError("[oh]")}
        await pilot.press("I")
        await shows(pilot, "sha 0000")
        await go_to(pilot, app, "x")
        await pilot.press("enter")
        await shows(pilot, "The value could not be read: [oh]")
        source.values["x"] = Unsupported("<int, 5 B>: no.")
        await pilot.press("enter", "enter")
        await shows(pilot, "<int, 5 B>: no.")
        source.values["x"] = 7
        await pilot.press("h", "l")
        await until(pilot, lambda: "        7" in screen_text(app).splitlines(), "the value")


async def test_hostile_names_types_and_values_are_plain_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad = "[/bold][@click=app.quit]x[/]\x1b]52;c;aGk=\x07\u202eevil\nline"
    source = Told(work(2))
    source.known = (Fact(bad, bad * 3, 0, START),)
    source.stored = stored(bad, kind=bad, sha=bad)
    source.values = {bad: {bad: [bad, "y" * 50_000], "lines": "\x1b[2J\n" * 40}}
    app = opened(source, monkeypatch)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "attempt 0")
        await pilot.press("I")
        await shows(pilot, "[/bold][@click=app.quit]x[/]")
        await go_to(pilot, app, bad)
        await pilot.press("enter")
        await shows(pilot, "yyyy")
        assert not {"\x1b", "\u202e", "\x07"} & {*screen_text(app)}
        await pilot.press("y")
        assert not {"\x1b", "\u202e", "\x07"} & {*app.clipboard}
        assert len(app.clipboard) < 100_000


async def test_keys_before_anything_is_read_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Told(Task("start", "1", State.RUNNING, "started"))
    app = opened(source, monkeypatch)
    async with app.run_test(size=(40, 12)) as pilot:
        await shows(pilot, "scripted · ")
        await pilot.press("I", "h", "l", "enter", "y", "G", "space", "enter", "h", "h", "g", "l")
        await shows(pilot, "Step work")
