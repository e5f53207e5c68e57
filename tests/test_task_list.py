"""The task list: rows drawn by line, a cursor, filters, and updates that repaint what changed."""

from __future__ import annotations

from dataclasses import replace

from rich.cells import cell_len
from textual.app import App, ComposeResult

from flowtui.model import Attempt, Ms, State, Task
from flowtui.task_index import StepTasks
from flowtui.theme import Look
from flowtui.widgets.task_list import TaskList

START = Ms(1_795_254_604_000)


def task(number: int, state: State = State.SUCCEEDED, label: str = "") -> Task:
    attempt = Attempt(0, state, "attempt_ok=True", START, Ms(START + 1500))
    labels = (label or f"item={number}",)
    return Task("work", str(number), state, "attempt_ok=True", (attempt,), number, labels)


def tasks(count: int) -> StepTasks:
    return StepTasks([task(number) for number in range(count)])


def change(listed: TaskList, tasks: StepTasks, *changed: Task) -> None:
    """What the run screen does with a change set: the index takes it in, the list follows."""
    tasks.take(changed)
    listed.update(changed, START)


class Host(App[None]):
    """An app with nothing but the list; notes which tasks came under the cursor."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str | None] = []

    def compose(self) -> ComposeResult:
        yield TaskList(Look())

    @property
    def list(self) -> TaskList:
        return self.query_one(TaskList)

    def on_task_list_moved(self, message: TaskList.Moved) -> None:
        self.seen.append(message.task.id if message.task else None)

    def row(self, y: int) -> str:
        return self.list.render_line(y).text.rstrip()


async def test_ten_thousand_rows_draw_only_those_in_view() -> None:
    app = Host()
    async with app.run_test(size=(100, 12)) as pilot:
        app.list.focus()
        app.list.show(tasks(10_000), START, "")
        await pilot.pause()
        assert app.row(1).startswith("▸ 0 ")
        assert app.row(11).startswith("  10 ")
        await pilot.press("G")
        await pilot.pause()
        assert app.row(11).startswith("▸ 9999 ")
        assert app.row(1).startswith("  9989 ")
        await pilot.press("g")
        await pilot.pause()
        assert app.row(1).startswith("▸ 0 ")


async def test_a_row_tells_label_strip_state_and_time_taken() -> None:
    app = Host()
    async with app.run_test(size=(100, 6)) as pilot:
        app.list.show(StepTasks([task(1, label="country=FI")]), START, "")
        await pilot.pause()
        assert app.row(1).split()[:5] == ["▸", "1", "country=FI", "✓", "succeeded"]
        assert app.row(1).rstrip().endswith("1.5s")


async def test_a_changed_task_changes_its_row_and_the_cursor_stays() -> None:
    app = Host()
    async with app.run_test(size=(100, 12)) as pilot:
        app.list.focus()
        known = tasks(5)
        app.list.show(known, START, "")
        await pilot.press("down", "down")
        change(app.list, known, task(1, State.FAILED))
        await pilot.pause()
        assert "✗" in app.row(2)
        assert "failed" in app.row(2)
        assert app.row(3).startswith("▸ 2 ")


async def test_new_tasks_join_at_the_end() -> None:
    app = Host()
    async with app.run_test(size=(100, 12)) as pilot:
        known = tasks(2)
        app.list.show(known, START, "")
        change(app.list, known, task(2))
        await pilot.pause()
        assert app.list.row_count == 3
        assert app.row(3).startswith("  2 ")


async def test_a_task_that_stops_passing_the_filter_leaves_the_list() -> None:
    app = Host()
    async with app.run_test(size=(100, 12)) as pilot:
        known = StepTasks([task(1, State.WAITING), task(2)])
        app.list.show(known, START, "")
        app.list.set_filter(failed_only=True)
        assert app.list.row_count == 1
        change(app.list, known, task(1, State.SUCCEEDED))
        await pilot.pause()
        assert app.list.row_count == 0
        assert "None of 2 tasks is failed, lost or caught." in app.row(1)


async def test_an_empty_step_says_why_it_is_empty() -> None:
    app = Host()
    async with app.run_test(size=(100, 6)) as pilot:
        app.list.show(StepTasks(), START, "not reached yet.")
        await pilot.pause()
        assert app.row(1).strip() == "not reached yet."
        assert app.seen == [None]


async def test_hostile_names_stay_in_their_row_as_plain_text() -> None:
    hostile = "\x1b]52;c;aGk=\x07[/bold][@click=app.quit]\x9b31m\u202eevil\nline"
    app = Host()
    async with app.run_test(size=(120, 6)) as pilot:
        app.list.show(StepTasks([replace(task(1, label=hostile), id=hostile)]), START, "")
        await pilot.pause()
        row = app.row(1)
        assert "[/bold][@click=app.quit]" in row
        assert not any(
            ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char == "\u202e" for char in row
        )


async def test_wide_characters_keep_the_columns_aligned() -> None:
    app = Host()
    async with app.run_test(size=(100, 6)) as pilot:
        app.list.show(StepTasks([task(1, label="国=日本"), task(2, label="k=Japan")]), START, "")
        await pilot.pause()
        lines = [app.list.render_line(y) for y in (1, 2)]
        places = []
        for strip in lines:
            before = strip.text[: strip.text.index("✓")]
            places.append(cell_len(before))
        assert places[0] == places[1]


async def test_a_click_selects() -> None:
    app = Host()
    async with app.run_test(size=(100, 12)) as pilot:
        app.list.show(tasks(100), START, "")
        await pilot.pause()
        await pilot.click(TaskList, offset=(5, 4))
        await pilot.pause()
        assert app.list.current is not None
        assert app.list.current.id == "3"


async def test_only_picked_tasks_are_listed_until_all_are_again() -> None:
    app = Host()
    async with app.run_test(size=(100, 12)) as pilot:
        known = tasks(9)
        app.list.show(known, START, "")
        app.list.set_filter(text="item=8")
        app.list.show_only(frozenset({"2", "5"}), "ValueError at train.py:4")
        await pilot.pause()
        assert (app.list.picked, app.list.filter_text) == ("ValueError at train.py:4", "")
        assert [app.row(y).split()[-5] for y in (1, 2)] == ["item=2", "item=5"]
        assert app.row(1).startswith("▸ 2 ")
        assert not app.row(3)
        change(app.list, known, task(9, State.FAILED), task(5, State.FAILED))
        await pilot.pause()
        assert app.list.row_count == 2
        assert "failed" in app.row(2)
        app.list.show_all()
        assert app.list.row_count == 10
        assert app.list.picked is None
        app.list.show_only(frozenset({"2"}), "x")
        app.list.show(tasks(3), START, "")
        assert (app.list.row_count, app.list.picked) == (3, None)


async def test_what_a_task_failed_of_stands_in_its_row_as_plain_text() -> None:
    app = Host()
    async with app.run_test(size=(120, 6)) as pilot:
        failed = task(1, State.FAILED)
        app.list.show(StepTasks([failed, task(2)]), START, "")
        await pilot.pause()
        assert app.row(1).endswith("attempt_ok=True")
        causes = {failed.key: "ValueError: [/bold]\x1b]52;c;aGk=\x07 no data"}
        app.list.explain(causes)
        await pilot.pause()
        assert app.row(1).endswith("ValueError: [/bold] no data")
        causes[failed.key] = "KeyError: 1"
        app.list.explain(causes)
        await pilot.pause()
        assert app.row(1).endswith("KeyError: 1")


async def test_a_waiting_task_counts_down_to_its_next_attempt() -> None:
    app = Host()
    async with app.run_test(size=(120, 6)) as pilot:
        waiting = replace(task(1, State.WAITING), retry_at=Ms(START + 90_000))
        app.list.show(StepTasks([waiting]), START, "")
        await pilot.pause()
        assert app.row(1).endswith("next attempt in 1m30s")
        app.list.tick(Ms(START + 60_000))
        assert app.row(1).endswith("next attempt in 30s")
        app.list.tick(Ms(START + 95_000))
        assert app.row(1).endswith("next attempt is due")


async def test_a_list_that_comes_to_be_shown_is_told_its_size() -> None:
    app = Host()
    async with app.run_test(size=(100, 12)) as pilot:
        app.list.display = False
        await pilot.pause()
        app.list.show(tasks(3), START, "")
        app.list.display = True
        # A repaint before the layout has Textual map the screen for itself alone.
        app.screen._compositor.update_widgets({app.list})
        app.screen.find_widget(app.list)
        await pilot.pause()
        assert "item=0" in app.row(1)
