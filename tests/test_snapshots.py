"""The screens as they look, at 80×24 and 160×45: a change of looks is a change of these files."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from flowtui.app import FlowtuiApp
from flowtui.model import Target
from flowtui.sources.registry import Where
from tests.fixed_run import LISTING, RUN, FixedRunList, FixedSource
from tests.pilot import SMALL, WIDE, screen_text, shows, until, with_local_fonts

SCREENS = {
    "run": (None, (), "✗ publish"),
    "tasks": ("train", ("down", "down", "down"), "cities=Reykjavik"),
    "log": (None, ("enter", "enter"), "ForecastRefusedError: the grid"),
    "timeline": ("train", ("escape", "3"), "critical path through train/7"),
    "help": (None, ("question_mark",), "Go to the task that failed first."),
}
"""Name → the step in focus, the keys pressed, what is waited for."""


class PicturedApp(FlowtuiApp):
    """The app, with pictures that load nothing from elsewhere."""

    def export_screenshot(self, **options: Any) -> str:
        return with_local_fonts(super().export_screenshot(**options))


@pytest.fixture(autouse=True)
def fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same run, time zone and colours wherever the pictures are made."""
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("NO_COLOR", raising=False)
    time.tzset()
    monkeypatch.setattr("flowtui.app.open_source", lambda target, _: (target, FixedSource()))
    monkeypatch.setattr("flowtui.app.open_listing", lambda *_: (LISTING, FixedRunList()))


@pytest.mark.parametrize("size", [SMALL, WIDE], ids=["80x24", "160x45"])
@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_looks_as_it_did(
    screen: str, size: tuple[int, int], snap_compare: Callable[..., Any]
) -> None:
    step, keys, expected = SCREENS[screen]
    app = PicturedApp(Target(RUN.flow, RUN.run, step), Where(), interval=3600)

    async def run_before(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "✗ failed" in screen_text(app), "the run is read")
        # Paused, so that the age of the picture does not count up.
        await pilot.press("p")
        await shows(pilot, "client · paused")
        await pilot.press(*keys)
        await shows(pilot, expected)
        await until(pilot, lambda: app.screen.is_current, "the screen is there")
        await pilot.pause(0.3)

    assert snap_compare(app, terminal_size=size, run_before=run_before)


@pytest.mark.parametrize("size", [SMALL, WIDE], ids=["80x24", "160x45"])
@pytest.mark.parametrize("keys", [(), ("v",)], ids=["runs", "groups"])
def test_the_list_of_runs_looks_as_it_did(
    keys: tuple[str, ...], size: tuple[int, int], snap_compare: Callable[..., Any]
) -> None:
    app = PicturedApp(None, Where(), interval=3600)

    async def run_before(pilot: Pilot[None]) -> None:
        await shows(pilot, "7 runs")
        await pilot.press("p")
        await shows(pilot, "client · paused")
        await pilot.press(*keys)
        await until(pilot, lambda: not keys or "per flow" in screen_text(app), "the groups")
        await pilot.pause(0.3)

    assert snap_compare(app, terminal_size=size, run_before=run_before)
