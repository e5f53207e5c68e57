"""The tree in the app: keys that fold, what is selected with it, filters, and what is repainted."""

from __future__ import annotations

from dataclasses import replace

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.strip import Strip

from flowtui.model import Attempt, Changes, Ms, RunStatus, State, Task
from flowtui.screens.run import RunScreen
from flowtui.store import RunStore
from flowtui.theme import Look
from flowtui.widgets.row_list import RowList
from flowtui.widgets.run_view import Picked
from flowtui.widgets.task_list import TaskList
from flowtui.widgets.tree_view import TreeView
from tests.pilot import SMALL, screen_text, shows, until, watching
from tests.resumes import read
from tests.runs import RecordedRun
from tests.scripted_run import RUN, START, many, work

Runs = dict[str, RecordedRun]


class Counting(TreeView):
    """Notes which lines are drawn."""

    def __init__(self, look: Look) -> None:
        super().__init__(look)
        self.drawn: list[int] = []

    def render_line(self, y: int) -> Strip:
        self.drawn.append(y)
        return super().render_line(y)


class Host(App[None]):
    """An app with nothing but the tree; notes what is picked and opened."""

    def __init__(self) -> None:
        super().__init__()
        self.picked: list[tuple[str, str | None, int | None]] = []
        self.opened = 0

    def compose(self) -> ComposeResult:
        yield Counting(Look())

    @property
    def view(self) -> Counting:
        return self.query_one(Counting)

    def on_picked(self, message: Picked) -> None:
        self.picked.append((message.step, message.task, message.attempt))

    def on_row_list_opened(self, _message: RowList.Opened) -> None:
        self.opened += 1

    def rows(self) -> list[str]:
        lines = (self.view.render_line(y).text for y in range(1, self.view.size.height))
        return [line[: line.index("  ", 8)].rstrip() for line in lines if line.strip()]


async def show(pilot: Pilot[None], store: RunStore) -> Host:
    app = pilot.app
    assert isinstance(app, Host)
    app.view.focus()
    app.view.show(store, None)
    await pilot.pause()
    return app


async def test_left_and_right_fold_and_unfold_as_in_a_tree_of_files(runs: Runs) -> None:
    async with Host().run_test(size=(80, 20)) as pilot:
        app = await show(pilot, read(runs["catch"]))
        await pilot.press("l")
        assert app.rows()[:2] == ["▸ ▼ ✓ start", "  └─▶ ✓ 1"]
        await pilot.press("right", "right")
        assert app.rows()[1:3] == ["▸ └─▼ ✓ 1", "    └── ✓ attempt 0"]
        await pilot.press("l", "h")
        assert app.rows()[1] == "▸ └─▼ ✓ 1"
        await pilot.press("left", "left")
        assert app.rows()[0] == "▸ ▼ ✓ start"
        await pilot.press("h", "h")
        assert app.rows()[:2] == ["▸ ▶ ✓ start", "  ▼ ◆ divide ×3"]
        assert app.picked == [
            ("start", "1", None),
            ("start", "1", 0),
            ("start", "1", None),
            ("start", None, None),
        ]


async def test_the_row_of_the_rest_makes_room_for_the_rest(runs: Runs) -> None:
    async with Host().run_test(size=(80, 20)) as pilot:
        app = await show(pilot, read(runs["catch"]))
        await pilot.press("j", "j", "h", "j", "l")
        assert app.rows()[1:5] == [
            "  ▼ ◆ divide ×3",
            "  ├─▶ ◆ 2 divisors=0",
            "▸ ├─▶ ✓ 3 divisors=1",
            "  └─▶ ✓ 4 divisors=2",
        ]


async def test_plus_unfolds_level_by_level_minus_folds_all_and_zero_shows_what_failed(
    runs: Runs,
) -> None:
    async with Host().run_test(size=(80, 40)) as pilot:
        app = await show(pilot, read(runs["catch"]))
        at_first = app.rows()
        await pilot.press("minus")
        folded = [f"  ▶ {step}" for step in ("✓ start", "◆ divide ×3", "✓ join", "✓ end")]
        assert [row.replace("▸", " ") for row in app.rows()] == folded
        await pilot.press("plus")
        assert len(app.rows()) == 4 + 6
        await pilot.press("equals_sign")
        assert len(app.rows()) == 4 + 6 + 8
        await pilot.press("G")
        assert app.rows()[-1].startswith("▸   └── ✓ attempt 0")
        await pilot.press("0", "g")
        assert app.rows() == at_first


async def test_a_click_on_the_marker_folds_one_on_the_row_selects_and_two_open(runs: Runs) -> None:
    async with Host().run_test(size=(80, 20)) as pilot:
        app = await show(pilot, read(runs["catch"]))
        await pilot.click(Counting, offset=(2, 2))
        await pilot.pause()
        assert app.rows()[1:3] == ["▸ ▶ ◆ divide ×3", "  ▶ ✓ join"]
        await pilot.click(Counting, offset=(2, 2))
        await pilot.pause()
        assert app.rows()[2] == "  ├─▼ ◆ 2 divisors=0"
        await pilot.click(Counting, offset=(10, 4))
        await pilot.pause()
        assert app.picked[-1:] == [("divide", "2", 0)]
        assert not app.opened
        await pilot.click(Counting, offset=(10, 3), times=2)
        await pilot.pause()
        assert app.picked[-1:] == [("divide", "2", None)]
        assert [app.opened] == [1]


async def test_what_is_selected_from_elsewhere_is_unfolded_and_nothing_is_said(runs: Runs) -> None:
    async with Host().run_test(size=(80, 20)) as pilot:
        app = await show(pilot, read(runs["catch"]))
        app.view.select("divide", "4")
        await pilot.pause()
        assert "▸ └─▶ ✓ 4 divisors=2" in app.rows()
        app.view.select("end")
        await pilot.pause()
        assert app.rows()[-1] == "▸ ▶ ✓ end"
        assert not app.picked


async def test_one_task_of_ten_thousand_repaints_its_row_and_its_step(runs: Runs) -> None:
    async with Host().run_test(size=(80, 20)) as pilot:
        store = RunStore(RUN)
        store.apply(next(many(10_000)))
        app = await show(pilot, store)
        await pilot.press("plus", "g")
        await pilot.pause()
        changed = Changes(START, tasks=(replace(work(3, State.RUNNING), reason="again"),))
        app.view.drawn.clear()
        app.view.show(store, store.apply(changed))
        await pilot.pause()
        assert set(app.view.drawn) == {3, 5}
        app.view.drawn.clear()
        unseen = work(9_000, State.SUCCEEDED)
        app.view.show(store, store.apply(Changes(START, tasks=(unseen,))))
        await pilot.pause()
        assert set(app.view.drawn) == {3}


async def test_only_rows_of_what_runs_move_with_the_clock() -> None:
    async with Host().run_test(size=(80, 20)) as pilot:
        store = RunStore(RUN)
        tasks = (work(2), work(3, State.RUNNING), work(4, State.PENDING))
        store.apply(Changes(START, status=RunStatus(State.RUNNING, "…"), tasks=tasks))
        app = await show(pilot, store)
        await pilot.press("plus")
        await pilot.pause()
        app.view.drawn.clear()
        app.view.tick(Ms(START + 65_000))
        await pilot.pause()
        assert app.view.render_line(4).text.split()[-4:-2] == ["1m04s", "●"]
        assert set(app.view.drawn) == {2, 4}


async def test_long_names_leave_room_for_what_is_told_of_them() -> None:
    async with Host().run_test(size=(55, 10)) as pilot:
        store = RunStore(RUN)
        failed = (Attempt(0, State.FAILED, "no way out of here", START, START),)
        labels = ("country=" + "国" * 40,)
        task = Task("work", "2", State.FAILED, "no way out of here", failed, 0, labels)
        store.apply(Changes(START, tasks=(task,)))
        app = await show(pilot, store)
        lines = [app.view.render_line(y) for y in range(6)]
        assert {line.cell_length for line in lines} == {55}
        assert "… 0.0s   ✗         no way out " in lines[3].text


async def test_two_shows_the_tree_and_an_attempt_picked_in_it_shows_its_log(runs: Runs) -> None:
    async with watching(runs["catch"]) as (app, pilot):
        await pilot.press("2")
        await shows(pilot, "╭─ tree ─")
        assert "▼ ◆ divide ×3" in screen_text(app)
        await until(pilot, lambda: isinstance(app.focused, TreeView), "the tree has the focus")
        await pilot.press("g", "j", "j", "j")
        await shows(pilot, "stdout · attempt 0")
        await pilot.press("j")
        await shows(pilot, "stdout · attempt 1")
        assert "▸ │ ├── ✗ attempt 1" in screen_text(app)
        await pilot.press("1")
        await shows(pilot, "╭─ graph ─")


async def test_the_first_failure_is_selected_in_a_tree_that_was_folded(runs: Runs) -> None:
    async with watching(runs["failed"]) as (_, pilot):
        await pilot.press("2")
        await shows(pilot, "╭─ tree ─")
        await pilot.press("minus", "g", "exclamation_mark")
        await shows(pilot, "▸ ├─▶ ✗ 4 countries=NO")


async def test_the_tree_is_filtered_as_the_list_of_tasks_is(runs: Runs) -> None:
    async with watching(runs["nested_foreach"], size=SMALL) as (app, pilot):
        await pilot.press("2")
        await shows(pilot, "▶ ✓ title ×4")
        await pilot.press("slash", *"countries=FI titles=a")
        await shows(pilot, "tree · 1 task · /countries=FI titles=a")
        rows = screen_text(app)
        assert "▼ ✓ countries=FI" not in rows.replace("─▼", "")
        assert "└─▼ ✓ countries=FI" in rows
        assert "titles=b" not in rows
        await pilot.press("enter", "slash", *" land=1")
        await shows(pilot, "There is no foreach level 'land'. Levels: countries, titles.")
        await pilot.press("escape")
        await shows(pilot, "▶ ✓ title ×4")
        assert isinstance(app.screen, RunScreen)


async def test_a_nested_foreach_has_a_column_for_each_level_and_is_filtered_by_level(
    runs: Runs,
) -> None:
    async with watching(runs["nested_foreach"], "/title", size=SMALL) as (app, pilot):
        await shows(pilot, "task countries  titles attempts")
        await pilot.click(TaskList, offset=(10, 1))
        await shows(pilot, "task countries↑ titles attempts")
        await pilot.press("slash", *"countries=SE index:1", "enter")
        await shows(pilot, "1 of 4 tasks · /countries=SE index:1")
        row = next(line for line in screen_text(app).splitlines() if "▸" in line)
        assert row.split()[2:4] == ["SE", "b"]
        await pilot.press("slash", *" index:x", "enter")
        await shows(pilot, "An index is a number or a range of them, as index:3 or index:2-5.")
