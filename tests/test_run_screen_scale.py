"""The run screen with thousands of tasks, and with pictures that lack something."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise

import pytest
from textual.pilot import Pilot

from flowtui.app import FlowtuiApp
from flowtui.model import (
    Attempt,
    Changes,
    Graph,
    Node,
    ProcessUse,
    RunStatus,
    State,
    Target,
    Task,
)
from flowtui.report.paper import paper
from flowtui.report.run import print_run
from flowtui.screens.run import RunScreen
from flowtui.sources.registry import Where
from flowtui.store import RunStore
from flowtui.theme import Look
from flowtui.times import clock
from flowtui.widgets.dag_view import DagView
from tests.pilot import WIDE, screen_text, shows, until
from tests.scripted_run import RUN, START, ScriptedSource, many, work


@asynccontextmanager
async def following(
    source: ScriptedSource, monkeypatch: pytest.MonkeyPatch, focus: str = "/work"
) -> AsyncIterator[tuple[FlowtuiApp, Pilot[None]]]:
    """The app on a scripted run, polled as fast as it goes."""
    target = Target.parse(RUN.pathspec + focus)
    monkeypatch.setattr("flowtui.app.open_source", lambda *_: (target, source))
    app = FlowtuiApp(target, Where(), interval=0.1)
    async with app.run_test(size=WIDE) as pilot:
        yield app, pilot


async def test_the_source_is_told_which_tasks_are_in_view(monkeypatch: pytest.MonkeyPatch) -> None:
    source = ScriptedSource(many(10_000))
    async with following(source, monkeypatch) as (_, pilot):
        await until(pilot, lambda: source.attended, "tasks are attended")
        await until(pilot, lambda: source.attended[-1][:1] == (("work", "2"),), "the first ones")
        await pilot.press("G")
        last = ("work", "10001")
        await until(pilot, lambda: source.attended[-1][-1:] == (last,), "the last ones")
        assert len(source.attended[-1]) < 45


async def test_what_a_live_process_uses_stands_in_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    (first,) = many(3)
    running = work(2, State.RUNNING)
    use = {running.key: ProcessUse(4242, 98, 312_000_000)}
    told = replace(first, tasks=(*first.tasks, running), processes=use)
    script = [told] + [Changes(START, processes=use)] * 2000
    async with following(ScriptedSource(script), monkeypatch) as (_, pilot):
        await shows(pilot, "pid 4242 · 98% cpu · 312 MB")


async def test_what_could_not_be_read_is_named_until_it_can_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (first,) = many(3)
    damaged = "work/3 is damaged: it holds no JSON."
    script = [replace(first, trouble=damaged)] + [Changes(START, trouble=damaged)] * 20
    async with following(ScriptedSource(script), monkeypatch) as (app, pilot):
        await shows(pilot, damaged)
        assert f"since {clock(START)}: {damaged}" in screen_text(app)
        await until(pilot, lambda: damaged not in screen_text(app), "the trouble has gone")


async def test_a_picture_that_is_still_being_read_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    (first,) = many(3)
    script = [replace(first, more=True)] + [Changes(START, more=True)] * 2000
    async with following(ScriptedSource(script), monkeypatch) as (app, pilot):
        await shows(pilot, "reading …")
        await until(pilot, lambda: "reading …" not in screen_text(app), "all is read")


async def test_a_step_s_box_has_a_heat_strip_in_which_a_failure_stands_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (first,) = many(1000)
    calm = tuple(work(number) for number in range(2, 1002) if number != 500)
    told = replace(first, tasks=(first.tasks[0], *calm, work(500, State.FAILED)))
    async with following(ScriptedSource([told]), monkeypatch) as (_, pilot):
        await shows(pilot, "▆▆▆▆▆▆▆✗▆▆▆▆▆▆▆▆")


async def test_s_orders_the_tasks_and_the_title_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    async with following(ScriptedSource(many(10_000)), monkeypatch) as (app, pilot):
        await shows(pilot, "items=item-2")
        await pilot.press("s")
        await shows(pilot, "by state")
        rows = [line for line in screen_text(app).splitlines() if "items=item-" in line]
        assert rows
        assert all("failed" in row for row in rows)


@pytest.mark.parametrize(("ascii_only", "strip"), [(False, "▆▆✗"), (True, "++x")])
def test_the_plain_picture_has_the_strip_too(
    ascii_only: bool, strip: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = RunStore(RUN)
    (first,) = many(3)
    tasks = (first.tasks[0], work(2), work(3), work(4, State.FAILED))
    store.apply(replace(first, tasks=tasks))
    print_run(store, Look(ascii=ascii_only), paper(sys.stdout))
    assert strip in capsys.readouterr().out


async def test_what_runs_is_followed_until_the_person_scrolls_and_again_after_a_zoom_to_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = [f"step_{number}" for number in range(60)]
    nodes = [Node(name, next=(after,)) for name, after in pairwise(names)]
    graph = Graph((*nodes, Node(names[-1], "end")), names[0], names[-1])
    due = [0]

    def reached(number: int) -> Changes:
        tried = Attempt(0, State.RUNNING, "…", START)
        task = Task(names[number], "1", State.RUNNING, "…", (tried,))
        return Changes(START, status=RunStatus(State.RUNNING, "it runs"), tasks=(task,))

    source = ScriptedSource(
        (reached(due.pop()) if due else Changes(START) for _ in range(5000)),
        replace(RUN, graph=graph),
    )
    async with following(source, monkeypatch, "") as (app, pilot):
        view = app.screen.query_one(DagView)
        await until(pilot, lambda: view.selected == "step_0", "the first step")
        due.append(30)
        await until(pilot, lambda: view.selected == "step_30", "it is taken along")
        view.focus()
        await pilot.press("pageup")
        due.append(50)
        screen = app.screen
        assert isinstance(screen, RunScreen)
        store = screen.store
        assert store is not None
        await until(pilot, lambda: store.tasks("step_50"), "a later step runs")
        assert view.selected == "step_30"
        await pilot.press("0")
        await until(pilot, lambda: view.selected == "step_50", "it is taken along again")
