"""The running app as a person has configured it: keys, colours, how logs look."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot

from flowtui.app import FlowtuiApp
from flowtui.catalogue import Catalogue
from flowtui.commands import COMMANDS, Scope
from flowtui.model import Target
from flowtui.screens.help import HelpScreen
from flowtui.screens.log import LogScreen
from flowtui.screens.why import WhyScreen
from flowtui.sources.registry import Where
from flowtui.widgets.key_bar import KeyBar
from flowtui.widgets.log_pane import LogPane
from flowtui.widgets.preferences import Preferences
from flowtui.widgets.task_list import TaskList
from tests.fixed_run import RUN, FixedSource
from tests.pilot import WIDE, screen_text, shows, until


@pytest.fixture(autouse=True)
def fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowtui.app.open_source", lambda target, _: (target, FixedSource()))


@asynccontextmanager
async def preferring(
    keys: Mapping[str, Sequence[str]] | None = None,
    *,
    log_wrap: bool = False,
    log_timestamps: bool = False,
    log_json: bool = False,
) -> AsyncIterator[tuple[FlowtuiApp, Pilot[None]]]:
    """The app on a run that has failed, the failed task in focus."""
    app = FlowtuiApp(
        Target(RUN.flow, RUN.run),
        Where(),
        preferences=Preferences(
            Catalogue().with_keys(keys or {}), log_wrap, log_timestamps, log_json
        ),
    )
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await shows(pilot, "ForecastRefusedError")
        yield app, pilot


def key_bar(app: FlowtuiApp) -> str:
    return app.screen.query_one(KeyBar).render().plain


# Keys


async def test_a_command_moves_to_its_new_key_and_leaves_the_old_one() -> None:
    async with preferring({"why": ("ctrl+e",)}) as (app, pilot):
        await pilot.press("i")
        assert not isinstance(app.screen, WhyScreen)
        assert "i why" not in key_bar(app)
        assert "ctrl+e why" in key_bar(app)
        await pilot.press("ctrl+e")
        await until(pilot, lambda: isinstance(app.screen, WhyScreen), "why opens")
        await pilot.press("ctrl+e")
        await until(pilot, lambda: not isinstance(app.screen, WhyScreen), "why closes by its key")


async def test_every_key_of_a_list_does_it_and_the_first_one_is_shown() -> None:
    async with preferring({"help": ("f1", "ctrl+underscore")}) as (app, pilot):
        assert "F1 help" in key_bar(app)
        for key in ("f1", "ctrl+underscore"):
            await pilot.press(key)
            await until(pilot, lambda: isinstance(app.screen, HelpScreen), f"{key} opens help")
            await pilot.press(key)
            await until(pilot, lambda: not isinstance(app.screen, HelpScreen), "it closes")
        await pilot.press("question_mark")
        await pilot.pause()
        assert not isinstance(app.screen, HelpScreen)


async def test_help_names_the_keys_that_there_are() -> None:
    keys = {"back": ("f2",), "first_failure": ("ctrl+f",), "stop": ()}
    async with preferring(keys) as (app, pilot):
        await pilot.press("question_mark")
        await shows(pilot, "F2 closes")
        shown = screen_text(app)
        assert "ctrl+f" in shown
        assert "Go to the task that failed first." in shown
        assert "Stop the run" not in shown
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("f2")
        await until(pilot, lambda: not isinstance(app.screen, HelpScreen), "help closes")


async def test_a_command_without_a_key_is_in_the_palette_alone() -> None:
    async with preferring({"zoom": ()}) as (app, pilot):
        await pilot.press("z")
        await pilot.pause()
        assert not app.screen.has_class("-zoomed")
        assert "zoom" not in key_bar(app)
        available = {command.id: command for command in app.available(app.screen, app.focused)}
        assert available["zoom"].shown == ""
        await app.run_command(available["zoom"])
        await until(pilot, lambda: app.screen.has_class("-zoomed"), "it zooms all the same")


async def test_two_commands_may_change_places() -> None:
    async with preferring({"why": ("z",), "zoom": ("i",)}) as (app, pilot):
        await pilot.press("i")
        await until(pilot, lambda: app.screen.has_class("-zoomed"), "i zooms")
        await pilot.press("z")
        await until(pilot, lambda: isinstance(app.screen, WhyScreen), "z tells why")


async def test_a_list_moves_by_its_new_keys() -> None:
    async with preferring({"down": ("ctrl+n",)}) as (app, pilot):
        tasks = app.screen.query_one(TaskList)
        app.screen.visit("train")  # type: ignore[attr-defined]
        await until(pilot, lambda: tasks.current and tasks.current.id == "4", "at the first one")
        await pilot.press("ctrl+n")
        await until(pilot, lambda: tasks.current and tasks.current.id == "5", "at the next one")
        await pilot.press("j", "down")
        await pilot.pause()
        assert tasks.current
        assert tasks.current.id == "5"


async def test_keys_of_a_log_work_from_the_exception_above_it_too() -> None:
    async with preferring({"wrap": ("ctrl+w",), "copy": ("c",)}) as (app, pilot):
        await pilot.press("!", "enter")
        await until(pilot, lambda: isinstance(app.screen, LogScreen), "the log is open")
        await shows(pilot, "enter traceback")
        pane = app.screen.pane  # type: ignore[attr-defined]
        assert not pane.has_focus
        await pilot.press("w")
        assert not pane.wrap
        await pilot.press("ctrl+w")
        await until(pilot, lambda: pane.wrap, "it wraps")
        await pilot.press("tab", "tab")
        await until(pilot, lambda: pane.has_focus, "the log has the focus")
        await pilot.press("ctrl+w")
        await until(pilot, lambda: not pane.wrap, "it does not wrap")
        assert "ctrl+w wrap" in key_bar(app)
        # What `y` had hidden from the whole screen is within its reach again.
        await pilot.press("y")
        await shows(pilot, "Copied")
        await shows(pilot, "of stderr.")


async def test_default_keys_need_no_keymap() -> None:
    assert Catalogue().keymap() == {}
    assert list(Catalogue().clashes()) == []


def test_no_scope_has_one_key_for_two_commands() -> None:
    for scope in Scope:
        keys = [key for c in COMMANDS if c.scope is scope for key in c.keys.split(",")]
        assert len(keys) == len(set(keys)), scope


# Logs


async def test_logs_look_at_first_as_configured() -> None:
    async with preferring(log_wrap=True, log_timestamps=True, log_json=True) as (app, pilot):
        panes = list(app.screen.query(LogPane))
        assert all(pane.wrap and pane.timestamps and pane.pretty for pane in panes)
        await pilot.press("!", "enter")
        await until(pilot, lambda: isinstance(app.screen, LogScreen), "the log is open")
        pane = app.screen.pane  # type: ignore[attr-defined]
        assert pane.wrap
        assert pane.timestamps
        assert pane.pretty
        await pilot.press("w")
        await until(pilot, lambda: not pane.wrap, "a key changes it")
