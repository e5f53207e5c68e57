"""The help: what the focused pane's keys do comes first, then the screen's, then the others'."""

from __future__ import annotations

import pytest
from textual.containers import VerticalScroll

from flowtui.app import FlowtuiApp
from flowtui.catalogue import Catalogue
from flowtui.commands import Scope
from flowtui.model import Target
from flowtui.screens.help import HelpScreen, sections
from flowtui.screens.place import Place
from flowtui.sources.registry import Where
from tests.fixed_run import RUN, FixedSource
from tests.pilot import SMALL, WIDE, screen_text, shows, until

ON_A_GRAPH = Place("graph", (), (Scope.RUN, Scope.ATTEMPT, Scope.BACK), (Scope.LOG,))
ON_A_LOG = Place("stdout", (Scope.LOG,), (Scope.BACK, Scope.ATTEMPT, Scope.LOG))


def told(place: Place, *, read_only: bool = False) -> dict[str, dict[str, str]]:
    """What is told by title and key."""
    return {
        section.title: {key.plain: text for key, text in section.rows}
        for section in sections(Catalogue(), place, read_only=read_only)
    }


def test_the_focused_pane_comes_first_and_what_is_everywhere_last() -> None:
    assert list(told(ON_A_GRAPH)) == [
        *("Here: graph", "Run", "Attempt and its logs"),
        *("Log, once it has the focus", "Everywhere"),
    ]
    assert list(told(ON_A_LOG)) == ["Here: stdout", "Attempt and its logs", "Everywhere"]


def test_a_key_is_told_once_as_what_it_does_now() -> None:
    on_a_log = told(ON_A_LOG)
    assert on_a_log["Here: stdout"]["y"] == "Copy what is selected, or the last lines."
    assert "y" not in on_a_log["Attempt and its logs"]
    assert "o" not in on_a_log["Attempt and its logs"]
    on_a_graph = told(ON_A_GRAPH)
    assert on_a_graph["Here: graph"]["j ↓  k ↑"] == "Move down. Move up."
    assert on_a_graph["Attempt and its logs"]["y"] == "Copy the pathspec."
    assert on_a_graph["Log, once it has the focus"]["f"] == "Keep the newest line in view."
    assert on_a_graph["Everywhere"]["esc"] == "Go back to where you came from."


def test_read_only_nothing_that_acts_is_told() -> None:
    assert {"r", "ctrl+k"} <= told(ON_A_GRAPH)["Run"].keys()
    assert not {"r", "ctrl+k"} & told(ON_A_GRAPH, read_only=True)["Run"].keys()


@pytest.fixture(autouse=True)
def fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowtui.app.open_source", lambda target, _: (target, FixedSource()))


async def test_in_a_wide_window_all_is_seen_at_once() -> None:
    app = FlowtuiApp(Target(RUN.flow, RUN.run), Where())
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "ForecastRefusedError")
        await pilot.press("tab", "question_mark")
        await shows(pilot, "Here: tasks")
        assert "a switch took another branch" in screen_text(app)
        assert app.screen.query_one(VerticalScroll).max_scroll_y == 0


async def test_in_a_small_window_it_scrolls_with_the_keys_of_lists_and_can_be_filtered() -> None:
    app = FlowtuiApp(Target(RUN.flow, RUN.run), Where())
    async with app.run_test(size=SMALL) as pilot:
        await shows(pilot, "✗ publish")
        await pilot.press("question_mark")
        await shows(pilot, "Here: graph")
        assert "States" not in screen_text(app)
        await pilot.press("G")
        await shows(pilot, "a switch took another branch")
        await pilot.press("g")
        await shows(pilot, "Here: graph")
        await pilot.press("slash", *"lost")
        await shows(pilot, "killed, crashed or gone")
        assert "Here: graph" not in screen_text(app)
        assert "List only what failed" in screen_text(app)
        await pilot.press(*"zz")
        await shows(pilot, "No key does 'lostzz'.")
        await pilot.press("escape")
        await shows(pilot, "Here: graph")
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, HelpScreen), "it is closed")
