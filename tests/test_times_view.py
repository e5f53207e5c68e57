"""The view of where time went: a row for each step, orders, what picking one does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from flowtui.model import Attempt, Changes, Graph, Ms, Node, RunDescription, State, Task
from flowtui.store import RunStore
from flowtui.theme import Look
from flowtui.views import times
from flowtui.widgets.run_view import Opened, Picked
from flowtui.widgets.times_columns import TimesColumns, bar, sparkline
from flowtui.widgets.times_view import TimesView
from tests import fixed_run
from tests.pilot import screen_text, shows, watching
from tests.runs import RecordedRun
from tests.scripted_run import RUN, START, many

LOOK = Look()


class Shown(App[None]):
    """Nothing but the view, and what it says."""

    def __init__(self, store: RunStore, look: Look = LOOK) -> None:
        super().__init__()
        self.store, self.view = store, TimesView(look)
        self.said: list[tuple[str, str | None] | str] = []

    def compose(self) -> ComposeResult:
        yield self.view

    def on_mount(self) -> None:
        self.view.show(self.store, None)
        self.view.focus()

    def on_picked(self, message: Picked) -> None:
        self.said.append((message.step, message.task))

    def on_opened(self, _message: Opened) -> None:
        self.said.append("opened")

    def lines(self) -> list[str]:
        """What stands in the view, without what is blank at the ends."""
        rows = [self.view.render_line(y).text.rstrip() for y in range(self.size.height)]
        return rows[: max(at for at, row in enumerate(rows) if row) + 1]

    def steps(self) -> list[str]:
        """The steps from top to bottom."""
        return [
            line.split()[-len(line.split()) + 1 + (line[0] == "▸")] for line in self.lines()[4:]
        ]


@asynccontextmanager
async def shown(
    store: RunStore, width: int = 100, height: int = 20, look: Look = LOOK
) -> AsyncIterator[tuple[Shown, Pilot[None]]]:
    app = Shown(store, look)
    async with app.run_test(size=(width, height)) as pilot:
        await pilot.pause()
        yield app, pilot


def fixed() -> RunStore:
    store = RunStore(fixed_run.RUN)
    store.apply(fixed_run.CHANGES)
    return store


def run_of(steps: Sequence[str], *tasks: Task, now: int = 10_000) -> RunStore:
    graph = Graph(tuple(Node(step) for step in steps), steps[0], steps[-1])
    store = RunStore(RunDescription("F", "1", "scripted", graph=graph))
    store.apply(Changes(Ms(START + now), tasks=tasks))
    return store


def took(step: str, began: int, length: int | None, *, id: str = "1") -> Task:  # noqa: A002
    state = State.SUCCEEDED if length is not None else State.RUNNING
    end = Ms(START + began + length) if length is not None else None
    return Task(step, id, state, "…", (Attempt(0, state, "…", Ms(START + began), end),))


async def test_the_fixed_run_on_a_whole_screen() -> None:
    async with shown(fixed(), 110) as (app, _):
        lines = app.lines()
        assert lines[0].startswith("  peak 2   ▄")
        assert "█" in lines[0]
        assert lines[2].split() == [
            *("step", "tasks", "total", "share", "median", "p95", "slowest", "task", "retries"),
            "wall",
        ]
        assert lines[3].split() == ["all", "steps", "11", "17s", "100%", "3.6s", "train/7",
                                    "3.6s", "21%", "26s"]  # fmt: skip
        (train,) = [line for line in lines if "train " in line]
        told = [word for word in train.split() if "█" not in word]
        assert told == ["◆", "train", "4", "8.4s", "50%", "1.8s", "3.6s", "3.6s", "7",
                        "3.6s", "43%", "9.2s"]  # fmt: skip
        assert app.steps()[:4] == ["start", "audit", "fetch", "train"]
        assert lines[-1].split() == ["–", "end"]


@pytest.mark.parametrize("width", [34, 53, 60, 78, 110, 158])
async def test_every_row_fits_and_stands_below_its_header(width: int) -> None:
    async with shown(fixed(), width) as (app, _):
        _, _, names, *rows = app.lines()
        assert all(len(row) <= width for row in rows)
        # What is right-aligned ends where its name ends.
        end = names.index("total") + len("total")
        assert {row[:end].split()[-1] for row in rows[1:4]} == {"1.2s"}


async def test_a_narrow_pane_keeps_what_says_most() -> None:
    for width, kept in ((53, "total share slowest retries"), (34, "total")):
        async with shown(fixed(), width) as (app, _):
            assert set(kept.split()) <= set(app.lines()[2].split())


async def test_orders_begin_with_the_longest_and_turn_round() -> None:
    store = run_of(
        ["one", "two", "idle", "three"],
        *(took("one", 0, 100), took("two", 0, 300), took("three", 0, 50, id="3")),
        *(took("three", 0, 160, id="4"), took("three", 0, 110, id="5")),
    )
    async with shown(store) as (app, _):
        seen = [app.steps()]
        for _ in range(5):
            app.view.sort_next()
            seen.append(app.steps())
        total = ["three", "two", "one", "idle"]
        median = ["two", "three", "one", "idle"]
        unordered = ["one", "two", "idle", "three"]
        assert seen == [unordered, total, median, median, median, unordered]
        app.view.sort_next()
        assert app.steps() == unordered
        app.view.sort_next()
        app.view.turn_round()
        # What has no figure stays at the end.
        assert app.steps() == ["one", "two", "three", "idle"]
        assert "total↑" in app.lines()[2]


async def test_picking_a_step_selects_its_slowest_task() -> None:
    async with shown(fixed()) as (app, pilot):
        app.view.select("fetch")
        await pilot.press("j")
        assert app.said == [("train", "7")]
        await pilot.press("G")
        assert app.said[-1] == ("end", None)
        await pilot.double_click(app.view, (3, 4))
        assert app.said[-2:] == [("start", "1"), "opened"]
        app.said.clear()
        app.view.select("train")
        await pilot.pause()
        assert app.said == []


async def test_what_runs_goes_on_with_the_clock_and_no_news() -> None:
    store = run_of(["one", "two"], took("one", 0, 2_000), took("two", 2_000, None), now=4_000)
    async with shown(store) as (app, _):
        assert app.lines()[5].split()[3] == "2.0s"
        app.view.tick(Ms(START + 12_000))
        two = app.lines()[5].split()
        assert (two[1], two[2], two[3]) == ("two", "1", "10s")
        assert "83%" in two
        assert app.lines()[3].split()[:4] == ["all", "steps", "2", "12s"]


async def test_a_change_shows_and_what_is_left_out_is_said() -> None:
    store = run_of(["one", "two"], took("one", 0, 2_000))
    async with shown(store) as (app, _):
        assert app.view.title() == "times"
        clone = replace(took("two", 0, 1), state=State.CLONED)
        lost = Task("two", "2", State.LOST, "…", (Attempt(0, State.LOST, "…", START),))
        app.view.show(store, store.apply(Changes(START, tasks=(clone, lost))))
        assert app.view.title() == "times · left out: 1 clone, 1 attempt without times"
        app.view.show(store, store.apply(Changes(START, tasks=(took("two", 0, 6_000, id="2"),))))
        assert app.lines()[5].split()[3] == "6.0s"


async def test_before_anything_has_run_it_says_so() -> None:
    async with shown(run_of(["one"])) as (app, pilot):
        assert app.lines()[0] == "  Nothing has run yet."
        await pilot.press("j")
        app.view.sort_next()
        assert app.steps() == ["one"]


async def test_hostile_names_are_cut_and_plain() -> None:
    bad = "[/bold]\x1b[31mx\u202e\n" + "y" * 90
    store = run_of([bad, "two"], took(bad, 0, 100, id=bad))
    async with shown(store, 70) as (app, _):
        text = "\n".join(app.lines())
        assert "[/bold]x" in text
        assert not {"\x1b", "\u202e"} & {*text}
        assert all(len(line) <= 70 for line in app.lines())


async def test_without_unicode_all_is_ascii() -> None:
    async with shown(fixed(), 110, look=Look(ascii=True)) as (app, _):
        assert "\n".join(app.lines()).isascii()


def test_bars_and_sparklines() -> None:
    assert bar(0.5, 4, LOOK) == "██  "
    assert bar(0.0001, 4, LOOK) == "▏   "
    assert bar(1.0, 4, LOOK) == "████"
    assert bar(0.3, 10, Look(ascii=True)) == "###       "
    assert sparkline([0, 1, 4, 8], LOOK) == " ▁▄█"
    assert sparkline([0, 1, 1000], LOOK) == " ▁█"
    assert sparkline([0, 0], LOOK) == "  "


def test_columns_without_retries_have_none() -> None:
    assert "retries" not in TimesColumns.fitting(10, 2, 200, retries=False).shown


async def test_a_thousandth_change_costs_no_pass_over_the_tasks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = RunStore(RUN)
    script = many(1000, 1)
    store.apply(next(script))
    async with shown(store) as (app, _):
        applied = store.apply(next(script))
        looked_at: list[Task] = []

        def noted(task: Task) -> object:
            looked_at.append(task)
            return measured(task)

        measured = times._spent
        monkeypatch.setattr(times, "_spent", noted)
        app.view.show(store, applied)
        assert looked_at == [*applied.tasks]


async def test_it_is_the_fourth_view_of_a_run(runs: dict[str, RecordedRun]) -> None:
    async with watching(runs["retry"], size=(120, 40)) as (app, pilot):
        await pilot.press("4")
        await shows(pilot, "peak 1")
        await shows(pilot, "all steps")
        await pilot.press("z")
        await shows(pilot, "wall")
        assert "retries" in screen_text(app)
        await pilot.press("s")
        await shows(pilot, "total↓")
