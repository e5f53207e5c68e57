"""The timeline as a person meets it: rows, bars, keys, mouse, and what it says of what waited."""

from __future__ import annotations

import time
from collections.abc import Iterable

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from flowtui.model import Changes, State, Task
from flowtui.store import RunStore
from flowtui.theme import Look
from flowtui.widgets.run_view import Picked
from flowtui.widgets.timeline import Timeline
from tests.timed_run import at, done, graph, run, task

S, F, R, C = State.SUCCEEDED, State.FAILED, State.RUNNING, State.CLONED
STEPS = graph(start="*work", work="join", join="end", end="")
TASKS = (
    done("start/1", 0, 10),
    task("work/2", (F, 10, 20), (S, 40, 60), labels=("x=a",), index=0),
    done("work/3", 20, 40, "x=b", index=1),
    done("join/4", 70, 80),
    done("end/5", 90, 100),
)


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


class Host(App[None]):
    """An app with nothing but the timeline; notes what was picked in it."""

    def __init__(self, store: RunStore, look: Look | None = None) -> None:
        super().__init__()
        self.store = store
        self.look = look or Look()
        self.picked: list[tuple[str, str | None, int | None]] = []

    def compose(self) -> ComposeResult:
        yield Timeline(self.look)

    def on_mount(self) -> None:
        self.view.show(self.store, None)
        self.view.focus()

    @property
    def view(self) -> Timeline:
        return self.query_one(Timeline)

    def on_picked(self, message: Picked) -> None:
        self.picked.append((message.step, message.task, message.attempt))

    def line(self, y: int) -> str:
        return self.view.render_line(y).text.rstrip()

    def lines(self) -> list[str]:
        """All that is shown, blank lines at the end aside."""
        told = [self.line(y) for y in range(self.view.size.height)]
        return told[: max(at for at, line in enumerate(told) if line) + 1]

    def names(self) -> list[str]:
        """What the rows are about."""
        return [line[5:13].strip() for line in self.lines()[self.view.header_rows :]]

    async def change(self, pilot: Pilot[None], now: float, *tasks: Task) -> None:
        """What the run screen does with a change set."""
        self.view.show(self.store, self.store.apply(Changes(at(now), tasks=tasks)))
        await pilot.pause()


def many(count: int) -> Iterable[Task]:
    yield done("start/1", 0, 10)
    for number in range(count):
        yield done(f"work/{number + 2}", 10 + number, 20 + number, f"x={number}", index=number)


SIZE = (61, 14)
"""Columns that leave 40 cells for the bars."""


async def test_a_run_at_a_glance() -> None:
    app = Host(run(STEPS, *TASKS, now=100))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("g", "down", "down")
        await pilot.pause()
        assert app.lines() == [
            "   running         1 ████████████████████████    ████    ████",
            "   21 Nov            ╷09:50:00   ╷09:50:30   ╷09:51:00",
            "   work/2 x=a · waited 0.0s after start/1",
            "   ran 50s in 2 attempts · critical path, 50 % of the run",
            " ┃ ✓ start       10s ████",
            " ┃▼✓ work ×2     50s     ████████████████████",
            "▸┃  ✓ x=a        50s     ████✗┄┄┄┄┄┄┄████████",
            "    ✓ x=b        20s     ┄┄┄┄████████",
            " ┃ ✓ join        10s                         ┄┄┄┄████",
            " ┃ ✓ end         10s                                 ┄┄┄┄████",
        ]
        assert app.view.title() == "timeline · ┃ critical path"


async def test_without_unicode_or_colours_the_same_can_be_read() -> None:
    app = Host(run(STEPS, *TASKS, now=100), Look(ascii=True, colourless=True))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert app.lines()[4:7] == [
            " | + start       10s ++++",
            " |-+ work x2     50s     @@@@@@@@@@@@@@@@@@@@",
            " |  + x=a        50s     xxxxx-------++++++++",
        ]


async def test_one_line_tells_of_the_row_where_there_is_room() -> None:
    app = Host(run(STEPS, *TASKS, now=100))
    async with app.run_test(size=(100, 14)) as pilot:
        await pilot.press("G")
        await pilot.pause()
        told = "end/5 · waited 10s after join/4 · ran 10s · critical path, 10 % of the run"
        assert app.line(2).strip() == told
        await pilot.press("g", "down")
        await pilot.pause()
        told = "work · 2 tasks · critical path through work/2, 50 % of the run"
        assert app.line(2).strip() == told


async def test_ten_thousand_rows_draw_only_those_in_view() -> None:
    app = Host(run(STEPS, *many(10_000), now=20_000))
    async with app.run_test(size=SIZE) as pilot:
        assert app.view.row_count == 2
        await pilot.press("down", "right")
        assert app.view.row_count == 10_002
        await pilot.press("G")
        await pilot.pause()
        assert "x=9999" in app.line(13)
        await pilot.press("left")
        await pilot.pause()
        assert app.view.row_count == 2
        assert app.line(5).startswith("▸┃▶✓ work")


async def test_a_step_of_many_tasks_is_folded_one_of_few_is_not() -> None:
    app = Host(run(STEPS, *many(21), now=100))
    async with app.run_test(size=SIZE) as pilot:
        assert app.names() == ["start", "work ×21"]
        await pilot.press("down", "right")
        assert app.view.row_count == 23
        app.view.show(app.store, None)
        assert app.view.row_count == 23
    app = Host(run(STEPS, *many(20), now=100))
    async with app.run_test(size=SIZE):
        assert app.view.row_count == 22


RUNNING = task("work/2", (R, 20, None), labels=("x=a",), index=0)


async def test_a_live_edge_moves_towards_free_room_and_then_more_time_is_in_view() -> None:
    app = Host(run(STEPS, done("start/1", 0, 10), RUNNING, now=42, state=R))
    async with app.run_test(size=SIZE) as pilot:
        assert app.line(4) == " ┃ ✓ start       10s ████████"
        assert app.line(5) == " ┃ ● work        22s         ┄┄┄┄┄┄┄┄█████████████████▋●"
        app.view.tick(at(45))
        assert app.line(5) == " ┃ ● work        25s         ┄┄┄┄┄┄┄┄████████████████████●"
        app.view.tick(at(63))
        assert app.line(4) == " ┃ ✓ start       10s █████▍"
        assert app.line(5).endswith("●")
        await app.change(pilot, 64, done("work/2", 20, 63, "x=a", index=0))
        assert "43s" in app.line(5)
        assert "●" not in app.line(5)


async def test_a_zoomed_axis_follows_the_present_until_it_is_panned() -> None:
    app = Host(run(STEPS, done("start/1", 0, 10), RUNNING, now=42, state=R))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("down", "plus", "plus")
        assert app.view.title() == "timeline · ┃ critical path · 12s in view"
        app.view.tick(at(90))
        assert app.line(5).endswith("●")
        await pilot.press("h")
        app.view.tick(at(120))
        assert not app.line(5).endswith("●")
        await pilot.press("0")
        assert app.view.title() == "timeline · ┃ critical path"
        assert app.line(5).endswith("●")


async def test_zooming_and_panning_move_the_bars() -> None:
    app = Host(run(STEPS, *TASKS, now=100))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("g", "down", "down", "down", "plus")
        await pilot.pause()
        # About the middle of the task, 30 s: from 15 s to 65 s.
        assert app.line(1) == "   21 Nov            ╷09:50:15   ╷09:50:30   ╷09:50:45"
        assert app.line(7) == "▸   ✓ x=b        20s ┄┄┄┄████████████████"
        await pilot.press("l")
        assert app.line(7) == "▸   ✓ x=b        20s ████████████"
        await pilot.press("minus")
        assert app.line(7) == "▸   ✓ x=b        20s     ┄┄┄┄████████"


async def test_rows_come_in_the_order_that_is_asked_for() -> None:
    app = Host(run(STEPS, *TASKS, now=100, state=F))
    async with app.run_test(size=SIZE) as pilot:
        app.view.sort_next()
        assert app.view.title() == "timeline · ┃ critical path · by state"
        app.view.sort_next()
        await pilot.pause()
        assert app.names() == ["end", "join", "work ×2", "x=b", "x=a", "start"]
        app.view.turn_round()
        assert app.names() == ["start", "work ×2", "x=a", "x=b", "join", "end"]
        assert app.view.title() == "timeline · ┃ critical path · by started reversed"
        app.view.sort_next()
        assert app.names()[:3] == ["work ×2", "x=a", "x=b"]


async def test_the_rows_that_change_move_to_their_place_and_the_cursor_stays() -> None:
    tasks = [task(f"work/{n}", (R, n, None), labels=(f"x={n}",), index=n) for n in range(2, 6)]
    app = Host(run(STEPS, done("start/1", 0, 1), *tasks, now=30, state=R))
    async with app.run_test(size=SIZE) as pilot:
        app.view.sort_next()
        app.view.select("work", "4")
        await app.change(pilot, 31, task("work/5", (F, 5, 30), labels=("x=5",), index=5))
        assert app.names() == ["work ×4", "x=5", "x=2", "x=3", "x=4", "start"]
        assert app.line(8).startswith("▸")
        assert app.picked == []


async def test_a_new_task_gives_its_step_a_row_of_its_own() -> None:
    app = Host(run(STEPS, done("start/1", 0, 10), RUNNING, now=42, state=R))
    async with app.run_test(size=SIZE) as pilot:
        assert app.names() == ["start", "work"]
        other = task("work/3", (R, 44, None), labels=("x=b",), index=1)
        await app.change(pilot, 44, other, done("end/9", 43, 44))
        assert app.names() == ["start", "work ×2", "x=a", "x=b", "end"]


async def test_moving_and_clicking_pick_a_task_or_an_attempt_of_it() -> None:
    app = Host(run(STEPS, *TASKS, now=100))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("g", "down", "down")
        await pilot.pause()
        assert app.picked == [("start", "1", None), ("work", None, None), ("work", "2", None)]
        app.picked.clear()
        await pilot.click(Timeline, offset=(21 + 6, 6))
        await pilot.click(Timeline, offset=(21 + 20, 6))
        await pilot.pause()
        assert app.picked == [("work", "2", 0), ("work", "2", 1)]
        assert app.line(2) == "   work/2 x=a · attempt 1 succeeded, 20s"
        await pilot.click(Timeline, offset=(2, 5))
        await pilot.pause()
        assert app.names() == ["start", "work ×2", "join", "end"]


async def test_a_task_whose_row_is_folded_away_is_told_of_at_its_steps_row() -> None:
    app = Host(run(STEPS, *many(21), now=100))
    async with app.run_test(size=SIZE) as pilot:
        app.view.select("work", "9")
        await pilot.pause()
        assert app.line(5).startswith("▸┃▶✓ work ×21")
        assert app.line(2) == "   work/9 x=7 · waited 7.0s after start/1 · ran 10s"
        app.view.select("join")
        assert app.line(2) == "   join · has not started"


async def test_what_is_not_known_is_not_drawn() -> None:
    app = Host(run(
        STEPS, task("start/1", (C, 0.1, 0.1)),
        task("work/2", (C, 0.1, 0.1), labels=("x=a",), index=0), done("work/3", 20, 50, "x=b"),
        task("join/4", (State.LOST, 60, None)), task("end/5", (F, None, None)), now=100, state=F,
    ))  # fmt: skip
    async with app.run_test(size=SIZE) as pilot:
        app.view.select("join", "4")
        await pilot.pause()
        assert app.lines()[2:] == [
            "   join/4 · waited 10s after work/3",
            "   when it ended is unknown · critical path",
            "   ↺ start           ↺",
            " ┃▼✓ work ×2     30s              █████████████████████",
            "    ↺ x=a            ↺",
            " ┃  ✓ x=b        30s ┄┄┄┄┄┄┄┄┄┄┄┄┄▐███████████████████▍",
            "▸┃ ⊘ join          ?                                  ┄┄┄┄┄┄?",
            "   ✗ end             ? start unknown",
        ]


async def test_before_anything_has_started_it_says_since_when() -> None:
    app = Host(run(STEPS, now=12, state=State.PENDING))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("j", "plus", "l", "s")
        assert app.lines()[-2:] == [
            "  Nothing has started yet.",
            "  The run was created at 09:50:00, 12s ago.",
        ]
        await app.change(pilot, 20, task("start/1", (R, 15, None)))
        assert app.line(4).endswith("●")


@pytest.mark.parametrize("width", [1, 12, 20, 30, 55])
async def test_a_narrow_pane_shows_what_fits(width: int) -> None:
    app = Host(run(STEPS, *TASKS, now=100))
    async with app.run_test(size=(width, 10)) as pilot:
        await pilot.press("down", "plus", "l", "minus")
        assert all(len(app.view.render_line(y).text) <= width for y in range(10))


async def test_hostile_names_stay_in_their_row_as_plain_text() -> None:
    hostile = "\x1b]52;c;aGk=\x07[/bold][@click=app.quit]\x9b31m\u202eevil\nline"
    odd = task("work/2", (S, 1, 2), labels=(hostile,), index=0)
    app = Host(run(STEPS, odd, done("work/3", 1, 2, "x=b", index=1), now=3))
    async with app.run_test(size=(120, 12)) as pilot:
        app.view.select("work", "2")
        await pilot.pause()
        shown = "\n".join(app.lines())
        assert "[/bold][@click=app.quit]" in shown
        assert not any(ord(char) < 32 and char != "\n" for char in shown)
        assert "\u202e" not in shown


async def test_before_more_than_clones_are_there_the_axis_begins_with_the_run() -> None:
    app = Host(run(STEPS, task("start/1", (C, 0.1, 0.1)), now=21, state=R))
    async with app.run_test(size=SIZE):
        assert app.line(1) == "   21 Nov            ╷09:50:00       ╷09:50:10"
        assert app.line(4) == "   ↺ start           ↺"
