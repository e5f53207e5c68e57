"""Driving the app in tests without a terminal: open it, wait for what it shows, read the screen."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from flowtui.app import FlowtuiApp
from flowtui.model import Target
from flowtui.sources.registry import Where
from tests.runs import RecordedRun

WIDE, SMALL = (160, 45), (80, 24)


def with_local_fonts(svg: str) -> str:
    """A screenshot in the viewer's own monospace font, where Rich's template loads a remote one."""
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    return svg.replace("Fira Code", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono")


def screen_text(app: FlowtuiApp) -> str:
    """What the screen shows, line by line."""
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips)


async def until(
    pilot: Pilot[None], condition: Callable[[], object], what: str, seconds: float = 20.0
) -> None:
    """Let the app work until `condition` holds; fail with `what` and the screen if it does not."""
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        await pilot.pause(0.02)
    app = pilot.app
    assert isinstance(app, FlowtuiApp)
    raise AssertionError(f"not within {seconds} s: {what}\n{screen_text(app)}")


async def shows(pilot: Pilot[None], text: str) -> None:
    """Wait until the screen shows this."""
    app = pilot.app
    assert isinstance(app, FlowtuiApp)
    await until(pilot, lambda: text in screen_text(app), f"the screen shows {text!r}")


@asynccontextmanager
async def watching(
    run: RecordedRun,
    focus: str = "",
    *,
    size: tuple[int, int] = WIDE,
    read_only: bool = False,
) -> AsyncIterator[tuple[FlowtuiApp, Pilot[None]]]:
    """The app on a recorded run, once it has read it; `focus` is `/step` or `/step/task`."""
    where = Where(metadata=f"local@{run.root}", namespace="")
    target = Target.parse(run.pathspec + focus)
    app = FlowtuiApp(target, where, interval=0.2, read_only=read_only)
    async with app.run_test(size=size, notifications=True) as pilot:
        await shows(pilot, "local · ")
        await until(pilot, lambda: "attempt 0" in screen_text(app) or size != WIDE, "a task")
        yield app, pilot
