"""Rows and heat strips over a step's index, against plainly computed expectations."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from flowtui.lanes import SEVERITY, natural
from flowtui.model import UNSUCCESSFUL, Attempt, Ms, State, Task
from flowtui.task_index import StepTasks
from flowtui.theme import Look
from flowtui.widgets.task_list import TaskList
from flowtui.widgets.task_rows import OF_INTEREST, Order, TaskRows, took
from tests.scripted_run import START, work

NOW = Ms(START + 100_000)

TASKS = st.builds(
    lambda number, state, began, length: Task(
        "work",
        str(number),
        state,
        "…",
        (Attempt(0, state, "…", Ms(began), Ms(began + length)),),
        labels=(f"item={number % 7}",),
    ),
    st.integers(1, 30),
    st.sampled_from(list(State)),
    st.integers(0, 50),
    st.integers(0, 50),
)


def plainly(tasks: StepTasks, order: Order, failed_only: bool, text: str) -> list[str]:
    """The ids that should be listed, by filtering and sorting everything."""

    def held(task: Task) -> bool:
        return any(text in known for known in (task.id, task.label or "", str(task.state)))

    def key(task: Task) -> float | object:
        length = took(task, NOW)
        return {
            Order.TASK: 0,
            Order.STATE: SEVERITY.index(task.state),
            Order.STARTED: -(task.started_at or 0),
            Order.TOOK: float("inf") if length is None else -length,
            Order.FOREACH: natural(task.label or ""),
        }[order]

    listed = [
        task
        for task in tasks.values()
        if held(task) and (task.state in OF_INTEREST or not failed_only)
    ]
    listed.sort(key=lambda task: natural(task.id))
    listed.sort(key=key)  # type: ignore[arg-type]
    return [task.id for task in listed]


@given(
    st.lists(st.lists(TASKS, max_size=6), max_size=6),
    st.sampled_from(list(Order)),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["", "1", "item=3", "fail"]),
)
@settings(deadline=None)
def test_rows_that_follow_changes_are_as_if_sorted_and_filtered_anew(
    portions: list[list[Task]], order: Order, reverse: bool, failed_only: bool, text: str
) -> None:
    tasks, rows = StepTasks(), TaskRows()
    rows.show(tasks, NOW)
    rows.sort(order, reverse=reverse)
    rows.filter(failed_only=failed_only, text=text)
    for portion in portions:
        tasks.take(portion)
        rows.update(portion, NOW)
        expected = plainly(tasks, order, failed_only, text)
        listed = [task.id for task in rows]
        assert listed == (expected[::-1] if reverse else expected)
        assert [rows.place(task_id) for task_id in listed] == list(range(len(rows)))


@given(st.lists(TASKS, max_size=60), st.integers(1, 20), st.none() | st.integers(0, 90))
def test_a_heat_strip_never_hides_a_failure(
    tasks: list[Task], cells: int, expected: int | None
) -> None:
    known = StepTasks()
    for task in tasks:
        known.take([task])
    strip = known.worst(cells, expected)
    total = max(len(known), expected or 0)
    assert len(strip) == min(cells, total)
    for at, task in enumerate(known.values()):
        cell = strip[next(c for c in range(len(strip)) if at < (c + 1) * total // len(strip))]
        assert SEVERITY.index(cell) <= SEVERITY.index(task.state)
    failed = {task.state for task in known.values()} & UNSUCCESSFUL
    assert bool(failed) == bool(set(strip) & UNSUCCESSFUL)


def test_ids_are_in_natural_order_in_whichever_order_they_come() -> None:
    tasks = StepTasks([work(10), work(2)])
    tasks.take([Task("work", "2_node_1", State.PENDING, ""), work(9)])
    assert list(tasks) == ["2", "2_node_1", "9", "10"]
    assert tasks.worst(4)[1] is State.PENDING


def test_an_exclamation_mark_leaves_out_what_it_names() -> None:
    rows = TaskRows()
    rows.show(StepTasks([work(1), work(2, State.FAILED), work(3)]), NOW)
    rows.filter(failed_only=False, text="!failed")
    assert [task.id for task in rows] == ["1", "3"]


class Counting(TaskList):
    """Counts the lines that are drawn, and keeps what it said was in view."""

    lines = 0

    def render_line(self, y: int):  # type: ignore[no-untyped-def]
        self.lines += 1
        return super().render_line(y)


class Host(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.in_view: list[list[str]] = []

    def compose(self) -> ComposeResult:
        yield Counting(Look())

    @property
    def list(self) -> Counting:
        return self.query_one(Counting)

    def on_task_list_in_view(self, message: TaskList.InView) -> None:
        self.in_view.append([task_id for _, task_id in message.keys])


@pytest.mark.parametrize("order", list(Order))
async def test_ten_thousand_rows_are_sorted_and_filtered_drawing_only_what_is_seen(
    order: Order,
) -> None:
    app = Host()
    async with app.run_test(size=(100, 12)) as pilot:
        app.list.show(StepTasks([work(number) for number in range(10_000)]), START, "")
        app.list.sort(order)
        app.list.set_filter(text="item-99")
        await pilot.pause()
        assert app.list.row_count == 111
        assert app.list.lines <= 5 * 12
        assert len(app.in_view[-1]) == 11


async def test_the_column_that_rows_are_ordered_by_has_an_arrow() -> None:
    app = Host()
    async with app.run_test(size=(120, 12)) as pilot:
        app.list.show(StepTasks([work(1), work(2, length=9000)]), START, "")
        assert "↓" not in app.list.render_line(0).text
        app.list.sort(Order.TOOK)
        await pilot.pause()
        assert "took↓" in app.list.render_line(0).text
        assert app.list.render_line(1).text.split()[1] == "2"
        app.list.sort(Order.TOOK, reverse=True)
        assert "took↑" in app.list.render_line(0).text


def test_of_picked_tasks_those_that_come_later_stay_out() -> None:
    tasks, rows = StepTasks([work(number) for number in range(2, 9)]), TaskRows()
    rows.show(tasks, NOW)
    rows.pick(frozenset({"3", "7", "99"}))
    assert [task.id for task in rows] == ["3", "7"]
    come = [work(9, State.FAILED), work(3, State.FAILED), work(99)]
    tasks.take(come)
    rows.update(come, NOW)
    assert [task.id for task in rows] == ["3", "7", "99"]
    rows.filter(failed_only=True, text="")
    assert [task.id for task in rows] == ["3"]
    rows.pick(None)
    assert [task.id for task in rows] == ["3", "9"]


NESTED = st.builds(
    lambda number, state, length, tries, outer: Task(
        "work",
        str(number),
        state,
        "…",
        tuple(Attempt(at, state, "…", START, Ms(START + length)) for at in range(tries)),
        labels=(f"outer={outer}", f"inner={number}") if outer else (),
    ),
    st.integers(1, 30),
    st.sampled_from(list(State)),
    st.integers(0, 50),
    st.integers(0, 3),
    st.integers(0, 4),
)


@given(st.lists(st.lists(NESTED, max_size=6), max_size=6))
@settings(deadline=None)
def test_what_a_box_tells_follows_changes_as_if_told_anew(portions: list[list[Task]]) -> None:
    tasks = StepTasks()
    for portion in portions:
        tasks.take(portion)
        known = list(tasks.values())
        assert tasks.retried == sum(len(task.attempts) > 1 for task in known)
        lengths = sorted(
            task.finished_at - task.started_at
            for task in known
            if task.state is not State.CLONED
            and task.started_at is not None
            and task.finished_at is not None
        )
        assert tasks.lengths.median == (lengths[len(lengths) // 2] if lengths else None)
        for outer in range(1, 5):
            labels = (f"outer={outer}",)
            within = tuple(task.state for task in known if task.labels[:1] == labels)
            lane = tasks.nested.get(labels)
            assert (lane.worst(99) if lane else ()) == within
