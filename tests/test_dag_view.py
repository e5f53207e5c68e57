"""The graph in a pane: what is drawn, and how people move and zoom in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise

from textual.app import App, ComposeResult
from textual.events import MouseScrollDown, MouseScrollUp
from textual.message import Message
from textual.pilot import Pilot
from textual.strip import Strip

from flowtui.model import Changes, Graph, Ms, Node, RunDescription, RunStatus, State
from flowtui.store import RunStore
from flowtui.theme import Look
from flowtui.widgets.dag_view import DagView
from flowtui.widgets.run_view import Following, Opened, Picked, Retitled
from tests.runs import RecordedRun
from tests.scripted_run import RUN, START, many, work
from tests.test_report import store_of


class NotedView(DagView):
    """Notes which rows are painted."""

    painted: set[int]

    def render_line(self, y: int) -> Strip:
        self.painted.add(y)
        return super().render_line(y)


class GraphApp(App[None]):
    def __init__(self, view: NotedView) -> None:
        super().__init__()
        self.animation_level = "none"
        self.view = view
        self.said: list[Message] = []

    def compose(self) -> ComposeResult:
        yield self.view

    def on_picked(self, message: Picked) -> None:
        self.said.append(message)

    def on_opened(self, message: Opened) -> None:
        self.said.append(message)

    def on_following(self, message: Following) -> None:
        self.said.append(message)

    def on_retitled(self, message: Retitled) -> None:
        self.said.append(message)


class Shown:
    """A graph on the screen."""

    def __init__(self, app: GraphApp, pilot: Pilot[None]) -> None:
        self.app, self.view, self.pilot = app, app.view, pilot

    @property
    def rows(self) -> list[str]:
        """What is drawn, blanks at the ends of rows left out."""
        return [self.view.render_line(y).text.rstrip() for y in range(self.view.size.height)]

    def place(self, text: str) -> tuple[int, int]:
        """The cell in which a text begins."""
        return next((row.index(text), y) for y, row in enumerate(self.rows) if text in row)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def click(self, at: tuple[int, int], times: int = 1) -> None:
        await self.pilot.click(self.view, offset=at, times=times)
        await self.pilot.pause()

    async def wheel(self, kind: type[MouseScrollDown | MouseScrollUp], *, ctrl: bool) -> None:
        x, y = 5, 2
        self.view.post_message(kind(self.view, x, y, 0, 1, 0, False, False, ctrl, x, y))
        await self.pilot.pause()

    @property
    def picked(self) -> list[str]:
        return [message.step for message in self.app.said if isinstance(message, Picked)]

    @property
    def following(self) -> list[bool]:
        return [message.wanted for message in self.app.said if isinstance(message, Following)]


@asynccontextmanager
async def shown(
    store: RunStore, selected: str = "start", size: tuple[int, int] = (60, 30)
) -> AsyncIterator[Shown]:
    app = GraphApp(NotedView(Look()))
    app.view.painted = set()
    async with app.run_test(size=size) as pilot:
        app.view.show(store, None)
        app.view.select(selected)
        app.view.focus()
        await pilot.pause()
        yield Shown(app, pilot)


def finished(*nodes: Node) -> RunStore:
    """A run that is over, of which no task is known."""
    graph = Graph(nodes, nodes[0].name, nodes[-1].name)
    store = RunStore(RunDescription("F", "1", "made up", graph=graph))
    store.apply(Changes(START, status=RunStatus(State.FAILED, "made up")))
    return store


def chain(length: int) -> RunStore:
    names = [f"s{number}" for number in range(length)]
    nodes = (Node(name, next=(after,)) for name, after in pairwise(names))
    return finished(*nodes, Node(names[-1], "end"))


def fan(width: int) -> RunStore:
    names = tuple(f"branch_{number:02}" for number in range(width))
    branches = (Node(name, next=("end",)) for name in names)
    return finished(Node("start", "split-static", names), *branches, Node("end", "join"))


# Zoom


async def test_zoom_goes_from_what_fits_to_details_and_to_rows_and_back(
    runs: dict[str, RecordedRun],
) -> None:
    async with shown(store_of(runs["catch"])) as on:
        fitting = on.rows
        assert "││ foreach divisors      ││" in "\n".join(fitting)
        assert on.view.title() == "graph"
        await on.press("plus")
        assert "@catch(divide_failed)" in "\n".join(on.rows)
        assert on.view.title() == "graph · detailed"
        await on.press("plus")
        assert on.view.title() == "graph · detailed"
        await on.press("minus")
        assert (on.view.title(), on.rows) == ("graph · normal", fitting)
        await on.press("minus")
        assert "[◆ divide ×3 ↻1  ◆▆▆]" in "\n".join(on.rows)
        assert "╭" not in "\n".join(on.rows)
        await on.press("minus")
        assert on.view.title() == "graph · compact"
        await on.press("0")
        assert (on.view.title(), on.rows) == ("graph", fitting)


async def test_the_wheel_zooms_with_ctrl(runs: dict[str, RecordedRun]) -> None:
    async with shown(store_of(runs["catch"])) as on:
        await on.wheel(MouseScrollUp, ctrl=True)
        assert on.view.title() == "graph · detailed"
        await on.wheel(MouseScrollDown, ctrl=True)
        assert on.view.title() == "graph · normal"
        assert on.following == []


async def test_a_zoom_that_was_chosen_outlives_a_change_of_size(
    runs: dict[str, RecordedRun],
) -> None:
    async with shown(store_of(runs["nested_foreach"]), size=(60, 18)) as on:
        assert "││ ✓ country ×2  ▆▆  ││" in "\n".join(on.rows)
        await on.press("minus")
        assert "[✓ country ×2  ▆▆]" in "\n".join(on.rows)
        await on.pilot.resize_terminal(80, 50)
        await on.pilot.pause()
        assert "[✓ country ×2  ▆▆]" in "\n".join(on.rows)
        await on.press("0")
        assert "││ foreach countries ││" in "\n".join(on.rows)


async def test_what_is_selected_stays_in_view_when_the_zoom_changes() -> None:
    async with shown(chain(40), "s39", size=(40, 12)) as on:
        for key in ("plus", "plus", "minus", "minus", "0"):
            await on.press(key)
            assert "– s39" in "\n".join(on.rows)


# Moving


async def test_arrows_move_along_the_edges(runs: dict[str, RecordedRun]) -> None:
    async with shown(store_of(runs["branch"])) as on:
        await on.press("down", "right", "left", "down", "down", "up", "home", "end")
        assert on.picked == ["left", "right", "left", "join", "end", "join", "start", "end"]


async def test_a_click_selects_a_step_and_a_second_one_opens_it(
    runs: dict[str, RecordedRun],
) -> None:
    async with shown(store_of(runs["branch"])) as on:
        await on.click(on.place("✓ right"), times=2)
        assert set(on.picked) == {"right"}
        assert isinstance(on.app.said[-1], Opened)
        assert on.view.selected == "right"


async def test_a_click_on_an_edge_leads_to_its_other_end(runs: dict[str, RecordedRun]) -> None:
    async with shown(store_of(runs["loop"])) as on:
        x, y = on.place("enough")
        await on.click((x - 2, y))
        assert on.view.selected == "end"
        await on.click((x, y))
        assert on.view.selected == "work"
        await on.click((0, 0))
        assert on.picked == ["end", "work"]


# Following


async def test_who_scrolls_is_not_taken_along_until_they_zoom_to_fit() -> None:
    async with shown(chain(60), "s0", size=(40, 12)) as on:
        await on.wheel(MouseScrollDown, ctrl=False)
        assert on.following == [False]
        await on.press("space")
        assert on.following == [False, False]
        assert on.picked == []
        await on.press("0")
        assert on.following[-1] is True


async def test_a_drawing_that_is_wide_alone_is_scrolled_aside() -> None:
    async with shown(chain(25), size=(100, 5)) as on:
        await on.wheel(MouseScrollDown, ctrl=False)
        assert on.view.scroll_offset.x == 4
        await on.press("space")
        assert on.view.scroll_offset.x == 104
        await on.press("b")
        assert on.view.scroll_offset.x == 4
        assert set(on.following) == {False}


async def test_where_all_is_in_view_the_wheel_means_nothing(runs: dict[str, RecordedRun]) -> None:
    async with shown(store_of(runs["branch"])) as on:
        await on.wheel(MouseScrollDown, ctrl=False)
        assert on.app.said == []


# What is drawn


async def test_the_branch_not_taken_is_dimmed(runs: dict[str, RecordedRun]) -> None:
    async with shown(store_of(runs["switch"])) as on:
        dim = on.view.get_component_rich_style("dag--edge-dim").color
        segments = [s for y in range(12) for s in on.view.render_line(y) if s.style]
        dimmed = {s.text.strip() for s in segments if s.style and s.style.color == dim}
        assert dimmed == {"──────╮", "│", "slow", "──────╯"}


async def test_a_wide_drawing_is_cut_where_the_pane_ends() -> None:
    async with shown(fan(30), size=(50, 30)) as on:
        await on.press("plus")
        for name in ("branch_00", "branch_13", "branch_29"):
            on.view.select(name)
            await on.pilot.pause()
            assert f"– {name}" in "\n".join(on.rows)
            width = on.view.size.width
            lengths = {on.view.render_line(y).cell_length for y in range(on.view.size.height)}
            assert lengths == {width}


async def test_only_the_box_that_differs_is_painted_anew() -> None:
    store = RunStore(RUN)
    first = next(many(3))
    store.apply(replace(first, tasks=(first.tasks[0], work(2), work(3, State.RUNNING))))
    async with shown(store) as on:
        _, y = on.place("work ×3")
        on.view.painted.clear()
        on.view.show(store, store.apply(Changes(START, tasks=(work(3, State.FAILED),))))
        await on.pilot.pause()
        assert on.view.painted == set(range(y - 1, y + 4))
        assert "✗1" in on.rows[y]


async def test_of_a_thousand_steps_a_selection_repaints_two() -> None:
    async with shown(chain(1000), "s500", size=(40, 24)) as on:
        await on.press("up", "up", "down")
        (_, upper), (_, lower) = on.place("– s499"), on.place("– s500")
        on.view.painted.clear()
        await on.press("down")
        assert on.picked[-1] == "s500"
        assert on.view.painted == {upper, lower}


async def test_a_running_step_counts_up_in_detail_alone() -> None:
    store = RunStore(RUN)
    first = next(many(3))
    store.apply(
        Changes(START, status=first.status, tasks=(work(2, State.RUNNING),), splits={"start": 3})
    )
    later = Ms(START + 61_000)
    async with shown(store) as on:
        before = on.rows
        on.view.tick(later)
        assert on.rows == before
        await on.press("plus")
        on.view.tick(later)
        assert "for 1m00s" in "\n".join(on.rows)
